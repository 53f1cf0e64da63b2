"""The configuration as the engine uses it: networks, pools, hosts, classes, and scopes of compiled statements.

Made once, at load, from the syntax tree (conf/building/), and frozen: several machines, and a running one beside the
candidate of a reload, may share what they have in common. What a run adds to it stands elsewhere: hosts, groups and
classes of the lease file in engine/declared.py, charges and spawned subclasses in engine/lease/charges.py. Addresses
are 32-bit numbers. Nothing here reads text or evaluates anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from .context import Context
from .peers import FailoverPeer, Key, Zone
from .spaces import OptionDefinition, Registry
from .syntax import Define, Expression, MatchIf, Node, On, Place

# What an expression comes to; None is ISC's null.
Result = bytes | int | bool | None
DataExpression = Callable[["Context"], bytes | None]
NumberExpression = Callable[["Context"], int | None]
BooleanExpression = Callable[["Context"], bool | None]

# An option's value in an option set: constant bytes, or what finds them when the reply is encoded.
Value = bytes | DataExpression

_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Function:
    """What `define` makes: parameters by name, and the body; the body's `return` leaves its value in the context.

    `tree` is its text.
    """

    name: str
    parameters: tuple[str, ...]
    run: Callable[[Context], object]
    tree: Define


@dataclass(frozen=True, eq=False)
class Handler:
    """An `on` statement with a body. `tree` is its text; the same object under two events is one statement."""

    tree: On
    run: Callable[[Context], None]

    @property
    def events(self) -> tuple[str, ...]:
        """The events that the statement names."""
        return self.tree.events


@dataclass(frozen=True, eq=False)
class Scope:
    """One block's statements and where it hangs.

    `run` executes the block's own statements, in order. `constant`: running it does the same in every context (it may
    still set options to expressions that are evaluated later). `number` tells it from every other scope of a
    configuration, and from those of the lease file.
    """

    kind: str
    place: Place
    parent: Scope | None
    number: int = 0
    authoritative: bool = False
    statements: tuple[Node, ...] = ()
    run: Callable[[Context], None] = lambda _context: None
    constant: bool = True

    def chain(self, limit: Scope | None = None) -> list[Scope]:
        """The scope and its parents, outermost first, down from (and without) `limit` or an ancestor of it.

        See docs/behaviour/configuration.md#order-of-evaluation, Run(S, limit).
        """
        stop: set[int] = set()
        above: Scope | None = limit
        while above is not None:
            stop.add(above.number)
            above = above.parent
        found: list[Scope] = []
        here: Scope | None = self
        while here is not None and here.number not in stop:
            found.append(here)
            here = here.parent
        found.reverse()
        return found


@dataclass(frozen=True, eq=False)
class SharedNetwork:
    """`subnets` in ISC's order within the network, `pools` in order; `implicit` for a subnet of its own.

    `interface`: the one whose packets come from this network, where the configuration says so.
    """

    name: str
    place: Place
    scope: Scope
    number: int = 0
    implicit: bool = False
    interface: str | None = None
    subnets: tuple[Subnet, ...] = ()
    pools: tuple[Pool, ...] = ()


def complete(made: Scope | SharedNetwork, **fields: object) -> None:
    """Give a scope or network what is only known when the walk over the configuration is over.

    For conf/building/ alone, before anybody else has seen `made`: scopes and networks are referred to by what stands
    in them, and so must exist first.
    """
    for name, value in fields.items():
        object.__setattr__(made, name, value)


@dataclass(frozen=True, eq=False)
class Subnet:
    """A subnet declaration; `network` is its shared network, or the implicit one that it has for itself."""

    number: int
    netmask: int
    place: Place
    scope: Scope
    network: SharedNetwork

    @property
    def prefix_length(self) -> int:
        """How many bits of the mask are set."""
        return self.netmask.bit_count()

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and address & self.netmask == self.number


@dataclass(frozen=True, eq=False)
class Permit:
    """`kind` as in syntax.Permit; `value` is the name of the class, or the date in seconds since 1970."""

    kind: str
    value: str | int | None
    place: Place


@dataclass(frozen=True, eq=False)
class Pool:
    """`ranges` are (low, high), both in, as declared, and `range_subnets` the subnet of each.

    `index` numbers all pools of the configuration; `implicit`: made for ranges outside a pool block.
    `valid_from`/`valid_until`: seconds since 1970 of `allow after`/`deny after`, 0 for none.
    """

    network: SharedNetwork
    place: Place
    scope: Scope
    index: int = 0
    ranges: tuple[tuple[int, int], ...] = ()
    permits: tuple[Permit, ...] = ()
    prohibits: tuple[Permit, ...] = ()
    valid_from: int = 0
    valid_until: int = 0
    failover_peer: str | None = None
    failover_referenced: bool = False
    range_subnets: tuple[Subnet, ...] = ()
    implicit: bool = False


class Host:
    """A host declaration. `hardware` is type octet and address, `uid` the client identifier; empty where not given.

    `fixed_addresses` are numbers and host names; `scope` is the one to run for it: its own, its group's, or the one
    that it was declared in. `dynamic`: made at run time, by OMAPI.
    """

    # Not a dataclass: fields of a frozen one are set through the interpreter, and hosts are made while clients wait.
    __slots__ = ("dynamic", "fixed_addresses", "group", "hardware", "identifier", "name", "place", "scope", "uid")

    def __init__(
        self,
        name: str,
        place: Place,
        scope: Scope,
        hardware: bytes = b"",
        uid: bytes = b"",
        identifier: tuple[OptionDefinition, bytes] | None = None,
        fixed_addresses: tuple[int | str, ...] = (),
        group: str | None = None,
        *,
        dynamic: bool = False,
    ) -> None:
        """The fields, once and for all."""
        self.name: Final = name
        self.place: Final = place
        self.scope: Final = scope
        self.hardware: Final = hardware
        self.uid: Final = uid
        self.identifier: Final = identifier
        self.fixed_addresses: Final = fixed_addresses
        self.group: Final = group
        self.dynamic: Final = dynamic


class ClassName(NamedTuple):
    """What tells a class or subclass from all others, over restarts and reloads; `key` is None for a class."""

    name: str
    key: bytes | None


@dataclass(frozen=True, eq=False)
class Class:
    """A class, or a subclass: then `key` is its value, and `name` its class's.

    `submatch` finds the key of a packet's subclass among `subclasses`; where it is missing, a class that is `spawning`
    has it made (lease/charges.py), and such a one is `spawned`. `limit`: how many leases may be charged to it, 0 for
    none.
    """

    name: str
    place: Place
    scope: Scope
    key: bytes | None = None
    match_if: BooleanExpression | None = None
    submatch: DataExpression | None = None
    spawning: bool = False
    limit: int = 0
    spawned: bool = False
    dynamic: bool = False
    subclasses: Mapping[bytes, Class] = field(default_factory=lambda: _NOTHING)
    condition: MatchIf | None = None
    submatch_tree: Expression | None = None

    @property
    def full_name(self) -> ClassName:
        """What the lease file, a lease's charge and a snapshot call it."""
        return ClassName(self.name, self.key)


