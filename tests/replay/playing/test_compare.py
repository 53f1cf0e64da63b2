from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dhcpd.replay.playing.compare import Pair, differences, same
from dhcpd.trace.effects import INFO, Answers, Log, RewritePart, Store, Wake

EFFECTS = st.one_of(
    st.builds(Wake, st.integers(0, 3)),
    st.builds(Log, st.just(INFO), st.sampled_from(["a", "b"])),
    st.builds(Store, st.sampled_from([b"a", b"b"])),
    st.builds(RewritePart, st.sampled_from([b"a", b"b"])),
)


def test_effects_of_different_types_with_equal_fields_are_not_the_same() -> None:
    assert Store(b"x") == RewritePart(b"x")  # Python's view of two tuples
    assert not same((Store(b"x"),), [RewritePart(b"x")])


def test_a_list_and_a_tuple_of_the_same_effects_are_the_same() -> None:
    assert same((Wake(1), Store(b"x")), [Wake(1), Store(b"x")])


def test_a_missing_effect_is_paired_with_nothing() -> None:
    assert differences((Wake(1), Store(b"x")), [Wake(1)]) == [Pair(2, Store(b"x"), None)]


def test_a_new_effect_is_paired_with_nothing() -> None:
    assert differences((Store(b"x"),), [Wake(1), Store(b"x")]) == [Pair(1, None, Wake(1))]


def test_a_changed_effect_is_paired_with_its_own_kind() -> None:
    pairs = differences((Log(INFO, "a"), Wake(1)), [Wake(2), Log(INFO, "b")])
    assert pairs == [Pair(1, Log(INFO, "a"), Log(INFO, "b")), Pair(2, Wake(1), Wake(2))]


def test_equal_effects_in_another_order_are_no_others() -> None:
    assert differences((Wake(1), Store(b"x")), [Store(b"x"), Wake(1)]) in (
        [Pair(1, Wake(1), Wake(1), 2)], [Pair(2, Store(b"x"), Store(b"x"), 1)],
    )  # fmt: skip
    swapped = differences((Log(INFO, "a"), Wake(1), Log(INFO, "b")), [Log(INFO, "b"), Wake(1), Log(INFO, "a")])
    assert swapped
    assert all(pair.moved_to for pair in swapped)


@given(st.lists(EFFECTS, max_size=6), st.lists(EFFECTS, max_size=6))
def test_there_are_differences_exactly_where_the_lists_are_not_the_same(old: list, new: list) -> None:
    pairs = differences(old, new)
    assert bool(pairs) is not same(tuple(old), new)
    missing = [pair.expected for pair in pairs if pair.expected is not None]
    added = [pair.got for pair in pairs if pair.got is not None]
    assert len(old) - len(missing) == len(new) - len(added)
    for pair in pairs:
        assert (pair.expected == pair.got and type(pair.expected) is type(pair.got)) is bool(pair.moved_to)


def test_a_recording_without_links_is_not_different_for_one() -> None:
    recorded = (Wake(1), Store(b"x"))
    assert same(recorded, [Answers(7), Wake(1), Store(b"x")])
    assert not same(recorded, [Answers(7), Wake(2), Store(b"x")])
    assert differences(recorded, [Answers(7), Wake(2), Store(b"x")]) == [Pair(1, Wake(1), Wake(2))]


def test_a_link_that_was_recorded_must_be_the_same() -> None:
    recorded = (Answers(7), Wake(1))
    assert same(recorded, [Answers(7), Wake(1)])
    assert not same(recorded, [Answers(8), Wake(1)])
    assert not same(recorded, [Wake(1)])
    assert differences(recorded, [Wake(1)]) == [Pair(1, Answers(7), None)]
