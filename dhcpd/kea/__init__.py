"""From Kea: a `dhcpd.conf` and a lease file out of kea-dhcp4.conf and its memfile; `dhcpd-admin convert-kea`.

Nothing is dropped in silence: what could not be carried over is listed with its place and the reason. Kea itself is
not asked, and its databases are not read.
"""
