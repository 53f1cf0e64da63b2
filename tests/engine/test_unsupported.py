"""Nothing that a configuration asks for is left undone in silence."""

from __future__ import annotations

import pytest

from dhcpd.engine.machine import Machine
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Exit, Log

FAILOVER = b"""failover peer "duo" { primary; address 10.0.0.1; peer address 10.0.0.2; mclt 60; split 128; }
subnet 10.0.0.0 netmask 255.255.255.0 { pool { failover peer "duo"; range 10.0.0.9; } }"""
CASES = [
    (FAILOVER, []),
    (b"omapi-port 7911;", []),
    (b"ddns-update-style standard; zone example.org. { primary 127.0.0.1; }",
     ["ddns-update-style other than none", "zone example.org."]),
    (b"ddns-update-style none; zone example.org. { primary 127.0.0.1; }", []),
]  # fmt: skip


def warnings(configuration: bytes, *flags: str) -> tuple[list[str], bool]:
    machine = Machine()
    words = ("-cf", "c", "-lf", "/l", "-pf", "/p", "-p", "67", *flags)
    machine.apply(ev.Boot(1, 0, "test", words, (), "host", 1, b"seed" * 4, 67, "little-endian", 0))
    machine.apply(ev.ConfigurationFile(1, 0, "c", configuration, ""))
    effects = machine.apply(ev.ConfigurationEnd(1, 0, "c", False))
    lines = [effect.text for effect in effects if isinstance(effect, Log)]
    return [line for line in lines if "not supported" in line], Exit(0) in effects


@pytest.mark.parametrize(("configuration", "names"), CASES)
def test_a_start_says_what_has_no_effect(configuration: bytes, names: list[str]) -> None:
    expected = [f"WARNING: {name} is not supported yet and has no effect" for name in names]
    assert warnings(configuration) == (expected, False)


@pytest.mark.parametrize(("configuration", "names"), CASES)
def test_checking_a_configuration_says_what_isc_says(configuration: bytes, names: list[str]) -> None:
    assert warnings(configuration, "-t") == ([], True)
