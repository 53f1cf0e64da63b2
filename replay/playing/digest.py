"""Whether two machines are in the same state, by a few octets each.

`digest(machine.snapshot())` of a machine that was led to an event equals the digest of the snapshot that the tape holds
of it, where playback is right: so the parts of a long tape are verified apart (each must arrive where the next one
begins). It is no seal: who can change a tape can change its snapshots too.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgpack

DIGEST_OCTETS: Final = 16
_CONTAINERS: Final = (dict, list, tuple)


def digest(data: object) -> str:
    """The digest, in hex, of plain data: `Machine.snapshot()` or `SnapshotEntry.data`. The order of maps is nothing."""
    packed = msgpack.packb(_ordered(data), unicode_errors="surrogatepass")
    return blake2b(packed, digest_size=DIGEST_OCTETS).hexdigest()


def _ordered(value: object) -> object:
    """The same with the keys of every map in order."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=_rank)}
    if isinstance(value, list | tuple) and any(isinstance(item, _CONTAINERS) for item in value):
        return [_ordered(item) for item in value]
    return value


def _rank(key: object) -> tuple[str, object]:
    return type(key).__name__, key
