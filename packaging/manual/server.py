"""What dhcpd(8) says of the server's environment, files and signals. Options and usage text are the program's own."""

from __future__ import annotations

ENVIRONMENT = {
    "PATH_DHCPD_CONF, PATH_DHCPD_DB, PATH_DHCPD_PID": "As -cf, -lf and -pf, which go before them.",
    "DHCPD_PORT": "As -p.",
    "NOTIFY_SOCKET, WATCHDOG_USEC": "Set by systemd, which is told when the server serves, reloads and ends.",
}
SIGNALS = {
    "SIGHUP": "Read the configuration again: all of it is taken over, or, where it has a mistake, nothing.",
    "SIGUSR2": "Begin a new file of the recording, where there is one.",
    "SIGTERM, SIGINT": "End, when what was promised is on disk and sent.",
}
STATUS = {
    "0": "What was asked for is done; for -play: the same.",
    "1": "The start failed, and the log says why; for -play: a difference.",
    "2": "For -t --lint: something was found. For -play: the recording is damaged; it was played up to the damage.",
    "125": "For -play: it cannot be judged.",
    "134": "A defect of the server: the log says how to report it.",
}
DESCRIPTION = """
dhcpd gives addresses and options to clients by DHCP (RFC 2131) and BOOTP (RFC 951). It takes the place of ISC dhcpd:
the configuration language (dhcpd.conf(5), dhcp-options(5), dhcp-eval(5)), the lease file (dhcpd.leases(5)), the command
line and the log lines are the same, and so are OMAPI and the failover protocol. What differs on purpose is in the page
dhcpd.conf(5) of this manual.

Every run can be recorded (-tf), and played back (-play) to the same octets. dhcpd-trace(1) answers questions about a
recording.

if0 ... ifN name the interfaces to serve; without one, every interface is served that a subnet declaration fits.
"""
