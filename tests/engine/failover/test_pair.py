"""Two machines as a pair: what each comes to, and what its clients get, from the first start to a lost database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.failover.messages import BindingUpdate, message_of
from dhcpd.engine.failover.rules import states
from dhcpd.engine.failover.wire import Splitter
from dhcpd.engine.machine import Machine
from dhcpd.engine.model.lease import BACKUP, FREE
from dhcpd.trace import events as ev
from tests.engine.failover.pair import PEER, SUBNET, Pair, configuration
from tests.engine.service.desk import DISCOVER, RELEASE, REQUEST, mac, message, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.failover.pair import Node

# By the hash of their hardware addresses (split 128).
PRIMARYS, SECONDARYS = 2, 1


@pytest.fixture
def pair() -> Pair:
    """A pair that has started for the first time, and has had a while."""
    made = Pair()
    made.start()
    made.sleep(20)
    return made


def states_of(pair: Pair) -> tuple[str, str]:
    return pair.primary.state, pair.secondary.state


def agree(pair: Pair) -> None:
    """Both know the same of every lease: its state, its client, its end."""
    known = []
    for node in pair.nodes:
        assert node.machine.server is not None
        database = node.machine.server.database
        leases = [database.find(number("10.44.0.100") + offset) for offset in range(20)]
        known.append([(one.address, one.state, one.hardware, one.ends) for one in leases if one is not None])
    assert known[0] == known[1]


def binding_states(node: Node) -> list[int]:
    """Of every address."""
    assert node.machine.server is not None
    database = node.machine.server.database
    leases = [database.find(number("10.44.0.100") + offset) for offset in range(20)]
    return [one.state for one in leases if one is not None]


def time_of(granted: tuple[Node, object] | None) -> int:
    assert granted is not None
    return int.from_bytes(granted[1].options[51], "big")  # type: ignore[attr-defined]  # a Reply


def test_a_first_start_ends_in_normal_with_half_of_the_pool_each(pair: Pair) -> None:
    assert states_of(pair) == ("normal", "normal")
    assert pair.primary.census() == pair.secondary.census() == {"free": 10, "backup": 10}
    agree(pair)
    assert "failover peer fo: Both servers normal" in pair.primary.lines


def test_each_client_is_answered_by_one_server_and_both_learn_of_it(pair: Pair) -> None:
    for client, owner in ((PRIMARYS, pair.primary), (SECONDARYS, pair.secondary)):
        offers = pair.send(message(DISCOVER, mac(client)))
        assert [node for node, _reply in offers] == [owner]
        granted = pair.dora(client)
        assert granted is not None
        assert granted[0] is owner
    pair.sleep(3)
    assert pair.primary.census() == pair.secondary.census() == {"free": 9, "backup": 9, "active": 2}
    agree(pair)


def test_the_first_lease_is_mclt_long_and_a_renewal_full_at_either_server(pair: Pair) -> None:
    granted = pair.dora(PRIMARYS)
    assert time_of(granted) == 60
    pair.sleep(30)
    assert granted is not None
    for node in pair.nodes:
        (reply,) = pair.send(message(REQUEST, mac(PRIMARYS), ciaddr=granted[1].address), node)
        assert time_of(reply) == 300
        pair.sleep(80)
    agree(pair)


def test_a_server_alone_goes_on_with_its_own_and_both_come_together_again(pair: Pair) -> None:
    before = pair.dora(PRIMARYS)
    assert before is not None
    pair.kill(pair.secondary)
    assert pair.primary.state == "communications-interrupted"
    granted = pair.dora(SECONDARYS)
    assert granted is not None
    assert granted[0] is pair.primary
    assert time_of(granted) == 60
    pair.start(pair.secondary)
    pair.sleep(10)
    assert states_of(pair) == ("normal", "normal")
    pair.sleep(5)
    agree(pair)


def test_both_answer_everybody_while_the_link_is_cut(pair: Pair) -> None:
    pair.cut = True
    pair.sleep(30)
    assert states_of(pair) == ("communications-interrupted", "communications-interrupted")
    offers = pair.send(message(DISCOVER, mac(PRIMARYS)))
    assert {node.side for node, _reply in offers} == {"primary", "secondary"}
    assert len({reply.address for _node, reply in offers}) == 2
    pair.cut = False
    pair.sleep(30)
    assert states_of(pair) == ("normal", "normal")


def test_a_lease_that_was_never_told_goes_straight_back_without_a_link(pair: Pair) -> None:
    pair.kill(pair.secondary)
    assert pair.dora(PRIMARYS) is not None
    assert pair.primary.census()["active"] == 1
    pair.sleep(61)
    assert pair.primary.census() == {"free": 10, "backup": 10}


def test_a_told_lease_waits_for_the_partner_when_it_ends_without_a_link(pair: Pair) -> None:
    granted = pair.dora(PRIMARYS)
    pair.sleep(3)
    pair.kill(pair.secondary)
    pair.sleep(70)
    assert pair.primary.census()["expired"] == 1
    pair.start(pair.secondary)
    pair.sleep(20)
    assert pair.primary.census() == {"free": 10, "backup": 10}
    assert granted is not None
    agree(pair)


def test_a_lease_that_ends_is_free_at_both_and_a_secondarys_goes_to_the_secondary(pair: Pair) -> None:
    assert pair.dora(PRIMARYS) is not None
    assert pair.dora(SECONDARYS) is not None
    pair.sleep(80)
    assert pair.primary.census() == pair.secondary.census() == {"free": 10, "backup": 10}
    agree(pair)


def test_a_release_reaches_the_partner(pair: Pair) -> None:
    granted = pair.dora(PRIMARYS)
    assert granted is not None
    pair.sleep(3)
    pair.send(message(RELEASE, mac(PRIMARYS), ciaddr=granted[1].address), pair.primary)
    pair.sleep(3)
    assert pair.primary.census() == pair.secondary.census() == {"free": 10, "backup": 10}
    agree(pair)


def test_partner_down_takes_the_partners_leases_after_mclt_and_lets_it_recover(pair: Pair) -> None:
    pair.kill(pair.secondary)
    assert pair.primary.set_state(states.P_DOWN)
    for client in range(20, 30):
        assert pair.dora(client) is not None
    assert pair.dora(30) is None
    assert "peer holds all free leases" in pair.primary.lines[-1]
    pair.sleep(45)
    for client in range(20, 30):
        pair.dora(client)
    pair.sleep(17)
    assert pair.dora(30) is not None
    pair.start(pair.secondary)
    pair.sleep(5)
    assert pair.secondary.state in ("recover-wait", "recover-done", "normal")
    pair.sleep(70)
    assert states_of(pair) == ("normal", "normal")
    pair.sleep(5)
    agree(pair)


@pytest.mark.parametrize(("length_s", "in_use"), [(10_000, 20), (50, 0)])
@pytest.mark.parametrize("side", ["primary", "secondary"])
def test_what_bootp_got_in_partner_down_is_the_partners_no_more(side: str, length_s: int, in_use: int) -> None:
    subnet = SUBNET.replace("range", "allow unknown-clients; allow known-clients; allow dynamic bootp clients; range")
    more = f"dynamic-bootp-lease-length {length_s};\n"
    pair = Pair(*[configuration(one, subnet=subnet, more=more) for one in ("primary", "secondary")])
    pair.start()
    pair.sleep(20)
    alone, gone = pair.nodes if side == "primary" else reversed(pair.nodes)
    own = FREE if gone is pair.primary else BACKUP
    partners = {number("10.44.0.100") + place for place, state in enumerate(binding_states(gone)) if state == own}
    pair.kill(gone)
    told = len(alone.streamed)
    pair.sleep(60)
    pair.set_state(alone, states.P_DOWN)
    pair.sleep(70)
    for client in range(20, 40):
        assert pair.send(message(0, mac(client)), alone)
    pair.sleep(120)
    pair.start(gone)
    pair.sleep(300)
    assert states_of(pair) == ("normal", "normal")
    agree(pair)
    assert alone.census().get("active", 0) == in_use
    # An ISC dhcpd in the partner's place would refuse to hear it of its own, and for ever of what is free again.
    frames = Splitter().feed(b"".join(one.data for one in alone.streamed[told:]))
    updates = [one for one in map(message_of, frames) if isinstance(one, BindingUpdate)]
    of_bootp = {one.address for one in updates if one.ip_flags}
    assert not of_bootp & partners
    assert bool(of_bootp) == bool(in_use)


def test_a_lost_lease_file_is_told_anew_and_waits_the_whole_mclt(pair: Pair) -> None:
    granted = pair.dora(SECONDARYS)
    assert granted is not None
    pair.sleep(3)
    pair.kill(pair.secondary)
    pair.secondary.leases = b""
    pair.start(pair.secondary)
    pair.sleep(5)
    assert (pair.primary.state, pair.secondary.state) == ("partner-down", "recover-wait")
    assert pair.send(message(DISCOVER, mac(SECONDARYS)), pair.secondary) == []
    assert "not responding (recover wait)" in pair.secondary.lines[-1]
    pair.sleep(55)
    assert states_of(pair) == ("normal", "normal")
    pair.sleep(5)
    agree(pair)


@pytest.mark.parametrize("restarts", [1, 2])
@pytest.mark.parametrize("state", [states.P_DOWN, states.COMM_INT, states.RES_INT, states.REC_DONE, states.PAUSED])
def test_what_was_never_told_is_asked_for_behind_another_start(pair: Pair, state: states.State, restarts: int) -> None:
    """A server has lost its leases, an operator has it serve alone, and it ends before its partner is there again."""
    assert pair.dora(SECONDARYS) is not None
    assert pair.dora(PRIMARYS) is not None
    pair.sleep(3)
    pair.kill(pair.primary)
    pair.primary.leases = b""
    pair.cut = True
    pair.start(pair.primary)
    pair.sleep(20)
    pair.set_state(pair.primary, state)
    assert state.word.encode() in pair.primary.leases
    for _ in range(restarts):
        pair.kill(pair.primary)
        pair.sleep(5)
        pair.start(pair.primary)
        pair.sleep(20)
    pair.cut = False
    pair.sleep(30)
    if state is states.PAUSED:
        pair.set_state(pair.primary, states.COMM_INT)
    pair.sleep(100)
    assert states_of(pair) == ("normal", "normal")
    assert binding_states(pair.primary) == binding_states(pair.secondary)
    pair.kill(pair.primary)
    pair.start(pair.primary)
    assert not pair.primary.endpoint.needs_all


def test_a_server_that_is_to_serve_before_it_was_told_everything_asks_for_it_all_the_same(pair: Pair) -> None:
    assert pair.dora(SECONDARYS) is not None
    pair.sleep(3)
    pair.kill(pair.secondary)
    pair.secondary.leases = b""
    pair.cut = True
    pair.start(pair.secondary)
    pair.sleep(20)
    assert pair.secondary.state == "recover"
    pair.secondary.set_state(states.REC_DONE)
    pair.cut = False
    pair.sleep(30)
    assert states_of(pair) == ("normal", "normal")
    agree(pair)


def test_nobody_is_in_normal_alone(pair: Pair) -> None:
    pair.cut = True
    pair.sleep(30)
    assert states_of(pair) == ("communications-interrupted", "communications-interrupted")
    pair.primary.set_state(states.NORMAL)
    assert pair.primary.state == "communications-interrupted"
    pair.cut = False
    pair.sleep(30)
    assert states_of(pair) == ("normal", "normal")


def test_two_that_both_acted_alone_resolve_it_in_turns(pair: Pair) -> None:
    pair.cut = True
    pair.sleep(30)
    for node in pair.nodes:
        node.set_state(states.P_DOWN)
    assert pair.dora(PRIMARYS, pair.primary) is not None
    assert pair.dora(SECONDARYS, pair.secondary) is not None
    pair.cut = False
    pair.sleep(30)
    assert states_of(pair) == ("normal", "normal")
    assert "failover peer fo: I move from potential-conflict to conflict-done" in pair.primary.lines
    pair.sleep(5)
    agree(pair)


def test_a_server_that_starts_alone_serves_after_fifteen_seconds() -> None:
    pair = Pair()
    pair.start()
    pair.sleep(5)
    pair.kill(pair.primary)
    pair.kill(pair.secondary)
    pair.start(pair.primary)
    assert pair.primary.state == "startup"
    assert pair.send(message(DISCOVER, mac(PRIMARYS))) == []
    assert pair.primary.lines[-1].endswith("not responding (startup)")
    pair.sleep(16)
    assert pair.primary.state == "communications-interrupted"
    assert pair.dora(PRIMARYS) is not None


def test_a_pool_that_is_used_up_is_balanced_again() -> None:
    peer = PEER + " min-balance 5; max-balance 10;"
    pair = Pair(configuration("primary", peer=peer), configuration("secondary", peer=peer))
    pair.start()
    pair.sleep(20)
    for client in range(100, 110):
        assert pair.dora(client, pair.primary, secs=9) is not None
    pair.sleep(30)
    assert pair.primary.census()["active"] == 10
    assert pair.primary.census()["free"] == pair.primary.census()["backup"] == 5
    assert "pool response: 4 leases" in pair.primary.lines or "pool response: 5 leases" in pair.primary.lines
    agree(pair)


def test_a_small_pool_is_not_left_to_one_server() -> None:
    """ISC dhcpd's pair strands here: four of seven leases are granted, and the secondary never gives of its three."""
    peer = PEER + " min-balance 5; max-balance 10;"
    subnet = SUBNET.replace("10.44.0.119", "10.44.0.106")
    pair = Pair(*[configuration(side, peer=peer, subnet=subnet) for side in ("primary", "secondary")])
    pair.start()
    pair.sleep(20)
    free = pair.primary.census()["free"]
    for client in range(100, 100 + free):
        assert pair.dora(client, pair.primary, secs=9) is not None
    pair.sleep(40)
    assert pair.primary.census().get("free", 0) > 0


