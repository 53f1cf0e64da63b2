"""Captures: a recording as a pcapng file for Wireshark (exporting.py), and a capture as a recording (importing.py)."""
