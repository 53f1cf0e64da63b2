"""The syntax tree made into the Configuration that the engine runs on.

One walk in source order, because order matters in ISC's language: `authoritative` is copied when a block opens,
a failover peer when a pool opens, a lease limit when a subclass is made. Statements are compiled when the walk is
over, so that a scope reopened later is whole.

What the parser refuses is not checked again; what has no effect here (failover, keys, zones) is kept as data. Hosts
without statements of their own share their parent's scope, so that a hundred thousand of them stay cheap.

See docs/behaviour/configuration.md#declarations-and-parameters,
docs/behaviour/configuration.md#scopes-and-their-parents, docs/behaviour/configuration.md#authoritative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ...model import syntax
from ...model.configuration import (
    Class,
    Configuration,
    Function,
    Handler,
    Host,
    Permit,
    Pool,
    Scope,
    SharedNetwork,
    Subnet,
)
from ..running.expressions import Compiler, Tables
from ..running.expressions_data import DATA, WHOLE
from ..running.expressions_logic import BOOLEANS, NUMBERS
from ..running.outcomes import class_runs
from ..running.parameters import DDNS_DOMAINNAME, DDNS_HOSTNAME, DDNS_REV_DOMAINNAME
from ..running.scopes import compile_scope
from ..running.statements import STATEMENTS, flattened, make_function, make_handler
from .compile_pools import add_anonymous_range, add_range, enter_pool
from .compile_ranges import Intervals, LookupList, subnet_finder

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.spaces import Registry

TABLES: Final = Tables(WHOLE, DATA, NUMBERS, BOOLEANS)
DHCP_CLIENT_IDENTIFIER: Final = 61
_T = TypeVar("_T")


class _Block:
    """Where the walk is: the scope that is open, and what it is a block of."""

    __slots__ = ("class_", "host", "network", "pool", "scope", "subnet")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.network: SharedNetwork | None = None
        self.subnet: Subnet | None = None
        self.pool: Pool | None = None
        self.host: Host | None = None
        self.class_: Class | None = None

    def inner(self, scope: Scope) -> _Block:
        """A block within this one, in the same network."""
        made = _Block(scope)
        made.network, made.subnet = self.network, self.subnet
        return made


class Builder:
    """Takes declarations into a configuration; used for dhcpd.conf, and for what comes later from the lease file."""

    def __init__(self, configuration: Configuration) -> None:
        """Of a configuration that may hold declarations already."""
        self.configuration = configuration
        self.classes = {known.name: known for known in configuration.classes}
        self.compiler = Compiler(TABLES, configuration.host_names, self.classes)
        self.lookup = LookupList(append=False)
        self.siblings: dict[int, LookupList] = {}
        self.fresh_scopes: list[Scope] = []
        self.fresh_classes: list[Class] = []

    def scope(self, kind: str, place: syntax.Place, parent: Scope) -> Scope:
        """Open a scope; the flag `authoritative` is copied now."""
        made = Scope(kind, place, parent, len(self.configuration.scopes), parent.authoritative)
        self.configuration.scopes.append(made)
        self.fresh_scopes.append(made)
        return made

    def block(self, nodes: syntax.Block, where: _Block) -> None:
        """Every statement of a block, in order."""
        statements = where.scope.statements
        for node in nodes:
            kind = type(node)
            if kind in STATEMENTS:
                statements.append(node)
                continue
            declare_it = _DECLARATIONS.get(kind)
            if declare_it is not None:
                declare_it(self, node, where)

    def finish(self) -> None:
        """Compile what is new, and make the look-ups."""
        for scope in self.fresh_scopes:
            compile_scope(self.compiler, scope)
        self.fresh_scopes.clear()
        for member in self.fresh_classes:
            self._finish_class(member)
        self.fresh_classes.clear()
        self.configuration.class_runs = class_runs(self.configuration.classes)
        self.configuration.has_limits = any(
            known.limit or any(part.limit for part in known.subclasses.values()) for known in self.configuration.classes
        )

    def _finish_class(self, member: Class) -> None:
        if isinstance(member.condition, syntax.MatchIf):
            condition = self.compiler.boolean(member.condition.condition)
            member.match_if = condition if callable(condition) else _always(condition)
        if member.submatch_tree is not None:
            member.submatch = self.compiler.data_closure(member.submatch_tree)


def _always(value: _T) -> Callable[[object], _T]:
    return lambda _context: value


def _include(builder: Builder, node: syntax.Include, where: _Block) -> None:
    builder.block(node.block, where)


def _shared_network(builder: Builder, node: syntax.SharedNetwork, where: _Block) -> None:
    configuration = builder.configuration
    scope = builder.scope("shared-network", node.place, where.scope)
    network = SharedNetwork(node.name, node.place, scope, len(configuration.networks))
    configuration.networks.append(network)
    block = _Block(scope)
    block.network = network
    builder.block(node.block, block)


def _implicit_network(builder: Builder, node: syntax.Subnet, scope: Scope) -> SharedNetwork:
    """The network of a subnet of its own: they share one scope."""
    configuration = builder.configuration
    dotted = ".".join(str(octet) for octet in node.number.to_bytes(4, "big"))
    name = f"{dotted}/{node.netmask.bit_count()}"
    network = SharedNetwork(name, node.place, scope, len(configuration.networks), implicit=True)
    configuration.networks.append(network)
    return network


def _subnet(builder: Builder, node: syntax.Subnet, where: _Block) -> None:
    scope = builder.scope("subnet", node.place, where.scope)
    network = where.network or _implicit_network(builder, node, scope)
    subnet = Subnet(node.number, node.netmask, node.place, scope, network)
    builder.lookup.add(subnet)
    builder.siblings.setdefault(network.number, LookupList(append=True)).add(subnet)
    block = _Block(scope)
    block.network, block.subnet = network, subnet
    builder.block(node.block, block)


def _interface(builder: Builder, node: syntax.Interface, where: _Block) -> None:
    requested = builder.configuration.requested_interfaces
    if where.network is not None and where.network.interface is None:
        where.network.interface = node.name
        if node.name not in requested:
            requested.append(node.name)


def _group(builder: Builder, node: syntax.Group, where: _Block) -> None:
    """A group forgets the network that it stands in.

    See docs/behaviour/configuration.md#where-each-statement-may-stand.
    """
    if _has_marker(node.block, "deleted"):
        builder.configuration.groups.pop(node.name or "", None)
        return
    scope = builder.scope("group", node.place, where.scope)
    builder.block(node.block, _Block(scope))
    if node.name is not None:
        builder.configuration.groups[node.name] = scope


def _has_marker(block: syntax.Block, word: str) -> bool:
    return any(isinstance(node, syntax.Marker) and node.word == word for node in block)


def _pool(builder: Builder, node: syntax.Pool, where: _Block) -> None:
    """A pool hangs in its network, not in the subnet around it."""
    network = where.network
    if network is None:
        return
    scope = builder.scope("pool", node.place, network.scope)
    pool = Pool(network, node.place, scope, failover_peer=network.failover_peer)
    block = where.inner(scope)
    block.pool = pool
    builder.block(node.block, block)
    enter_pool(pool)


def _range(builder: Builder, node: syntax.Range, where: _Block) -> None:
    network = where.network
    if network is None:
        return
    subnet = where.subnet
    if subnet is None and network.number in builder.siblings:
        subnet = builder.siblings[network.number].find(min(node.low, node.high))
    if subnet is None:
        return
    if where.pool is not None:
        add_range(where.pool, subnet, node)
    else:
        add_anonymous_range(network, subnet, node)


def _permit(builder: Builder, node: syntax.Permit, where: _Block) -> None:
    pool = where.pool
    if pool is None:
        return
    value = builder.classes.get(str(node.value)) if node.kind == "class" else node.value
    entry = Permit(node.kind, None if isinstance(value, str) else value, node.place)
    (pool.permits if node.allow else pool.prohibits).append(entry)
    if node.kind == "after" and isinstance(node.value, int):
        if node.allow:
            pool.valid_from = node.value
        else:
            pool.valid_until = node.value


def _failover_reference(_builder: Builder, node: syntax.FailoverReference, where: _Block) -> None:
    if where.pool is not None:
        where.pool.failover_peer = node.name
        where.pool.failover_referenced = node.name is not None
    elif where.network is not None:
        where.network.failover_peer = node.name


def _authoritative(_builder: Builder, node: syntax.Authoritative, where: _Block) -> None:
    where.scope.authoritative = node.value


def _host(builder: Builder, node: syntax.Host, where: _Block) -> None:
    """A host is entered once; without statements of its own it uses the scope around it, or its group's."""
    block = flattened(node.block)
    if _has_marker(block, "deleted"):
        remove_host(builder.configuration, node.name)
        return
    host = Host(node.name, node.place, where.scope)
    statements: syntax.Block = []
    for child in block:
        kind = type(child)
        fill = _HOST_STATEMENTS.get(kind)
        if fill is not None:
            fill(builder, host, child)
        elif kind in STATEMENTS:
            statements.append(child)
        elif kind in _DECLARATIONS:
            _DECLARATIONS[kind](builder, child, where)
    if statements:
        host.scope = builder.scope("host", node.place, host.scope)
        host.scope.statements = statements
        _find_identifier(host)
    enter_host(builder.configuration, host)


