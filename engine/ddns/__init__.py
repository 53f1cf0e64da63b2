"""Dynamic DNS: names that follow leases (RFC 2136, RFC 4703). Decides and keeps time; sends nothing by itself.

service/ asks naming.py what an ACK means for DNS and begins it in updates.py; lease/commit.py tells when a lease is
left; answers come through wire/questions.py.
"""
