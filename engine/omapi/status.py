"""Status codes of OMAPI and their texts, as clients print them.

A code is (class << 16) + index; class 6 is DHCP's own. Which code answers what is for the requests and
the objects to say.

Source: docs/behaviour/omapi.md#status-codes.
"""

from __future__ import annotations

from typing import Final

SUCCESS: Final = 0
TIMED_OUT: Final = 2
PERMISSION_DENIED: Final = 6
ALREADY_EXISTS: Final = 18
NOT_FOUND: Final = 23
IO_ERROR: Final = 26
NOT_IMPLEMENTED: Final = 27
NO_MORE: Final = 29
BAD_BASE64: Final = 31
UNEXPECTED_ERROR: Final = 34
UNKNOWN_HOST: Final = 0x60000
VERSION_MISMATCH: Final = 0x60001
PROTOCOL_ERROR: Final = 0x60002
INVALID_ARGUMENT: Final = 0x60003
MORE_THAN_ONE: Final = 0x60006
KEY_CONFLICT: Final = 0x60007
PARSE_ERROR: Final = 0x60008
NO_KEY_SPECIFIED: Final = 0x60009
INVALID_KEY: Final = 0x6000B
CONNECTION_RESET: Final = 0x6001F
UNKNOWN_ATTRIBUTE: Final = 0x60020

NO_TEXT: Final = "(result code text not available)"
TEXTS: Final = {
    0: "success",
    1: "out of memory",
    2: "timed out",
    3: "no available threads",
    4: "address not available",
    5: "address in use",
    6: "permission denied",
    7: "no pending connections",
    8: "network unreachable",
    9: "host unreachable",
    10: "network down",
    11: "host down",
    12: "connection refused",
    13: "not enough free resources",
    14: "end of file",
    15: "socket already bound",
    16: "reload",
    17: "lock busy",
    18: "already exists",
    19: "ran out of space",
    20: "operation canceled",
    21: "socket is not bound",
    22: "shutting down",
    23: "not found",
    24: "unexpected end of input",
    25: "failure",
    26: "I/O error",
    27: "not implemented",
    28: "unbalanced parentheses",
    29: "no more",
    30: "invalid file",
    31: "bad base64 encoding",
    32: "unexpected token",
    33: "quota reached",
    34: "unexpected error",
    35: "already running",
    36: "ignore",
    37: "address mask not contiguous",
    38: "file not found",
    39: "file already exists",
    40: "socket is not connected",
    41: "out of range",
    42: "out of entropy",
    43: "invalid use of multicast address",
    44: "not a file",
    45: "not a directory",
    46: "queue is full",
    47: "address family mismatch",
    48: "address family not supported",
    49: "bad hex encoding",
    50: "too many open files",
    51: "not blocking",
    52: "unbalanced quotes",
    53: "operation in progress",
    54: "connection reset",
    55: "soft quota reached",
    56: "not a valid number",
    57: "disabled",
    58: "max size",
    59: "invalid address format",
    60: "bad base32 encoding",
    61: "unset",
    62: "multiple",
    63: "would block",
    64: "complete",
    65: "crypto failure",
    66: "disc quota",
    67: "disc full",
    68: "default",
    69: "IPv4 prefix",
    0x10000: "label too long",
    0x10001: "bad escape",
    0x10002: "bad bitstring",
    0x10003: "bitstring too long",
    0x20000: "algorithm is unsupported",
    0x20001: "crypto failure",
    0x60000: "host unknown",
    0x60001: "protocol version mismatch",
    0x60002: "protocol error",
    0x60003: "invalid argument",
    0x60004: "data not yet available",
    0x60005: "object unchanged",
    0x60006: "more than one object matches key",
    0x60007: "key conflict",
    0x60008: "parse error(s) occurred",
    0x60009: "no key specified",
    0x6000a: "zone TSIG key not known",
    0x6000b: "invalid TSIG key",
    0x6000c: "operation in progress",
    0x6000d: "DNS format error",
    0x6000e: "DNS server failed",
    0x6000f: "no such domain",
    0x60010: "not implemented",
    0x60011: "refused",
    0x60012: "domain already exists",
    0x60013: "RRset already exists",
    0x60014: "no such RRset",
    0x60015: "not authorized",
    0x60016: "not a zone",
    0x60017: "bad DNS signature",
    0x60018: "bad DNS key",
    0x60019: "clock skew too great",
    0x6001a: "no root zone",
    0x6001b: "destination address required",
    0x6001c: "cross-zone update",
    0x6001d: "no TSIG signature",
    0x6001e: "not equal",
    0x6001f: "connection reset by peer",
    0x60020: "unknown attribute",
}


def text_of(code: int) -> str:
    """What a client prints of a code."""
    return TEXTS.get(code, NO_TEXT)
