"""The failover protocol: two servers that serve the same pools, as ISC dhcpd 4.4.3 does.

Source: docs/behaviour/failover.md.
"""