def _find_identifier(host: Host) -> None:
    """`option dhcp-client-identifier VALUE;`, constant and unconditional, is the host's uid where none is declared."""
    for node in host.scope.statements:
        if (
            isinstance(node, syntax.OptionStatement)
            and (node.option.space, node.option.code) == ("dhcp", DHCP_CLIENT_IDENTIFIER)
            and node.value.kind == "data"
            and isinstance(node.value.arguments[0], bytes)
            and not host.uid
        ):
            host.uid = node.value.arguments[0]


def enter_host(configuration: Configuration, host: Host) -> None:
    """Index a host."""
    configuration.hosts.append(host)
    configuration.hosts_by_name[host.name] = host
    if host.hardware:
        configuration.hosts_by_hardware.setdefault(host.hardware, []).append(host)
    if host.uid:
        configuration.hosts_by_uid.setdefault(host.uid, []).append(host)
    if host.identifier is not None:
        _identifier_values(configuration, host).setdefault(host.identifier[1], []).append(host)


def _identifier_values(configuration: Configuration, host: Host) -> dict[bytes, list[Host]]:
    """The hosts by value of the option that identifies `host`; the option declared last is asked first."""
    assert host.identifier is not None
    option = host.identifier[0]
    for known, values in configuration.host_identifiers:
        if (known.space, known.code) == (option.space, option.code):
            return values
    made: dict[bytes, list[Host]] = {}
    configuration.host_identifiers.insert(0, (option, made))
    return made


