"""The server's parameters as statements have left them in a reply's option set.

Parameters are options of the space `server`. A number of the wrong width is ignored, as if it were not set; of a flag
the first octet counts, and a null or empty one is off. Only expressions cost an evaluation. What a parameter means is
not known here.

See docs/behaviour/configuration.md#server-parameters, docs/behaviour/configuration.md#flags-of-allow-deny-and-ignore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ...model.context import Context, OptionSet

DEFAULT_LEASE_TIME: Final = 1
MAX_LEASE_TIME: Final = 2
MIN_LEASE_TIME: Final = 3
DYNAMIC_BOOTP_LEASE_CUTOFF: Final = 4
DYNAMIC_BOOTP_LEASE_LENGTH: Final = 5
BOOT_UNKNOWN_CLIENTS: Final = 6
DYNAMIC_BOOTP: Final = 7
ALLOW_BOOTP: Final = 8
ALLOW_BOOTING: Final = 9
ONE_LEASE_PER_CLIENT: Final = 10
GET_LEASE_HOSTNAMES: Final = 11
USE_HOST_DECL_NAMES: Final = 12
USE_LEASE_ADDR_FOR_DEFAULT_ROUTE: Final = 13
MIN_SECS: Final = 14
FILENAME: Final = 15
SERVER_NAME: Final = 16
NEXT_SERVER: Final = 17
VENDOR_OPTION_SPACE: Final = 19
ALWAYS_REPLY_RFC1048: Final = 20
SITE_OPTION_SPACE: Final = 21
ALWAYS_BROADCAST: Final = 22
DDNS_DOMAINNAME: Final = 23
DDNS_HOSTNAME: Final = 24
DDNS_REV_DOMAINNAME: Final = 25
LEASE_FILE_NAME: Final = 26
PID_FILE_NAME: Final = 27
DUPLICATES: Final = 28
DECLINES: Final = 29
DDNS_UPDATES: Final = 30
OMAPI_PORT: Final = 31
LOCAL_PORT: Final = 32
LIMITED_BROADCAST_ADDRESS: Final = 33
REMOTE_PORT: Final = 34
LOCAL_ADDRESS: Final = 35
OMAPI_KEY: Final = 36
STASH_AGENT_OPTIONS: Final = 37
DDNS_TTL: Final = 38
DDNS_UPDATE_STYLE: Final = 39
CLIENT_UPDATES: Final = 40
UPDATE_OPTIMIZATION: Final = 41
PING_CHECK: Final = 42
UPDATE_STATIC_LEASES: Final = 43
LOG_FACILITY: Final = 44
DO_FORWARD_UPDATES: Final = 45
PING_TIMEOUT: Final = 46
INFINITE_IS_RESERVED: Final = 47
UPDATE_CONFLICT_DETECTION: Final = 48
LEASEQUERY: Final = 49
ADAPTIVE_LEASE_TIME_THRESHOLD: Final = 50
DO_REVERSE_UPDATES: Final = 51
FQDN_REPLY: Final = 52
DELAYED_ACK: Final = 58
MAX_ACK_DELAY: Final = 59
DHCP_CACHE_THRESHOLD: Final = 78
DONT_USE_FSYNC: Final = 79
DDNS_LOCAL_ADDRESS4: Final = 80
DDNS_LOCAL_ADDRESS6: Final = 81
IGNORE_CLIENT_UIDS: Final = 82
LOG_THRESHOLD_LOW: Final = 83
LOG_THRESHOLD_HIGH: Final = 84
ECHO_CLIENT_ID: Final = 85
SERVER_ID_CHECK: Final = 86
ABANDON_LEASE_TIME: Final = 89
CHECK_SECS_BYTE_ORDER: Final = 92
DDNS_DUAL_STACK_MIXED_MODE: Final = 93
DDNS_GUARD_ID_MUST_MATCH: Final = 94
DDNS_OTHER_GUARD_IS_DYNAMIC: Final = 95
PING_CLTT_SECS: Final = 99
PING_TIMEOUT_MS: Final = 100
# This server's own, and not ISC's.
DDNS_RETRY: Final = 200

# What `allow`, `deny` and `ignore` set a parameter to.
DENY: Final = 0
ALLOW: Final = 1
IGNORE: Final = 2

_ONE_OCTET = frozenset(
    {MIN_SECS, DDNS_UPDATE_STYLE, LOG_FACILITY, ADAPTIVE_LEASE_TIME_THRESHOLD, DHCP_CACHE_THRESHOLD}
    | {LOG_THRESHOLD_LOW, LOG_THRESHOLD_HIGH},
)
_TWO_OCTETS = frozenset({OMAPI_PORT, LOCAL_PORT, REMOTE_PORT, DELAYED_ACK})
# All others that are numbers are of four octets: times, and what the configuration writes as one.
_WIDTHS: Final[dict[int, int]] = {
    code: 1 if code in _ONE_OCTET else 2 if code in _TWO_OCTETS else 4 for code in range(256)
}


def value(context: Context, options: OptionSet, code: int) -> bytes | None:
    """The octets of a parameter, evaluated now; None where it is not set or null."""
    found = options.server.get(code)
    return found(context) if callable(found) else found


def option_value(context: Context, options: OptionSet, code: int) -> bytes | None:
    """The octets of an option of the space dhcp, evaluated now."""
    found = options.dhcp.get(code)
    return found(context) if callable(found) else found


def flag(context: Context, options: OptionSet, code: int, default: bool) -> bool:
    """Whether a parameter is on: only 1 is. `default` where it is not set."""
    found = options.server.get(code)
    if found is None:
        return default
    if callable(found):
        found = found(context)
    return found is not None and found[:1] == b"\1"


def choice(context: Context, options: OptionSet, code: int, default: int) -> int:
    """DENY, ALLOW or IGNORE."""
    found = options.server.get(code)
    if found is None:
        return default
    if callable(found):
        found = found(context)
    return found[0] if found is not None and found[:1] in (b"\1", b"\2") else DENY


def number(context: Context, options: OptionSet, code: int, default: int | None = None) -> int | None:
    """The number that a parameter holds, unsigned; `default` where it is not set or not of its width."""
    found = options.server.get(code)
    if callable(found):
        found = found(context)
    if found is None or len(found) != _WIDTHS[code]:
        return default
    return int.from_bytes(found, "big")


def text(context: Context, options: OptionSet, code: int) -> bytes | None:
    """The text that a parameter holds; None where that is nothing."""
    return value(context, options, code) or None
