"""Syntax trees back to text that parses to an equal tree: configurations, and parts of them.

Values stand in their options' own formats, as people write them. Nothing is checked: a tree comes from the parser. How
ISC's server writes statements into the lease file is lease_layout.py's.
"""

from __future__ import annotations

from base64 import b64encode
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any, Final

from ...model import syntax
from ..reading.parse_values import fields_of
from .printing_expressions import print_expression, quoted
from .printing_values import literal_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.syntax import Block, Node

_COLUMN_MAX: Final = 79
_HARDWARE_WORDS: Final = {1: "ethernet", 6: "token-ring", 8: "fddi", 32: "infiniband"}


def print_block(block: Block, indent: int = 0) -> str:
    """A configuration, or a part of one, that parses to an equal tree (includes become what they included)."""
    return "".join(f"{line}\n" for line in _Printer().block(block, indent))


def _wrapped(text: str, indent: int) -> list[str]:
    """A statement at its indent, broken at blanks outside strings where it is too long."""
    pad = " " * indent
    if indent + len(text) <= _COLUMN_MAX:
        return [pad + text]
    lines: list[str] = []
    rest = text
    while len(pad) + len(rest) > _COLUMN_MAX:
        cut = _last_gap(rest, _COLUMN_MAX - len(pad))
        if cut <= 0:
            break
        lines.append(pad + rest[:cut])
        rest = rest[cut + 1 :]
        pad = " " * (indent + 4)
    lines.append(pad + rest)
    return lines


def _last_gap(text: str, limit: int) -> int:
    """Where the last blank outside a string stands within the limit, else the first behind it; -1 without."""
    inside = False
    found = -1
    at = 0
    while at < len(text):
        character = text[at]
        if inside and character == "\\":
            at += 1
        elif character == '"':
            inside = not inside
        elif character == " " and not inside:
            if at > limit:
                return found if found > 0 else at
            found = at
        at += 1
    return found


class _Printer:
    """Lines of statements."""

    def block(self, block: Block, indent: int) -> list[str]:
        made: list[str] = []
        for node in block:
            made += self.statement(node, indent)
        return made

    def statement(self, node: Node, indent: int) -> list[str]:
        compound = _COMPOUND.get(type(node))
        if compound is not None:
            return compound(self, node, indent)
        return _wrapped(_SIMPLE[type(node)](self, node), indent)

    def braced(self, head: str, block: Block, indent: int) -> list[str]:
        pad = " " * indent
        return [*_wrapped(f"{head} {{", indent), *self.block(block, indent + 2), f"{pad}}}"]

    # Compound statements

    def on(self, node: syntax.On, indent: int) -> list[str]:
        events = " or ".join(node.events)
        if node.block is None:
            return [f"{' ' * indent}on {events};"]
        return self.braced(f"on {events}", node.block, indent)

    def if_(self, node: syntax.If, indent: int, word: str = "if") -> list[str]:
        pad = " " * indent
        condition = print_expression(node.condition)
        # A parenthesis that begins the condition would be taken for the statement's own.
        condition = f"({condition})" if condition.startswith("(") else condition
        made = [*_wrapped(f"{word} {condition} {{", indent), *self.block(node.then, indent + 2)]
        other = node.otherwise
        if other is None:
            return [*made, f"{pad}}}"]
        if len(other) == 1 and isinstance(other[0], syntax.If):
            return made + self._joined(pad, self.if_(other[0], indent, "elsif"))
        return [*made, f"{pad}}} else {{", *self.block(other, indent + 2), f"{pad}}}"]

    @staticmethod
    def _joined(pad: str, lines: list[str]) -> list[str]:
        """`} elsif ...` in one line."""
        return [f"{pad}}} {lines[0].lstrip()}", *lines[1:]]

    def switch(self, node: syntax.Switch, indent: int) -> list[str]:
        return self.braced(f"switch ({print_expression(node.value)})", node.block, indent)

    def define(self, node: syntax.Define, indent: int) -> list[str]:
        return self.braced(f"define {node.name} ({', '.join(node.parameters)})", node.block, indent)

    def include(self, node: syntax.Include, indent: int) -> list[str]:
        return self.block(node.block, indent)

    def shared_network(self, node: syntax.SharedNetwork, indent: int) -> list[str]:
        return self.braced(f"shared-network {quoted(node.name.encode('latin-1'))}", node.block, indent)

    def subnet(self, node: syntax.Subnet, indent: int) -> list[str]:
        return self.braced(f"subnet {_dotted(node.number)} netmask {_dotted(node.netmask)}", node.block, indent)

    def group(self, node: syntax.Group, indent: int) -> list[str]:
        name = "" if node.name is None else " " + quoted(node.name.encode("latin-1"))
        return self.braced(f"group{name}", node.block, indent)

    def host(self, node: syntax.Host, indent: int) -> list[str]:
        return self.braced(f"host {node.name}", node.block, indent)

    def pool(self, node: syntax.Pool, indent: int) -> list[str]:
        return self.braced("pool", node.block, indent)

    def class_(self, node: syntax.Class, indent: int) -> list[str]:
        return self.braced(f"{node.legacy or 'class'} {quoted(node.name.encode('latin-1'))}", node.block, indent)

    def subclass(self, node: syntax.Subclass, indent: int) -> list[str]:
        value = quoted(node.value) if node.quoted else _hex(node.value)
        head = f"subclass {quoted(node.name.encode('latin-1'))} {value}"
        if node.block is None:
            return _wrapped(f"{head};", indent)
        return self.braced(head, node.block, indent)

    def failover_peer(self, node: syntax.FailoverPeer, indent: int) -> list[str]:
        pad = " " * (indent + 2)
        made = [f"{' ' * indent}failover peer {quoted(node.name.encode('latin-1'))} {{"]
        made += [f"{pad}{_peer_setting(words, value)};" for words, value in node.settings]
        return [*made, f"{' ' * indent}}}"]

    def key(self, node: syntax.Key, indent: int) -> list[str]:
        pad = " " * indent
        return [
            f"{pad}key {quoted(node.name.encode('latin-1'))} {{",
            f"{pad}  algorithm {node.algorithm};",
            f"{pad}  secret {quoted(b64encode(node.secret))};",
            f"{pad}}}",
        ]

    def zone(self, node: syntax.Zone, indent: int) -> list[str]:
        pad = " " * indent
        made = [f"{pad}zone {node.name} {{"]
        for word, addresses in (("primary", node.primary), ("secondary", node.secondary)):
            if addresses:
                made.append(f"{pad}  {word} {', '.join(_address(item) for item in addresses)};")
        for word, octets in (("primary6", node.primary6), ("secondary6", node.secondary6)):
            if octets:
                made.append(f"{pad}  {word} {', '.join(_ip6(item) for item in octets)};")
        if node.key is not None:
            made.append(f"{pad}  key {quoted(node.key.encode('latin-1'))};")
        return [*made, f"{pad}}}"]

    # Simple statements

    def option(self, node: syntax.OptionStatement) -> str:
        option = node.option
        if node.literal:
            text = literal_text(node)
            if text is not None:
                word = "option" if node.operator == "supersede" else node.operator
                return f"{word} {option.full_name} {text};".replace(" ;", ";")
        return f"{node.operator} {option.full_name} = {print_expression(node.value)};"

    def set(self, node: syntax.Set) -> str:
        return f"set {node.name} = {print_expression(node.value)} ;"

    def log(self, node: syntax.Log) -> str:
        return f"log ({node.level + ', ' if node.level else ''}{print_expression(node.value)});"

    def execute(self, node: syntax.Execute) -> str:
        words = [quoted(node.command.encode("latin-1")), *(print_expression(item) for item in node.arguments)]
        return f"execute ({', '.join(words)});"