def remove_host(configuration: Configuration, name: str) -> Host | None:
    """Forget a host; the one that was there, or None."""
    host = configuration.hosts_by_name.pop(name, None)
    if host is None:
        return None
    configuration.hosts.remove(host)
    _unlist(configuration.hosts_by_hardware, host.hardware, host)
    _unlist(configuration.hosts_by_uid, host.uid, host)
    if host.identifier is not None:
        _unlist(_identifier_values(configuration, host), host.identifier[1], host)
    return host


def _unlist(index: dict[bytes, list[Host]], key: bytes, host: Host) -> None:
    hosts = index.get(key, [])
    if host in hosts:
        hosts.remove(host)
    if not hosts:
        index.pop(key, None)


def _host_hardware(_builder: Builder, host: Host, node: syntax.Hardware) -> None:
    host.hardware = bytes((node.type_number & 0xFF,)) + node.address


def _host_address(builder: Builder, host: Host, node: syntax.FixedAddress) -> None:
    host.fixed_addresses = node.addresses
    for address in node.addresses:
        if isinstance(address, str):
            builder.compiler.meet_host_name(address)


def _host_uid(_builder: Builder, host: Host, node: syntax.ClientUid) -> None:
    host.uid = node.value


def _host_identifier(_builder: Builder, host: Host, node: syntax.HostIdentifier) -> None:
    host.identifier = (node.option, node.value)


