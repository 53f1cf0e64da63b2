"""`dhcpd-admin`: asks a running dhcpd over its admin socket, and has it change things; for people and for scripts."""
