"""DHCP messages: what they name, and the same message with pseudonyms, octet for octet of the same length.

The header and each option keep their place and their length, whether well formed or not. An option that comes in
pieces is put together, exchanged and cut into the same pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...engine.conf.domain_names import BadNameError, read_name
from ...engine.wire.packet import COOKIE, FILE_AT, FIXED_OCTETS, OPTIONS_AT, SNAME_AT
from .sources import identified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .findings import Findings
    from .pseudonyms import Pseudonyms
    from .sources import Writer

_CHADDR: Final = slice(28, 44)
_HARDWARE_MAX: Final = 16
_PAD, _END = 0, 255
_OVERLOAD: Final = 52
_CLIENT_IDENTIFIER, _FQDN, _AGENT, _UUID, _DOMAIN_SEARCH = 61, 81, 82, 97, 119
_FQDN_FIXED: Final = 3
_ENCODED: Final = 4
_NAMES: Final = frozenset({12, 15, 40, 64, 66})
_TEXTS: Final = frozenset({14, 17, 18, 56, 67, 77})
_WHOSE: Final = frozenset({1, 2, 6, 12})
_UNTOUCHED: Final[dict[int, str]] = {
    43: "vendor-encapsulated-options (43)",
    60: "vendor-class-identifier (60)",
    124: "vendor classes (124)",
    125: "vendor options (125)",
}
_ADDRESS_OCTETS: Final = 4
_HEADER_ADDRESSES: Final = (12, 16, 20, 24)

Area = tuple[int, int]


def _areas(payload: bytes) -> list[Area]:
    """(start, end) of the parts that hold options, in the order in which they are read."""
    if payload[FIXED_OCTETS:OPTIONS_AT] != COOKIE:
        return []
    areas = [(OPTIONS_AT, len(payload))]
    overload = next((payload[start] for code, start, end in _pieces(payload, areas[0]) if code == _OVERLOAD < end), 0)
    if overload & 1:
        areas.append((FILE_AT, FIXED_OCTETS))
    if overload & 2:
        areas.append((SNAME_AT, FILE_AT))
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


def _value(payload: bytes, places: list[Area]) -> bytes:
    return b"".join([payload[start:end] for start, end in places])


def survey(payload: bytes, findings: Findings) -> None:
    """Take what a message names into `findings`."""
    if len(payload) < FIXED_OCTETS:
        return
    findings.hardware_address(payload[28 : 28 + min(payload[2], _HARDWARE_MAX)])
    for code, places in _options(payload).items():
        take = _SURVEYS.get(code)
        if take is not None:
            take(_value(payload, places), findings)
        elif code in _UNTOUCHED:
            findings.leave(_UNTOUCHED[code])


def _survey_name(value: bytes, findings: Findings) -> None:
    findings.name(value)


def _survey_fqdn(value: bytes, findings: Findings) -> None:
    findings.name(_fqdn_text(value))


def _survey_search(value: bytes, findings: Findings) -> None:
    findings.name(b" ".join(_labels(value)))


def _survey_identifier(value: bytes, findings: Findings) -> None:
    findings.identifier(value)


def _survey_agent(value: bytes, findings: Findings) -> None:
    for inner, start, end in _pieces(value + bytes([_END]), (0, len(value))):
        if inner in _WHOSE:
            findings.identifier(value[start:end])


_SURVEYS: Final[dict[int, Callable[[bytes, Findings], None]]] = {
    **dict.fromkeys(_NAMES, _survey_name),
    _FQDN: _survey_fqdn,
    _DOMAIN_SEARCH: _survey_search,
    _CLIENT_IDENTIFIER: _survey_identifier,
    _UUID: _survey_identifier,
    _AGENT: _survey_agent,
}


def _fqdn_text(value: bytes) -> bytes:
    if value[:1] and value[0] & _ENCODED:
        return b".".join(_labels(value[_FQDN_FIXED:]))
    return value[_FQDN_FIXED:]


def _labels(value: bytes) -> list[bytes]:
    """The labels of all names in wire form, as far as they can be read."""
    found: list[bytes] = []
    at = 0
    while at < len(value):
        try:
            labels, at = read_name(value, at)
        except BadNameError:
            break
        found += labels
    return found


class Messages:
    """Gives messages with pseudonyms. `addressed` are the codes of options that hold addresses and nothing else."""

    def __init__(
        self,
        findings: Findings,
        pseudonyms: Pseudonyms,
        writer: Writer,
        address: Callable[[int], int],
        addressed: frozenset[int],
    ) -> None:
        self._findings = findings
        self._pseudonyms = pseudonyms
        self._writer = writer
        self._address = address
        self._addressed = addressed
        self._kinds: Mapping[int, Callable[[bytes], bytes]] = {
            **dict.fromkeys(_NAMES, writer.words),
            **dict.fromkeys(_TEXTS, writer.words),
            _CLIENT_IDENTIFIER: self.identifier,
            _UUID: self.identifier,
            _FQDN: self._fqdn,
            _DOMAIN_SEARCH: self._wire_names,
            _AGENT: self._agent,
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
        hidden = self._pseudonyms.hardware(own)
        made[_CHADDR] = hidden + self._pseudonyms.hardware(payload[28 + len(own) : 44])
        for at in _HEADER_ADDRESSES:
            made[at : at + 4] = self.addresses(payload[at : at + 4])
        areas = _areas(payload)
        for start, end in ((SNAME_AT, FILE_AT), (FILE_AT, FIXED_OCTETS)):
            if (start, end) not in areas:
                made[start:end] = self._writer.words(payload[start:end])
        for code, places in _options(payload).items():
            self._place(made, places, self._option(code, _value(payload, places)))
        if not areas:
            made[FIXED_OCTETS:] = self._writer.words(payload[FIXED_OCTETS:])
        return self._without(own, hidden, bytes(made))

    def _place(self, made: bytearray, places: list[Area], value: bytes) -> None:
        at = 0
        for start, end in places:
            made[start:end] = value[at : at + end - start]
            at += end - start

    def _option(self, code: int, value: bytes) -> bytes:
        change = self._kinds.get(code)
        if change is not None:
            made = change(value)
            assert len(made) == len(value), f"option {code} has changed its length"
            return made
        return self.addresses(value) if code in self._addressed else value

    def addresses(self, value: bytes) -> bytes:
        """Addresses one behind the other; what is left over stays."""
        made = bytearray(value)
        for at in range(0, len(value) - _ADDRESS_OCTETS + 1, _ADDRESS_OCTETS):
            hidden = self._address(int.from_bytes(value[at : at + 4], "big"))
            made[at : at + 4] = hidden.to_bytes(4, "big")
        return bytes(made)

    def _without(self, own: bytes, hidden: bytes, made: bytes) -> bytes:
        """Vendors put the hardware address into options of their own: there too it is exchanged."""
        if len(own) < 6 or own == hidden:  # noqa: PLR2004 - shorter ones stand anywhere by chance
            return made
        return made[:FIXED_OCTETS] + made[FIXED_OCTETS:].replace(own, hidden)

    def _fqdn(self, value: bytes) -> bytes:
        head, name = value[:_FQDN_FIXED], value[_FQDN_FIXED:]
        encoded = value[:1] and value[0] & _ENCODED
        return head + (self._wire_names(name) if encoded else self._writer.words(name))

    def _wire_names(self, value: bytes) -> bytes:
        """Names in wire form: the labels are exchanged where they stand, pointers stay."""
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
            part = value[start:end]
            if code in _WHOSE:
                made[start:end] = self.identifier(part)
            elif code in (5, 11):  # link selection, server identifier override
                made[start:end] = self.addresses(part)
        return bytes(made)