def test_a_reload_gives_the_pair_more_addresses_and_keeps_what_is_under_way(pair: Pair) -> None:
    assert pair.dora(PRIMARYS) is not None
    longer = SUBNET.replace("10.44.0.119", "10.44.0.129")
    pair.cut = True
    assert pair.dora(4, pair.primary, secs=9) is not None
    for node in pair.nodes:
        pair.reload(node, configuration(node.side, subnet=longer))
    pair.cut = False
    pair.sleep(120)
    for node in pair.nodes:
        assert node.state == "normal"
        assert sum(node.census().values()) == 30
    pair.reload(pair.primary, configuration("primary", mclt=99, subnet=longer))
    assert any("other than this run has begun with" in line for line in pair.primary.lines)
    assert pair.dora(PRIMARYS) is not None


def test_auto_partner_down_is_stopped_by_a_partner_that_returns() -> None:
    peer = PEER + " auto-partner-down 30;"
    pair = Pair(configuration("primary", peer=peer), configuration("secondary", peer=peer))
    pair.start()
    pair.sleep(20)
    pair.kill(pair.secondary)
    pair.sleep(10)
    pair.start(pair.secondary)
    pair.sleep(40)
    assert states_of(pair) == ("normal", "normal")
    pair.kill(pair.secondary)
    pair.sleep(31)
    assert pair.primary.state == "partner-down"


