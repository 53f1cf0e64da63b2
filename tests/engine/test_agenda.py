"""The one list of what is due: order, replacing, cancelling, and a snapshot that goes on as it would have gone on."""

from __future__ import annotations

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.agenda import NEVER_US, Agenda, Due, Key, Owner
from dhcpd.engine.machine import DUE

KEYS = st.integers(0, 5) | st.sampled_from(["a.example", "b.example"])
STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "set", "cancel", "take", "restore"]), st.sampled_from(Owner), KEYS,
              st.integers(1, 40)),
    max_size=200,
)  # fmt: skip


def taken(agenda: Agenda, now_us: int) -> list[tuple[str, Key]]:
    found: list[Due] = []
    while (due := agenda.take(now_us)) is not None:
        found.append(due)
    return [(due.owner.value, due.key) for due in found]


def test_a_time_beyond_all_moments_finds_nothing() -> None:
    assert Agenda().take(2 * NEVER_US) is None


def restored(agenda: Agenda) -> Agenda:
    made = Agenda()
    made.restore(msgpack.unpackb(msgpack.packb(agenda.snapshot())))
    return made


@given(STEPS)
def test_it_is_a_list_in_order_of_moment_and_entry(steps: list[tuple[str, Owner, Key, int]]) -> None:
    agenda = Agenda()
    model: dict[tuple[str, Key], int] = {}
    for what, owner, key, at_us in steps:
        if what == "set":
            model.pop((owner.value, key), None)
            model[owner.value, key] = at_us
            agenda.set(owner, key, at_us)
        elif what == "cancel":
            model.pop((owner.value, key), None)
            agenda.cancel(owner, key)
        elif what == "restore":
            agenda = restored(agenda)
            model = dict(sorted(model.items(), key=lambda item: item[1]))
        else:
            due = sorted((name for name in model if model[name] <= at_us), key=lambda name: model[name])
            assert taken(agenda, at_us) == due
            for name in due:
                del model[name]
        assert agenda.next_us == min(model.values(), default=NEVER_US)
        assert agenda.at_us(owner, key) == model.get((owner.value, key))
        assert len(agenda) == len(model)
    assert restored(agenda).snapshot() == agenda.snapshot()


def test_what_is_done_for_one_may_cancel_the_next_or_enter_one():
    agenda = Agenda()
    agenda.set(Owner.POOL, 0, 10)
    agenda.set(Owner.PING, 1, 10)
    assert agenda.take(10) == Due(10, 1, Owner.POOL, 0)
    agenda.cancel(Owner.PING, 1)
    agenda.set(Owner.POOL, 2, 5)
    assert taken(agenda, 10) == [("pool", 2)]


def test_an_entry_that_is_put_off_for_ever_costs_no_memory():
    agenda = Agenda()
    for at_us in range(1, 10_000):
        agenda.set(Owner.POOL, 0, at_us)
        agenda.set(Owner.PING, at_us, 1_000_000)
        agenda.cancel(Owner.PING, at_us)
    assert len(agenda) == 1
    assert len(agenda._heap) < 100
    assert agenda.snapshot() == [("pool", 0, 9_999)]


def test_every_owner_has_what_is_done_for_it():
    assert set(DUE) == set(Owner)
