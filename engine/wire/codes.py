"""The codes of the DHCP options that the server itself reads and writes (RFC 2132, 3046, 3011, 4702), by name.

Options in general are the registry's (model/spaces.py): a code belongs here only if a rule of ours asks for it. The
codes of the server's parameters, which are no options on the wire, are conf/running/parameters.py's.
"""

from __future__ import annotations

from typing import Final

SUBNET_MASK: Final = 1
ROUTERS: Final = 3
HOST_NAME: Final = 12
VENDOR_OPTIONS: Final = 43
REQUESTED_ADDRESS: Final = 50
LEASE_TIME: Final = 51
OVERLOAD: Final = 52
MESSAGE_TYPE: Final = 53
SERVER_IDENTIFIER: Final = 54
REQUEST_LIST: Final = 55
MESSAGE: Final = 56
MAX_MESSAGE_SIZE: Final = 57
# T1 and T2.
RENEWAL_TIME: Final = 58
REBINDING_TIME: Final = 59
CLASS_IDENTIFIER: Final = 60
CLIENT_IDENTIFIER: Final = 61
FQDN: Final = 81
AGENT_OPTIONS: Final = 82
SUBNET_SELECTION: Final = 118

# How long an address is in an option.
ADDRESS_OCTETS: Final = 4