def test_two_primaries_say_what_is_wrong() -> None:
    text = configuration("primary")
    other = (
        text.replace("10.45.0.1;", "10.45.0.3;").replace("10.45.0.2;", "10.45.0.1;").replace("10.45.0.3;", "10.45.0.2;")
        .replace("port 647; peer port 847;", "port 847; peer port 647;")
    )  # fmt: skip
    pair = Pair(text, other)
    pair.start()
    pair.sleep(20)
    assert any("both servers are primary" in line for node in pair.nodes for line in node.lines)


def test_an_impossible_state_sends_nobody_away() -> None:
    """ISC dhcpd exits where its partner announces a state that its table does not have in CONFLICT-DONE."""
    pair = Pair()
    pair.start()
    pair.cut = True
    pair.sleep(40)
    pair.primary.set_state(states.CONF_DONE)
    pair.secondary.set_state(states.P_DOWN)
    pair.cut = False
    pair.sleep(60)
    assert states_of(pair) == ("normal", "normal")


def test_a_partner_of_before_is_named(pair: Pair) -> None:
    pair.cut = True
    pair.sleep(40)
    pair.primary.endpoint.hba = b"isc-V3.0.".ljust(32, b"\0")
    pair.cut = False
    pair.sleep(20)
    warning = "WARNING: failover as of versions 3.1.0 and on are not reverse compatible with versions 3.0.x."
    assert warning in pair.secondary.lines
    assert states_of(pair) == ("normal", "normal")


