"""A DHCPv4 server in the place of ISC dhcpd whose every run can be recorded and played back to the same bytes.

This folder is the program: the command line and the one process that joins the engine to network, disk and clock.
`dhcpd.engine` decides, `dhcpd.trace` is the tape, `dhcpd.replay` plays it.
"""

from typing import Final

__version__: Final = "0.1.0"
