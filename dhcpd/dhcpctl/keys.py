"""Keys: from base64, as a command line or a program has it, and from a file, where a secret should stand.

A file holds what dhcpd.conf and named.conf hold, and tsig-keygen prints:

    key omapi_key { algorithm hmac-sha256; secret "AAEC..."; };

Of several keys in it the first counts. Where a file holds the base64 alone, its name comes from elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

from ..disk import opening
from ..engine.omapi.signing import SUFFIX, Key

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_ALGORITHM: Final = "hmac-md5"
# A key is a hundred octets; what is so long is another file.
KEY_FILE_OCTETS_MAX: Final = 64 * 1024
_COMMENT: Final = re.compile(r"(?:#|//)[^\n]*|/\*.*?\*/", re.DOTALL)
_STATEMENT: Final = re.compile(r'key\s+"?([^\s"{]+)"?\s*\{([^}]*)\}')
_ALGORITHM: Final = re.compile(r'\balgorithm\s+"?([^\s";]+)')
_SECRET: Final = re.compile(r'\bsecret\s+"?([A-Za-z0-9+/=]+)')


class BadKey(ValueError):
    """A key, or the file that should hold one, is not what it should be; `reason` says what is wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def key_from_base64(name: str, secret: str, algorithm: str = DEFAULT_ALGORITHM) -> Key:
    """A key by its name and its secret in base64.

    `algorithm` is hmac-md5, -sha1, -sha224, -sha256, -sha384 or -sha512. Raises BadKey.
    """
    try:
        octets = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKey(f"the secret of {name} is no base64") from error
    key = Key(name, algorithm_as_sent(algorithm), octets)
    if not key.usable:
        raise BadKey(f"{algorithm} is no algorithm for {name}: hmac-md5, -sha1, -sha224, -sha256, -sha384, -sha512 are")
    return key


def algorithm_as_sent(name: str) -> str:
    """An algorithm's full name as ISC's library sends it: one with a dot as it is, any other with the suffix behind."""
    return name if "." in name else name + SUFFIX.upper()


def key_from_file(path: str | Path, name: str = "", algorithm: str = DEFAULT_ALGORITHM) -> Key:
    """The key that a file holds; `name` and `algorithm` are for a file of base64 alone. Raises BadKey and OSError.

    A pipe or a device is not waited for: OSError.
    """
    with open(opening.read_only(path), "rb") as file:  # noqa: PTH123 - a descriptor
        octets = file.read(KEY_FILE_OCTETS_MAX + 1)
    if len(octets) > KEY_FILE_OCTETS_MAX:
        raise BadKey(f"{path} is longer than {KEY_FILE_OCTETS_MAX} octets")
    text = _COMMENT.sub("", octets.decode("utf-8", "replace"))
    found = _STATEMENT.search(text)
    if found is not None:
        return _of_statement(path, found[1], found[2])
    if not name:
        raise BadKey(f"{path} holds no statement `key NAME {{...}}`: then the key's name must be given beside it")
    return key_from_base64(name, text.strip(), algorithm)


def _of_statement(path: str | Path, name: str, body: str) -> Key:
    secret, algorithm = _SECRET.search(body), _ALGORITHM.search(body)
    if secret is None:
        raise BadKey(f"key {name} in {path} has no secret")
    return key_from_base64(name, secret[1], algorithm[1] if algorithm else DEFAULT_ALGORITHM)
