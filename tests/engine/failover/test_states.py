"""The state tables against what a real server did with every announcement in every state."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dhcpd.engine.failover.rules import states
from dhcpd.engine.failover.rules.states import ANNOUNCED, LINK_LOST, Service, State, serving, update_done

HERE = Path(__file__).parent

# The short names of the recorded matrices.
SHORT = {
    "UNK": states.UNKNOWN, "STARTUP": states.STARTUP, "NORMAL": states.NORMAL, "COMM-INT": states.COMM_INT,
    "P-DOWN": states.P_DOWN, "POT-CONF": states.POT_CONF, "RECOVER": states.RECOVER, "PAUSED": states.PAUSED,
    "SHUTDOWN": states.SHUTDOWN, "REC-DONE": states.REC_DONE, "RES-INT": states.RES_INT,
    "CONF-DONE": states.CONF_DONE, "REC-WAIT": states.REC_WAIT,
}  # fmt: skip


def rows(name: str) -> list[tuple[State, State, State, bool]]:
    """(state, announced, state that followed, whether the server exited) of a recorded matrix."""
    found = []
    for line in (HERE / f"matrix-{name}.txt").read_text("ascii").splitlines():
        row = re.match(r"(\S+) <- (\S+) : (\S+)", line)
        assert row is not None, line
        found.append((SHORT[row[1]], SHORT[row[2]], SHORT[row[3].split(">")[-1]], "EOF" in line))
    return found


@pytest.mark.parametrize("name", ["startup-primary", "startup-secondary"])
def test_each_announcement_to_a_starting_server_leads_where_it_led_the_real_one(name: str) -> None:
    for saved, announced, after, exited in rows(name):
        move = ANNOUNCED[saved, announced]
        new = states.RECOVER if move.what == "from startup: recover" else move.state or saved
        if new is states.REC_WAIT:
            # MCLT was over when the server began, so that the wait ended at once.
            new = states.REC_DONE
        assert exited or new is after, (saved, announced)


def test_each_announcement_to_a_running_server_leads_where_it_led_the_real_one() -> None:
    recorded = rows("running-primary")
    assert len(recorded) > 100
    for mine, announced, after, exited in recorded:
        move = ANNOUNCED[mine, announced]
        if exited:
            assert mine is states.CONF_DONE
        else:
            assert (move.state or mine) is after, (mine, announced)


def test_every_pair_of_states_is_in_the_table() -> None:
    running = [state for state in State if state is not states.STARTUP]
    assert set(ANNOUNCED) == {(mine, announced) for mine in running for announced in State}
    assert all(move.what in states.WHAT for move in ANNOUNCED.values())
    assert set(states.SERVICE) == set(State)


def test_a_conflict_is_resolved_in_turns() -> None:
    assert update_done(states.POT_CONF, states.POT_CONF, primary=True).state is states.CONF_DONE
    assert update_done(states.POT_CONF, states.CONF_DONE, primary=False).state is states.NORMAL
    assert ANNOUNCED[states.CONF_DONE, states.NORMAL].state is states.NORMAL
    assert update_done(states.POT_CONF, states.POT_CONF, primary=False).what == "spurious"
    assert update_done(states.POT_CONF, states.CONF_DONE, primary=True) == (states.SHUTDOWN, "illegal")


def test_from_every_state_an_announcement_or_the_link_leads_on_but_where_an_operator_must() -> None:
    moves = {mine for (mine, _announced), move in ANNOUNCED.items() if move.state is not None} | set(LINK_LOST)
    by_timer = {states.REC_WAIT, states.STARTUP}
    assert set(State) - moves - by_timer == {states.SHUTDOWN, states.PAUSED}


@pytest.mark.parametrize("mine", list(State))
@pytest.mark.parametrize("partner", list(State))
def test_nobody_serves_while_the_partner_is_alone_or_in_conflict(mine: State, partner: State) -> None:
    found = serving(mine, partner)
    if partner in states.DEMANDS:
        assert found.service is Service.NOT_RESPONDING
    assert bool(found.why) == (found.service in (Service.NOT_RESPONDING, Service.STARTUP))


def test_words_are_those_of_the_lease_file() -> None:
    assert states.UNKNOWN.word == "unknown-state"
    assert states.BY_WORD["resolution-interrupted"] is State(10)
    assert State(254).word == "recover-wait"
