"""What dhcpd(8) says of the server's options, environment, files and signals. The usage text is the program's own."""

from __future__ import annotations

# Every option, in the order of the usage; a test holds the table to the command line.
OPTIONS = {
    "-p PORT": "Serve UDP port PORT instead of 67; replies to clients go to the port after it.",
    "-f": "Stay in the foreground.",
    "-d": "Stay in the foreground, and log to standard error too.",
    "-q": "Say nothing on standard error at the start.",
    "-t": "Test the configuration, and end: status 0 where it has no mistake.",
    "-T": "Test the configuration and the lease file, and end.",
    "-4": "Serve DHCPv4, as always.",
    "-6": "Refused: this server has no DHCPv6.",
    "-cf FILE": "The configuration, instead of /etc/dhcp/dhcpd.conf.",
    "-lf FILE": "The lease file, instead of /var/lib/dhcp/dhcpd.leases. It must exist. In playback: the file to write.",
    "-user USER": "Become USER when the sockets are open.",
    "-group GROUP": "Become GROUP when the sockets are open.",
    "-chroot DIRECTORY": "Make DIRECTORY the root directory when the configuration is read.",
    "-tf FILE": "Record the run in FILE, from which -play and dhcpd-trace(1) repeat and explain it.",
    "--trace-max-size SIZE": "Begin a new file of the recording when this one has SIZE octets (64M, 1G).",
    "--trace-keep TIME": "Remove files of the recording that are older than TIME (24h, 7d).",
    "--trace-total SIZE": "Remove the oldest files of the recording when all together have more than SIZE octets.",
    "--against FILE": "With -t: how many leases of FILE would lose their range if this configuration were taken over.",
    "--peer FILE": "With -t: whether FILE, the configuration of the failover partner, fits; status 1 where not.",
    "--lint": "With -t: tell what is accepted and may be regretted; status 2 where there is any.",
    "--dump-config WHAT": "With -t: print what an address, subnet, host or class gets, with the place of each value.",
    "--admin-socket FILE": "Let dhcpd-admin ask and change the running server at this Unix socket, of mode 0660.",
    "--metrics-listen ADDRESS:PORT": "Answer GET /metrics there, for Prometheus, and nothing else.",
    "-play FILE": "Play a recording, compare everything with it, and write the lease file that -lf names.",
    "-pf FILE": "The pid file, instead of /var/run/dhcpd.pid.",
    "--no-pid": "Write no pid file, and look for no other server.",
    "-s SERVER": "Send replies to this address instead of the broadcast address.",
    "--log-json": "Log to standard error as JSON, an object a line, for as long as the server runs.",
    "--version": "Print the version of ISC dhcpd that tools look for, and in a second line this server's own.",
    "--help": "Print the usage.",
}
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
