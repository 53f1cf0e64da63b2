"""The syntax tree made into the Configuration that the engine runs on.

What the parser refuses is not checked again. Hosts without statements of their own share their parent's scope, so
that a hundred thousand of them stay cheap. The outcome is frozen: nothing of it changes afterwards.

See docs/behaviour/configuration.md#declarations-and-parameters,
docs/behaviour/configuration.md#scopes-and-their-parents.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ...model import syntax
from ...model.configuration import Configuration, Function, Handler, Scope, complete
from ..running.expressions import Compiler
from ..running.outcomes import class_runs
from ..running.parameters import DDNS_DOMAINNAME, DDNS_HOSTNAME, DDNS_REV_DOMAINNAME
from ..running.statements import make_function, make_handler
from . import classes, hosts, networks, peers
from .builder import TABLES, Builder, finished_classes
from .compile_ranges import Intervals, subnet_finder
from .directory import Hosts, Layer, frozen
from .drafts import Block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...model.configuration import Pool, Subnet
    from ...model.spaces import Registry
    from .drafts import ClassDraft, NetworkDraft


class _Declared:
    """What dhcpd.conf declares, while it is read: everything that comes again is changed in place."""

    def __init__(self) -> None:
        self.hosts = Hosts()
        self.groups: Layer[str, Scope] = Layer({})
        self.classes: dict[str, ClassDraft] = {}

    def class_draft(self, name: str) -> ClassDraft | None:
        return self.classes.get(name)

    def enter_class(self, draft: ClassDraft) -> None:
        self.classes[draft.name] = draft

    def reopen_class(self, draft: ClassDraft) -> None:
        """A draft is whole when the walk is over."""

    def remove_class(self, name: str) -> None:
        self.classes.pop(name, None)

    def reopened(self, scope: Scope) -> Scope:
        return scope


def _include(builder: Builder, node: syntax.Include, where: Block) -> None:
    builder.statements(node.block, where)


def _lease_id_format(builder: Builder, node: syntax.LeaseIdFormat, _where: Block) -> None:
    builder.lease_id_hex = node.format == "hex"


def _db_time_format(builder: Builder, node: syntax.DbTimeFormat, _where: Block) -> None:
    builder.local_times = node.local


def _server_duid(builder: Builder, node: syntax.ServerDuid, _where: Block) -> None:
    builder.server_duid = node.words


# What may be declared at run time, too, and what stands in it.
RUN_TIME_DECLARATIONS: Final[dict[type[syntax.Node], Callable[[Builder, Any, Block], None]]] = {
    syntax.Group: hosts.group,
    syntax.Host: hosts.host,
    syntax.Authoritative: networks.authoritative,
    syntax.Class: classes.class_,
    syntax.Subclass: classes.subclass,
    syntax.MatchIf: classes.match_if,
    syntax.Match: classes.match,
    syntax.LeaseLimit: classes.lease_limit,
    syntax.Marker: classes.marker,
}
# Definitions of options and spaces are missing: they live in the registry, which the parser has filled.
_DECLARATIONS: Final[dict[type[syntax.Node], Callable[[Builder, Any, Block], None]]] = RUN_TIME_DECLARATIONS | {
    syntax.Include: _include,
    syntax.SharedNetwork: networks.shared_network,
    syntax.Subnet: networks.subnet,
    syntax.Interface: networks.interface,
    syntax.Pool: networks.pool,
    syntax.Range: networks.range_,
    syntax.Permit: networks.permit,
    syntax.FailoverReference: networks.failover_reference,
    syntax.Key: peers.key,
    syntax.Zone: peers.zone,
    syntax.FailoverPeer: peers.failover_peer,
    syntax.LeaseIdFormat: _lease_id_format,
    syntax.DbTimeFormat: _db_time_format,
    syntax.ServerDuid: _server_duid,
}


def _built_in(registry: Registry) -> syntax.Block:
    """The three statements that stand before everything in the file.

    See docs/behaviour/configuration.md#scopes-and-their-parents.
    """
    dhcp, server, fqdn = (registry.spaces[name].by_code for name in ("dhcp", "server", "fqdn"))
    domain_name = syntax.Expression("config-option", (dhcp[15],))
    host_name = syntax.Expression(
        "pick-first-value",
        (
            syntax.Expression("option", (fqdn[6],)),
            syntax.Expression("option", (dhcp[12],)),
            syntax.Expression("config-option", (dhcp[12],)),
        ),
    )
    reverse = syntax.Expression("data", (b"in-addr.arpa.", True))
    return [
        syntax.OptionStatement(syntax.NOWHERE, "supersede", server[code], value, literal=False)
        for code, value in (
            (DDNS_HOSTNAME, host_name),
            (DDNS_DOMAINNAME, domain_name),
            (DDNS_REV_DOMAINNAME, reverse),
        )
    ]


def compile_configuration(
    block: syntax.Block, registry: Registry, requested_interfaces: Iterable[str] | None = None
) -> Configuration:
    """The configuration that the tree of a file without errors describes.

    `requested_interfaces`: those whose `interface` statements count, None for all.
    """
    declared = _Declared()
    builder = Builder(_DECLARATIONS, declared, 0)
    builder.may_request = None if requested_interfaces is None else frozenset(requested_interfaces)
    scope = builder.scope("global", syntax.NOWHERE, None)
    complete(scope, statements=tuple(_built_in(registry)))
    builder.block(block, Block(scope))
    builder.finish()
    members = finished_classes(declared.classes.values(), builder.compiler)
    subnets = tuple(builder.lookup)
    pools = _finish_networks(builder.networks)
    find_range, find_pool = _range_lookups(pools)
    return Configuration(
        registry=registry,
        scopes=tuple(builder.scopes),
        global_scope=scope,
        networks=tuple(draft.network for draft in builder.networks),
        subnets=subnets,
        pools=pools,
        classes=tuple(members),
        hosts=tuple(host for _name, host in declared.hosts.by_name.items()),
        hosts_by_name=frozen(declared.hosts.by_name),
        hosts_by_hardware=frozen(declared.hosts.by_hardware),
        hosts_by_uid=frozen(declared.hosts.by_uid),
        host_identifiers=tuple((option, frozen(values)) for option, values in declared.hosts.identifiers),
        groups=frozen(declared.groups),
        keys=MappingProxyType(builder.keys),
        zones=MappingProxyType(builder.zones),
        failover_peers=MappingProxyType(builder.failover_peers),
        requested_interfaces=tuple(builder.requested_interfaces),
        host_names=tuple(builder.compiler.host_names),
        lease_id_hex=builder.lease_id_hex,
        local_times=builder.local_times,
        server_duid=builder.server_duid,
        class_runs=class_runs(members),
        find_subnet=subnet_finder(subnets),
        find_pool=find_pool,
        find_range=find_range,
    )


def _finish_networks(drafts: Sequence[NetworkDraft]) -> tuple[Pool, ...]:
    """Give the networks their subnets and pools; returns all pools, numbered in order."""
    pools: list[Pool] = []
    for draft in drafts:
        network = draft.network
        own = [pool.finished(network, len(pools) + place) for place, pool in enumerate(draft.pools)]
        complete(network, interface=draft.interface, subnets=tuple(draft.siblings), pools=tuple(own))
        pools += own
    return tuple(pools)


def _range_lookups(
    pools: Sequence[Pool],
) -> tuple[Callable[[int], tuple[Pool, Subnet] | None], Callable[[int], Pool | None]]:
    """What finds the pool and subnet of an address in a range, and what finds the pool alone."""
    intervals = Intervals(
        [
            (low, high, (pool, subnet))
            for pool in pools
            for (low, high), subnet in zip(pool.ranges, pool.range_subnets, strict=True)
        ],
    )

    def find_pool(address: int) -> Pool | None:
        found = intervals.find(address)
        return None if found is None else found[0]

    return intervals.find, find_pool


def compile_function(node: syntax.Define) -> Function:
    """A function as read back from a snapshot."""
    return make_function(Compiler(TABLES), node)


def compile_handler(node: syntax.On | syntax.Block) -> Handler:
    """The handler of an `on` statement, or of a bare body, as read back from a lease file."""
    if isinstance(node, list):
        node = syntax.On(syntax.NOWHERE, (), node)
    return make_handler(Compiler(TABLES), node)