def _dotted(address: int) -> str:
    return ".".join(str(octet) for octet in address.to_bytes(4, "big"))


def _address(item: int | str) -> str:
    return item if isinstance(item, str) else _dotted(item)


def _ip6(octets: bytes) -> str:
    return ":".join(f"{octets[at]:02x}{octets[at + 1]:02x}" for at in range(0, 16, 2))


def _hex(octets: bytes) -> str:
    return ":".join(f"{octet:02x}" for octet in octets)


def _peer_setting(words: str, value: object) -> str:
    """A line of a failover peer's definition."""
    if value is None:
        return words
    if words == "load":
        return f"load balance max seconds {value}"
    if isinstance(value, bytes):
        return f"{words} {_hex(value)}"
    if words.endswith("address") and isinstance(value, int):
        return f"{words} {_dotted(value)}"
    return f"{words} {value}"


def _hardware(node: syntax.Hardware) -> str:
    word = _HARDWARE_WORDS.get(node.type_number, f"unknown-{node.type_number}")
    return f"hardware {word} {_hex(node.address)};".replace(" ;", ";")


def _range(node: syntax.Range) -> str:
    return f"range {'dynamic-bootp ' if node.dynamic_bootp else ''}{_dotted(node.low)} {_dotted(node.high)};"


def _permit(node: syntax.Permit) -> str:
    word = "allow" if node.allow else "deny"
    if node.kind == "class":
        return f"{word} members of {quoted(str(node.value).encode('latin-1'))};"
    if node.kind == "after":
        return f"{word} after epoch {node.value};"
    if node.kind == "dynamic-bootp":
        return f"{word} dynamic bootp clients;"
    return f"{word} {node.kind} clients;"


_SIMPLE_TYPES: Final = {
    "f": "boolean", "b": "signed integer 8", "s": "signed integer 16", "l": "signed integer 32",
    "B": "unsigned integer 8", "S": "unsigned integer 16", "L": "unsigned integer 32", "I": "ip-address",
    "6": "ip6-address", "d": "domain-name", "D": "domain-list", "t": "text", "X": "string", "Z": "zerolen",
}  # fmt: skip


