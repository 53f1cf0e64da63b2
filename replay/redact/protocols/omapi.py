"""OMAPI's messages: what they name, and the same octets with pseudonyms, signed anew.

A connection's octets are walked message by message, value by value, and every value is exchanged where it stands, by
what its attribute is (the table ATTRIBUTES). No length changes, so that what breaks a rule of the protocol does so in
the same place. A signature that was right is made again with the key that the pseudonymous machine has; one that was
wrong becomes other octets, and stays wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ....engine.omapi import wire
from ....engine.omapi.signing import Key, signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..findings import Findings
    from ..sources import Writer
    from .messages import Messages

_AUTHLEN: Final = slice(4, 8)
_NAME_LENGTH_OCTETS: Final = 2
_VALUE_LENGTH_OCTETS: Final = 4
_LISTS: Final = 2
_NUMBER_OCTETS: Final = (1, 4)

HARDWARE: Final = "hardware"
IDENTIFIER: Final = "identifier"
NAME: Final = "name"
ADDRESSES: Final = "addresses"
STATEMENTS: Final = "statements"
WORD: Final = "word"
# What an attribute's value is; others are values of variables and the like, of which nobody knows.
ATTRIBUTES: Final[Mapping[bytes, str]] = {
    b"hardware-address": HARDWARE,
    b"dhcp-client-identifier": IDENTIFIER,
    b"client-identifier": IDENTIFIER,
    b"name": NAME,
    b"host": NAME,
    b"client-hostname": NAME,
    b"ip-address": ADDRESSES,
    b"partner-address": ADDRESSES,
    b"local-address": ADDRESSES,
    b"statements": STATEMENTS,
    b"type": WORD,
    b"algorithm": WORD,
    b"message": WORD,
}
# Objects that are named by what the configuration or the system calls them: no names to hide for that.
_NAMED_ELSEWHERE: Final = frozenset({b"interface", b"failover-state"})
# Of these, those whose names stay, whatever the words in them are elsewhere.
_STAYING: Final = frozenset({b"interface"})
# Objects whose names stand without quotation marks in the configuration and in the lease file.
_NAMED_IN_PLAIN: Final = frozenset({b"host", b"authenticator", b"group"})


class Value(NamedTuple):
    """Where a value stands, and whose it is; of what is not `whole` it may be the name."""

    name: bytes
    start: int
    end: int
    whole: bool


class Walked(NamedTuple):
    """A message: where it begins, its values, and where its lists and its signature end. `whole`: it has all of them.

    `kind` is the type of the object that it names, if it does.
    """

    kind: bytes
    start: int
    header_octets: int
    values: tuple[Value, ...]
    lists_end: int
    end: int
    whole: bool


def walk(data: bytes, *, greeted: bool, header_octets: int = wire.HEADER_OCTETS) -> list[Walked]:
    """The messages of what a peer sent, the last of which may lack something; none where its greeting is wrong.

    `greeted`: the greeting came before.
    """
    at = 0
    if not greeted:
        at = wire.GREETING_OCTETS
        version, header_octets = (int.from_bytes(data[place : place + 4], "big") for place in (0, 4))
        if version != wire.VERSION or not wire.HEADER_OCTETS <= header_octets <= wire.HEADER_OCTETS_MAX:
            return []
    found: list[Walked] = []
    while at < len(data) and (not found or found[-1].whole):
        found.append(_walk_one(data, at, header_octets))
        at = found[-1].end
    return found


def _walk_one(data: bytes, start: int, header_octets: int) -> Walked:
    at = start + header_octets
    values: list[Value] = []
    lists = 0
    kind = b""
    while lists < _LISTS and at + _NAME_LENGTH_OCTETS <= len(data):
        name_octets = int.from_bytes(data[at : at + _NAME_LENGTH_OCTETS], "big")
        at += _NAME_LENGTH_OCTETS
        if not name_octets:
            lists += 1
            continue
        name = data[at : at + name_octets]
        if len(name) < name_octets:
            values.append(Value(b"", at, len(data), whole=False))
        at += name_octets + _VALUE_LENGTH_OCTETS
        end = at + int.from_bytes(data[at - _VALUE_LENGTH_OCTETS : at], "big")
        values.append(Value(name, min(at, len(data)), min(end, len(data)), whole=end <= len(data)))
        if not lists and name == b"type":
            kind = data[at:end]
        at = end
    end = at + int.from_bytes(data[start:][_AUTHLEN], "big")
    whole = lists == _LISTS and end <= len(data)
    return Walked(kind, start, header_octets, tuple(values), min(at, len(data)), min(end, len(data)), whole)


def survey(data: bytes, messages: list[Walked], findings: Findings, source: Callable[[bytes, Findings], None]) -> None:
    """Take what messages name into `findings`, and count what of them will stay; `source` surveys statements."""
    for message in messages:
        for value in message.values:
            if value.whole and not (value.name == b"name" and message.kind in _NAMED_ELSEWHERE):
                _survey_value(value.name, data[value.start : value.end], findings, source)
            if value.whole and value.name == b"name" and message.kind in _NAMED_IN_PLAIN:
                findings.name(data[value.start : value.end], plain=True)


def _survey_value(name: bytes, value: bytes, findings: Findings, source: Callable[[bytes, Findings], None]) -> None:
    kind = ATTRIBUTES.get(name)
    if kind == HARDWARE:
        findings.hardware_address(value)
    elif kind == IDENTIFIER:
        findings.identifier(value)
    elif kind == NAME:
        findings.name(value)
    elif kind == STATEMENTS:
        source(value, findings)
    elif kind is None and value and len(value) not in _NUMBER_OCTETS:
        findings.leave("other attributes in OMAPI messages")


class OmapiWriter:
    """Rewrites what came on connections; `keys` are those of all original configurations.

    Not those of the moment: a message may begin, and with it the connection be rewritten, before a reload brings the
    key that it is signed with. One whose key is not in force is refused under pseudonyms too, since no two are alike.
    """

    def __init__(self, writer: Writer, messages: Messages, keys: Iterable[Key]) -> None:
        self._writer = writer
        self._keys = [key for key in keys if key.usable]
        self._kinds: Mapping[str | None, Callable[[bytes], bytes]] = {
            HARDWARE: writer.anything,
            IDENTIFIER: messages.identifier,
            NAME: writer.text,
            ADDRESSES: messages.addresses,
            STATEMENTS: self._statements,
            WORD: bytes,
            None: writer.anything,
        }
        self._meaningless = messages.meaningless

    def rewrite(self, data: bytes, messages: list[Walked]) -> bytes:
        """The same octets with pseudonyms; what is behind the last message nobody reads."""
        made = bytearray(data)
        end = wire.GREETING_OCTETS
        for message in messages:
            self._rewrite_values(data, made, message)
            extra = slice(message.start + wire.HEADER_OCTETS, message.start + message.header_octets)
            made[extra] = self._meaningless(data[extra])
            signed = slice(message.lists_end, message.end)
            if message.whole and data[signed]:
                made[signed] = self._signature(data, made, message)
            end = message.end
        made[end:] = self._meaningless(data[end:])
        return bytes(made)

    def reference(self, row: list[Any]) -> list[Any]:
        """The row of a handle in a snapshot: number, type, name, key."""
        number, kind, name, key = row
        if isinstance(name, str) and kind.encode() not in _STAYING:
            name = self._writer.text(name.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
        return [number, kind, name, self._writer.anything(key)]

    def _rewrite_values(self, data: bytes, made: bytearray, message: Walked) -> None:
        for name, start, end, whole in message.values:
            if not whole:
                made[start:end] = self._meaningless(data[start:end])
            elif name != b"name" or message.kind not in _STAYING:
                made[start:end] = self._kinds[ATTRIBUTES.get(name)](data[start:end])

    def _statements(self, value: bytes) -> bytes:
        """Statements as long as before: a comment that is gone leaves room."""
        made = self._writer.rewrite(value)
        return made.ljust(len(value)) if len(made) <= len(value) else self._meaningless(value)

    def _signature(self, data: bytes, made: bytearray, message: Walked) -> bytes:
        signed = data[message.lists_end : message.end]
        for key in self._keys:
            if signature(key, _covered(data, message)) == signed:
                return signature(self._blinded(key), _covered(bytes(made), message))
        return self._meaningless(signed)

    def _blinded(self, key: Key) -> Key:
        """A key whose secret was taken out of the configuration."""
        return key._replace(secret=self._writer.secrets.octets(key.secret))


def _covered(data: bytes, message: Walked) -> bytes:
    head = data[message.start : message.start + wire.HEADER_OCTETS][_AUTHLEN.start :]
    return head + data[message.start + message.header_octets : message.lists_end]
