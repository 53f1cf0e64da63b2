"""Leases: their states, queues and indexes, and the text of dhcpd.leases, as bytes that others read and write."""
