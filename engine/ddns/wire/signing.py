"""TSIG (RFC 8945): updates signed, answers held against their signature. Time is the event's, keys the configuration's.

Of a bad signature ISC's log says why, and so does this module, in the same order of looking. A signature is checked
before anything that an answer says is believed.

The record around a digest is composed and read here, of octets that are made once for each key: dnspython's objects
for it cost more than all the rest of an update.

See docs/behaviour/dns-updates.md#keys-and-tsig.
"""

from __future__ import annotations

from functools import lru_cache
from hmac import HMAC, compare_digest
from hmac import new as begin_digest
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from . import result
from .message import HEADER, TSIG, BadAnswer, BadName, name_at, name_from_text, skip_name, wire_form

if TYPE_CHECKING:

    from ...model.peers import Key
    from .message import Answer, Record

_FUDGE_S: Final = 300
_SUFFIX: Final = ".sig-alg.reg.int."
# dhcpd.conf's word -> the algorithm's name in DNS (RFC 8945, 6), and its hash.
_ALGORITHMS: Final = {
    "hmac-md5": (b"hmac-md5.sig-alg.reg.int.", "md5"),
    "hmac-sha1": (b"hmac-sha1.", "sha1"),
    "hmac-sha224": (b"hmac-sha224.", "sha224"),
    "hmac-sha256": (b"hmac-sha256.", "sha256"),
    "hmac-sha384": (b"hmac-sha384.", "sha384"),
    "hmac-sha512": (b"hmac-sha512.", "sha512"),
}
_ANY: Final = 255
_FIXED: Final = Struct("!HHIH")
# Time of 48 bits, fudge; behind the MAC the id, the error, and how much other data there is.
_TIMERS: Final = Struct("!HIH")
_TAIL: Final = Struct("!HHH")
_LENGTH: Final = Struct("!H")
_CLASS_AND_TTL: Final = Struct("!HI")
# No error, and no other data.
_NOTHING_MORE: Final = bytes(4)
_COUNT_AT: Final = 10
_BADSIG: Final = 16
_BADKEY: Final = 17
_BADTIME: Final = 18
# RFC 8945, 5.2.2.1: a shorter one is malformed.
_MAC_OCTETS_MINIMUM: Final = 10
_ADDITIONAL: Final = 2


class _Signer(NamedTuple):
    """What is the same in every signature of a key: its name and its algorithm's, in lower case; the digest begun."""

    name_octets: bytes
    algorithm_octets: bytes
    digest: HMAC

    def mac(self, octets: bytes, timers: bytes, rest: bytes) -> bytes:
        """The MAC over a message, and what stands before it; `rest`: error and other data (RFC 8945, 4.3.3)."""
        digest = self.digest.copy()
        head = self.name_octets + _CLASS_AND_TTL.pack(_ANY, 0)
        digest.update(octets + head + self.algorithm_octets + timers + rest)
        return digest.digest()


class _Data(NamedTuple):
    """A TSIG record's data, but for the algorithm's name; `timers` and `rest` are as they are digested."""

    time_signed: int
    fudge: int
    mac: bytes
    number: int
    error: int
    timers: bytes
    rest: bytes


@lru_cache(maxsize=256)
def _signer(key: Key) -> _Signer | None:
    algorithm = _ALGORITHMS.get(key.algorithm.lower().removesuffix(_SUFFIX).removesuffix("."))
    if algorithm is None:
        return None
    try:
        name = name_from_text(key.name.lower().encode("utf-8", "surrogateescape"))
    except BadName:
        return None
    in_dns, hashed = algorithm
    return _Signer(wire_form(name), wire_form(name_from_text(in_dns)), begin_digest(key.secret, digestmod=hashed))


def can_sign(key: Key) -> bool:
    """Whether the key's algorithm, and its name as one of DNS, are known."""
    return _signer(key) is not None


def added_octets(key: Key) -> int:
    """How much longer a message is with its signature; the key can sign."""
    signer = _signer(key)
    assert signer is not None, "who signs has asked whether it can"
    names = len(signer.name_octets) + len(signer.algorithm_octets)
    return names + _FIXED.size + _TIMERS.size + _LENGTH.size + signer.digest.digest_size + _TAIL.size


def sign(message: bytes, key: Key, now: int) -> tuple[bytes, bytes]:
    """The message, under its id already, with its TSIG record; and the MAC, which the answer is signed with, too."""
    signer = _signer(key)
    assert signer is not None, "who signs has asked whether it can"
    timers = _TIMERS.pack(now >> 32, now & 0xFFFFFFFF, _FUDGE_S)
    mac = signer.mac(message, timers, _NOTHING_MORE)
    data = signer.algorithm_octets + timers + _LENGTH.pack(len(mac)) + mac + message[:2] + _NOTHING_MORE
    record = signer.name_octets + _FIXED.pack(TSIG, _ANY, 0, len(data)) + data
    return _with_count(message, 1) + message[HEADER.size :] + record, mac


