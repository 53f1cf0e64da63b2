"""Octets of packets, options and frames, to and from values. Nothing here knows a lease or a socket."""
