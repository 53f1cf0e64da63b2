"""What is long without being deep: no length of a file, or of a chain, ends the server."""

from __future__ import annotations

import pytest

from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.machine import Machine
from tests.engine.service.desk import Desk, mac

COMMENTS = ["  # set in\n", "# a blank line behind\n\n", "\t#\n", "# one\n# two\n \n"]
SUBNET = "subnet 10.77.0.0 netmask 255.255.255.0 {\n range 10.77.0.100 10.77.0.109;\n%s}\n"


def mistakes(text: str) -> list[str]:
    parsed = parse({"c": text.encode()}, "c", default_registry())
    return [parsed.fatal or "", *[line for _level, line in parsed.lines]]


@pytest.mark.parametrize("comment", COMMENTS)
def test_comments_of_any_number_are_skipped(comment: str) -> None:
    """A block of hosts that somebody has commented out, set in or with blank lines between."""
    text = SUBNET % (comment * 3000) + comment * 3000 + "wrong"
    lines = mistakes(text)
    assert lines[1].startswith(f"c line {text.count(chr(10)) + 1}: "), lines


def chain(operator: str, count: int) -> str:
    return f" {operator} ".join(f'option host-name = "n{number}"' for number in range(count))


@pytest.mark.parametrize("operator", ["and", "or"])
@pytest.mark.parametrize("count", [260, 5000])
def test_a_chain_that_is_too_long_is_a_mistake_with_a_place(operator: str, count: int) -> None:
    text = f"subnet 10.77.0.0 netmask 255.255.255.0 {{\n if {chain(operator, count)} {{ }}\n}}\n"
    lines = mistakes(text)
    assert lines[0].startswith("c line 2: more than 250 operators in an expression"), lines


def test_the_longest_chain_works() -> None:
    more = f' on commit {{ if {chain("or", 250)} {{ set x = "y"; }} }}\n'
    desk = Desk(f'ping-check off; class "c" {{ match if {chain("or", 250)}; }}\n' + SUBNET % more)
    address = desk.bind(mac(1), name=b"n249")
    rare = desk.lease(address).rare
    assert rare is not None
    assert rare.variables == {"x": b"y"}
    assert Machine.restore(desk.machine.snapshot()).snapshot() == desk.machine.snapshot()
