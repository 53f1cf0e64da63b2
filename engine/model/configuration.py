"""The configuration as the engine uses it: networks, pools, hosts, classes, and scopes of compiled statements.

Made once, at load, from the syntax tree (compile.py); read by everything else. Addresses are 32-bit numbers.
Nothing here reads text or evaluates anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .context import Context
    from .spaces import OptionDefinition, Registry
    from .syntax import Define, Expression, Node, On, Place

# What an expression comes to; None is ISC's null.
Result = bytes | int | bool | None
DataExpression = Callable[["Context"], bytes | None]
NumberExpression = Callable[["Context"], int | None]
BooleanExpression = Callable[["Context"], bool | None]

# An option's value in an option set: constant bytes, or what finds them when the reply is encoded.
Value = bytes | DataExpression


@dataclass(slots=True, eq=False)
class Function:
    """What `define` makes: parameters by name, and the body; the body's `return` leaves its value in the context.

    `tree` is its text.
    """

    name: str
    parameters: tuple[str, ...]
    run: Callable[[Context], object]
    tree: Define


@dataclass(slots=True, eq=False)
class Handler:
    """An `on` statement with a body. `tree` is its text; the same object under two events is one statement."""

    tree: On
    run: Callable[[Context], None]

    @property
    def events(self) -> tuple[str, ...]:
        """The events that the statement names."""
        return self.tree.events


@dataclass(slots=True, eq=False)
class Scope:
    """One block's statements and where it hangs.

    `run` executes the block's own statements, in order. `constant`: running it does the same in every context (it may
    still set options to expressions that are evaluated later). `number` is its place in Configuration.scopes.
    """

    kind: str
    place: Place
    parent: Scope | None
    number: int = 0
    authoritative: bool = False
    statements: list[Node] = field(default_factory=list)
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


@dataclass(slots=True, eq=False)
class SharedNetwork:
    """`subnets` in ISC's order within the network, `pools` in order; `implicit` for a subnet of its own.

    `failover_peer` is what pools that open from now on inherit.
    """

    name: str
    place: Place
    scope: Scope
    number: int = 0
    implicit: bool = False
    interface: str | None = None
    subnets: list[Subnet] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    failover_peer: str | None = None


@dataclass(slots=True, eq=False)
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


@dataclass(slots=True, eq=False)
class Permit:
    """`kind` as in syntax.Permit; `value` is the class or the date."""

    kind: str
    value: Class | int | None
    place: Place


@dataclass(slots=True, eq=False)
class Pool:
    """`ranges` are (low, high), both in, as declared, and `range_subnets` the subnet of each.

    `index` numbers all pools of the configuration; `implicit`: made for ranges outside a pool block.
    `valid_from`/`valid_until`: seconds since 1970 of `allow after`/`deny after`, 0 for none.
    """

    network: SharedNetwork
    place: Place
    scope: Scope
    index: int = 0
    ranges: list[tuple[int, int]] = field(default_factory=list)
    permits: list[Permit] = field(default_factory=list)
    prohibits: list[Permit] = field(default_factory=list)
    valid_from: int = 0
    valid_until: int = 0
    failover_peer: str | None = None
    failover_referenced: bool = False
    range_subnets: list[Subnet] = field(default_factory=list)
    implicit: bool = False


@dataclass(slots=True, eq=False)
class Host:
    """A host declaration. `hardware` is type octet and address, `uid` the client identifier; empty where not given.

    `fixed_addresses` are numbers and host names; `statement_scope` the scope to run for it.
    """

    name: str
    place: Place
    scope: Scope
    hardware: bytes = b""
    uid: bytes = b""
    identifier: tuple[OptionDefinition, bytes] | None = None
    fixed_addresses: tuple[int | str, ...] = ()
    group: str | None = None
    dynamic: bool = False


# A class that spawns may have this many subclasses before those that hold nothing are forgotten.
SPAWNED_MAX: Final = 1 << 16


@dataclass(slots=True, eq=False)
class Class:
    """A class, or a subclass (then `superclass` is set and `key` its value).

    `billed` counts the leases charged to it (kept by the lease database). `spawned`: made for a packet at run time;
    `sweep_at` subclasses, those without a lease charged to them are forgotten (classify.py).
    """

    name: str
    place: Place
    scope: Scope
    match_if: BooleanExpression | None = None
    submatch: DataExpression | None = None
    spawning: bool = False
    limit: int = 0
    billed: int = 0
    superclass: Class | None = None
    key: bytes = b""
    quoted_key: bool = True
    spawned: bool = False
    sweep_at: int = SPAWNED_MAX
    dynamic: bool = False
    subclasses: dict[bytes, Class] = field(default_factory=dict)
    condition: Node | None = None
    match_tree: Expression | None = None
    submatch_tree: Expression | None = None


@dataclass(slots=True, eq=False)
class Configuration:
    """Everything that dhcpd.conf said.

    `subnets` is the global look-up list, in ISC's order (first that contains an address wins); `find_subnet` is the
    same in O(log n). `networks`, `pools`, `classes` are in order of declaration; `class_runs` tells which classes
    match (outcomes.py). Hosts by hardware, by uid and by name are in order of declaration; `host_identifiers` lists
    (option, {value: hosts}) in the order in which ISC asks.
    """

    registry: Registry
    scopes: list[Scope]
    global_scope: Scope
    networks: list[SharedNetwork] = field(default_factory=list)
    subnets: list[Subnet] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    hosts: list[Host] = field(default_factory=list)
    hosts_by_name: dict[str, Host] = field(default_factory=dict)
    hosts_by_hardware: dict[bytes, list[Host]] = field(default_factory=dict)
    hosts_by_uid: dict[bytes, list[Host]] = field(default_factory=dict)
    host_identifiers: list[tuple[OptionDefinition, dict[bytes, list[Host]]]] = field(default_factory=list)
    groups: dict[str, Scope] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    zones: dict[str, Any] = field(default_factory=dict)
    failover_peers: dict[str, Any] = field(default_factory=dict)
    requested_interfaces: list[str] = field(default_factory=list)
    host_names: list[str] = field(default_factory=list)
    lease_id_hex: bool = False
    local_times: bool = False
    server_duid: tuple[str, ...] = ()
    has_limits: bool = False
    class_runs: list[Callable[[Context], Iterable[tuple[Class, bytes | None]]]] = field(default_factory=list)
    find_subnet: Callable[[int], Subnet | None] = lambda _address: None
    find_pool: Callable[[int], Pool | None] = lambda _address: None
    find_range: Callable[[int], tuple[Pool, Subnet] | None] = lambda _address: None
