"""DHCP messages: what they name, and the same message with pseudonyms, octet for octet of the same length.

The header and each option keep their place and their length, whether well formed or not. An option that comes in
pieces is put together, exchanged and cut into the same pieces. What stands where nobody reads (behind an end, in the
fields of a message without a cookie) becomes other octets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ....engine.conf.domain_names import BadNameError, read_name
from ....engine.wire.packet import COOKIE, FILE_AT, FIXED_OCTETS, OPTIONS_AT, SNAME_AT
from ..sources import identified
from .options import TREATMENTS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..findings import Findings
    from ..pseudonyms import Pseudonyms
    from ..sources import Writer

_CHADDR: Final = slice(28, 44)
_HARDWARE_MAX: Final = 16
_PAD, _END = 0, 255
_OVERLOAD: Final = 52
_FQDN_FIXED: Final = 3
_ENCODED: Final = 4
# Of the relay's sub-options, those that tell whose line it is, and those that are addresses.
_WHOSE: Final = frozenset({1, 2, 6, 12})
_RELAYS_ADDRESSES: Final = frozenset({5, 11})
_ADDRESS_OCTETS: Final = 4
_HEADER_ADDRESSES: Final = (12, 16, 20, 24)
_SERVER_NAME: Final = (SNAME_AT, FILE_AT)
_BOOT_FILE: Final = (FILE_AT, FIXED_OCTETS)
_SAID: Final = re.compile(rb"[^\0]+")

Area = tuple[int, int]


def _areas(payload: bytes) -> list[Area]:
    """(start, end) of the parts that hold options, in the order in which they are read."""
    if payload[FIXED_OCTETS:OPTIONS_AT] != COOKIE:
        return []
    areas = [(OPTIONS_AT, len(payload))]
    overload = next((payload[start] for code, start, end in _pieces(payload, areas[0]) if code == _OVERLOAD < end), 0)
    if overload & 1:
        areas.append(_BOOT_FILE)
    if overload & 2:
        areas.append(_SERVER_NAME)
    return areas


def _pieces(payload: bytes, area: Area) -> Iterator[tuple[int, int, int]]:
    """(code, start, end) of the value of each option in an area; one that does not fit is cut off at its end."""
    at, stop = area
    while at < stop and payload[at] != _END:
        code = payload[at]
        if code == _PAD:
            at += 1
            continue
        if at + 1 >= stop:
            return
        start = at + 2
        at = start + payload[at + 1]
        yield code, start, min(at, stop)


def _options(payload: bytes) -> dict[int, list[Area]]:
    """Where the pieces of each option stand."""
    found: dict[int, list[Area]] = {}
    for area in _areas(payload):
        for code, start, end in _pieces(payload, area):
            found.setdefault(code, []).append((start, end))
    return found


def _unread(payload: bytes, area: Area) -> Area:
    """What of an area stands behind its last option and its end."""
    at, stop = area
    for _code, _start, end in _pieces(payload, area):
        at = end
    while at < stop and payload[at] == _PAD:
        at += 1
    return min(at + 1, stop), stop


def _value(payload: bytes, places: list[Area]) -> bytes:
    return b"".join([payload[start:end] for start, end in places])


def survey(payload: bytes, findings: Findings) -> None:
    """Take what a message names into `findings`, and count what of it will stay."""
    if len(payload) < FIXED_OCTETS:
        return
    findings.hardware_address(payload[28 : 28 + min(payload[2], _HARDWARE_MAX)])
    areas = _areas(payload)
    if _SERVER_NAME not in areas:
        findings.name(payload[SNAME_AT:FILE_AT].partition(b"\0")[0])
    if _BOOT_FILE not in areas and payload[FILE_AT]:
        findings.leave("boot file names")
    for code, places in _options(payload).items():
        _survey_option(code, _value(payload, places), findings)


def _survey_option(code: int, value: bytes, findings: Findings) -> None:
    treatment = TREATMENTS[code]
    take = _SURVEYS.get(treatment.kind)
    if take is not None:
        take(value, findings)
    elif treatment.kind is Kind.OTHER and value:
        findings.leave(treatment.label)


def _survey_name(value: bytes, findings: Findings) -> None:
    findings.name(value)


def _survey_fqdn(value: bytes, findings: Findings) -> None:
    findings.name(_fqdn_text(value))


def _survey_search(value: bytes, findings: Findings) -> None:
    findings.name(b" ".join(_labels(value) or ()))


def _survey_identifier(value: bytes, findings: Findings) -> None:
    findings.identifier(value)


def _survey_agent(value: bytes, findings: Findings) -> None:
    for inner, start, end in _pieces(value + bytes([_END]), (0, len(value))):
        survey_sub_option(inner, value[start:end], findings)


def survey_sub_option(code: int, value: bytes, findings: Findings) -> None:
    """Take what a sub-option of the relay's names."""
    if code in _WHOSE:
        findings.identifier(value)
    elif code not in _RELAYS_ADDRESSES and value:
        findings.leave(f"sub-option {code} of relay-agent-information (82)")


_SURVEYS: Final[Mapping[Kind, Callable[[bytes, Findings], None]]] = {
    Kind.NAME: _survey_name,
    Kind.NAMES_ENCODED: _survey_search,
    Kind.FQDN: _survey_fqdn,
    Kind.IDENTIFIER: _survey_identifier,
    Kind.RELAY_AGENT: _survey_agent,
}


def _fqdn_text(value: bytes) -> bytes:
    if value[:1] and value[0] & _ENCODED:
        return b".".join(_labels(value[_FQDN_FIXED:]) or ())
    return value[_FQDN_FIXED:]


