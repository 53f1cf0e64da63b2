"""From the text of dhcpd.conf to its syntax tree."""
