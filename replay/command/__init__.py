"""The command dhcpd-trace: its table of verbs, and what they share."""
