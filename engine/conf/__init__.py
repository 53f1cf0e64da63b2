"""dhcpd.conf: text to tree to meaning, and back to text. Files are handed in as bytes; nothing here opens one."""
