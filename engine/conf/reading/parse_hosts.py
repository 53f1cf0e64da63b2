"""Hosts, groups, classes and subclasses: the declarations that the lease file has, too.

See docs/behaviour/configuration.md#hosts, docs/behaviour/configuration.md#groups,
docs/behaviour/configuration.md#classes-and-subclasses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ...model.syntax import (
    Class,
    ClientUid,
    FixedAddress,
    FixedAddress6,
    FixedPrefix6,
    Group,
    GroupReference,
    Hardware,
    Host,
    HostIdentifier,
    If,
    LeaseLimit,
    Marker,
    Match,
    MatchIf,
    Node,
    On,
    OptionStatement,
    Subclass,
    Switch,
)
from ...wire.codes import CLIENT_IDENTIFIER
from .cursor import Lost, atoi
from .frames import CLASS, GLOBAL, GROUP, HOST, POOL, POOL6, SHARED_NETWORK, SUBCLASS, SUBNET, Frame, HostState
from .keywords import HEX_TOKENS, IDENTIFIERS, NUMBER, STRING
from .parse_statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...model.spaces import OptionDefinition
    from ...model.syntax import Block

_GLOBAL_HOSTS: Final = (
    "WARNING: Host declarations are global.  They are not limited to the scope you declared them in."
)
_GROUP_PLACES: Final = frozenset({GLOBAL, SHARED_NETWORK, SUBNET, GROUP, POOL, POOL6})
_IP6_BITS: Final = 128
_PRINTABLE: Final = range(0x20, 0x7F)

def identifier_ignored(name: str, uid: bytes, given: bytes) -> str:
    """ISC's line for a host that has a uid and sets its client another identifier, by which it is not found."""
    return (
        f"Warning, host declaration '{name}' already has uid '{shown(uid)}', "
        f"ignoring dhcp-client-identifier '{shown(given)}'"
    )