def _host_group(builder: Builder, host: Host, node: syntax.GroupReference) -> None:
    host.group = node.name
    scope = builder.configuration.groups.get(node.name)
    if scope is not None:
        host.scope = scope


def _host_marker(_builder: Builder, host: Host, node: syntax.Marker) -> None:
    host.dynamic = host.dynamic or node.word == "dynamic"


_HOST_STATEMENTS: Final[dict[type[syntax.Node], Callable[[Builder, Host, Any], None]]] = {
    syntax.Hardware: _host_hardware,
    syntax.FixedAddress: _host_address,
    syntax.ClientUid: _host_uid,
    syntax.HostIdentifier: _host_identifier,
    syntax.GroupReference: _host_group,
    syntax.Marker: _host_marker,
}


def _class(builder: Builder, node: syntax.Class, where: _Block) -> None:
    """The first declaration makes the class and gives its scope a parent; later ones add to it."""
    if node.legacy is not None:
        return
    known = builder.classes.get(node.name)
    if _has_marker(node.block, "deleted"):
        if known is not None:
            builder.configuration.classes.remove(known)
            del builder.classes[node.name]
        return
    if known is None:
        known = Class(node.name, node.place, builder.scope("class", node.place, where.scope))
        builder.classes[node.name] = known
        builder.configuration.classes.append(known)
    builder.fresh_scopes.append(known.scope)
    builder.fresh_classes.append(known)
    block = _Block(known.scope)
    block.class_ = known
    builder.block(node.block, block)


def _subclass(builder: Builder, node: syntax.Subclass, where: _Block) -> None:
    parent = builder.classes.get(node.name)
    if parent is None:
        return
    if _has_marker(node.block or [], "deleted"):
        parent.subclasses.pop(node.value, None)
        return
    known = parent.subclasses.get(node.value)
    if known is None:
        known = Class(parent.name, node.place, parent.scope, limit=parent.limit, superclass=parent)
        known.key, known.quoted_key = node.value, node.quoted
        parent.subclasses[node.value] = known
    if node.block is None:
        return
    if known.scope is parent.scope:
        known.scope = builder.scope("subclass", node.place, parent.scope)
    builder.fresh_scopes.append(known.scope)
    block = where.inner(known.scope)
    block.class_ = known
    builder.block(node.block, block)


def _match_if(_builder: Builder, node: syntax.MatchIf, where: _Block) -> None:
    if where.class_ is not None:
        where.class_.condition = node


def _match(_builder: Builder, node: syntax.Match, where: _Block) -> None:
    if where.class_ is not None:
        where.class_.submatch_tree = node.value
        where.class_.spawning = node.spawn


def _lease_limit(_builder: Builder, node: syntax.LeaseLimit, where: _Block) -> None:
    if where.class_ is not None:
        where.class_.limit = node.limit


def _marker(_builder: Builder, node: syntax.Marker, where: _Block) -> None:
    if where.class_ is not None and node.word == "dynamic":
        where.class_.dynamic = True


def _key(builder: Builder, node: syntax.Key, _where: _Block) -> None:
    builder.configuration.keys[node.name] = node


def _zone(builder: Builder, node: syntax.Zone, _where: _Block) -> None:
    builder.configuration.zones[node.name] = node
    for address in (*node.primary, *node.secondary):
        if isinstance(address, str):
            builder.compiler.meet_host_name(address)


