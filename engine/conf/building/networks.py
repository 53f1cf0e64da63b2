"""Shared networks, subnets, pools and what stands in them.

See docs/behaviour/configuration.md#shared-networks, docs/behaviour/configuration.md#subnets,
docs/behaviour/configuration.md#ranges, docs/behaviour/configuration.md#pools,
docs/behaviour/configuration.md#authoritative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...model.configuration import Permit, SharedNetwork, Subnet, complete
from .compile_pools import add_anonymous_range, add_range, enter_pool
from .drafts import Block, NetworkDraft, PoolDraft

if TYPE_CHECKING:
    from ...model import syntax
    from ...model.configuration import Scope
    from .builder import Builder


def shared_network(builder: Builder, node: syntax.SharedNetwork, where: Block) -> None:
    """A shared network, with all that stands in it."""
    scope = builder.scope("shared-network", node.place, where.scope)
    draft = NetworkDraft(SharedNetwork(node.name, node.place, scope, len(builder.networks)))
    builder.networks.append(draft)
    block = Block(scope)
    block.network = draft
    builder.block(node.block, block)


def _implicit_network(builder: Builder, node: syntax.Subnet, scope: Scope) -> NetworkDraft:
    """The network of a subnet of its own: they share one scope."""
    dotted = ".".join(str(octet) for octet in node.number.to_bytes(4, "big"))
    name = f"{dotted}/{node.netmask.bit_count()}"
    draft = NetworkDraft(SharedNetwork(name, node.place, scope, len(builder.networks), implicit=True))
    builder.networks.append(draft)
    return draft


def subnet(builder: Builder, node: syntax.Subnet, where: Block) -> None:
    """A subnet, in the shared network around it or in one of its own."""
    scope = builder.scope("subnet", node.place, where.scope)
    draft = where.network or _implicit_network(builder, node, scope)
    made = Subnet(node.number, node.netmask, node.place, scope, draft.network)
    builder.lookup.add(node.number, node.netmask, made)
    draft.siblings.add(node.number, node.netmask, made)
    block = Block(scope)
    block.network, block.subnet = draft, made
    builder.block(node.block, block)


def interface(builder: Builder, node: syntax.Interface, where: Block) -> None:
    """`interface NAME;`: the first one of a network counts, and the first network of an interface."""
    network = where.network
    if network is None or network.interface is not None or node.name in builder.requested_interfaces:
        return
    if builder.may_request is None or node.name in builder.may_request:
        network.interface = node.name
        builder.requested_interfaces.append(node.name)


def pool(builder: Builder, node: syntax.Pool, where: Block) -> None:
    """A pool hangs in its network, not in the subnet around it."""
    network = where.network
    if network is None:
        return
    scope = builder.scope("pool", node.place, network.network.scope)
    draft = PoolDraft(node.place, scope, network.failover_peer)
    block = where.inner(scope)
    block.pool = draft
    builder.block(node.block, block)
    enter_pool(network, draft)


def range_(_builder: Builder, node: syntax.Range, where: Block) -> None:
    """Addresses of the pool, or of an anonymous pool of the network."""
    network = where.network
    if network is None:
        return
    around = where.subnet or network.siblings.find(min(node.low, node.high))
    if around is None:
        return
    if where.pool is not None:
        add_range(where.pool, around, node)
    else:
        add_anonymous_range(network, around, node)


def permit(_builder: Builder, node: syntax.Permit, where: Block) -> None:
    """An entry of a pool's lists. A class goes by its name, which the reader knows to be one."""
    draft = where.pool
    if draft is None:
        return
    (draft.permits if node.allow else draft.prohibits).append(Permit(node.kind, node.value, node.place))
    if node.kind == "after" and isinstance(node.value, int):
        if node.allow:
            draft.valid_from = node.value
        else:
            draft.valid_until = node.value


def failover_reference(_builder: Builder, node: syntax.FailoverReference, where: Block) -> None:
    """`failover peer NAME;`: for the pool, or for the pools that open from now on."""
    if where.pool is not None:
        where.pool.failover_peer = node.name
        where.pool.failover_referenced = node.name is not None
    elif where.network is not None:
        where.network.failover_peer = node.name


def authoritative(_builder: Builder, node: syntax.Authoritative, where: Block) -> None:
    """`authoritative;` or `not authoritative;`, for the block and for blocks that open in it from now on."""
    complete(where.scope, authoritative=node.value)
