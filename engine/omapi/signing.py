"""Signatures of OMAPI messages: keys, algorithms, and which octets are covered.

Whether a message must be signed is not decided here.

A signature is HMAC(secret, octets 4 to the end of the object list): the authlen field with its final value is covered,
the authid before it is not. There is no time and no sequence in it, so a signed request can be played again by who
saw it: the protocol's, not ours to mend (docs/differences.md).

Source: docs/behaviour/omapi.md#authentication. Used by the server and the client.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import Any, Final, NamedTuple

from .wire import Message, encode

# Full name on the wire, in lower case -> the hash. Even the SHA family has HMAC-MD5's suffix, unlike in DNS.
SUFFIX: Final = ".sig-alg.reg.int."
HASHES: Final = {
    f"hmac-{name}{SUFFIX}": name for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
}
# RFC 2104: the secret is filled up to the hash's block and mixed with these, inside and outside.
_INNER: Final = bytes([octet ^ 0x36 for octet in range(256)])
_OUTER: Final = bytes([octet ^ 0x5C for octet in range(256)])
# Keys of a configuration; more are prepared anew.
_PREPARED_MAX: Final = 256
_OCTETS: Final = {name: hashlib.new(name).digest_size for name in HASHES.values()}


class Key(NamedTuple):
    """A shared secret: `name` and full `algorithm` as they are written, `secret` in octets."""

    name: str
    algorithm: str
    secret: bytes

    @property
    def usable(self) -> bool:
        """Whether the algorithm is one of ours."""
        return self.algorithm.lower() in HASHES


def full_algorithm(name: str) -> str:
    """An algorithm's full name: one without a dot gets the suffix, as the client library and the server do it."""
    return name if "." in name else name.upper() + SUFFIX.upper()


def signature(key: Key, covered: bytes) -> bytes:
    """The signature of `covered`. `key` must be usable."""
    inner, outer = _prepared(key)
    hashed = inner.copy()
    hashed.update(covered)
    made = outer.copy()
    made.update(hashed.digest())
    octets: bytes = made.digest()
    return octets


@lru_cache(maxsize=_PREPARED_MAX)
def _prepared(key: Key) -> tuple[Any, Any]:
    """The two hashes of RFC 2104 with the key in them: to go on from copies costs a third of beginning anew."""
    name = HASHES[key.algorithm.lower()]
    empty = hashlib.new(name)
    block = empty.block_size
    secret = key.secret if len(key.secret) <= block else hashlib.new(name, key.secret).digest()
    padded = secret.ljust(block, b"\0")
    return hashlib.new(name, padded.translate(_INNER)), hashlib.new(name, padded.translate(_OUTER))


def signature_octets(key: Key) -> int:
    """How long a signature by `key` is; it is never cut."""
    return _OCTETS[HASHES[key.algorithm.lower()]]


def sign(message: Message, key: Key | None) -> bytes:
    """The octets of a message, with its signature where there is a key (then `message.authid` says by which)."""
    if key is None:
        return encode(message)
    octets = encode(message, signature_octets(key))
    return octets + signature(key, octets[4:])


def is_signed_by(message: Message, key: Key) -> bool:
    """Whether a received message carries the signature that `key` gives it. One of no octets is none."""
    return bool(message.signature) and hmac.compare_digest(message.signature, signature(key, message.signed))
