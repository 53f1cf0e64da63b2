"""The queues of updates: one place for each lease, in order, whatever comes in which order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.failover.rules.updates import Told, Updates

ADDRESSES = st.integers(1, 6)


def sent(updates: Updates, xid: int, *, durable: bool = True) -> int:
    address = updates.next()
    assert address is not None
    updates.sent(address, xid, 2, durable=durable)
    return address


def test_what_was_not_acknowledged_goes_first_and_in_order() -> None:
    updates = Updates()
    updates.queue_all([1, 2, 3, 4])
    for xid in (1, 2, 3):
        sent(updates, xid)
    updates.queue(2)
    updates.resend()
    assert list(updates.waiting) == [1, 3, 4, 2]
    assert not updates.unacked


def test_a_lease_that_changes_again_is_told_again() -> None:
    updates = Updates()
    updates.queue(1)
    sent(updates, 1)
    updates.queue(1)
    assert not updates.unacked
    sent(updates, 2)
    assert updates.unacked == {1: Told(2, 2, proves=1)}


def test_what_a_partner_has_answered_was_on_disk_and_so_was_all_before_it() -> None:
    updates = Updates()
    updates.queue_all([1, 2, 3, 4])
    sent(updates, 1)
    updates.queue(3)
    assert not updates.is_on_disk(2)
    updates.heard(updates.unacked[1])
    assert updates.is_on_disk(2)
    assert not updates.is_on_disk(3), "it has changed since"
    sent(updates, 2, durable=False)
    updates.heard(updates.unacked[2])
    assert not updates.is_on_disk(3), "an update that did not wait for the disk shows nothing"
    updates.stored(4)
    assert not updates.is_on_disk(4)


def test_a_request_ends_with_the_last_answer() -> None:
    updates = Updates()
    updates.queue_all([1, 2])
    assert updates.ask(77)
    for xid in (1, 2):
        sent(updates, xid)
    updates.forget(1)
    assert updates.answered(1) is None
    updates.forget(2)
    assert updates.answered(2) == 77
    assert updates.answered(2) is None


def test_a_request_behind_updates_under_way_waits_for_them() -> None:
    updates = Updates()
    updates.queue(1)
    sent(updates, 1)
    assert updates.ask(5)
    updates.queue(1)
    assert updates.answered(1) is None, "a late answer to what was said before"
    sent(updates, 2)
    updates.forget(1)
    assert updates.answered(1) == 5
    assert not updates.ask(6)


@given(st.lists(st.tuples(st.sampled_from(["queue", "all", "send", "ack", "resend", "again", "hear"]), ADDRESSES)))
def test_a_lease_stands_in_one_queue_and_a_copy_goes_on_the_same(steps: list[tuple[str, int]]) -> None:
    updates, xid = Updates(), 0
    for what, address in steps:
        match what:
            case "queue":
                updates.queue(address)
            case "all":
                updates.queue_all(range(1, 7))
            case "send" if updates.next() is not None:
                xid += 1
                sent(updates, xid)
            case "ack":
                updates.forget(address)
                updates.answered(address)
            case "resend":
                updates.resend()
            case "hear" if address in updates.unacked:
                updates.heard(updates.unacked[address])
            case "again":
                updates.ask(address)
        waiting = list(updates.waiting)
        assert len(waiting) == len(set(waiting))
        assert not set(waiting) & set(updates.unacked)
        copy = Updates()
        copy.restore(updates.plain())
        assert copy.plain() == updates.plain()
        assert updates.idle == (not waiting and not updates.unacked)
