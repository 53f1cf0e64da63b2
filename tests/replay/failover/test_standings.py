"""`at --failover`: where a relationship stands at a moment, what it waits for, and what an operator may do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from dhcpd.engine.failover.rules.states import COMM_INT, P_DOWN, SHUTDOWN, State
from dhcpd.engine.failover.standing import _AWAITS, CHOICES, standing
from dhcpd.engine.machine import Machine
from dhcpd.replay.command.cli import cli
from dhcpd.replay.failover.standings import as_object, left, pairs, standings
from dhcpd.replay.playing.seek import last_us
from dhcpd.trace import open_tape
from tests.engine.failover.pair import SECOND_US, Pair, configuration
from tests.engine.service.desk import DISCOVER, mac, message
from tests.replay.pairs import with_a_cut

if TYPE_CHECKING:
    from pathlib import Path

    from dhcpd.engine.failover.standing import Standing
    from tests.engine.failover.pair import Node


def stand(node: Node) -> Standing:
    return standing(node.endpoint)


def waits_for(pair: Pair, node: Node) -> dict[str, int | None]:
    """What a node waits for, and for how many seconds more."""
    now = pair.now_us // SECOND_US
    return {one.what: None if one.until is None else one.until - now for one in stand(node).awaited}


@pytest.fixture
def pair() -> Pair:
    made = Pair()
    made.start()
    made.sleep(10)
    return made


def test_every_state_has_its_row():
    assert set(_AWAITS) == set(CHOICES) == set(State)


def test_a_pair_in_normal_waits_for_nothing(pair: Pair):
    found = stand(pair.primary)
    assert (found.state.word, found.partner_state.word, found.awaited) == ("normal", "normal", ())
    assert (found.pools[0].free, found.pools[0].backup, found.pools[0].active) == (10, 10, 0)
    assert found.contact.linked
    assert found.contact.skew_s == 0


def test_startup_is_counted_down():
    pair = Pair()
    pair.start(pair.primary)
    pair.sleep(4)
    assert waits_for(pair, pair.primary)["the partner's state; else this server goes on without"] == 11
    assert stand(pair.primary).saved == State.RECOVER
    assert stand(pair.primary).service.name == "STARTUP"


def test_a_lost_link_and_auto_partner_down_are_counted_down():
    peer = "max-response-delay 20; max-unacked-updates 10; auto-partner-down 90;"
    pair = Pair(*[configuration(side, peer=peer) for side in ("primary", "secondary")])
    pair.start()
    pair.sleep(10)
    pair.kill(pair.secondary)
    pair.sleep(2)
    waits = waits_for(pair, pair.primary)
    assert waits["the partner; then partner-down by auto-partner-down"] == 88
    assert waits["a connection: the partner is called again"] == 3
    assert [one.state for one in stand(pair.primary).choices] == [None, P_DOWN]
    assert stand(pair.primary).contact.heard_us is None
    assert stand(pair.primary).why.startswith("the partner closed")


def test_stos_and_mclt_are_counted_down_in_partner_down_and_recovery(pair: Pair):
    pair.kill(pair.secondary)
    pair.sleep(1)
    pair.primary.set_state(P_DOWN)
    pair.sleep(20)
    over = "what may be promised and forgotten to be over (STOS + MCLT)"
    taken_over = waits_for(pair, pair.primary)["the partner's free leases to be this server's (STOS + MCLT)"]
    assert taken_over == stand(pair.primary).since + 60 - pair.now_us // SECOND_US
    pair.secondary.leases = b""
    pair.start(pair.secondary)
    pair.sleep(5)
    assert pair.secondary.state == "recover-wait"
    assert waits_for(pair, pair.secondary) == {over: 55}
    pair.sleep(60)
    assert stand(pair.secondary).awaited == ()


def test_updates_under_way_are_counted(pair: Pair):
    pair.cut = True
    assert pair.dora(2, pair.primary) is not None
    found = stand(pair.primary)
    assert (found.updates.unacknowledged, found.updates.limit) == (1, 10)
    assert "acknowledgements of the partner" in waits_for(pair, pair.primary)


def test_a_partner_that_is_there_is_not_to_be_started(pair: Pair):
    pair.kill(pair.secondary)
    pair.primary.set_state(P_DOWN)
    assert [one.what[:17] for one in stand(pair.primary).choices] == ["start the partner"]
    pair.secondary.leases = b""
    pair.start(pair.secondary)
    pair.sleep(5)
    assert (pair.primary.state, pair.secondary.state) == ("partner-down", "recover-wait")
    assert stand(pair.primary).choices == ()


def test_an_operator_learns_the_way_out_of_shutdown(pair: Pair):
    pair.primary.set_state(SHUTDOWN)
    found = stand(pair.primary)
    assert [one.state for one in found.choices] == [COMM_INT]
    assert found.silence == "shut down"
    assert any("set local-state = 3" in value for _name, value in pairs(found, found.now))
    assert pair.send(message(DISCOVER, mac(1)), pair.primary) == []


def test_a_restored_machine_stands_where_it_stood(pair: Pair):
    pair.dora(1)
    before = [as_object(one, one.now) for one in standings(pair.primary.machine)]
    restored = Machine.restore(pair.primary.machine.snapshot())
    found = restored.failover
    assert found is not None
    after = standings(restored)
    assert [as_object(one._replace(now=0), before[0]["now"]) for one in after] == before


def test_what_has_passed_says_so():
    assert left(1_790_000_060, 1_790_000_050) == "2026-09-21 14:14:20, in 10 s"
    assert left(1_790_000_060, 1_790_000_060) == "2026-09-21 14:14:20, which has passed"


# The verb


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair")
    with_a_cut(folder)
    return folder / "secondary.trace"


def asked(trace: Path, *words: str) -> str:
    result = CliRunner().invoke(cli, ["at", str(trace), *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_table_tells_the_states_the_link_and_the_pools(trace: Path):
    text = asked(trace, "+10s", "--failover")
    assert "fo, this is the secondary" in text
    assert "normal since 2026-09-21 14:13:20" in text
    assert "last contact" in text
    assert "backup (secondary's)" in text


def test_a_time_between_events_counts_on(trace: Path):
    """The last event before it may be seconds ago; what is waited for is as far away as it was at that time."""
    one = json.loads(asked(trace, "+23s", "--failover", "--json"))
    later = json.loads(asked(trace, "+24s", "--failover", "--json"))
    assert one["state"] == later["state"] == "communications-interrupted"
    assert later["now"] == one["now"] + 1
    waits = [[each["left"] for each in found["awaited"] if each["until"]] for found in (one, later)]
    assert waits[0] == [waits[1][0] + 1]


def test_the_end_is_the_last_event(trace: Path):
    """Nothing is counted on from there: whoever asks a recording that grows does not know when it ended."""
    one = json.loads(asked(trace, "end", "--failover", "--json"))
    later = json.loads(asked(trace, "+1h", "--failover", "--json"))
    with open_tape(trace) as tape:
        assert one["now"] == last_us(tape) // SECOND_US
    assert one["state"] == later["state"] == "normal"


def test_a_server_without_a_partner_says_so(tmp_path: Path):
    from tests.replay.test_every_verb import whole

    whole(tmp_path / "alone")
    result = CliRunner().invoke(cli, ["at", str(tmp_path / "alone"), "20", "--failover"])
    assert result.exit_code == 125
    assert "names no failover relationship" in result.stderr
