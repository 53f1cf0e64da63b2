"""What `dhcpd -t --dump-config` prints: the statements in force, the innermost last, each with its place."""

from __future__ import annotations

import pytest

from dhcpd.effective import NobodyOfThatName, in_force, lines, receivers
from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse

TEXT = """default-lease-time 600;
option domain-name "all";
default root-path "/default";
class "c" { match if known; option domain-name "class"; }
subnet 10.0.0.0 netmask 255.255.255.0 {
  option domain-name "net";
  append domain-search "x.example.";
  pool { range 10.0.0.9 10.0.0.19; option root-path "/pool"; }
  range 10.0.0.30;
}
group { option host-name "grouped";
  host h { hardware ethernet 0:0:0:0:0:1; fixed-address 10.0.0.5; if known { option root-path "/host"; } } }
host free { hardware ethernet 0:0:0:0:0:2; }
"""


@pytest.fixture(scope="module")
def configuration():
    registry = default_registry()
    parsed = parse({"dhcpd.conf": TEXT.encode()}, "dhcpd.conf", registry)
    assert not parsed.failed, parsed.lines
    return compile_configuration(parsed.block, registry)


def told(configuration, what):
    return {
        one.title: {(statement.text.split("\n")[0], statement.place.line) for statement in in_force(one.scopes)}
        for one in receivers(configuration, what)
    }


EVERYBODY = {("default-lease-time 600;", 1)}
NET = {*EVERYBODY, ('option domain-name "net";', 6), ('append domain-search "x.example.";', 7)}
POOL = {*NET, ('option root-path "/pool";', 8)}
DEFAULT = ('default root-path "/default";', 3)
HOST = {*NET, DEFAULT, ('option host-name "grouped";', 11), ("if known {", 12)}


@pytest.mark.parametrize(("what", "title", "statements"), [
    ("10.0.0.10", "subnet 10.0.0.0/24, pool of 10.0.0.9 - 10.0.0.19", POOL),
    ("10.0.0.30", "subnet 10.0.0.0/24, pool of 10.0.0.30", {*NET, DEFAULT}),
    ("10.0.0.7", "subnet 10.0.0.0/24", {*NET, DEFAULT}),
    ("h", "host h, in subnet 10.0.0.0/24", HOST),
    ("10.0.0.5", "host h, in subnet 10.0.0.0/24", HOST),
    ("free", "host free", {*EVERYBODY, DEFAULT, ('option domain-name "all";', 2)}),
    ("c", "class c", {*EVERYBODY, DEFAULT, ('option domain-name "class";', 4)}),
])  # fmt: skip
def test_the_innermost_statement_counts(configuration, what, title, statements):
    assert told(configuration, what) == {title: statements}


def test_a_network_is_all_of_its_pools_and_all_is_everything(configuration):
    pools = ["subnet 10.0.0.0/24, pool of 10.0.0.9 - 10.0.0.19", "subnet 10.0.0.0/24, pool of 10.0.0.30"]
    assert sorted(told(configuration, "10.0.0.0/24")) == sorted(pools)
    assert {*pools, "class c", "host h, in subnet 10.0.0.0/24", "host free"} == set(told(configuration, "all"))


@pytest.mark.parametrize("what", ["nobody", "10.9.0.1", "10.9.0.0/24", ""])
def test_what_nobody_is_called(configuration, what):
    with pytest.raises(NobodyOfThatName):
        receivers(configuration, what)


def test_each_line_names_its_place(configuration):
    shown = list(lines(receivers(configuration, "free")))
    assert shown[0] == "# host free"
    assert shown[1] == "default-lease-time 600;".ljust(56) + "  # dhcpd.conf line 1"
