from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dhcpd.replay.shrink.ddmin import longest_passing_cut, minimise


@given(st.integers(0, 200), st.sets(st.integers(0, 199), max_size=6))
def test_exactly_what_is_needed_is_left(count: int, needed: set[int]) -> None:
    wanted = {one for one in needed if one < count}

    def first(lists: list[list[int]]) -> int | None:
        return next((at for at, one in enumerate(lists) if wanted <= set(one)), None)

    assert minimise(range(count), first) == sorted(wanted)


@given(st.integers(1, 60), st.integers(0, 1000))
def test_no_single_item_can_be_left_out(count: int, seed: int) -> None:
    """Also where the test is no simple matter of needed items."""

    def passes(items: list[int]) -> bool:
        return len(items) > 0 and (sum(items) + seed) % 3 == (sum(range(count)) + seed) % 3

    def first(lists: list[list[int]]) -> int | None:
        return next((at for at, one in enumerate(lists) if passes(one)), None)

    left = minimise(range(count), first)
    assert passes(left) or left == list(range(count))
    if len(left) > 1:
        assert not any(passes(left[:at] + left[at + 1 :]) for at in range(len(left)))


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_cuts_by_halving(count: int, longest: int) -> None:
    asked: list[int] = []

    def passes(cut: int) -> bool:
        asked.append(cut)
        return cut <= longest

    assert longest_passing_cut(count, passes) == min(count, longest)
    assert len(asked) <= 11
