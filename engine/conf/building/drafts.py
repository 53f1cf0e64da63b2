"""Networks, pools and classes while their blocks are being read: what becomes frozen when the walk is over.

A scope or a network exists from the first word of its block on, because what stands in the block refers to it; a pool
or class is made at the end, in one piece. Nothing here knows the syntax tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ...model.configuration import Class, Permit, Pool, Scope, SharedNetwork, Subnet
from ...model.syntax import Expression, MatchIf, Place
from ..subnet_list import SubnetList

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.syntax import Node
    from ..running.expressions import Compiler

NO_SUBCLASSES: Final[MappingProxyType[bytes, Class]] = MappingProxyType({})


@dataclass(eq=False)
class NetworkDraft:
    """A shared network. `failover_peer` is what pools that open from now on inherit.

    Of pools that look alike the first is remembered, so that a new one need not be held against all (compile_pools.py).
    """

    network: SharedNetwork
    interface: str | None = None
    failover_peer: str | None = None
    siblings: SubnetList[Subnet] = field(default_factory=lambda: SubnetList(append=True))
    pools: list[PoolDraft] = field(default_factory=list)
    plain_pools: dict[tuple[object, ...], PoolDraft] = field(default_factory=dict)
    anonymous_pools: dict[bool, int] = field(default_factory=dict)


@dataclass(eq=False)
class PoolDraft:
    """A pool; the fields are those of model.configuration.Pool."""

    place: Place
    scope: Scope
    failover_peer: str | None
    failover_referenced: bool = False
    ranges: list[tuple[int, int]] = field(default_factory=list)
    range_subnets: list[Subnet] = field(default_factory=list)
    permits: list[Permit] = field(default_factory=list)
    prohibits: list[Permit] = field(default_factory=list)
    valid_from: int = 0
    valid_until: int = 0
    implicit: bool = False

    def finished(self, network: SharedNetwork, index: int) -> Pool:
        """The pool, as number `index` of the configuration."""
        return Pool(
            network=network,
            place=self.place,
            scope=self.scope,
            index=index,
            ranges=tuple(self.ranges),
            permits=tuple(self.permits),
            prohibits=tuple(self.prohibits),
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            failover_peer=self.failover_peer,
            failover_referenced=self.failover_referenced,
            range_subnets=tuple(self.range_subnets),
            implicit=self.implicit,
        )


@dataclass(eq=False)
class ClassDraft:
    """A class, or a subclass (then `key` is its value); the fields are those of model.configuration.Class."""

    name: str
    place: Place
    scope: Scope
    key: bytes | None = None
    condition: MatchIf | None = None
    submatch_tree: Expression | None = None
    spawning: bool = False
    limit: int = 0
    dynamic: bool = False
    subclasses: dict[bytes, Class] = field(default_factory=dict)

    def finished(self, compiler: Compiler) -> Class:
        """The class, its conditions compiled. `subclasses` stays the draft's own: who keeps the draft can add to it."""
        match_if = submatch = None
        if self.condition is not None:
            condition = compiler.boolean(self.condition.condition)
            match_if = condition if callable(condition) else _always(condition)
        if self.submatch_tree is not None:
            submatch = compiler.data_closure(self.submatch_tree)
        return Class(
            name=self.name,
            place=self.place,
            scope=self.scope,
            key=self.key,
            match_if=match_if,
            submatch=submatch,
            spawning=self.spawning,
            limit=self.limit,
            dynamic=self.dynamic,
            subclasses=MappingProxyType(self.subclasses) if self.key is None else NO_SUBCLASSES,
            condition=self.condition,
            submatch_tree=self.submatch_tree,
        )


def _always(value: bool | None) -> Callable[[object], bool | None]:
    return lambda _context: value


class Block:
    """Where the walk is: the scope that is open, its statements so far, and what it is a block of."""

    __slots__ = ("class_", "network", "pool", "scope", "statements", "subnet")

    def __init__(self, scope: Scope) -> None:
        """A block in no network."""
        self.scope = scope
        self.statements: list[Node] = []
        self.network: NetworkDraft | None = None
        self.subnet: Subnet | None = None
        self.pool: PoolDraft | None = None
        self.class_: ClassDraft | None = None

    def inner(self, scope: Scope) -> Block:
        """A block within this one, in the same network."""
        made = Block(scope)
        made.network, made.subnet = self.network, self.subnet
        return made
