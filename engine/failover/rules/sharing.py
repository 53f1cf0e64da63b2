"""Whose client is it: the hash of RFC 3074, the buckets that the pair has shared out, and the client's patience.

A client's key hashes to one of 256 buckets. The primary's configuration says which are its own (`split`, `hba`), and
its CONNECT tells the secondary; a set bit is the primary's. Sharing is for DISCOVER and BOOTP, and for the choice of
which free lease is given to the partner. It ends where the client has waited too long: what `secs` says is more than
`load balance max seconds`. Whether the partner has an address to give at all is not known here.

Source: RFC 3074 sections 5 and 6; docs/behaviour/failover.md#load-balancing.
"""

from __future__ import annotations

from typing import Final

BUCKETS: Final = 256
HBA_OCTETS: Final = BUCKETS // 8

# RFC 3074, section 6: Pearson's permutation of the octets.
PERMUTATION: Final = bytes((
    251, 175, 119, 215,  81,  14,  79, 191, 103,  49, 181, 143, 186, 157,   0, 232,
     31,  32,  55,  60, 152,  58,  17, 237, 174,  70, 160, 144, 220,  90,  57, 223,
     59,   3,  18, 140, 111, 166, 203, 196, 134, 243, 124,  95, 222, 179, 197,  65,
    180,  48,  36,  15, 107,  46, 233, 130, 165,  30, 123, 161, 209,  23,  97,  16,
     40,  91, 219,  61, 100,  10, 210, 109, 250, 127,  22, 138,  29, 108, 244,  67,
    207,   9, 178, 204,  74,  98, 126, 249, 167, 116,  34,  77, 193, 200, 121,   5,
     20, 113,  71,  35, 128,  13, 182,  94,  25, 226, 227, 199,  75,  27,  41, 245,
    230, 224,  43, 225, 177,  26, 155, 150, 212, 142, 218, 115, 241,  73,  88, 105,
     39, 114,  62, 255, 192, 201, 145, 214, 168, 158, 221, 148, 154, 122,  12,  84,
     82, 163,  44, 139, 228, 236, 205, 242, 217,  11, 187, 146, 159,  64,  86, 239,
    195,  42, 106, 198, 118, 112, 184, 172,  87,   2, 173, 117, 176, 229, 247, 253,
    137, 185,  99, 164, 102, 147,  45,  66, 231,  52, 141, 211, 194, 206, 246, 238,
     56, 110,  78, 248,  63, 240, 189,  93,  92,  51,  53, 183,  19, 171,  72,  50,
     33, 104, 101,  69,   8, 252,  83, 120,  76, 135,  85,  54, 202, 125, 188, 213,
     96, 235, 136, 208, 162, 129, 190, 132, 156,  38,  47,   1,   7, 254,  24,   4,
    216, 131,  89,  21,  28, 133,  37, 153, 149,  80, 170,  68,   6, 169, 234, 151,
))  # fmt: skip

_OCTET: Final = 0xFF


def bucket(key: bytes) -> int:
    """The bucket, 0 to 255, of a client's key."""
    found = len(key) & _OCTET
    for octet in reversed(key):
        found = PERMUTATION[found ^ octet]
    return found


def last_octet(beginning: bytes, wanted: int) -> int:
    """The octet behind which a key that begins so is in the bucket `wanted`: there is exactly one."""
    found = wanted
    for octet in beginning:
        found = PERMUTATION.index(found) ^ octet
    return PERMUTATION.index(found) ^ (len(beginning) + 1 & _OCTET)


def buckets_of_split(split: int) -> bytes:
    """The bucket array of `split N`: the first N buckets, 0 to 256, are the primary's."""
    assert 0 <= split <= BUCKETS, "the configuration was checked"
    return ((1 << split) - 1).to_bytes(HBA_OCTETS, "little")


def is_primarys(hba: bytes, key: bytes) -> bool:
    """Whether a client's bucket is the primary's. Bit i & 7 of octet i >> 3 is bucket i."""
    number = bucket(key)
    return bool(hba[number >> 3] >> (number & 7) & 1)


def packet_key(identifier: bytes | None, hardware: bytes) -> bytes:
    """A packet's key: option 61 as it came, else the hardware address (`hardware`: type octet and address)."""
    return identifier if identifier is not None else hardware[1:]


def lease_key(uid: bytes, hardware: bytes) -> bytes | None:
    """The key of a lease's last client; None where the lease has not had one."""
    if uid:
        return uid
    return hardware[1:] if hardware else None


def seconds_waited(secs: int, *, swapped: bool) -> int:
    """`secs` of a packet. `swapped` (`check-secs-byte-order`): some clients send it with its octets the wrong way."""
    if swapped and secs > _OCTET and not secs & _OCTET:
        return secs >> 8
    return secs


def is_shared(secs: int, limit: int) -> bool:
    """Whether a client that has waited `secs` seconds is still shared out; a `limit` of 0 shares nobody."""
    return limit > 0 and secs <= limit
