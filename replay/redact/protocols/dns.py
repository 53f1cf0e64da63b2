"""DNS messages: what they name, and the same messages with pseudonyms, record by record.

An answer is believed only where it repeats what was asked, and where its signature is the key's. So names become what
the machine under pseudonyms asks for, label by label, pointers lead to the same labels as before, and a signature that
was right is made anew, with the key that is left and over the message that the other machine has sent. What of a
message cannot be read stays where it is, and stays as wrong as it was.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from ....engine.ddns.wire import message as wire
from ....engine.ddns.wire.message import BadAnswer, Record, name_at, read_record
from ....engine.ddns.wire.questions import UNDER_WAY_MAXIMUM
from ....engine.ddns.wire.signing import right_mac
from ....trace import effects as ef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ....engine.model.peers import Key
    from ....trace import events as ev
    from ....trace.effects import Effect
    from ..findings import Findings
    from ..sources import Writer
    from .messages import Messages

_POINTER: Final = 0xC0
_POINTER_MAX: Final = 0x3FFF
_QUESTION_OCTETS: Final = 4
_TXT, _OPT, _DHCID = 16, 41, 49
# What stands in front of the name in a record's data; a record of SOA has two.
_BEFORE_NAMES: Final = {2: 0, 5: 0, 6: 0, 12: 0, 15: 2, 33: 6, 39: 0}
_NAMES_OF: Final = {6: 2}
_REVERSE: Final = b"in-addr.arpa"
# Time, fudge and the length of the MAC, behind the algorithm's name; then the id, the error and a length.
_TSIG_BEFORE_MAC: Final = 10
_TSIG_BEHIND_MAC: Final = 6
# An answer comes within seconds: in that time so many may be asked again and again, elsewhere.
_ASKED_MAX: Final = 16 * UNDER_WAY_MAXIMUM

Labels = tuple[bytes, ...]
Change = tuple[int, int, bytes]


class Walk:
    """A message as far as it can be read: up to `end`, which is all of it where `whole`.

    `places`: of each label, by where it begins, the name that it is in and its number there. `names` are all names but
    those of algorithms. `pointers`: where they stand.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.names: list[Labels] = []
        self.places: dict[int, tuple[Labels, int]] = {}
        self.pointers: list[int] = []
        self.records: list[Record] = []
        self.end = min(wire.HEADER.size, len(data))
        self.whole = False
        try:
            self._read()
            self.whole = True
        except BadAnswer:
            pass

    def _read(self) -> None:
        if len(self.data) < wire.HEADER.size:
            raise BadAnswer("")
        _id, _flags, questions, *counts = wire.HEADER.unpack_from(self.data)
        for _ in range(questions):
            end = self._name(self.end) + _QUESTION_OCTETS
            if end > len(self.data):
                raise BadAnswer("")
            self.end = end
        for section, count in enumerate(counts):
            for _ in range(count):
                self._record(section)

    def _record(self, section: int) -> None:
        record = read_record(self.data, section, self.end)
        self._name(record.at)
        at = record.data_at + _BEFORE_NAMES.get(record.kind, 0)
        if record.kind in _BEFORE_NAMES and record.octets:
            for _ in range(_NAMES_OF.get(record.kind, 1)):
                at = self._name(at)
            if at > record.data_at + record.octets:
                raise BadAnswer("")
        self.records.append(record)
        self.end = record.data_at + record.octets

    def _name(self, at: int) -> int:
        """Take a name; where it ends."""
        labels = name_at(self.data, at).labels
        self.names.append(labels[:-1])
        for number in range(len(labels)):
            octets = self.data[at]
            if octets >= _POINTER:
                self.pointers.append(at)
                return at + 2
            if not octets:
                break
            self.places.setdefault(at, (labels[:-1], number))
            at += 1 + octets
        return at + 1

    @property
    def signature(self) -> Mac | None:
        """The MAC of the TSIG record that it ends in."""
        if not self.whole or not self.records or self.records[-1].kind != wire.TSIG:
            return None
        record = self.records[-1]
        stop = record.data_at + record.octets
        try:
            at = record.data_at + len(wire.wire_form(name_at(self.data, record.data_at))) + _TSIG_BEFORE_MAC
        except BadAnswer:
            return None
        end = at + int.from_bytes(self.data[at - 2 : at], "big")
        return None if end + _TSIG_BEHIND_MAC > stop else Mac(record, at, end)

    @property
    def mac(self) -> bytes | None:
        """The octets of that."""
        found = self.signature
        return None if found is None else self.data[found.start : found.end]


