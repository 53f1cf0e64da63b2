"""TSIG (RFC 8945): updates signed, answers held against their signature. Time is the event's, keys the configuration's.

Of a bad signature ISC's log says why, and so does this module, in the same order of looking. A signature is checked
before anything that an answer says is believed.

See docs/behaviour/dns-updates.md#keys-and-tsig.
"""

from __future__ import annotations

from functools import lru_cache
from hmac import compare_digest
from struct import Struct
from typing import TYPE_CHECKING, Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig

from . import result
from .message import HEADER, TSIG, BadAnswer, name_at

if TYPE_CHECKING:
    from dns.rdtypes.ANY.TSIG import TSIG as TsigData  # noqa: N811 - a class, whatever its letters

    from ...model.peers import Key
    from .message import Answer, Record

_FUDGE_S: Final = 300
_SUFFIX: Final = ".sig-alg.reg.int."
_ALGORITHMS: Final = {
    "hmac-md5": dns.name.from_text("hmac-md5.sig-alg.reg.int."),
    "hmac-sha1": dns.tsig.HMAC_SHA1,
    "hmac-sha224": dns.tsig.HMAC_SHA224,
    "hmac-sha256": dns.tsig.HMAC_SHA256,
    "hmac-sha384": dns.tsig.HMAC_SHA384,
    "hmac-sha512": dns.tsig.HMAC_SHA512,
}
_FIXED: Final = Struct("!HHIH")
# Time of 48 bits, fudge, no MAC, the id, no error, no other data.
_TIMERS: Final = Struct("!HIHHHHH")
_COUNT_AT: Final = 10
_BADSIG: Final = 16
_BADKEY: Final = 17
_BADTIME: Final = 18
# RFC 8945, 5.2.2.1: a shorter one is malformed.
_MAC_OCTETS_MINIMUM: Final = 10
_ADDITIONAL: Final = 2


@lru_cache(maxsize=256)
def _tsig_key(key: Key) -> dns.tsig.Key | None:
    algorithm = _ALGORITHMS.get(key.algorithm.lower().removesuffix(_SUFFIX).removesuffix("."))
    if algorithm is None:
        return None
    try:
        name = dns.name.from_text(key.name.lower().encode("utf-8", "surrogateescape"))
    except dns.exception.DNSException:
        return None
    return dns.tsig.Key(name, key.secret, algorithm)


def can_sign(key: Key) -> bool:
    """Whether the key's algorithm, and its name as one of DNS, are known."""
    return _tsig_key(key) is not None


def sign(message: bytes, key: Key, now: int) -> tuple[bytes, bytes]:
    """The message, under its id already, with its TSIG record; and the MAC, which the answer is signed with, too."""
    signer = _tsig_key(key)
    assert signer is not None, "who signs has asked whether it can"
    number = int.from_bytes(message[:2], "big")
    empty: TsigData = _tsig_data(signer.algorithm, now, number)
    made = _signed(message, signer, empty, now, None)
    data = made.to_wire()
    owner = signer.name.to_wire()
    assert data is not None, "without a file the octets come back"
    assert owner is not None, "without a file the octets come back"
    count = int.from_bytes(message[_COUNT_AT : _COUNT_AT + 2], "big") + 1
    head = message[:_COUNT_AT] + count.to_bytes(2, "big") + message[HEADER.size :]
    return head + owner + _FIXED.pack(TSIG, dns.rdataclass.ANY, 0, len(data)) + data, made.mac


def _signed(message: bytes, signer: dns.tsig.Key, data: TsigData, time: int, mac: bytes | None) -> TsigData:
    """The record's data with the MAC over a message without it; `mac` is the question's, for an answer."""
    made: TsigData = dns.tsig.sign(message, signer, data, time, mac)[0]  # type: ignore[no-untyped-call]  # so shipped
    return made


def _tsig_data(algorithm: dns.name.Name, now: int, number: int) -> TsigData:
    name = algorithm.to_wire()
    assert name is not None, "without a file the octets come back"
    octets = name + _TIMERS.pack(now >> 32, now & 0xFFFFFFFF, _FUDGE_S, 0, number, 0, 0)
    made: TsigData = dns.rdata.from_wire(dns.rdataclass.ANY, dns.rdatatype.TSIG, octets, 0, len(octets))  # type: ignore[assignment]  # that class's
    return made


def fault(answer: Answer, key: Key, mac: bytes, now: int) -> str:
    """Why an answer to a message that was signed with `mac` is not believed, in a word of result.py; else empty."""
    found = [record for record in answer.records if record.kind == TSIG]
    if not found:
        return result.UNSIGNED
    record = found[-1]
    if len(found) > 1 or record is not answer.records[-1] or record.section != _ADDITIONAL:
        return result.TSIG_PLACE
    if record.class_ != dns.rdataclass.ANY:
        return result.TSIG_PLACE
    signer = _tsig_key(key)
    assert signer is not None, "the question was signed"
    try:
        owner = name_at(answer.octets, record.at)
        data = _read_data(answer.octets, record)
    except BadAnswer:
        return result.FORMERR
    return _verified(answer, record, owner, data, signer, mac) or _on_time(data, now)


def _read_data(octets: bytes, record: Record) -> TsigData:
    try:
        made = dns.rdata.from_wire(
            dns.rdataclass.ANY, dns.rdatatype.TSIG, octets, record.data_at, record.octets
        )  # fmt: skip
    except (dns.exception.DNSException, ValueError):
        raise BadAnswer(result.FORMERR) from None
    return made  # type: ignore[return-value]  # of the type asked for


def _verified(
    answer: Answer, record: Record, owner: dns.name.Name, data: TsigData, signer: dns.tsig.Key, mac: bytes
) -> str:
    """Why the signature is not the key's."""
    if data.error in (_BADSIG, _BADKEY):
        return result.TSIG_ERROR
    if owner != signer.name or data.algorithm != signer.algorithm or not data.mac:
        return result.TSIG_WRONG
    octets = answer.octets
    count = int.from_bytes(octets[_COUNT_AT : _COUNT_AT + 2], "big") - 1
    unsigned = octets[:_COUNT_AT] + count.to_bytes(2, "big") + octets[HEADER.size : record.at]
    right = _signed(unsigned, signer, data, data.time_signed, mac)
    if len(data.mac) < max(_MAC_OCTETS_MINIMUM, len(right.mac) // 2):
        return result.FORMERR
    if not compare_digest(right.mac, data.mac):
        return result.TSIG_WRONG
    return result.TSIG_ERROR if data.error and data.error != _BADTIME else ""


def _on_time(data: TsigData, now: int) -> str:
    late = abs(data.time_signed - now) > data.fudge
    return result.TSIG_TIME if late or data.error == _BADTIME else ""
