"""Work in a child process, under what a unit of systemd forbids."""

import os
import select

from dhcpd.process.child import Child


def test_a_child_that_may_not_yield_its_priority_does_its_work_all_the_same(monkeypatch):
    def refuse(_by):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "nice", refuse)
    child = Child(lambda: b"made")
    select.select([child], [], [])
    while not child.ended():
        pass
    assert child.octets() == b"made"