class Mac(NamedTuple):
    """Where the MAC of a TSIG record stands."""

    record: Record
    start: int
    end: int


def _strings(data: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of each character-string of a TXT record's data."""
    at = 0
    while at < len(data):
        end = min(at + 1 + data[at], len(data))
        yield at + 1, end
        at = end


def survey(data: bytes, findings: Findings) -> None:
    """Take what a message names into `findings`, and count what of it will stay."""
    if not data:
        return
    walk = Walk(data)
    for labels in walk.names:
        findings.name(b".".join(labels))
    for record in walk.records:
        _survey_data(record.kind, data[record.data_at : record.data_at + record.octets], findings)
    if not walk.whole:
        findings.leave("DNS messages that cannot be read")


def _survey_data(kind: int, value: bytes, findings: Findings) -> None:
    if kind == _TXT:
        for start, end in _strings(value):
            findings.identifier(value[start:end])
    elif kind == _DHCID:
        findings.identifier(value)
    elif kind not in _BEFORE_NAMES and kind not in {wire.A, _OPT, wire.TSIG} and value:
        findings.leave("IPv6 addresses in DNS messages" if kind == wire.AAAA else "other records in DNS messages")


class Asked(NamedTuple):
    """What both machines have asked: their signatures, None for none; names, in lower case, with their pseudonyms."""

    truth: bytes | None
    hidden: bytes | None
    names: Mapping[Labels, Labels]


_NOTHING_ASKED: Final = Asked(None, None, {})


def _folded(labels: Labels) -> Labels:
    return tuple(label.lower() for label in labels)


class DnsWriter:
    """Rewrites what went to name servers, and their answers; `keys` are those of all original configurations.

    Not those of the moment: what was signed before a reload is sent again behind it. `note` tells it what both machines
    have sent, since an answer's signature covers that of its question.
    """

    def __init__(self, writer: Writer, messages: Messages, keys: Iterable[Key]) -> None:
        self._writer = writer
        self._messages = messages
        self._keys = tuple(keys)
        self._asked: dict[int, Asked] = {}

    def note(self, query: int, truth: bytes, hidden: bytes) -> None:
        """Both machines have sent something: its names, its guards and its signature belong together."""
        ours, theirs = Walk(truth), Walk(hidden)
        names = {_folded(one): other for one, other in zip(ours.names, theirs.names, strict=False)}
        self._asked.pop(query, None)
        self._asked[query] = Asked(ours.mac, theirs.mac, names)
        if len(self._asked) > _ASKED_MAX:
            del self._asked[next(iter(self._asked))]
        for one, other in zip(ours.records, theirs.records, strict=False):
            if one.kind == other.kind and one.kind in {_TXT, _DHCID} and one.octets == other.octets:
                skip = one.kind == _TXT
                guard, made = (
                    walk.data[record.data_at + skip : record.data_at + record.octets]
                    for walk, record in ((ours, one), (theirs, other))
                )
                self._writer.learn(guard, made)

    def note_all(self, truth: Sequence[Effect], hidden: Sequence[Effect]) -> None:
        """The same for the effects of one event, which decide alike."""
        for one, other in zip(truth, hidden, strict=False):
            if isinstance(one, ef.DnsSend) and isinstance(other, ef.DnsSend):
                self.note(one.query, one.payload, other.payload)

    def event(self, event: ev.DnsAnswer) -> ev.DnsAnswer:
        """An answer; one to what was never asked, nobody reads."""
        asked = self._asked.get(event.query)
        if asked is None:
            return event._replace(payload=self._messages.meaningless(event.payload))
        return event._replace(payload=self._rewritten(event.payload, asked))

    def effect(self, effect: ef.DnsSend) -> ef.DnsSend:
        """What was sent."""
        return effect._replace(payload=self.rewrite_own(effect.payload))

    def rewrite_own(self, data: bytes) -> bytes:
        """What the server asks, or will ask, with pseudonyms."""
        return self._rewritten(data, _NOTHING_ASKED) if data else data

    def _rewritten(self, data: bytes, asked: Asked) -> bytes:
        walk = Walk(data)
        key = self._signer(walk, asked.truth)
        made = self._rebuilt(walk, [*self._labels(walk, asked.names), *self._data(walk, is_signed=key is not None)])
        if key is not None:
            blind = self._writer.secrets.octets(key.secret)
            made = _signed(made, replace(key, name=self._text(key.name), secret=blind), asked.hidden)
        return made

    def _signer(self, walk: Walk, asked: bytes | None) -> Key | None:
        """The key that has signed a message, None where none has."""
        found = walk.signature
        if found is None or not walk.mac:
            return None
        return next((key for key in self._keys if right_mac(walk.data, found.record, key, asked) == walk.mac), None)

    def _text(self, value: str) -> str:
        return self._writer.text(value.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def _labels(self, walk: Walk, asked: Mapping[Labels, Labels]) -> Iterator[Change]:
        known: dict[Labels, Labels] = {}
        for at, (labels, number) in walk.places.items():
            if labels not in known:
                found = asked.get(_folded(labels), ())
                known[labels] = found if len(found) == len(labels) else self._hidden(labels)
            label = known[labels][number]
            yield at, at + 1 + len(labels[number]), bytes([len(label)]) + label

    def _hidden(self, labels: Labels) -> Labels:
        """The labels of a name; those of a reverse map's go with the address."""
        text = b".".join(labels)
        if text.lower().endswith(_REVERSE):
            made = tuple(self._writer.text(text).split(b"."))
            if len(made) == len(labels):
                return made
        return tuple(self._writer.words(label) for label in labels)

    def _data(self, walk: Walk, *, is_signed: bool) -> Iterator[Change]:
        for record in walk.records:
            stop = record.data_at + record.octets
            if record.kind not in _BEFORE_NAMES and record.kind != wire.TSIG:
                yield record.data_at, stop, self._value(record.kind, walk.data[record.data_at : stop])
        found = walk.signature
        if found is not None and not is_signed:
            yield found.start, found.end, self._messages.meaningless(walk.data[found.start : found.end])
        yield walk.end, len(walk.data), self._writer.anything(walk.data[walk.end :])

    def _value(self, kind: int, value: bytes) -> bytes:
        if kind == wire.A:
            return self._messages.addresses(value)
        if kind == _TXT:
            made = bytearray(value)
            for start, end in _strings(value):
                made[start:end] = self._messages.identifier(value[start:end])
            return bytes(made)
        if kind == _DHCID:
            return self._messages.identifier(value)
        return self._messages.meaningless(value) if kind == _OPT else self._writer.anything(value)

    def _rebuilt(self, walk: Walk, changes: Iterable[Change]) -> bytes:
        """The message with its changes, its pointers and its records' lengths put right."""
        ordered = sorted(changes)
        made = bytearray()
        behind = 0
        begins, moved = [0], [0]
        for start, end, octets in ordered:
            made += walk.data[behind:start] + octets
            behind = end
            begins.append(end)
            moved.append(len(made) - end)
        made += walk.data[behind:]

        def place(at: int) -> int:
            """Where what began at an offset, or ended there, is now."""
            return at + moved[bisect_left(begins, at + 1) - 1]

        for at in walk.pointers:
            target = place(int.from_bytes(walk.data[at : at + 2], "big") & _POINTER_MAX)
            made[place(at) : place(at) + 2] = (_POINTER << 8 | min(target, _POINTER_MAX)).to_bytes(2, "big")
        for record in walk.records:
            begin, end = place(record.data_at), place(record.data_at + record.octets)
            made[begin - 2 : begin] = (end - begin).to_bytes(2, "big")
        return bytes(made)


def _signed(data: bytes, key: Key, asked: bytes | None) -> bytes:
    """The message with the signature that this key gives it."""
    found = Walk(data).signature
    mac = None if found is None else right_mac(data, found.record, key, asked)
    if found is None or mac is None or len(mac) != found.end - found.start:
        return data
    return data[: found.start] + mac + data[found.end :]
