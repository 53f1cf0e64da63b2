"""The list of subnets against ISC's: a plain list, walked for every question."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.engine.conf.subnet_list import SubnetList

HOLES = 0xFFFF00FF
MASKS = [(1 << 32) - (1 << bits) for bits in range(9)] + [HOLES]


@st.composite
def subnets(draw: st.DrawFn) -> tuple[int, int]:
    mask = draw(st.sampled_from(MASKS))
    return 0x0A000000 + draw(st.integers(0, 511)) & mask, mask


def overlapping(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return (one[0] ^ other[0]) & one[1] & other[1] == 0


@given(entries=st.lists(subnets(), max_size=14), append=st.booleans(), address=st.integers(0x0A000000, 0x0A0001FF))
@settings(max_examples=500, deadline=None)
def test_as_the_walk_of_a_list(entries: list[tuple[int, int]], append: bool, address: int) -> None:
    plain: list[tuple[int, int]] = []
    made: SubnetList[tuple[int, int]] = SubnetList(append=append)
    for entry in entries:
        assert made.first_overlapping(*entry) == next((one for one in plain if overlapping(one, entry)), None)
        length = entry[1].bit_count()
        wider = [at for at, one in enumerate(plain) if overlapping(one, entry) and one[1].bit_count() < length]
        plain.insert(wider[0] if wider else len(plain) if append else 0, entry)
        made.add(*entry, entry)
    assert list(made) == plain
    assert made.find(address) == next((one for one in plain if address & one[1] == one[0]), None)