def _labels(value: bytes) -> list[bytes] | None:
    """The labels of all names in wire form, the last of which may lack its root; None where they are no names."""
    return _read_labels(value) or _read_labels(value + b"\0")


def _read_labels(value: bytes) -> list[bytes] | None:
    found: list[bytes] = []
    at = 0
    while at < len(value):
        try:
            labels, at = read_name(value, at)
        except BadNameError:
            return None
        found += labels
    return found


class Messages:
    """Gives messages with pseudonyms; `address` as in sources.Writer."""

    def __init__(
        self, pseudonyms: Pseudonyms, writer: Writer, address: Callable[[int], int], *, spares_meaningless: bool
    ) -> None:
        self._spares_meaningless = spares_meaningless
        self._pseudonyms = pseudonyms
        self._writer = writer
        self._address = address
        self._kinds: Mapping[Kind, Callable[[bytes], bytes]] = {
            Kind.NAME: writer.words,
            Kind.NAMES_ENCODED: self.names_encoded,
            Kind.FQDN: self._fqdn,
            Kind.IDENTIFIER: self.identifier,
            Kind.RELAY_AGENT: self._agent,
            Kind.ADDRESSES: self.addresses,
            Kind.OTHER: writer.anything,
        }

    def identifier(self, value: bytes) -> bytes:
        """A client identifier or the like."""
        hidden = self._writer.octets(value)
        return identified(value, self._pseudonyms) if hidden is None else hidden

    def rewrite(self, payload: bytes) -> bytes:
        """The message with pseudonyms."""
        if len(payload) < FIXED_OCTETS:
            return self._pseudonyms.octets(payload)
        made = bytearray(payload)
        own = payload[28 : 28 + min(payload[2], _HARDWARE_MAX)]
        made[_CHADDR] = self._pseudonyms.hardware(own) + self.meaningless(payload[28 + len(own) : 44])
        for at in _HEADER_ADDRESSES:
            made[at : at + 4] = self.addresses(payload[at : at + 4])
        areas = _areas(payload)
        for field in (_SERVER_NAME, _BOOT_FILE):
            if field not in areas:
                self._text_field(made, field)
        for code, places in _options(payload).items():
            self._place(made, places, self._option(code, _value(payload, places)))
        for start, stop in [_unread(payload, area) for area in areas] or [(FIXED_OCTETS, len(payload))]:
            made[start:stop] = self.meaningless(payload[start:stop])
        return bytes(made)

    def _text_field(self, made: bytearray, field: Area) -> None:
        start, stop = field
        text, nul, rest = bytes(made[start:stop]).partition(b"\0")
        made[start:stop] = self._writer.words(text) + nul + self.meaningless(rest)

    def meaningless(self, value: bytes) -> bytes:
        """Octets that nobody reads: other ones, where they are not nought, as long as nothing hangs on them."""
        if self._spares_meaningless:
            return value
        return _SAID.sub(lambda found: self._pseudonyms.octets(found[0]), value)

    def _place(self, made: bytearray, places: list[Area], value: bytes) -> None:
        at = 0
        for start, end in places:
            made[start:end] = value[at : at + end - start]
            at += end - start

    def _option(self, code: int, value: bytes) -> bytes:
        treatment = TREATMENTS[code]
        if treatment.kind is Kind.NUMBERS:
            octets = treatment.octets or len(value)
            return value[:octets] + self.meaningless(value[octets:])
        made = self._kinds[treatment.kind](value)
        assert len(made) == len(value), f"option {code} has changed its length"
        return made

    def addresses(self, value: bytes) -> bytes:
        """Addresses one behind the other; what is left over is none."""
        made = bytearray(value)
        whole = len(value) - len(value) % _ADDRESS_OCTETS
        for at in range(0, whole, _ADDRESS_OCTETS):
            hidden = self._address(int.from_bytes(value[at : at + 4], "big"))
            made[at : at + 4] = hidden.to_bytes(4, "big")
        made[whole:] = self.meaningless(value[whole:])
        return bytes(made)

    def _fqdn(self, value: bytes) -> bytes:
        head, name = value[:_FQDN_FIXED], value[_FQDN_FIXED:]
        encoded = value[:1] and value[0] & _ENCODED
        return head + (self.names_encoded(name) if encoded else self._writer.words(name))

    def names_encoded(self, value: bytes) -> bytes:
        """Names in wire form: the labels are exchanged where they stand, pointers stay."""
        if _labels(value) is None:
            return self.meaningless(value)
        made = bytearray(value)
        at = 0
        while at < len(value) and value[at] < 0xC0:  # noqa: PLR2004 - a pointer
            end = at + 1 + value[at]
            made[at + 1 : end] = self._writer.words(value[at + 1 : end])
            at = end
            if at < len(value) and value[at] >= 0xC0:  # noqa: PLR2004 - a pointer ends a name
                at += 2
        return bytes(made)

    def _agent(self, value: bytes) -> bytes:
        """Relay agent information, sub-option by sub-option."""
        made = bytearray(value)
        for code, start, end in _pieces(value + bytes([_END]), (0, len(value))):
            made[start:end] = self.sub_option(code, value[start:end])
        return bytes(made)

    def sub_option(self, code: int, value: bytes) -> bytes:
        """A sub-option of the relay's."""
        if code in _WHOSE:
            return self.identifier(value)
        return self.addresses(value) if code in _RELAYS_ADDRESSES else self._writer.anything(value)