def _with_count(message: bytes, more: int) -> bytes:
    """The header of a message with so many additional records more."""
    return message[:_COUNT_AT] + _LENGTH.pack(_LENGTH.unpack_from(message, _COUNT_AT)[0] + more)


def fault(answer: Answer, key: Key, mac: bytes, now: int) -> str:
    """Why an answer to a message that was signed with `mac` is not believed, in a word of result.py; else empty."""
    found = [record for record in answer.records if record.kind == TSIG]
    if not found:
        return result.UNSIGNED
    record = found[-1]
    if len(found) > 1 or record is not answer.records[-1] or record.section != _ADDITIONAL:
        return result.TSIG_PLACE
    if record.class_ != _ANY:
        return result.TSIG_PLACE
    signer = _signer(key)
    assert signer is not None, "the question was signed"
    octets = answer.octets
    try:
        data = _read_data(octets, record)
        ours = _is_name(octets, record.at, signer.name_octets) and _is_name(
            octets, record.data_at, signer.algorithm_octets
        )
    except BadAnswer:
        return result.FORMERR
    if data.error in (_BADSIG, _BADKEY):
        return result.TSIG_ERROR
    if not ours or not data.mac:
        return result.TSIG_WRONG
    return _verified(octets[: record.at], data, signer, mac) or _on_time(data, now)


def _is_name(octets: bytes, at: int, plain: bytes) -> bool:
    """Whether a name, given in lower case, stands there, as it is or compressed. Raises BadAnswer."""
    return octets[at : at + len(plain)].lower() == plain or wire_form(name_at(octets, at)).lower() == plain


def _read_data(octets: bytes, record: Record) -> _Data:
    """Raises BadAnswer where the data is not as long as it says."""
    end = record.data_at + record.octets
    at = skip_name(octets, record.data_at)
    mac_at = at + _TIMERS.size + _LENGTH.size
    if mac_at > end:
        raise BadAnswer(result.FORMERR)
    high, low, fudge = _TIMERS.unpack_from(octets, at)
    (length,) = _LENGTH.unpack_from(octets, at + _TIMERS.size)
    tail_at = mac_at + length
    if tail_at + _TAIL.size > end:
        raise BadAnswer(result.FORMERR)
    number, error, other = _TAIL.unpack_from(octets, tail_at)
    if tail_at + _TAIL.size + other != end:
        raise BadAnswer(result.FORMERR)
    timers = octets[at : at + _TIMERS.size]
    return _Data(high << 32 | low, fudge, octets[mac_at:tail_at], number, error, timers, octets[tail_at + 2 : end])


def _verified(octets: bytes, data: _Data, signer: _Signer, mac: bytes) -> str:
    """Why the signature over an answer, without its record, is not the key's."""
    right = _right(octets, data, signer, _LENGTH.pack(len(mac)) + mac)
    if len(data.mac) < max(_MAC_OCTETS_MINIMUM, len(right) // 2):
        return result.FORMERR
    if not compare_digest(right, data.mac):
        return result.TSIG_WRONG
    return result.TSIG_ERROR if data.error and data.error != _BADTIME else ""


def _right(octets: bytes, data: _Data, signer: _Signer, before: bytes) -> bytes:
    """The MAC over a message without its record; `before`: the MAC of what it answers, with its length."""
    unsigned = _LENGTH.pack(data.number) + _with_count(octets, -1)[2:] + octets[HEADER.size :]
    return signer.mac(before + unsigned, data.timers, data.rest)


def right_mac(octets: bytes, record: Record, key: Key, asked: bytes | None) -> bytes | None:
    """The MAC that a message which ends in this TSIG record has to have, whatever it has; None where there is none.

    `asked` is the MAC of what it answers, None for what answers nothing.
    """
    signer = _signer(key)
    if signer is None or record.section != _ADDITIONAL:
        return None
    try:
        data = _read_data(octets, record)
    except BadAnswer:
        return None
    return _right(octets[: record.at], data, signer, b"" if asked is None else _LENGTH.pack(len(asked)) + asked)


def _on_time(data: _Data, now: int) -> str:
    late = abs(data.time_signed - now) > data.fudge
    return result.TSIG_TIME if late or data.error == _BADTIME else ""