def _definition(node: syntax.OptionCodeDefinition) -> str:
    """`option NAME code N = TYPE;`."""
    option = node.option
    fields, repeats = fields_of(option.format)
    made: list[str] = []
    for field in fields:
        text = f"encapsulate {field.name}" if field.letter == "E" else _SIMPLE_TYPES[field.letter]
        text += " compressed" if field.compressed else ""
        made.append(f"array of {text}" if field.array else text)
    body = made[0] if len(made) == 1 else f"{{ {', '.join(made)} }}"
    return f"option {option.full_name} code {option.code} = {'array of ' if repeats else ''}{body};"


def _case_label(node: syntax.Case) -> str:
    """The label of a case: a hex list would swallow the colon."""
    value = node.value
    text = print_expression(value)
    return f"({text})" if value.kind == "data" and not text.startswith('"') else text


def _match(node: syntax.Match) -> str:
    return f"{'spawn with' if node.spawn else 'match'} {print_expression(node.value)};"


def _failover_reference(node: syntax.FailoverReference) -> str:
    # Only the one with `no` is without a semicolon.
    return "no failover peer" if node.name is None else f"failover peer {quoted(node.name.encode('latin-1'))};"


def _space(node: syntax.OptionSpaceDefinition) -> str:
    hash_size = "" if node.hash_size is None else f" hash size {node.hash_size}"
    return f"option space {node.name} code width {node.code_width} length width {node.length_width}{hash_size};"


_COMPOUND: Final[dict[type[Node], Callable[[_Printer, Any, int], list[str]]]] = {
    syntax.On: _Printer.on,
    syntax.If: _Printer.if_,
    syntax.Switch: _Printer.switch,
    syntax.Define: _Printer.define,
    syntax.Include: _Printer.include,
    syntax.SharedNetwork: _Printer.shared_network,
    syntax.Subnet: _Printer.subnet,
    syntax.Group: _Printer.group,
    syntax.Host: _Printer.host,
    syntax.Pool: _Printer.pool,
    syntax.Class: _Printer.class_,
    syntax.Subclass: _Printer.subclass,
    syntax.FailoverPeer: _Printer.failover_peer,
    syntax.Key: _Printer.key,
    syntax.Zone: _Printer.zone,
}
_SIMPLE: Final[dict[type[Node], Callable[[_Printer, Any], str]]] = {
    syntax.OptionStatement: _Printer.option,
    syntax.Set: _Printer.set,
    syntax.Log: _Printer.log,
    syntax.Execute: _Printer.execute,
    syntax.Unset: lambda _printer, node: f"unset {node.name} ;",
    syntax.Eval: lambda _printer, node: f"eval {print_expression(node.value)};",
    syntax.Return: lambda _printer, node: f"return {print_expression(node.value)};",
    syntax.Break: lambda _printer, _node: "break;",
    syntax.Case: lambda _printer, node: f"case {_case_label(node)}:",
    syntax.Default: lambda _printer, _node: "default:",
    syntax.Add: lambda _printer, node: f"add {quoted(node.name.encode('latin-1'))};",
    syntax.ParseVendorOption: lambda _printer, _node: "parse-vendor-option;",
    syntax.Interface: lambda _printer, node: f"interface {quoted(node.name.encode('latin-1'))};",
    syntax.GroupReference: lambda _printer, node: f"group {quoted(node.name.encode('latin-1'))};",
    syntax.Hardware: lambda _printer, node: _hardware(node),
    syntax.FixedAddress: lambda _printer, node: f"fixed-address {', '.join(_address(a) for a in node.addresses)};",
    syntax.FixedAddress6: lambda _printer, node: (
        f"fixed-address6 {', '.join(str(IPv6Address(address)) for address in node.addresses)};"
    ),
    syntax.FixedPrefix6: lambda _printer, node: f"fixed-prefix6 {IPv6Address(node.prefix)}/{node.length};",
    syntax.ClientUid: lambda _printer, node: f"uid {quoted(node.value)};",
    syntax.HostIdentifier: lambda _printer, node: (
        f"host-identifier option {node.option.full_name} = {_hex(node.value) or quoted(b'')};"
    ),
    syntax.Marker: lambda _printer, node: f"{node.word};",
    syntax.Range: lambda _printer, node: _range(node),
    syntax.Permit: lambda _printer, node: _permit(node),
    syntax.MatchIf: lambda _printer, node: f"match if {print_expression(node.condition)};",
    syntax.Match: lambda _printer, node: _match(node),
    syntax.LeaseLimit: lambda _printer, node: f"lease limit {node.limit};",
    syntax.Authoritative: lambda _printer, node: "authoritative;" if node.value else "not authoritative;",
    syntax.FailoverReference: lambda _printer, node: _failover_reference(node),
    syntax.OptionSpaceDefinition: lambda _printer, node: _space(node),
    syntax.OptionCodeDefinition: lambda _printer, node: _definition(node),
    syntax.LeaseIdFormat: lambda _printer, node: f"lease-id-format {node.format};",
    syntax.DbTimeFormat: lambda _printer, node: f"db-time-format {'local' if node.local else 'default'};",
    syntax.ServerDuid: lambda _printer, node: f"server-duid {' '.join(node.words)};",
}
