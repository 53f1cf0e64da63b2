"""Work in a child process, under what a unit of systemd forbids."""

import os
import select

from dhcpd.process import memory
from dhcpd.process.child import Child


def ended(make):
    child = Child(make)
    select.select([child], [], [])
    while not child.ended():
        pass
    return child


def test_a_child_that_may_not_yield_its_priority_does_its_work_all_the_same(monkeypatch):
    def refuse(_by):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "nice", refuse)
    assert ended(lambda: b"made").octets() == b"made"


def test_memory_is_put_in_order_when_what_a_child_made_has_been_taken(monkeypatch):
    steps = []
    monkeypatch.setattr(memory, "gather_soon", lambda: steps.append("memory"))
    with ended(lambda: b"made").made() as made:
        steps.append(made[:])
    assert steps == [b"made", "memory"]


def test_a_child_may_make_nothing():
    assert ended(lambda: b"").octets() == b""
