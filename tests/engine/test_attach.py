"""Which interfaces are served: the rules, against configurations made by hand.

See docs/behaviour/packets.md#interfaces-at-the-start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.attach import Discovery, discover, listening_lines
from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.model.configuration import Configuration, Scope, SharedNetwork, Subnet
from dhcpd.engine.model.syntax import NOWHERE
from dhcpd.trace.events import Link

if TYPE_CHECKING:
    from collections.abc import Sequence

UP, BROADCAST, LOOPBACK = 0x1, 0x2, 0x8
TEN = 10 << 24


def configuration(
    *third_octets: int, shared: bool = False, interface: str | None = None
) -> Configuration:
    """A lone subnet 10.0.N.0/24 for each N, or one shared network of them all."""
    scope = Scope("global", NOWHERE, None)
    networks: list[SharedNetwork] = []
    subnets: list[Subnet] = []
    for octet in third_octets:
        if not shared or not networks:
            name = "campus" if shared else f"10.0.{octet}.0/24"
            networks.append(SharedNetwork(name, NOWHERE, scope, number=len(networks), interface=interface))
        subnets.append(Subnet(TEN | octet << 8, 0xFFFFFF00, NOWHERE, scope, networks[-1]))
    return Configuration(
        default_registry(),
        (scope,),
        scope,
        networks=tuple(networks),
        subnets=tuple(subnets),
        find_subnet=lambda address: next((one for one in subnets if address in one), None),
    )


def link(name: str, *addresses: int, flags: int = UP | BROADCAST, kind: int = 1) -> Link:
    """An interface with host 1 of each subnet."""
    hardware = bytes([2, 0, 0, 0, 0, 1])
    return Link(name, 1, kind, hardware, flags, tuple((TEN | octet << 8 | 1, 24) for octet in addresses))


def served(found: Discovery) -> list[str]:
    """The names of the interfaces that are served."""
    return [attachment.name for attachment in found.served]


def test_without_names_all_suitable_interfaces_are_served_last_found_first() -> None:
    links = [link("lo", flags=UP | LOOPBACK, kind=772), link("eth0", 1), link("eth1", 2)]
    found = discover(configuration(1, 2), links, [], 67)
    assert served(found) == ["eth1", "eth0"]
    assert not found.fatal


def test_named_interfaces_exclude_the_others_without_a_word() -> None:
    found = discover(configuration(1, 2), [link("eth0", 1), link("eth1", 2)], ["eth1"], 67)
    assert served(found) == ["eth1"]
    assert found.warnings == []


def test_an_interface_that_is_named_twice_serves_once_and_is_explained_behind() -> None:
    found = discover(configuration(1), [link("eth0", 1)], ["eth0", "eth0"], 67)
    assert served(found) == ["eth0"]
    (_, _, first), (_, _, second), (_, text, third), *_ = found.lines
    assert first is not None
    assert (second, third) == (None, None)
    assert text == "No subnet declaration for eth0 (no IPv4 addresses)."


def test_an_interface_without_a_subnet_is_explained_and_left_out() -> None:
    found = discover(configuration(1), [link("eth0", 1), link("eth1", 9)], [], 67)
    assert served(found) == ["eth0"]
    texts = [text for _level, text, _attachment in found.lines]
    assert "No subnet declaration for eth1 (10.0.9.1)." in texts


def test_nothing_to_serve_is_fatal_and_says_so_of_an_absent_interface() -> None:
    found = discover(configuration(1), [link("eth0", 1)], ["eth7"], 67)
    assert found.fatal == "Not configured to listen on any interfaces!"
    assert "No subnet declaration for eth7 (no IPv4 addresses)." in [text for _level, text, _one in found.lines]


def test_one_interface_in_two_networks_is_fatal() -> None:
    found = discover(configuration(1, 2), [link("eth0", 1, 2)], [], 67)
    assert found.fatal == "Interface eth0 matches multiple shared networks"


def test_two_interfaces_on_one_network_are_both_served_with_a_warning() -> None:
    found = discover(configuration(1, 2, shared=True), [link("eth0", 1), link("eth1", 2)], [], 67)
    assert served(found) == ["eth1", "eth0"]
    assert [text for _level, text in found.warnings] == ["Multiple interfaces match the same shared network: eth0 eth1"]


def test_an_interface_statement_attaches_without_an_address() -> None:
    made = configuration(1, interface="eth0")
    found = discover(made, [link("eth0")], ["eth0"], 67)
    assert served(found) == ["eth0"]
    assert "eth0 missing an interface address" in [text for _level, text, _one in found.lines]


def test_loopback_is_refused_on_a_privileged_port_only() -> None:
    lo = link("lo", 1, flags=UP | LOOPBACK, kind=772)
    assert discover(configuration(1), [lo], ["lo"], 67).fatal == 'Unsupported device type 772 for "lo"'
    assert served(discover(configuration(1), [lo], ["lo"], 6767)) == ["lo"]


def test_the_lines_name_interface_hardware_and_network() -> None:
    found = discover(configuration(1), [link("eth0", 1)], [], 67)
    assert listening_lines(found.served[0], plain_udp=False) == [
        "Listening on LPF/eth0/02:00:00:00:00:01/10.0.1.0/24",
        "Sending on   LPF/eth0/02:00:00:00:00:01/10.0.1.0/24",
    ]


def test_an_interface_that_is_down_has_no_address_and_the_others_are_served() -> None:
    found = discover(configuration(1, 3), [link("eth0", 1), link("eth3", 3, flags=BROADCAST)], ["eth0", "eth3"], 67)
    assert served(found) == ["eth0"]
    assert "No subnet declaration for eth3 (no IPv4 addresses)." in [text for _level, text, _attachment in found.lines]
    assert not found.fatal


def test_an_interface_that_is_absent_is_said_to_be() -> None:
    found = discover(read(STATED % "usb7"), [link("eth0", 1)], [], 67)
    assert [text for _level, text, _attachment in found.lines] == ["usb7 missing an interface address"]
    assert found.fatal == "Failed to get interface index: No such device"


# As ISC dhcpd served them: (named on the command line, statement) -> interface and network.
STATED = "subnet 10.0.1.0 netmask 255.255.255.0 { interface %s; } subnet 10.0.7.0 netmask 255.255.255.0 { }"
BOTH = (
    "shared-network b { interface eth0; interface eth1;"
    " subnet 10.0.1.0 netmask 255.255.255.0 { } subnet 10.0.2.0 netmask 255.255.255.0 { } }"
)


@pytest.mark.parametrize(
    ("named", "text", "expected"),
    [
        (["eth0", "eth1"], BOTH, {"eth0": "b", "eth1": "b"}),
        (["eth0"], BOTH, {"eth0": "b", "eth1": "b"}),
        (["eth0", "eth1"], STATED % "eth1", {"eth0": "10.0.1.0/24"}),
        (["eth1"], STATED % "eth1", {}),
        ([], STATED % "eth1", {"eth1": "10.0.1.0/24"}),
        ([], STATED % "eth2", {"eth2": "10.0.1.0/24"}),
        ([], STATED % "eth3", {"eth3": "10.0.1.0/24"}),
        ([], STATED.replace("{ }", "{ interface eth2; }") % "eth2", {"eth2": "10.0.1.0/24"}),
    ],
)
def test_an_interface_statement_is_about_interfaces_that_nobody_named(
    named: list[str], text: str, expected: dict[str, str]
) -> None:
    links = [link("eth0", 1), link("eth1", 2), link("eth2"), link("eth3", 3, flags=BROADCAST)]
    found = discover(read(text, named), links, named, 67)
    assert {one.name: one.network.name for one in found.served if one.network is not None} == expected


@pytest.mark.parametrize(("named", "failed"), [([], True), (["eth1"], True), (["eth0"], False)])
def test_a_network_has_one_interface_by_statement(named: list[str], failed: bool) -> None:
    parsed = parse({"c": BOTH.encode()}, "c", default_registry(), named)
    assert parsed.failed == failed
    assert ("two interfaces" in repr(parsed.lines)) == failed


def read(text: str, named: Sequence[str] = ()) -> Configuration:
    registry = default_registry()
    parsed = parse({"c": text.encode()}, "c", registry, named)
    assert not parsed.failed, parsed.lines
    return compile_configuration(parsed.block, registry, parsed.requested_interfaces)
