"""A host's record as ISC dhcpd writes it, whatever it looked like when it was read: what other programs look for.

Its statements stand as `supersede`, parameters among them by their names in space server; a host of dhcpd.conf that was
deleted is `deleted` and nothing else. It decides nothing: which records are written is declarations.py's.

See docs/behaviour/lease-file.md#declarations-made-at-run-time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..conf.running.statements import STATEMENTS
from ..conf.writing.printing import print_block, print_statements
from ..conf.writing.values import hex_pairs, printable
from ..model import syntax
from ..wire.text import dotted

if TYPE_CHECKING:
    from ..model.syntax import Node

_STATEMENT_INDENT: Final = 8
# What may stand in a record, in the order in which it is written.
_HEAD: Final = (syntax.Hardware, syntax.ClientUid, syntax.FixedAddress, syntax.GroupReference)


def host_record(node: syntax.Host, *, static: bool) -> bytes | None:
    """The record, ended by a line feed; None where something stands in the block that ISC has no place for.

    `static`: the host is one of dhcpd.conf.
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


def _line(node: Node) -> str:
    if isinstance(node, syntax.ClientUid):
        plain = printable(node.value) and b'"' not in node.value and b"\\" not in node.value
        return f'uid "{node.value.decode("ascii")}";' if plain else f"uid {hex_pairs(node.value)};"
    if isinstance(node, syntax.FixedAddress):
        places = [place if isinstance(place, str) else dotted(place) for place in node.addresses]
        return f"fixed-address {','.join(places)};"
    return print_block([node]).strip()
