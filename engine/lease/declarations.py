"""Hosts, groups and classes that were declared at run time: their records, kept as text.

What is in force is engine/declared.py's; here is what the lease file must say of it, so that nothing is lost in
printing it anew, and what a restored machine must be told again, in order. A record is kept as
long as it makes a difference: a deletion wipes out what was said of its name before, and is itself kept where something
else has the name, too: dhcpd.conf, or a block of another record.

See docs/behaviour/lease-file.md#declarations-made-at-run-time.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from ..conf.running.statements import STATEMENTS
from ..conf.writing.lease_layout import print_statements
from ..conf.writing.printing import print_block
from ..conf.writing.values import hex_pairs, printable
from ..model import syntax
from ..wire.text import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..declared import Declared
    from ..model.configuration import Host

_KINDS: Final[dict[type[syntax.Node], str]] = {
    syntax.Class: "class",
    syntax.Subclass: "subclass",
    syntax.Group: "group",
    syntax.Host: "host",
}
_STATEMENT_INDENT: Final = 8
# What may stand in a record, in the order in which it is written.
_HEAD: Final = (syntax.Hardware, syntax.ClientUid, syntax.FixedAddress, syntax.GroupReference)
_Node = syntax.Class | syntax.Subclass | syntax.Group | syntax.Host
_Key = tuple[str, str, bytes]


class Declaration(NamedTuple):
    """One record. `written`: a rewrite keeps it; else it counts for this run only.

    `groups`: those that its hosts belong to. `inner`: what stands in its block.
    """

    key: _Key
    text: bytes
    deleted: bool
    written: bool
    groups: tuple[str, ...]
    inner: tuple[_Key, ...]

    @property
    def kind(self) -> str:
        """host, group, class or subclass."""
        return self.key[0]


class Declarations:
    """The records that make a difference, in order of coming.

    Those whose class a reload took away mean nothing, and are written nowhere, until another one has it again.
    """

    __slots__ = ("_by_key", "_group_users", "_homeless", "_inner", "_numbers", "_records")

    def __init__(self) -> None:
        """None yet."""
        self._numbers = count()
        self._records: dict[int, Declaration] = {}
        self._by_key: dict[_Key, list[int]] = {}
        self._group_users: dict[str, int] = {}
        self._inner: set[_Key] = set()
        self._homeless: list[tuple[bytes, bool]] = []

    def add(self, node: syntax.Node, text: bytes, declared: Declared) -> None:
        """Take in a record that was read or made, before it is in force; one that changes nothing is not kept."""
        if not isinstance(node, _Node) or not declared.takes(node):
            return
        if isinstance(node, syntax.Host):
            before = declared.hosts.by_name.get(node.name)
            in_file = node.name in declared.configuration.hosts_by_name
            text = _host_record(node, static=in_file if before is None else not before.dynamic) or text
        made = _record(node, text, written=self._is_written(node, declared))
        if made.kind == "group":
            if not self._has_members(made.key):
                self._drop(made.key)
        elif made.deleted:
            self._drop(made.key)
        if made.deleted and made.kind == "class":
            for key in [key for key in self._by_key if key[:2] == ("subclass", made.key[1])]:
                self._drop(key)
        if not made.deleted or self._must_stay(made, declared):
            self._append(made)

    def add_host(self, host: Host, text: bytes) -> None:
        """Take in a host whose name was free; `text` is as this server writes it."""
        groups = () if host.group is None else (host.group,)
        key = (_KINDS[syntax.Host], host.name, b"")
        self._append(Declaration(key, text.strip(), deleted=False, written=host.dynamic, groups=groups, inner=()))

    def _is_written(self, node: _Node, declared: Declared) -> bool:
        """A rewrite keeps what was made at run time, and deletions of hosts and groups that were not.

        ISC's server forgets that a class of dhcpd.conf was deleted when it starts again; so does this one.
        """
        words = _words(node)
        if "deleted" not in words:
            return "dynamic" in words
        hides = False
        if isinstance(node, syntax.Host):
            before = declared.hosts.by_name.get(node.name)
            hides = (before is not None and not before.dynamic) or any(
                self._records[number].deleted and self._records[number].written
                for number in self._by_key.get(_key(node), ())
            )
        elif isinstance(node, syntax.Group):
            hides = node.name in declared.configuration.groups
        return hides or "static" in words

    def _must_stay(self, made: Declaration, declared: Declared) -> bool:
        """Whether a deletion must be said again, because something else would bring back what it took away."""
        kind, name, value = made.key
        conf = declared.configuration
        if kind == "host":
            in_file = name in conf.hosts_by_name
        elif kind == "group":
            in_file = name in conf.groups or self._has_members(made.key)
        else:
            in_file = any(one.name == name and (kind == "class" or value in one.subclasses) for one in conf.classes)
        return made.written or in_file or made.key in self._inner

    def _has_members(self, group: _Key) -> bool:
        """Whether a group's records must outlast it: hosts belong to it, or its block says what holds without it."""
        return bool(self._group_users.get(group[1])) or any(
            self._records[number].inner for number in self._by_key.get(group, ())
        )

    def _append(self, made: Declaration) -> None:
        number = next(self._numbers)
        self._records[number] = made
        self._by_key.setdefault(made.key, []).append(number)
        self._inner.update(made.inner)
        for group in made.groups:
            self._group_users[group] = self._group_users.get(group, 0) + 1

    def _drop(self, key: _Key) -> None:
        for number in self._by_key.pop(key, ()):
            for group in self._records.pop(number).groups:
                self._leave(group)

    def _leave(self, group: str) -> None:
        """A host of the group is gone. With the last one goes what was kept of earlier groups of that name for it."""
        self._group_users[group] -= 1
        key = ("group", group, b"")
        if self._group_users[group] or key not in self._by_key:
            return
        *before, last = self._by_key[key]
        for number in before:
            del self._records[number]
        self._by_key[key] = [last]
        made = self._records[last]
        if made.deleted and not made.written and key not in self._inner:
            del self._records[last], self._by_key[key]

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """What a rewrite writes, in ISC's order: (heading, record). Headings: class, group, rubout, host.

        The last record of a name counts; of a host that was deleted and made anew, the deletion, too. Where what came
        last is not written (a host of dhcpd.conf that was changed), the deletion must not be, either.
        """
        records = [
            one
            for number, one in self._records.items()
            if one.written and (number == self._by_key[one.key][-1] or self._is_rubout(one))
        ]
        for one in records:
            if one.kind in {"class", "subclass"}:
                yield "class", one.text + b"\n\n"
        for heading, kind, deleted in (("group", "group", None), ("rubout", "host", True), ("host", "host", False)):
            for one in records:
                if one.kind == kind and deleted in {None, one.deleted}:
                    yield heading, one.text + b"\n"

    def _is_rubout(self, one: Declaration) -> bool:
        """Whether a record takes dhcpd.conf's host away, behind which a written one of its name came."""
        return one.kind == "host" and one.deleted and self._records[self._by_key[one.key][-1]].written

    # Snapshots

    def plain(self) -> list[tuple[bytes, bool]]:
        """Every record for a snapshot: text, and whether a rewrite keeps it."""
        return [*[(one.text, one.written) for one in self._records.values()], *self._homeless]

    def put_back(self, node: syntax.Node, text: bytes, *, written: bool) -> None:
        """Take over a record of a snapshot, or of the generation before, as it is."""
        if isinstance(node, _Node):
            self._append(_record(node, text, written=written))

    def put_by(self, text: bytes, *, written: bool) -> None:
        """Keep a record that means nothing in the configuration in force."""
        self._homeless.append((text, written))

    def __eq__(self, other: object) -> bool:
        """Whether the same records are held in the same order."""
        return (
            isinstance(other, Declarations)
            and [*self._records.values()] == [*other._records.values()]
            and self._homeless == other._homeless
        )

    __hash__ = None  # type: ignore[assignment]