ClassRun = Callable[["Context"], "Iterable[tuple[Class, bytes | None]]"]


@dataclass(frozen=True, eq=False)
class Configuration:
    """Everything that dhcpd.conf said.

    `subnets` is the global look-up list, in ISC's order (first that contains an address wins); `find_subnet` is the
    same in O(log n). `networks`, `pools`, `classes` are in order of declaration; `class_runs` tells which classes
    match (outcomes.py). Hosts by hardware, by uid and by name are in order of declaration; `host_identifiers` lists
    (option, {value: hosts}) in the order in which ISC asks. `zones` go by their names
    in lower case. `host_names`: those that statements and declarations use.
    """

    registry: Registry
    scopes: tuple[Scope, ...]
    global_scope: Scope
    networks: tuple[SharedNetwork, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    pools: tuple[Pool, ...] = ()
    classes: tuple[Class, ...] = ()
    hosts: tuple[Host, ...] = ()
    hosts_by_name: Mapping[str, Host] = field(default_factory=lambda: _NOTHING)
    hosts_by_hardware: Mapping[bytes, tuple[Host, ...]] = field(default_factory=lambda: _NOTHING)
    hosts_by_uid: Mapping[bytes, tuple[Host, ...]] = field(default_factory=lambda: _NOTHING)
    host_identifiers: tuple[tuple[OptionDefinition, Mapping[bytes, tuple[Host, ...]]], ...] = ()
    groups: Mapping[str, Scope] = field(default_factory=lambda: _NOTHING)
    keys: Mapping[str, Key] = field(default_factory=lambda: _NOTHING)
    zones: Mapping[str, Zone] = field(default_factory=lambda: _NOTHING)
    failover_peers: Mapping[str, FailoverPeer] = field(default_factory=lambda: _NOTHING)
    requested_interfaces: tuple[str, ...] = ()
    host_names: tuple[str, ...] = ()
    lease_id_hex: bool = False
    local_times: bool = False
    server_duid: tuple[str, ...] = ()
    class_runs: tuple[ClassRun, ...] = ()
    find_subnet: Callable[[int], Subnet | None] = lambda _address: None
    find_pool: Callable[[int], Pool | None] = lambda _address: None
    find_range: Callable[[int], tuple[Pool, Subnet] | None] = lambda _address: None


def dissolve(configuration: Configuration) -> None:
    """Let go of a configuration that was replaced: its networks, and what stands in them, refer to each other.

    For who had it alone. Only a collection of all garbage would find it else, which holds packets up, so that the
    program has hardly any; and a server that reads its files anew a thousand times would keep a thousand of them.
    """
    for network in configuration.networks:
        complete(network, subnets=(), pools=())