class Hosts(Statements):
    """Reads declarations of hosts, groups and classes."""

    def block(self, frame: Frame) -> Block:
        """Statements through the closing brace; parser.py says how."""
        raise NotImplementedError

    def left_brace(self) -> None:
        """The brace that opens a block. Raises Lost."""
        if self.lexer.next() != "{":
            raise self.lost("expecting left brace.")

    # Hosts

    def host(self, frame: Frame) -> Node:
        """`host NAME {...}`: the word is read. Raises Lost."""
        frame.declared = True
        place = self.place()
        if frame.kind not in _GROUP_PLACES:
            raise self.lost("host declarations not allowed here.")
        if frame.kind in (SHARED_NETWORK, SUBNET) and not self.symbols.hosts_warned:
            self.symbols.hosts_warned = True
            self.lines.append((ERROR, _GLOBAL_HOSTS))
        name = self.dotted_name()
        if name is None:
            raise self.lost("expecting a name for host declaration.")
        self.left_brace()
        inner = frame.inner(HOST)
        state = inner.host = HostState(name)
        block = self.block(inner)
        self._check_identifier(state, block)
        if state.deleted:
            self.symbols.hosts.discard(name)
        elif name in self.symbols.hosts:
            self.warn(f"host {name}: already exists")
        else:
            self.symbols.hosts.add(name)
        return Host(place, name, block)

    def _check_identifier(self, state: HostState, block: Block) -> None:
        """The lines about `option dhcp-client-identifier` in a host (docs/behaviour/configuration.md#hosts)."""
        if not state.sets_options:
            return
        found = [value for node in block if (value := _identifier(node)) is not None]
        if any(_identifier(node) is not None for node in _conditional(block)):
            self.lines.append((ERROR, "dhcp client identifier may not be specified conditionally."))
        if len(found) > 1:
            self.lines.append((ERROR, "only one dhcp client identifier may be specified"))
        if found and state.uid is not None:
            self.lines.append((ERROR, identifier_ignored(state.name, state.uid, found[0])))

    def hardware_statement(self, frame: Frame) -> Node:
        """`hardware TYPE ADDRESS;`: the word is read."""
        frame.declared = False
        place = self.place()
        state = frame.host
        if state is not None and state.hardware:
            self.warn(f"Host {state.name} hardware address already configured.")
            raise Lost
        found = self.hardware()
        if state is None:
            self.warn("hardware address parameter not allowed here.")
        if found is None:
            raise Lost
        if state is not None:
            state.hardware = True
        return Hardware(place, *found)

    def fixed_address(self, frame: Frame) -> Node:
        """`fixed-address A, B...;`: the word is read."""
        frame.declared = False
        place = self.place()
        state = frame.host
        quick = self.quick_address()
        made: list[int | str] = [] if quick is None else [quick]
        while quick is None:
            found = self.address_or_name()
            if found is None:
                raise Lost
            made.append(found)
            if not self.accept(","):
                self.end()
                break
        self._fix_address(state)
        return FixedAddress(place, tuple(made))

    def _fix_address(self, state: HostState | None) -> None:
        if state is None:
            self.warn("fixed-address parameter not allowed here.")
        elif state.fixed_address:
            self.warn("Only one fixed address declaration per host.")
        else:
            state.fixed_address = True

    def fixed_address6(self, frame: Frame) -> Node:
        """`fixed-address6 A, B...;`: the word is read."""
        frame.declared = False
        place = self.place()
        made: list[bytes] = []
        self.comma_list(lambda: made.append(self.claimed_address6()))
        self.end()
        self._fix_address(frame.host)
        return FixedAddress6(place, tuple(made))

    def fixed_prefix6(self, _frame: Frame) -> Node:
        """`fixed-prefix6 PREFIX/LENGTH;` of a host: the word is read."""
        place = self.place()
        prefix = self.claimed_address6()
        if self.lexer.next() != "/":
            raise self.lost_unless_semicolon("expecting '/'")
        if self.lexer.next() != NUMBER:
            raise self.lost_unless_semicolon("expecting number")
        length = atoi(self.lexer.text)
        self.end()
        if not 0 <= length <= _IP6_BITS:
            raise self.lost("networks have 0 to 128 bits", skip=False)
        if int.from_bytes(prefix, "big") & ((1 << (_IP6_BITS - length)) - 1):
            raise self.lost("network mask too short", skip=False)
        return FixedPrefix6(place, prefix, length)

    def uid(self, frame: Frame) -> Node:
        """`uid VALUE;` of a host: the word is read."""
        place = self.place()
        state = frame.host
        assert state is not None
        if state.uid is not None:
            raise self._abandon(f"Host '{state.name}' already has a uid '{shown(state.uid)}'")
        if self.lexer.peek() == STRING:
            self.lexer.next()
            state.uid = self.lexer.text
        else:
            state.uid = self.hex_list()
            if state.uid is None:
                self.warn("expecting hex list.")
                self.skip()
        self.end_or_leave()
        return ClientUid(place, state.uid or b"")

    def end_or_leave(self) -> None:
        """`;`, or the end of the block: what follows is read as if it stood outside. Raises Lost."""
        try:
            self.end()
        except Lost as lost:
            lost.abandon = True
            raise

    def _abandon(self, text: str) -> Lost:
        """An error that ends the block that it stands in."""
        self.warn(text)
        self.skip_block(1)
        lost = Lost()
        lost.abandon = True
        return lost

    def host_identifier(self, frame: Frame) -> Node:
        """`host-identifier option NAME VALUE;`: the word is still to be read."""
        state = frame.host
        assert state is not None
        if state.identifier:
            raise self._abandon("only one host-identifier allowed per host")
        self.lexer.next()
        place = self.place()
        kind = self.lexer.next()
        if kind == "v6relopt":
            if self.lexer.next() != NUMBER:
                raise self._abandon("host-identifier v6relopt must have a number")
        elif kind != "option":
            raise self._abandon("host-identifier must be an option or v6relopt")
        option, value = self._identifier_value()
        state.identifier = True
        return HostIdentifier(place, option, value)

    def _identifier_value(self) -> tuple[OptionDefinition, bytes]:
        try:
            space, name, option = self.option_reference()
        except Lost as error:
            error.abandon = True
            raise
        if option is None:
            raise self._abandon(f"unknown option {space.name}.{name}")
        try:
            statement = self.option_value(option, "supersede", required=True)
        except Lost:
            self.skip_block(1)
            lost = Lost()
            lost.abandon = True
            raise lost from None
        value = statement.value.octets
        if value is None:
            raise self._abandon("host-identifier must be a constant")
        return option, value

    def group_reference(self, frame: Frame) -> Node:
        """`group NAME;` in a host: the word is read."""
        place = self.place()
        kind = self.lexer.next()
        if kind != STRING and kind not in IDENTIFIERS:
            raise self._abandon("expecting string or identifier.")
        name = self.text()
        if name not in self.symbols.groups and frame.host is not None:
            self.warn(f"unknown group {name} in host {frame.host.name}")
        self.end_or_leave()
        return GroupReference(place, name)

    def marker(self, frame: Frame) -> Node:
        """`dynamic;`, `deleted;`, `static;`: the word is read."""
        place = self.place()
        word = self.lexer.kind
        if word == "deleted" and frame.host is not None:
            frame.host.deleted = True
        if frame.kind == GROUP:
            self.end()
        else:
            self.end_or_leave()
        return Marker(place, word)

    # Groups

    def group(self, frame: Frame) -> Node:
        """`group [NAME] {...}`, or a host's reference: the word is read."""
        if frame.kind == HOST:
            return self.group_reference(frame)
        frame.declared = True
        place = self.place()
        if frame.kind not in _GROUP_PLACES:
            raise self.lost("group declarations not allowed here.")
        name: str | None = None
        kind = self.lexer.next()
        if kind == STRING or kind in IDENTIFIERS:
            name = self.text()
            kind = self.lexer.next()
        if kind != "{":
            raise self.lost("expecting left brace.")
        block = self.block(Frame(GROUP))
        if name is not None:
            self.symbols.groups.add(name)
        return Group(place, name, block)

    # Classes

    def class_(self, frame: Frame) -> Node:
        """`class`, `vendor-class`, `user-class`: the word is read."""
        word = self.lexer.kind
        place = self.place()
        self._class_place(frame)
        name = self._class_name()
        legacy = None if word == "class" else word
        if legacy is not None and name not in self.symbols.classes:
            raise self.lost(f"no class named {name}")
        self.left_brace()
        # Its own statements do not know the class yet.
        try:
            block = self.block(frame.inner(CLASS))
        finally:
            self.symbols.classes.add(name)
        return Class(place, name, block, legacy)

    def _class_place(self, frame: Frame) -> None:
        if frame.kind in (CLASS, SUBCLASS):
            frame.declared = False
            raise self.lost("class declarations not allowed here.")
        frame.declared = True

    def _class_name(self) -> str:
        if self.lexer.next() != STRING:
            raise self.lost("Expecting class name")
        return self.text()

    def subclass(self, frame: Frame) -> Node:
        """`subclass NAME VALUE ;` or with a block: the word is read."""
        place = self.place()
        self._class_place(frame)
        name = self._class_name()
        if name not in self.symbols.classes:
            raise self.lost(f"no class named {name}")
        kind = self.lexer.peek()
        if kind == STRING:
            self.lexer.next()
            value = self.lexer.text
        elif kind in HEX_TOKENS:
            value = self.hex_octets(claimed=True)
        else:
            raise self.lost("Expecting string or hex list.", skip=False)
        if self.accept(";"):
            return Subclass(place, name, value, kind == STRING, None)
        self.left_brace()
        return Subclass(place, name, value, kind == STRING, self.block(frame.inner(SUBCLASS)))

    def match(self, frame: Frame) -> Node:
        """`match if BOOL;` and `match DATA;`: the word is still to be read."""
        if frame.kind == SUBCLASS:
            raise self._leave("invalid match in subclass.")
        self.lexer.next()
        place = self.place()
        if self.lexer.peek() == "if":
            self.lexer.next()
            if frame.match_if:
                raise self._leave("A class may only have one 'match if' clause.")
            frame.match_if = True
            condition = self.boolean("expecting boolean expr.", skip=True)
            self.end()
            return MatchIf(place, condition)
        return self._submatch(frame, place_spawn=False)

    def spawn(self, frame: Frame) -> Node:
        """`spawn with DATA;`: the word is read."""
        if frame.kind == SUBCLASS:
            raise self._leave("invalid spawn in subclass.")
        if self.lexer.next() != "with":
            raise self._leave("expecting with after spawn")
        return self._submatch(frame, place_spawn=True)

    def _submatch(self, frame: Frame, *, place_spawn: bool) -> Node:
        place = self.place()
        if frame.submatch:
            raise self._leave("can't override existing submatch/spawn.")
        frame.submatch = True
        value = self.data("expecting data expr.")
        self.end()
        return Match(place, value, place_spawn)

    def lease_limit(self, _frame: Frame) -> Node:
        """`lease limit N;`: the first word is read."""
        place = self.place()
        if self.lexer.next() != "limit":
            raise self._leave('expecting "limit"')
        if self.lexer.next() != NUMBER:
            raise self._leave("expecting a number")
        limit = atoi(self.lexer.text)
        self.end()
        return LeaseLimit(place, limit)

    def _leave(self, text: str) -> Lost:
        """An error that ends the block behind its statement: what follows is read as if it stood outside."""
        lost = self.lost_unless_semicolon(text)
        lost.abandon = True
        return lost


def _identifier(node: Node) -> bytes | None:
    """The constant that a statement sets as the client identifier."""
    if not isinstance(node, OptionStatement) or (node.option.space, node.option.code) != ("dhcp", CLIENT_IDENTIFIER):
        return None
    return node.value.octets


def _conditional(block: Block) -> Iterator[Node]:
    """The statements inside of conditional statements."""
    for node in block:
        if isinstance(node, If):
            yield from node.then
            yield from node.otherwise or ()
            yield from _conditional(node.then)
            yield from _conditional(node.otherwise or [])
        elif isinstance(node, (Switch, On)):
            yield from node.block or ()
            yield from _conditional(node.block or [])


def shown(value: bytes) -> str:
    """A client identifier in a message: quoted where it is all printable, else in hex."""
    if value and all(octet in _PRINTABLE for octet in value):
        return f'"{value.decode("ascii")}"'
    return ":".join(f"{octet:02x}" for octet in value)
