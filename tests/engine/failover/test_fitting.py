"""Two configurations held against each other: what keeps them from being a pair is named, and nothing else."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.failover.rules.fitting import _common, _merged, _without, misfits
from tests.engine.failover.pair import configuration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dhcpd.engine.failover.rules.fitting import Misfit, Range
    from dhcpd.engine.model.configuration import Configuration

PRIMARY, SECONDARY = configuration("primary"), configuration("secondary")
LOW = 'pool { failover peer "fo"; range 10.44.0.100 10.44.0.109; }'
HIGH = 'pool { failover peer "fo"; deny unknown-clients; range 10.44.0.110 10.44.0.119; }'
RANGE = 'pool { failover peer "fo"; range 10.44.0.100 10.44.0.119; }'


def read(text: str) -> Configuration:
    registry = default_registry()
    parsed = parse({"c": text.encode()}, "c", registry)
    assert not parsed.failed, parsed.lines
    return compile_configuration(parsed.block, registry)


def found(primary: str = PRIMARY, secondary: str = SECONDARY) -> list[Misfit]:
    return misfits(read(primary), read(secondary))


def test_a_pair_fits():
    assert found() == []
    assert found(SECONDARY, PRIMARY) == []


# What is changed in the secondary's file -> what is said, and whether it harms.
CASES: list[tuple[str, str, str, bool, str]] = [
    ('peer "fo"', 'peer "of"', "name", True, "the name must be the same"),
    ("address 10.45.0.2", "address 10.45.0.3", "address", True, "peer address is 10.45.0.2, and the other file has"),
    ("peer address 10.45.0.1", "peer address 10.45.0.9", "address", True, "the other file has peer address 10.45.0.9"),
    ("peer address 10.45.0.1", "peer address primary.example", "address", False, "cannot be compared"),
    ("port 847", "port 848", "port", True, "peer port is 847, and the other file has port 848"),
    ("peer port 647", "peer port 650", "port", True, "the other file has peer port 650"),
    ("secondary;", "secondary; mclt 61;", "mclt", False, "the primary's mclt 60 counts"),
    ("max seconds 3", "max seconds 5", "load balance max seconds", False, "3 here and 5 in the other file"),
    ("max-response-delay 20", "max-response-delay 2", "max-response-delay", False, "give at least 3"),
    ("10.44.0.119", "10.44.0.129", "range", True, "this file does not have 10.44.0.120 to 10.44.0.129"),
    ("10.44.0.119", "10.44.0.118", "range", True, "the other file does not have 10.44.0.119: "),
    (RANGE, RANGE[:-1] + "} pool { range 10.44.0.130 10.44.0.139; }", "", False, ""),
    (RANGE, LOW + " pool { range 10.44.0.110 10.44.0.119; }", "range", True, "both would give"),
    (RANGE, LOW + HIGH, "pool", False, "other pools"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "what", "harms", "text"), CASES)
def test_what_does_not_fit_is_said(old: str, new: str, what: str, harms: bool, text: str):
    assert SECONDARY.count(old) >= 1
    secondary = SECONDARY.replace(old, new)
    for both in (found(secondary=secondary), found(secondary, PRIMARY)):
        assert {one.what for one in both} == ({what} if what else set())
        assert all(one.harms == harms for one in both)
    said = " | ".join(one.text for one in found(secondary=secondary))
    assert text in said


def test_a_split_for_one_alone_is_a_remark():
    only = found(PRIMARY.replace("split 128", "split 256"))
    assert [(one.what, one.harms) for one in only] == [("split", False)]
    assert "all clients to the primary" in only[0].text
    assert "all clients to the secondary" in found(PRIMARY.replace("split 128", "split 0"))[0].text


def test_two_primaries_and_no_relationship():
    assert {one.what for one in found(PRIMARY, PRIMARY)} == {"role", "address", "port"}
    alone = "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.1 10.0.0.9; }"
    assert [one.what for one in misfits(read(alone), read(alone))] == ["none"]
    assert [one.what for one in found(alone)] == ["name"]


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)).map(lambda one: (one[0], one[0] + one[1])))


def addresses(ranges: Iterable[Range]) -> set[int]:
    return {address for low, high in ranges for address in range(low, high + 1)}


@given(SPANS, SPANS)
def test_ranges_are_as_sets_of_addresses(one: list[Range], other: list[Range]):
    left, right = _merged(one), _merged(other)
    assert addresses(left) == addresses(one)
    assert all(high + 1 < low for (_, high), (low, _) in itertools.pairwise(left))
    assert addresses(_without(left, right)) == addresses(one) - addresses(other)
    assert addresses(_common(left, right)) == addresses(one) & addresses(other)
