"""Networks, pools, hosts, classes and their scopes, from trees made by hand."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.conf.building.compile import compile_configuration, compile_handler
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.running.scopes import ScopeCache, lease_scopes
from dhcpd.engine.model import syntax
from dhcpd.engine.model.context import Context, OptionSet
from dhcpd.engine.model.peers import FailoverPeer, Key, Zone

REGISTRY = default_registry()
HERE = syntax.NOWHERE


def number(text):
    return int(IPv4Address(text))


def option(name, value=b"x", operator="supersede", space="dhcp"):
    definition = REGISTRY.spaces[space].by_name[name]
    return syntax.OptionStatement(HERE, operator, definition, syntax.Expression("data", (value, True)), literal=True)


def subnet(text, *block):
    network = IPv4Network(text)
    return syntax.Subnet(HERE, int(network.network_address), int(network.netmask), list(block))


def pool(*block):
    return syntax.Pool(HERE, list(block))


def ranged(low, high=None, *, bootp=False):
    return syntax.Range(HERE, bootp, number(low), number(high or low))


def shared(name, *block):
    return syntax.SharedNetwork(HERE, name, list(block))


def host(name, *block):
    return syntax.Host(HERE, name, list(block))


def permit(kind, value=None, *, allow=True):
    return syntax.Permit(HERE, allow, kind, value)


def compiled(*block):
    return compile_configuration(list(block), REGISTRY)


def names(subnets):
    return [f"{IPv4Address(found.number)}/{found.prefix_length}" for found in subnets]


def ranges(configuration):
    return [[str(IPv4Address(low)) for low, _high in found.ranges] for found in configuration.pools]


class TestSubnets:
    def test_later_is_found_first_even_if_wider(self):
        made = compiled(subnet("10.0.1.0/24"), subnet("10.0.0.0/16"))
        assert names([made.find_subnet(number("10.0.1.9"))]) == ["10.0.0.0/16"]

    def test_narrow_declared_later_stands_before_the_wide_one(self):
        made = compiled(subnet("10.0.0.0/16"), subnet("192.168.0.0/24"), subnet("10.0.1.0/24"))
        assert names(made.subnets) == ["192.168.0.0/24", "10.0.1.0/24", "10.0.0.0/16"]
        assert names([made.find_subnet(number("10.0.1.9"))]) == ["10.0.1.0/24"]
        assert names([made.find_subnet(number("10.0.2.9"))]) == ["10.0.0.0/16"]

    def test_siblings_are_appended(self):
        made = compiled(shared("n", subnet("10.0.0.0/24"), subnet("10.0.1.0/24"), subnet("10.0.2.0/24")))
        assert names(made.networks[0].subnets) == ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]
        assert names(made.subnets) == ["10.0.2.0/24", "10.0.1.0/24", "10.0.0.0/24"]

    def test_lone_subnet_shares_its_scope_with_its_network(self):
        made = compiled(subnet("10.0.0.0/24"))
        assert made.networks[0].name == "10.0.0.0/24"
        assert made.networks[0].implicit
        assert made.networks[0].scope is made.subnets[0].scope

    def test_a_mask_with_holes(self):
        holed = syntax.Subnet(HERE, number("10.0.0.1"), 0xFFFF00FF, [])
        made = compiled(subnet("10.0.0.0/16"), holed)
        assert made.find_subnet(number("10.0.7.1")).number == number("10.0.0.1")
        assert made.find_subnet(number("10.0.7.2")).number == number("10.0.0.0")

    @given(st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32)), max_size=12), st.integers(0, 255))
    def test_lookup_is_the_walk_of_the_list(self, wanted, last):
        block = [subnet(f"{IPv4Address(number('10.0.0.0') + (low >> (32 - n) << (32 - n)))}/{n}") for low, n in wanted]
        made = compiled(*block)
        address = number("10.0.0.0") + last
        assert made.find_subnet(address) is next((found for found in made.subnets if address in found), None)
        model = []
        for entry in block:
            overlapping = [
                index
                for index, other in enumerate(model)
                if (entry.number ^ other.number) & other.netmask == 0 and other.netmask < entry.netmask
            ]
            model.insert(overlapping[0] if overlapping else 0, entry)
        assert [(found.number, found.netmask) for found in made.subnets] == [(m.number, m.netmask) for m in model]


class TestPools:
    def test_a_second_bare_range_joins_the_pool_before_its_match(self):
        made = compiled(
            subnet("10.0.0.0/24", pool(permit("known"), ranged("10.0.0.1")), ranged("10.0.0.2"), ranged("10.0.0.3"))
        )
        assert ranges(made) == [["10.0.0.1", "10.0.0.3"], ["10.0.0.2"]]

    def test_bare_range_first_is_as_expected(self):
        made = compiled(
            subnet("10.0.0.0/24", ranged("10.0.0.2"), pool(permit("known"), ranged("10.0.0.1")), ranged("10.0.0.3"))
        )
        assert ranges(made) == [["10.0.0.2", "10.0.0.3"], ["10.0.0.1"]]

    def test_bootp_ranges_have_a_pool_of_their_own(self):
        made = compiled(
            subnet(
                "10.0.0.0/24",
                ranged("10.0.0.1"),
                ranged("10.0.0.2", bootp=True),
                ranged("10.0.0.3", bootp=True),
            )
        )
        assert ranges(made) == [["10.0.0.1", "10.0.0.3"], ["10.0.0.2"]]
        assert [entry.kind for entry in made.pools[0].prohibits] == ["dynamic-bootp"]
        assert [entry.kind for entry in made.pools[1].permits] == ["all"]

    def test_equal_pools_without_statements_are_one(self):
        made = compiled(
            subnet(
                "10.0.0.0/24",
                pool(permit("known"), ranged("10.0.0.1")),
                pool(permit("known"), ranged("10.0.0.2")),
                pool(permit("known"), ranged("10.0.0.3"), option("host-name")),
            )
        )
        assert ranges(made) == [["10.0.0.1", "10.0.0.2"], ["10.0.0.3"]]

    def test_ends_are_swapped_and_found(self):
        made = compiled(subnet("10.0.0.0/24", pool(ranged("10.0.0.9", "10.0.0.5"))))
        assert made.find_pool(number("10.0.0.5")) is made.pools[0]
        assert made.find_range(number("10.0.0.9")) == (made.pools[0], made.subnets[0])
        assert made.find_pool(number("10.0.0.10")) is None
        assert made.find_pool(number("10.0.0.4")) is None

    def test_pool_of_a_shared_network_hangs_in_it_and_knows_its_subnets(self):
        made = compiled(
            shared("n", subnet("10.0.0.0/24"), subnet("10.0.1.0/24"), pool(ranged("10.0.1.7"), ranged("10.0.0.7")))
        )
        assert made.pools[0].scope.parent is made.networks[0].scope
        assert names(made.pools[0].range_subnets) == ["10.0.1.0/24", "10.0.0.0/24"]

    def test_peer_is_inherited_when_the_pool_opens(self):
        refer = syntax.FailoverReference
        made = compiled(
            shared(
                "n",
                subnet("10.0.0.0/24"),
                refer(HERE, "one"),
                pool(ranged("10.0.0.1"), permit("known")),
                pool(ranged("10.0.0.2"), refer(HERE, None)),
                pool(ranged("10.0.0.3"), refer(HERE, "two")),
                refer(HERE, "three"),
                pool(ranged("10.0.0.4")),
            )
        )
        assert [found.failover_peer for found in made.pools] == ["one", None, "two", "three"]

    def test_dates(self):
        made = compiled(
            subnet("10.0.0.0/24", pool(ranged("10.0.0.1"), permit("after", 500), permit("after", 900, allow=False)))
        )
        assert (made.pools[0].valid_from, made.pools[0].valid_until) == (500, 900)

    def test_group_forgets_the_network(self):
        inner = syntax.Group(HERE, None, [subnet("10.0.1.0/24")])
        made = compiled(shared("n", subnet("10.0.0.0/24"), inner))
        assert [network.name for network in made.networks] == ["n", "10.0.1.0/24"]

    def test_a_huge_range_and_many_subnets_cost_nothing(self):
        begun = time.process_time()
        made = compiled(subnet("10.0.0.0/8", ranged("10.0.0.1", "10.255.255.254")))
        assert made.find_pool(number("10.200.0.1")) is made.pools[0]
        many = [subnet(f"172.{16 + i // 256}.{i % 256}.0/24") for i in range(4000)]
        assert len(compiled(shared("n", *many)).subnets) == 4000
        assert time.process_time() - begun < 20


class TestScopes:
    def test_authoritative_is_copied_when_a_block_opens(self):
        flag = syntax.Authoritative(HERE, value=True)
        made = compiled(subnet("10.0.0.0/24"), flag, subnet("10.0.1.0/24"))
        assert [found.scope.authoritative for found in reversed(made.subnets)] == [False, True]

    def test_order_for_a_pool(self):
        made = compiled(
            syntax.Group(
                HERE,
                None,
                [shared("n", subnet("10.0.0.0/24", host("inside", option("host-name"))), pool(ranged("10.0.0.1")))],
            ),
            syntax.Class(HERE, "a", [option("host-name")]),
            syntax.Class(HERE, "b", [option("host-name")]),
        )
        found = lease_scopes(made.subnets[0], made.pools[0], made.classes, made.hosts[0])
        kinds = [scope.kind for scope in found]
        assert kinds == ["global", "group", "shared-network", "subnet", "pool", "class", "class", "subnet", "host"]
        assert found[5] is made.classes[1].scope

    def test_fixed_address_has_no_pool(self):
        made = compiled(subnet("10.0.0.0/24", host("inside", option("host-name"))))
        found = lease_scopes(made.subnets[0], None, [], made.hosts[0])
        assert [scope.kind for scope in found] == ["global", "subnet", "host"]

    def test_template_is_shared_and_equals_a_run(self):
        made = compiled(
            option("domain-name", b"global"),
            subnet("10.0.0.0/24", option("domain-name", b"net"), option("host-name", b"more", "append")),
        )
        scopes = lease_scopes(made.subnets[0], None, [], None)
        cache = ScopeCache()
        template = cache.template(scopes)
        assert template is cache.template(scopes)
        assert template.options.dhcp == {15: b"net", 12: b"more"}
        assert not template.volatile
        assert cache.lease_scopes(made.subnets[0], None, [], None) == scopes

    def test_template_is_refused_where_the_context_counts(self):
        condition = syntax.If(HERE, syntax.Expression("known"), [option("host-name")], None)
        made = compiled(condition, subnet("10.0.0.0/24"))
        assert ScopeCache().template(lease_scopes(made.subnets[0], None, [], None)) is None

    def test_volatile_where_a_value_must_be_evaluated(self):
        value = syntax.Expression("option", (REGISTRY.spaces["dhcp"].by_code[60],))
        asked = syntax.OptionStatement(HERE, "supersede", REGISTRY.spaces["dhcp"].by_code[12], value, literal=False)
        made = compiled(asked, subnet("10.0.0.0/24"))
        template = ScopeCache().template(lease_scopes(made.subnets[0], None, [], None))
        assert template.volatile
        assert template.options.volatile


class TestHosts:
    def test_indexes(self):
        remote = REGISTRY.spaces["agent"].by_name["remote-id"]
        made = compiled(
            host("one", syntax.Hardware(HERE, 1, b"\1\2"), syntax.FixedAddress(HERE, (5, "name.example"))),
            host("two", syntax.Hardware(HERE, 1, b"\1\2"), syntax.ClientUid(HERE, b"uid")),
            host("three", option("dhcp-client-identifier", b"uid")),
            host("four", syntax.HostIdentifier(HERE, remote, b"r")),
            host("five", syntax.HostIdentifier(HERE, REGISTRY.spaces["dhcp"].by_code[60], b"v")),
        )
        assert [found.name for found in made.hosts_by_hardware[b"\1\1\2"]] == ["one", "two"]
        assert [found.name for found in made.hosts_by_uid[b"uid"]] == ["two", "three"]
        identified = [host.name for _option, values in made.host_identifiers for (host,) in values.values()]
        assert identified == ["five", "four"]
        assert made.host_names == ("name.example",)

    def test_named_group_is_the_parent(self):
        made = compiled(
            syntax.Group(HERE, "g", [option("domain-name", b"g")]),
            host("plain", syntax.GroupReference(HERE, "g")),
            host("own", option("host-name"), syntax.GroupReference(HERE, "g")),
        )
        assert made.hosts[0].scope is made.groups["g"]
        assert made.hosts[1].scope.parent is made.groups["g"]

    def test_a_hundred_thousand(self):
        block = [host(f"h{i}", syntax.Hardware(HERE, 1, i.to_bytes(6, "big"))) for i in range(100_000)]
        begun = time.process_time()
        assert len(compiled(*block).hosts_by_hardware) == 100_000
        assert time.process_time() - begun < 30


class TestClasses:
    def test_reopening(self):
        made = compiled(
            syntax.Class(HERE, "c", [syntax.MatchIf(HERE, syntax.Expression("static")), option("host-name")]),
            syntax.Class(HERE, "c", [option("domain-name"), syntax.LeaseLimit(HERE, 3)]),
        )
        (found,) = made.classes
        assert len(found.scope.statements) == 2
        assert found.limit == 3

    def test_subclass_copies_the_limit_when_it_is_made(self):
        match = syntax.Match(HERE, syntax.Expression("hardware"), spawn=False)
        made = compiled(
            syntax.Class(HERE, "c", [match]),
            syntax.Subclass(HERE, "c", b"early", True, None),
            syntax.Class(HERE, "c", [syntax.LeaseLimit(HERE, 2)]),
            syntax.Subclass(HERE, "c", b"late", True, None),
            syntax.Subclass(HERE, "c", b"own", True, [syntax.LeaseLimit(HERE, 9)]),
        )
        limits = {key: found.limit for key, found in made.classes[0].subclasses.items()}
        assert limits == {b"early": 0, b"late": 2, b"own": 9}

    def test_subclass_reopened_with_a_body_gets_its_own_scope(self):
        made = compiled(
            syntax.Class(HERE, "c", [option("host-name")]),
            syntax.Subclass(HERE, "c", b"k", True, None),
            syntax.Subclass(HERE, "c", b"k", True, [option("domain-name")]),
            syntax.Subclass(HERE, "c", b"k", True, [option("root-path")]),
        )
        scope = made.classes[0].subclasses[b"k"].scope
        assert scope.parent is made.classes[0].scope
        assert len(scope.statements) == 2

    def test_legacy_blocks_are_dead_letters(self):
        made = compiled(syntax.Class(HERE, "x", [option("host-name")], legacy="vendor-class"))
        assert not made.classes


def test_other_servers_have_the_manual_s_defaults():
    peer = syntax.FailoverPeer(
        HERE, "p", (("secondary", None), ("peer address", "peer.example"), ("port", 0), ("peer port", 847))
    )
    key = syntax.Key(HERE, "k", "hmac-md5.", b"s")
    zone = syntax.Zone(HERE, "example.org.", ("ns.example",), (), (), (), "k")
    made = compiled(peer, key, zone, syntax.LeaseIdFormat(HERE, "hex"), syntax.DbTimeFormat(HERE, local=True))
    assert made.failover_peers == {
        "p": FailoverPeer("p", HERE, primary=False, peer_address="peer.example", port=647, peer_port=847)
    }
    assert made.keys == {"k": Key("k", "hmac-md5.", b"s", HERE)}
    assert made.zones == {"example.org.": Zone("example.org.", ("ns.example",), (), (), (), "k", HERE)}
    assert made.host_names == ("peer.example", "ns.example")
    assert made.lease_id_hex
    assert made.local_times


@pytest.mark.parametrize(
    ("settings", "buckets"),
    [
        ((("split", 0),), bytes(32)),
        ((("split", 100),), b"\xff" * 12 + b"\x0f" + bytes(19)),
        ((("split", 256),), b"\xff" * 32),
        ((("split", 9), ("hba", bytes(range(32)))), bytes(range(32))),
        ((("hba", bytes(range(32))), ("split", 8)), b"\xff" + bytes(31)),
    ],
)
def test_the_later_of_split_and_hba_counts(settings, buckets):
    made = compiled(syntax.FailoverPeer(HERE, "p", (*settings, ("mclt", 60), ("load", 3), ("max-balance", 9))))
    peer = made.failover_peers["p"]
    assert (peer.hash_buckets, peer.mclt, peer.load_balance_max_seconds, peer.max_balance) == (buckets, 60, 3, 9)
    assert peer.primary


def test_interface_asks_for_itself_once():
    inner = subnet("10.0.0.0/24", syntax.Interface(HERE, "eth1"))
    made = compiled(shared("n", inner, syntax.Interface(HERE, "eth1")))
    assert made.networks[0].interface == "eth1"
    assert made.requested_interfaces == ("eth1",)


def test_includes_are_transparent():
    made = compiled(syntax.Include(HERE, "f", [option("host-name"), subnet("10.0.0.0/24")]))
    assert len(made.subnets) == 1
    assert made.global_scope.statements[-1].option.code == 12


def test_one_handler_for_two_events():
    statement = syntax.On(HERE, ("expiry", "release"), [option("host-name")])
    made = compiled(statement, syntax.On(HERE, ("release",), None))
    context = Context(None, 0, None, None, OptionSet(), {})
    made.global_scope.run(context)
    assert context.handlers["expiry"].tree is statement
    assert context.handlers["release"] is None
    handler = compile_handler(statement)
    handler.run(context)
    assert handler.events == ("expiry", "release")
    assert context.reply.dhcp == {12: b"x"}


@pytest.mark.parametrize("code", [23, 24, 25])
def test_built_in_statements_come_first(code):
    context = Context(None, 0, None, None, OptionSet(), {})
    compiled().global_scope.run(context)
    assert list(context.reply.server).index(code) < 3
