"""Expressions and statements that look at a packet, a lease or the reply; classes, permits, parameters."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dhcpd.engine.conf.building.compile import TABLES, compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.running import parameters
from dhcpd.engine.conf.running.classify import classify, in_class, permitted
from dhcpd.engine.conf.running.expressions import CALL_DEPTH_MAX, Compiler
from dhcpd.engine.conf.running.statements import compile_list
from dhcpd.engine.model import syntax
from dhcpd.engine.model.context import Context, Frame, OptionSet
from dhcpd.engine.model.lease import Lease, Rare
from dhcpd.engine.model.spaces import OptionSpace, Registry
from tests.engine.conf.evaluation import Host

REGISTRY = default_registry()
HERE = syntax.NOWHERE
DHCP = REGISTRY.spaces["dhcp"].by_name


def packet(**given):
    payload = bytearray(300)
    payload[0] = 1
    payload[44:48] = b"boss"
    payload[108:112] = b"file"
    values = {
        "payload": bytes(payload),
        "hlen": 6,
        "hardware": b"\1\2\0\0\0\0\7",
        "options": {12: b"client", 60: b"", 43: b"\1\2ab"},
        "spaces": {"agent": {1: b"circuit"}},
        "options_valid": True,
        "message_type": 1,
        "known": False,
        "classes": [],
    }
    return SimpleNamespace(**{**values, **given})


def context(seen=None, lease=None, host=None):
    return Context(host or Host(), 1000, seen, lease, OptionSet(), {})


def E(kind, *arguments):  # noqa: N802 - an expression, as the grammar calls it
    return syntax.Expression(kind, arguments)


def data(value):
    return E("data", value, True)


def number(value):
    return E("number", value)


def evaluate(expression, where):
    made = Compiler(TABLES).any(expression)
    return made(where) if callable(made) else made


def run(where, *statements):
    compile_list(Compiler(TABLES), list(statements))(where)


def assign(name, value, operator="supersede", space="dhcp"):
    option = REGISTRY.spaces[space].by_name[name]
    return syntax.OptionStatement(HERE, operator, option, value, literal=False)


AGENT = REGISTRY.spaces["agent"].by_name["circuit-id"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (E("option", DHCP["host-name"]), b"client"),
        (E("option", DHCP["root-path"]), None),
        (E("option", AGENT), b"circuit"),
        (E("option", REGISTRY.spaces["fqdn"].by_name["hostname"]), None),
        (E("exists", DHCP["vendor-class-identifier"]), True),
        (E("exists", DHCP["root-path"]), False),
        (E("exists", AGENT), True),
        (E("hardware"), b"\1\2\0\0\0\0\7"),
        (E("packet", number(0), number(1)), b"\1"),
        (E("packet", number(298), number(10)), b"\0\0"),
        (E("packet", number(300), number(1)), None),
        (E("filename"), b"file"),
        (E("server-name"), b"boss"),
        (E("known"), False),
        (E("gethostname"), b"server.example"),
        (E("v6relay", number(1), data(b"x")), None),
        (E("extract-int", E("substring", E("hardware"), number(5), number(2)), 16), 7),
        (E("substring", E("option", DHCP["host-name"]), number(2**64 - 1), number(2)), b""),
        (E("suffix", E("option", DHCP["host-name"]), number(2)), b"nt"),
        (E("reverse", number(0), data(b"ab")), None),
        (E("extract-int", data(b""), 8), None),
        (E("client-state"), None),
    ],
)
def test_packet(expression, expected):
    assert evaluate(expression, context(packet())) == expected


def test_hardware_too_long_and_of_the_lease():
    where = context(packet(hlen=17))
    assert evaluate(E("hardware"), where) is None
    assert where.host.lines == [(3, "data: hardware: invalid hlen (17)"), (3, "")]
    lease = Lease(5, None, None)
    lease.hardware = b"\1\2"
    assert evaluate(E("hardware"), context(None, lease)) == b"\1\2"


class TestLease:
    def test_address_time_and_kind(self):
        lease = Lease(0x0A000005, None, None)
        lease.ends = 1060
        where = context(packet(), lease)
        assert evaluate(E("leased-address"), where) == b"\x0a\0\0\5"
        assert evaluate(E("lease-time"), where) == 60
        assert evaluate(E("static"), where) is True
        lease.ends = 900
        assert evaluate(E("lease-time"), where) is None
        assert where.host.lines == [(3, "data: lease_time: lease ends at 900 when it is now 1000")]

    def test_host_decl_name(self):
        lease = Lease(5, None, None)
        where = context(packet(), lease)
        assert evaluate(E("host-decl-name"), where) is None
        lease.rare = Rare()
        lease.rare.host = "fritz"
        assert evaluate(E("host-decl-name"), where) == b"fritz"


class TestReply:
    def test_values_are_found_when_asked_for(self):
        where = context()
        run(where, assign("root-path", E("config-option", DHCP["domain-name"])), assign("domain-name", data(b"late")))
        assert where.reply.dhcp[17](where) == b"late"

    def test_an_option_made_of_itself_is_null(self):
        where = context()
        run(where, assign("root-path", E("config-option", DHCP["root-path"])))
        assert evaluate(E("config-option", DHCP["root-path"]), where) is None

    def test_operators_keep_the_place(self):
        where = context()
        run(
            where,
            assign("host-name", data(b"a")),
            assign("domain-name", data(b"b"), "default"),
            assign("host-name", data(b"c"), "append"),
            assign("host-name", data(b"d"), "prepend"),
            assign("domain-name", data(b"e"), "default"),
        )
        assert list(where.reply.dhcp.items()) == [(12, b"dac"), (15, b"b")]

    def test_default_is_blocked_by_a_null_entry(self):
        where = context()
        run(where, assign("host-name", E("null")), assign("host-name", data(b"x"), "default"))
        assert where.reply.dhcp[12](where) is None
        assert where.reply.volatile

    def test_without_a_reply_nothing_is_set(self):
        where = Context(Host(), 0, packet(), None, None, {})
        run(where, assign("host-name", data(b"a")), assign("host-name", data(b"a"), "append"))
        assert evaluate(E("config-option", DHCP["host-name"]), where) is None

    def test_host_names_are_asked_for_when_evaluated(self):
        compiler = Compiler(TABLES)
        every = E("assembled", (b"\1\1\1\1", syntax.HostName("a.example", every=True)))
        single = E("assembled", (syntax.HostName("a.example", every=False),))
        where = context()
        assert compiler.data(every)(where) == b""
        where.host.answers["a.example"] = (1, 2)
        assert compiler.data(every)(where) == b"\1\1\1\1\0\0\0\1\0\0\0\2"
        assert compiler.data(single)(where) == b"\0\0\0\1"
        assert compiler.host_names == ["a.example"]

    def test_a_call_as_a_whole_value_is_used(self):
        where = context()
        run(
            where,
            syntax.Define(HERE, "F", ("v",), [syntax.Return(HERE, E("variable", "v"))]),
            assign("host-name", E("call", "f", data(b"x"))),
            assign("root-path", E("config-option", DHCP["host-name"])),
            assign("domain-name", data(b"y")),
            assign("domain-name", E("call", "f", data(b"x")), "append"),
        )
        assert where.reply.dhcp[12](where) == b"x"
        assert where.reply.dhcp[17](where) == b"x"
        assert where.reply.dhcp[15](where) is None
        assert evaluate(E("config-option", DHCP["host-name"]), where) is None
        assert where.host.lines == [(3, "Bogus opcode in evaluate_data_expression: 45")] * 4


class TestVariables:
    def test_numbers_are_kept_signed_and_read_unsigned(self):
        where = context()
        run(where, syntax.Set(HERE, "N", E("add", number(5), number(-7))))
        assert where.bindings == {"n": -2}
        assert evaluate(E("variable", "n"), where) == 2**64 - 2

    def test_unset_keeps_the_place(self):
        where = context()
        run(where, syntax.Set(HERE, "a", data(b"1")), syntax.Unset(HERE, "A"), syntax.Unset(HERE, "b"))
        assert where.bindings == {"a": None}
        assert evaluate(E("defined", "a"), where) is False

    def test_calls_within_calls_are_bounded(self):
        where = context()
        call = E("call", "f", E("variable", "v"))
        run(
            where,
            syntax.Define(HERE, "f", ("v",), [syntax.Set(HERE, "r", call), syntax.Return(HERE, data(b"x"))]),
            syntax.Set(HERE, "r", E("call", "f", data(b""))),
        )
        assert where.host.lines == [(3, "f: too many calls within calls.")]
        assert type(where.bindings) is dict
        assert CALL_DEPTH_MAX < 100

    def test_frames_nest(self):
        outer = {"a": b"1"}
        assert Frame(Frame(outer)).depth == 2


class TestEffects:
    def test_execute_cuts_at_nul(self):
        where = context()
        run(where, syntax.Execute(HERE, "/bin/x", (data(b"a\0b"), E("hardware"))))
        assert where.host.executed == []
        run(where, syntax.Execute(HERE, "/bin/x", (data(b"a\0b"),)))
        assert where.host.executed == [(b"/bin/x", b"a")]

    def test_log_levels(self):
        where = context()
        for level in (None, "debug", "info", "error", "fatal"):
            run(where, syntax.Log(HERE, level, data("ü".encode())))
        octets = "\xc3\xbc"  # an octet a character
        assert where.host.lines == [(level, octets) for level in (7, 7, 6, 3, "fatal")]

    def test_parse_vendor_option(self):
        registry = Registry()
        registry.add(OptionSpace("pxe"))
        seen = packet(registry=registry, spaces={})
        where = context(seen)
        run(where, syntax.ParseVendorOption(HERE))
        assert seen.spaces == {}
        run(where, assign("vendor-option-space", data(b"PXE"), space="server"), syntax.ParseVendorOption(HERE))
        assert seen.spaces == {"pxe": {1: b"ab"}}


def configured(*block):
    return compile_configuration(list(block), REGISTRY)


def class_of(name, condition=None, submatch=None, *, spawn=False, limit=0):
    block = []
    if condition is not None:
        block.append(syntax.MatchIf(HERE, condition))
    if submatch is not None:
        block.append(syntax.Match(HERE, submatch, spawn=spawn))
    return syntax.Class(HERE, name, [*block, syntax.LeaseLimit(HERE, limit)])


TRUE = E("equal", data(b"a"), data(b"a"))


class TestClasses:
    def classified(self, configuration, seen):
        where = context(seen, host=Host(configuration))
        return where, classify(where)

    def test_conditions_submatches_and_neither(self):
        made = configured(
            class_of("both", TRUE, E("option", DHCP["host-name"])),
            class_of("no", E("and", TRUE, E("known"))),
            class_of("yes", TRUE),
            class_of("empty", None, E("option", DHCP["vendor-class-identifier"])),
            class_of("neither"),
            syntax.Subclass(HERE, "both", b"client", True, None),
        )
        where, matched = self.classified(made, packet())
        assert matched
        assert [(found.name, found.key) for found in where.packet.classes] == [("both", b"client"), ("yes", None)]
        assert in_class(where.packet, "both")
        assert not in_class(where.packet, "no")

    def test_spawning(self):
        made = configured(class_of("s", None, E("hardware"), spawn=True, limit=4))
        where, matched = self.classified(made, packet())
        assert not matched
        spawned = where.packet.classes[0]
        assert (spawned.full_name, spawned.limit, spawned.spawned) == (("s", packet().hardware), 4, True)
        again = context(packet(), host=where.host)
        classify(again)
        assert again.packet.classes == [spawned]

    def test_five_and_no_more(self):
        made = configured(*(class_of(f"c{i}", TRUE) for i in range(6)))
        where, _ = self.classified(made, packet())
        assert [found.name for found in where.packet.classes] == ["c0", "c1", "c2", "c3", "c4"]
        assert where.host.lines == [(3, "too many classes match 02:00:00:00:00:07")]

    def test_check_matches_again_and_add_adds(self):
        made = configured(class_of("c", TRUE))
        where, _ = self.classified(made, packet())
        assert evaluate(E("check", "default"), where) is True
        run(where, syntax.Add(HERE, "c"), syntax.Add(HERE, "nosuch"))
        assert where.packet.classes == [*made.classes] * 3
        assert evaluate(E("check", "default"), context()) is False
        run(context(host=Host(made)), syntax.Add(HERE, "c"))


def pool_with(*permits):
    ranged = syntax.Range(HERE, False, 0x0A000001, 0x0A000002)
    block = [syntax.Pool(HERE, [ranged, *(syntax.Permit(HERE, *entry) for entry in permits)])]
    made = configured(class_of("c", TRUE), syntax.Subnet(HERE, 0x0A000000, 0xFFFFFF00, block))
    return made, made.pools[0]


@pytest.mark.parametrize(
    ("permits", "given", "expected"),
    [
        ((), {}, True),
        (((True, "known", None),), {}, False),
        (((True, "known", None),), {"known": True}, True),
        (((True, "unknown", None),), {"known": True}, False),
        (((True, "known", None), (True, "class", "c")), {}, True),
        (((True, "all", None), (False, "class", "c")), {}, False),
        (((False, "dynamic-bootp", None),), {"message_type": 0}, False),
        (((False, "dynamic-bootp", None),), {}, True),
        (((True, "dynamic-bootp", None),), {"options_valid": False}, True),
        (((True, "after", 999),), {}, True),
        (((True, "after", 1000),), {}, False),
        (((False, "after", 999),), {}, False),
        (((True, "authenticated", None),), {}, False),
        (((True, "unauthenticated", None),), {}, True),
    ],
)
def test_permits(permits, given, expected):
    made, pool = pool_with(*permits)
    seen = packet(**given, classes=[made.classes[0]])
    assert permitted(context(seen), pool) is expected
    assert not permits or permitted(context(None), pool) is (not pool.permits)


class TestParameters:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [(b"\1", True), (b"\1\2", True), (b"\3", False), (b"", False), (b"\0\1", False), (lambda _c: None, False)],
    )
    def test_of_a_flag_the_first_octet_counts(self, value, expected):
        where = context()
        where.reply.server[parameters.ALLOW_BOOTING] = value
        assert parameters.flag(where, where.reply, parameters.ALLOW_BOOTING, default=True) is expected
        assert parameters.flag(where, where.reply, parameters.ALLOW_BOOTP, default=True) is True

    def test_three_ways(self):
        where = context()
        for value, expected in ((b"\0", 0), (b"\1", 1), (b"\2", 2), (b"\3", 0), (b"", 0), (lambda _c: b"\2x", 2)):
            where.reply.server[40] = value
            assert parameters.choice(where, where.reply, 40, parameters.ALLOW) == expected
        assert parameters.choice(where, where.reply, 29, parameters.ALLOW) == parameters.ALLOW

    def test_numbers_of_the_wrong_width_are_ignored(self):
        where = context()
        where.reply.server.update({1: b"\0\0\2\0", 2: b"\5", 14: b"\0\5", 31: lambda _c: b"\1\0", 3: lambda _c: None})
        found = [parameters.number(where, where.reply, code, 7) for code in (1, 2, 14, 31, 3, 4)]
        assert found == [512, 7, 7, 256, 7, 7]

    def test_text_and_values(self):
        where = context()
        where.reply.server.update({15: b"", 16: lambda _c: b"name"})
        where.reply.dhcp[12] = lambda _c: b"h"
        assert parameters.text(where, where.reply, parameters.FILENAME) is None
        assert parameters.text(where, where.reply, parameters.SERVER_NAME) == b"name"
        assert parameters.option_value(where, where.reply, 12) == b"h"
        assert parameters.option_value(where, where.reply, 13) is None


def test_an_option_set_copied_is_another():
    one = OptionSet()
    one.dhcp[1] = b"a"
    other = one.copy()
    other.dhcp[1] = b"b"
    other.spaces["x"] = {1: b""}
    assert one.dhcp == {1: b"a"}
    assert not other.volatile
    other.server[1] = lambda _c: None
    assert not other.volatile
