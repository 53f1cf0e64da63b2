"""How fast a partner is told: what waits for the disk and what need not; no window stands still for a timer."""

from __future__ import annotations

import pytest

from dhcpd.engine.failover import wire
from dhcpd.trace import effects as ef
from tests.engine.failover.pair import PEER, Node, Pair, configuration


def pieces(node: Node, since: int) -> list[tuple[bool, list[int]]]:
    """What was sent to the partner: whether it waited for the disk, and the kinds of its messages."""
    found = []
    for one in node.streamed[since:]:
        splitter = wire.Splitter()
        found.append((one.durable, [frame.kind for frame in splitter.feed(one.data)]))
    return found


def windows(primary: int, secondary: int) -> Pair:
    """A pair with windows of these sizes."""
    texts = [
        configuration(side, peer=PEER.replace("updates 10", f"updates {window}"))
        for side, window in (("primary", primary), ("secondary", secondary))
    ]
    return Pair(*texts)


def lose(pair: Pair) -> None:
    """The secondary comes back without its lease file."""
    pair.kill(pair.secondary)
    pair.secondary.leases = b""
    pair.start(pair.secondary)


@pytest.mark.parametrize("snapshots", [False, True])
def test_updates_wait_for_the_disk_only_as_long_as_their_records_may_not_be_there(snapshots: bool) -> None:
    pair = windows(4, 4)
    pair.start()
    pair.sleep(60)
    pair.snapshots = snapshots
    told = len(pair.primary.streamed)
    answered = len(pair.secondary.streamed)
    lose(pair)
    pair.sleep(5)
    assert pair.secondary.state == "recover-wait"
    updates = [(durable, kinds) for durable, kinds in pieces(pair.primary, told) if wire.BNDUPD in kinds]
    waited = sum(kinds.count(wire.BNDUPD) for durable, kinds in updates if durable)
    assert sum(kinds.count(wire.BNDUPD) for _, kinds in updates) == 20
    assert waited == 4, "the first window: nothing is known of the disk yet"
    acks = [durable for durable, kinds in pieces(pair.secondary, answered) if wire.BNDACK in kinds]
    assert acks
    assert all(acks), "no acknowledgement before its store"


def test_an_update_of_a_lease_that_has_just_changed_waits_for_the_disk() -> None:
    pair = windows(10, 10)
    pair.start()
    pair.sleep(60)
    told = len(pair.primary.streamed), len(pair.secondary.streamed)
    for client in range(8):
        assert pair.dora(client) is not None
    pair.sleep(5)
    for node, since in zip(pair.nodes, told, strict=True):
        found = [durable for durable, kinds in pieces(node, since) if wire.BNDUPD in kinds]
        assert found
        assert all(found)


@pytest.mark.parametrize("sizes", [(10, 10), (100, 4), (4, 100), (1, 100), (100, 1), (3, 2)])
def test_no_window_stands_still_until_a_timer_ends(sizes: tuple[int, int]) -> None:
    """Whoever has sent as much as it may hears at once; who recovers keeps nobody waiting for the rest either."""
    pair = windows(*sizes)
    pair.start()
    pair.sleep(60)
    before = pair.now_us
    lose(pair)
    pair.sleep(0.1)
    assert pair.secondary.state == "recover-wait"
    assert pair.now_us - before < 200_000


def test_the_smaller_window_counts_in_normal_service_too() -> None:
    """The secondary takes 4 at a time; half of the primary's window would be more than it ever gets."""
    pair = windows(100, 4)
    pair.start()
    pair.sleep(0.5)
    assert pair.primary.endpoint.updates.waiting_count == 0, "the pool was halved without a pause of two seconds"


@pytest.mark.parametrize("answers", [False, True])
def test_what_the_disk_may_lack_is_no_proof(answers: bool) -> None:
    """After a failure of the disk each update has its record stored anew, and waits for it."""
    pair = windows(4, 4)
    pair.start()
    pair.sleep(60)
    pair.primary.endpoint.doubtful = answers
    told = len(pair.primary.streamed)
    lose(pair)
    pair.sleep(5)
    found = [durable for durable, kinds in pieces(pair.primary, told) if wire.BNDUPD in kinds]
    assert all(found) is answers


def test_what_is_sent_is_one_piece_an_event() -> None:
    pair = windows(10, 10)
    pair.start()
    pair.sleep(60)
    told = len(pair.primary.streamed)
    lose(pair)
    pair.sleep(5)
    most = max(kinds.count(wire.BNDUPD) for _, kinds in pieces(pair.primary, told))
    assert most == 10
    assert all(isinstance(one, ef.StreamSend) for one in pair.primary.streamed)