@pytest.mark.parametrize("cut", [False, True], ids=["linked", "cut"])
@pytest.mark.parametrize("both", [False, True], ids=["one", "both"])
@pytest.mark.parametrize("state", [states.COMM_INT, states.POT_CONF, states.REC_WAIT, states.REC_DONE, states.RES_INT])
def test_out_of_whatever_state_an_operator_writes_a_pair_finds_back(
    pair: Pair, state: states.State, both: bool, cut: bool
) -> None:
    """But out of those that only an operator ends: PAUSED, SHUTDOWN, and PARTNER-DOWN without a partner."""
    if cut:
        pair.cut = True
        pair.sleep(40)
    for node in pair.nodes if both else (pair.secondary,):
        node.set_state(state)
    pair.cut = False
    pair.sleep(120)
    # A partner in NORMAL takes a conflict for impossible, and stops, as ISC dhcpd's does: an operator has it recover.
    stopped = state in (states.POT_CONF, states.RES_INT) and not both and not cut
    assert states_of(pair) == (("shutdown", "partner-down") if stopped else ("normal", "normal"))


# A disk that fails


def fails_to_store(pair: Pair, node: Node) -> None:
    """What was stored last is not on disk, and the program says so, as it does behind a sync that failed."""
    pair._apply(node, ev.StorageFailed(0, 0, "sync", "/l", "No space left on device"))
    pair.settle()


