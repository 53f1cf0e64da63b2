"""Hosts, and groups of declarations.

See docs/behaviour/configuration.md#hosts, docs/behaviour/configuration.md#groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ...model import syntax
from ...model.configuration import Host, Scope, complete
from ...model.spaces import OptionDefinition
from ...wire.codes import CLIENT_IDENTIFIER
from ..running.statements import STATEMENTS, flattened
from .builder import has_marker
from .drafts import Block

if TYPE_CHECKING:
    from collections.abc import Callable

    from .builder import Builder



def group(builder: Builder, node: syntax.Group, where: Block) -> None:
    """A group forgets the network that it stands in.

    See docs/behaviour/configuration.md#where-each-statement-may-stand.
    """
    if has_marker(node.block, "deleted"):
        builder.target.groups.take(node.name or "")
        return
    scope = builder.scope("group", node.place, where.scope)
    builder.block(node.block, Block(scope))
    if node.name is not None:
        builder.target.groups.put(node.name, scope)


@dataclass(eq=False)
class _HostDraft:
    """A host while its block is read; the fields are those of model.configuration.Host."""

    scope: Scope
    hardware: bytes = b""
    uid: bytes = b""
    identifier: tuple[OptionDefinition, bytes] | None = None
    fixed_addresses: tuple[int | str, ...] = ()
    group: str | None = None
    dynamic: bool = False

    def finished(self, node: syntax.Host) -> Host:
        """The host."""
        return Host(
            node.name,
            node.place,
            self.scope,
            self.hardware,
            self.uid,
            self.identifier,
            self.fixed_addresses,
            self.group,
            dynamic=self.dynamic,
        )


def host(builder: Builder, node: syntax.Host, where: Block) -> None:
    """A host; without statements of its own it uses the scope around it, or its group's.

    One whose name is taken is not entered: the reader has said so.
    """
    block = flattened(node.block)
    if has_marker(block, "deleted"):
        builder.target.hosts.remove(node.name)
        return
    draft = _HostDraft(where.scope)
    statements: syntax.Block = []
    for child in block:
        kind = type(child)
        fill = _HOST_STATEMENTS.get(kind)
        if fill is not None:
            fill(builder, draft, child)
        elif kind in STATEMENTS:
            statements.append(child)
        elif kind in builder.declarations:
            builder.declarations[kind](builder, child, where)
    if statements:
        draft.scope = builder.scope("host", node.place, draft.scope)
        complete(draft.scope, statements=tuple(statements))
        draft.uid = draft.uid or _identifier(statements)
    if builder.target.hosts.by_name.get(node.name) is None:
        builder.target.hosts.enter(draft.finished(node))


def _identifier(statements: syntax.Block) -> bytes:
    """`option dhcp-client-identifier VALUE;`, constant and unconditional: the host's uid where none is declared."""
    for node in statements:
        if (
            isinstance(node, syntax.OptionStatement)
            and (node.option.space, node.option.code) == ("dhcp", CLIENT_IDENTIFIER)
            and node.value.octets
        ):
            return node.value.octets
    return b""


def _hardware(_builder: Builder, draft: _HostDraft, node: syntax.Hardware) -> None:
    # As the octet htype of a message, with which it is compared.
    draft.hardware = bytes((node.type_number & 0xFF,)) + node.address


def _address(builder: Builder, draft: _HostDraft, node: syntax.FixedAddress) -> None:
    draft.fixed_addresses = node.addresses
    for address in node.addresses:
        if isinstance(address, str):
            builder.compiler.meet_host_name(address)


def _uid(_builder: Builder, draft: _HostDraft, node: syntax.ClientUid) -> None:
    draft.uid = node.value


def _host_identifier(_builder: Builder, draft: _HostDraft, node: syntax.HostIdentifier) -> None:
    draft.identifier = (node.option, node.value)


def _group_reference(builder: Builder, draft: _HostDraft, node: syntax.GroupReference) -> None:
    draft.group = node.name
    draft.scope = builder.target.groups.get(node.name) or draft.scope


def _marker(_builder: Builder, draft: _HostDraft, node: syntax.Marker) -> None:
    draft.dynamic = draft.dynamic or node.word == "dynamic"


_HOST_STATEMENTS: Final[dict[type[syntax.Node], Callable[[Builder, _HostDraft, Any], None]]] = {
    syntax.Hardware: _hardware,
    syntax.FixedAddress: _address,
    syntax.ClientUid: _uid,
    syntax.HostIdentifier: _host_identifier,
    syntax.GroupReference: _group_reference,
    syntax.Marker: _marker,
}