def _failover_peer(builder: Builder, node: syntax.FailoverPeer, _where: _Block) -> None:
    builder.configuration.failover_peers[node.name] = node
    for words, value in node.settings:
        if words in ("address", "peer address") and isinstance(value, str):
            builder.compiler.meet_host_name(value)


def _lease_id_format(builder: Builder, node: syntax.LeaseIdFormat, _where: _Block) -> None:
    builder.configuration.lease_id_hex = node.format == "hex"


def _db_time_format(builder: Builder, node: syntax.DbTimeFormat, _where: _Block) -> None:
    builder.configuration.local_times = node.local


def _server_duid(builder: Builder, node: syntax.ServerDuid, _where: _Block) -> None:
    builder.configuration.server_duid = node.words


# Definitions of options and spaces are missing: they live in the registry, which the parser has filled.
_DECLARATIONS: Final[dict[type[syntax.Node], Callable[[Builder, Any, _Block], None]]] = {
    syntax.Include: _include,
    syntax.SharedNetwork: _shared_network,
    syntax.Subnet: _subnet,
    syntax.Interface: _interface,
    syntax.Group: _group,
    syntax.Pool: _pool,
    syntax.Range: _range,
    syntax.Permit: _permit,
    syntax.FailoverReference: _failover_reference,
    syntax.Authoritative: _authoritative,
    syntax.Host: _host,
    syntax.Class: _class,
    syntax.Subclass: _subclass,
    syntax.MatchIf: _match_if,
    syntax.Match: _match,
    syntax.LeaseLimit: _lease_limit,
    syntax.Marker: _marker,
    syntax.Key: _key,
    syntax.Zone: _zone,
    syntax.FailoverPeer: _failover_peer,
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


def compile_configuration(block: syntax.Block, registry: Registry) -> Configuration:
    """The configuration that the tree of a file without errors describes."""
    scope = Scope("global", syntax.NOWHERE, None)
    configuration = Configuration(registry, [scope], scope)
    builder = Builder(configuration)
    builder.fresh_scopes.append(scope)
    scope.statements += _built_in(registry)
    builder.block(block, _Block(scope))
    builder.finish()
    configuration.subnets = list(builder.lookup)
    for network in configuration.networks:
        network.subnets = list(builder.siblings.get(network.number, ()))
    configuration.pools = [pool for network in configuration.networks for pool in network.pools]
    for index, pool in enumerate(configuration.pools):
        pool.index = index
    configuration.find_subnet = subnet_finder(configuration.subnets)
    _make_range_lookups(configuration)
    return configuration


def _make_range_lookups(configuration: Configuration) -> None:
    intervals = Intervals(
        [
            (low, high, (pool, subnet))
            for pool in configuration.pools
            for (low, high), subnet in zip(pool.ranges, pool.range_subnets, strict=True)
        ],
    )

    def find_pool(address: int) -> Pool | None:
        found = intervals.find(address)
        return None if found is None else found[0]

    configuration.find_range = intervals.find
    configuration.find_pool = find_pool


def declare(configuration: Configuration, node: syntax.Node) -> None:
    """Take in one more host, group, class or subclass (from the lease file, or OMAPI), or a deletion of one."""
    builder = Builder(configuration)
    builder.block([node], _Block(configuration.global_scope))
    builder.finish()


def resolve_class(configuration: Configuration, name: str) -> Class | None:
    """The class of that name."""
    return next((known for known in configuration.classes if known.name == name), None)


def compile_function(node: syntax.Define, configuration: Configuration) -> Function:
    """A function as read back from a snapshot."""
    return make_function(Builder(configuration).compiler, node)


def compile_handler(node: syntax.On | syntax.Block, configuration: Configuration) -> Handler:
    """The handler of an `on` statement, or of a bare body, as read back from a lease file."""
    if isinstance(node, list):
        node = syntax.On(syntax.NOWHERE, (), node)
    return make_handler(Builder(configuration).compiler, node)
