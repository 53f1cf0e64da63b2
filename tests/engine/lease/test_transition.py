"""The tables of a lease's life hold every case once, and say what the essay above them says."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from dhcpd.engine.lease.transition import _ROWS, ENDINGS, NEXT_STATE, TRANSITIONS, Event
from dhcpd.engine.model.change import Cause
from dhcpd.engine.model.lease import ABANDONED, ACTIVE, BACKUP, EXPIRED, FREE, RELEASED, RESET, STATE_NAMES

STATES = (FREE, ACTIVE, EXPIRED, RELEASED, ABANDONED, RESET, BACKUP)


def test_every_pair_of_states_has_one_row() -> None:
    cases = [(paired, old, new) for paired, olds, news, _, _ in _ROWS for old in olds for new in news]
    assert sorted(cases) == sorted(product((False, True), STATES, STATES))
    assert set(NEXT_STATE) == set(product((False, True), STATES))


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("state", STATES, ids=lambda state: STATE_NAMES[state])
def test_time_brings_every_lease_to_rest(state: int, *, paired: bool) -> None:
    seen = []
    while NEXT_STATE[paired, state] != state:
        state = NEXT_STATE[paired, state]
        assert state not in seen, "a lease that changes for ever"
        seen.append(state)
    assert state in (FREE, BACKUP)


@pytest.mark.parametrize("paired", [False, True])
def test_a_use_ends_once_on_every_way_to_free(*, paired: bool) -> None:
    """From ACTIVE by time, release or a reset: `on` blocks run once, and the charge is gone where the lease is free."""
    for first in (NEXT_STATE[paired, ACTIVE], ENDINGS[Cause.RELEASE][2 if paired else 1], RESET):
        way = [ACTIVE, first]
        while NEXT_STATE[paired, way[-1]] != way[-1]:
            way.append(NEXT_STATE[paired, way[-1]])
        steps = [TRANSITIONS[paired, old, new] for old, new in pairwise(way)]
        ran = [step.runs for step in steps if step.runs is not None]
        assert len(ran) == (0 if paired and first == RESET else 1), [STATE_NAMES[state] for state in way]
        assert steps[-1].loses.charge


def test_of_two_servers_none_ends_a_use_before_the_lease_is_free() -> None:
    for old, new in product(STATES, STATES):
        if TRANSITIONS[True, old, new].runs is not None:
            assert new in (FREE, BACKUP)


def test_alone_only_a_release_is_told_as_one() -> None:
    told = {new: TRANSITIONS[False, ACTIVE, new].runs for new in STATES if new != ACTIVE}
    assert told.pop(RELEASED) is Event.RELEASE
    assert set(told.values()) == {Event.EXPIRY}
