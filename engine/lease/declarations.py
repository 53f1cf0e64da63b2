"""Hosts, groups and classes that were declared at run time: their records, kept as text.

The configuration has them compiled; here is only what the lease file must say of them, so that nothing is lost in
printing them anew. The last record of a name counts.

See docs/behaviour/lease-file.md#declarations-made-at-run-time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ..model import syntax

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS: Final[dict[type[syntax.Node], str]] = {
    syntax.Class: "class",
    syntax.Subclass: "subclass",
    syntax.Group: "group",
    syntax.Host: "host",
}


class Declaration(NamedTuple):
    """One record. `written`: a rewrite keeps it; else it counts for this run only.

    `shadows`: it hides a declaration of dhcpd.conf.
    """

    kind: str
    name: str
    text: bytes
    dynamic: bool
    deleted: bool
    written: bool
    shadows: bool


class Declarations:
    """The records by kind and name, in order."""

    __slots__ = ("_records",)

    def __init__(self) -> None:
        """None yet."""
        self._records: dict[tuple[str, str, bytes], Declaration] = {}

    def add(self, node: syntax.Node, text: bytes, *, static: bool) -> None:
        """Take in a record that was read or made; `static`: a host of that name stands in dhcpd.conf."""
        kind = _KINDS.get(type(node))
        if kind is None or not isinstance(node, syntax.Class | syntax.Subclass | syntax.Group | syntax.Host):
            return
        words = {child.word for child in node.block or () if isinstance(child, syntax.Marker)}
        value = node.value if isinstance(node, syntax.Subclass) else b""
        key = (kind, node.name or "", value)
        known = self._records.pop(key, None)
        deleted = "deleted" in words
        shadows = static or "static" in words or (known is not None and known.shadows)
        if deleted and not shadows:
            return
        written = "dynamic" in words or deleted
        self._records[key] = Declaration(kind, key[1], text.strip(), "dynamic" in words, deleted, written, shadows)

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """What a rewrite writes, in ISC's order: (heading, record). Headings: class, group, rubout, host."""
        records = [one for one in self._records.values() if one.written]
        for one in records:
            if one.kind in {"class", "subclass"}:
                yield "class", one.text + b"\n\n"
        for heading, kind, deleted in (("group", "group", None), ("rubout", "host", True), ("host", "host", False)):
            for one in records:
                if one.kind == kind and deleted in {None, one.deleted}:
                    yield heading, one.text + b"\n"

    def plain(self) -> list[tuple[bytes, bool]]:
        """Every record for a snapshot: text, and whether it hides a declaration of dhcpd.conf."""
        return [(one.text, one.shadows) for one in self._records.values()]

    def __eq__(self, other: object) -> bool:
        """Whether the same records are held in the same order."""
        return isinstance(other, Declarations) and list(self._records.items()) == list(other._records.items())

    __hash__ = None  # type: ignore[assignment]