def test_a_state_that_is_not_on_disk_is_not_the_state(pair: Pair) -> None:
    pair.kill(pair.secondary)
    pair.sleep(30)
    since = pair.primary.endpoint.since
    assert pair.primary.state == "communications-interrupted"
    pair.primary.set_state(states.P_DOWN)
    fails_to_store(pair, pair.primary)
    assert pair.primary.state == "communications-interrupted"
    assert pair.primary.endpoint.since == since
    assert "Unable to record current failover state for fo" in pair.primary.lines
    pair.sleep(6)
    assert pair.primary.state == "partner-down", "it is entered, and recorded, when the disk works again"


def test_a_disk_that_goes_on_failing_leaves_the_old_state(pair: Pair) -> None:
    pair.kill(pair.secondary)
    for _ in range(4):
        fails_to_store(pair, pair.primary)
        assert pair.primary.state == "normal"
        pair.sleep(6)
    assert pair.primary.state == "communications-interrupted"


def test_a_failure_long_after_a_change_takes_nothing_back(pair: Pair) -> None:
    pair.kill(pair.secondary)
    pair.sleep(30)
    fails_to_store(pair, pair.primary)
    assert pair.primary.state == "communications-interrupted"


def test_a_change_with_the_partner_is_taken_back_with_the_link(pair: Pair) -> None:
    """The partner must not know more than a restart would; both come to NORMAL again."""
    pair.kill(pair.secondary)
    pair.sleep(30)
    pair.start(pair.secondary)
    assert pair.primary.state == "normal"
    fails_to_store(pair, pair.primary)
    assert pair.primary.endpoint.link is None
    assert pair.primary.state == "communications-interrupted"
    pair.sleep(30)
    assert (pair.primary.state, pair.secondary.state) == ("normal", "normal")