def _words(node: _Node) -> set[str]:
    return {child.word for child in node.block or () if isinstance(child, syntax.Marker)}


def _key(node: _Node) -> _Key:
    return _KINDS[type(node)], node.name or "", node.value if isinstance(node, syntax.Subclass) else b""


def _record(node: _Node, text: bytes, *, written: bool) -> Declaration:
    inside = list(_inside(node))
    groups = tuple([one.name for one in inside if isinstance(one, syntax.GroupReference)])
    inner = tuple([_key(one) for one in inside if isinstance(one, _Node)])
    return Declaration(_key(node), text.strip(), "deleted" in _words(node), written, groups, inner)


def _inside(node: _Node) -> Iterator[syntax.Node]:
    """Every declaration in a block, at any depth."""
    for child in node.block or ():
        yield child
        if isinstance(child, _Node):
            yield from _inside(child)


def _host_record(node: syntax.Host, *, static: bool) -> bytes | None:
    """The record as ISC dhcpd writes it, whatever it was; None where something stands in it that ISC has no place for.

    That is what other programs look for: statements as `supersede`, parameters by their names in space server. A host
    of dhcpd.conf (`static`) that was deleted is `deleted` and nothing else.
    """
    markers = {child.word for child in node.block if isinstance(child, syntax.Marker)}
    lines = [f"host {node.name} {{\n"]
    if "dynamic" in markers and not (static and "deleted" in markers):
        lines.append("  dynamic;\n")
    if "deleted" in markers:
        lines.append("  deleted;\n")
    else:
        rest = [child for child in node.block if not isinstance(child, syntax.Marker)]
        head = sorted([child for child in rest if isinstance(child, _HEAD)], key=lambda one: _HEAD.index(type(one)))
        statements = [child for child in rest if type(child) in STATEMENTS]
        if len(head) + len(statements) < len(rest):
            return None
        lines += [f"  {_line(child)}\n" for child in head]
        lines.append(print_statements(statements, _STATEMENT_INDENT))
    return "".join([*lines, "}\n"]).encode("utf-8", "surrogateescape")


def _line(node: syntax.Node) -> str:
    if isinstance(node, syntax.ClientUid):
        plain = printable(node.value) and b'"' not in node.value and b"\\" not in node.value
        return f'uid "{node.value.decode("ascii")}";' if plain else f"uid {hex_pairs(node.value)};"
    if isinstance(node, syntax.FixedAddress):
        places = [place if isinstance(place, str) else dotted(place) for place in node.addresses]
        return f"fixed-address {','.join(places)};"
    return print_block([node]).strip()