def test_the_wait_of_a_recovering_server_is_not_forgotten(pair: Pair) -> None:
    pair.kill(pair.secondary)
    pair.sleep(30)
    pair.primary.set_state(states.P_DOWN)
    pair.secondary.leases = b""
    pair.start(pair.secondary)
    pair.sleep(1)
    assert pair.secondary.state == "recover-wait"
    pair.cut = True
    pair.sleep(61)
    assert pair.secondary.state == "recover-done"
    fails_to_store(pair, pair.secondary)
    assert pair.secondary.state == "recover-wait"
    pair.sleep(6)
    assert pair.secondary.state == "recover-done"
    pair.cut = False
    pair.sleep(60)
    assert (pair.primary.state, pair.secondary.state) == ("normal", "normal")


def test_a_start_that_cannot_be_recorded_goes_on_when_it_can() -> None:
    pair = Pair()
    pair.start()
    pair.sleep(10)
    pair.kill(pair.primary)
    pair.kill(pair.secondary)
    pair.start(pair.primary)
    pair.sleep(16)
    assert pair.primary.state == "communications-interrupted"
    fails_to_store(pair, pair.primary)
    assert pair.primary.state == "startup"
    pair.sleep(6)
    assert pair.primary.state == "communications-interrupted"


def test_a_machine_restored_in_doubt_takes_back_the_same(pair: Pair) -> None:
    pair.kill(pair.secondary)
    pair.primary.machine = Machine.restore(pair.primary.machine.snapshot())
    fails_to_store(pair, pair.primary)
    assert pair.primary.state == "normal"
    pair.primary.machine = Machine.restore(pair.primary.machine.snapshot())
    pair.sleep(6)
    assert pair.primary.state == "communications-interrupted"


def told(pair: Pair, node: Node, what: Callable[[], None]) -> None:
    """Have something done to a machine as within an event, and its effects carried out."""
    server, failover = node.machine.server, node.machine.failover
    assert server is not None
    assert failover is not None
    effects = server.effects = []
    what()
    failover.connections.flush()
    for effect in effects:
        pair._do(node, effect)
    pair.settle()


def test_a_server_that_goes_asks_for_nothing_any_more(pair: Pair) -> None:
    """What its partner would send then is lost, and an ISC partner goes on counting it against the window."""
    failover = pair.secondary.machine.failover
    assert failover is not None
    told(pair, pair.secondary, failover.begin_shutdown)
    assert states_of(pair) == ("partner-down", "shutdown")
    told(pair, pair.secondary, failover.end_shutdown)
    assert pair.secondary.state == "recover"
    assert not any("update request" in line for line in pair.secondary.lines[-4:])
    assert pair.primary.endpoint.link is pair.secondary.endpoint.link is None
    assert "failover peer fo: peer moves from shutdown to recover" not in pair.primary.lines
    pair.kill(pair.secondary)
    pair.start(pair.secondary)
    pair.sleep(10)
    assert states_of(pair) == ("normal", "normal")
