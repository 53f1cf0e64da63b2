"""What becomes of leases is told as Changes; what must not be ends the event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.lease.database import DuplicateLeaseError
from dhcpd.engine.model.change import Cause, Change
from dhcpd.engine.model.lease import ABANDONED, ACTIVE, FREE
from tests.engine.service.desk import ACK, DECLINE, REQUEST, START_S, Desk, mac, message, number

if TYPE_CHECKING:
    from dhcpd.trace.effects import Effect
    from dhcpd.trace.events import Event

CONF = """
ping-check false; default-lease-time 600; max-lease-time 600;
subnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.10 10.77.0.20; }
"""


class Follower(Desk):
    """A desk that follows leases. `changes`: what the last step left."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.machine.follow_leases()

    def _forget(self) -> None:
        super()._forget()
        self.changes: list[Change] = []

    def told(self, event: Event, effects: list[Effect]) -> None:
        super().told(event, effects)
        self.changes += self.machine.changes

    @property
    def causes(self) -> list[Cause]:
        return [change.cause for change in self.changes]

    @property
    def change(self) -> Change:
        (only,) = self.changes
        return only


def test_each_step_of_a_lease_s_life_is_a_change() -> None:
    desk = Follower(CONF)
    address = desk.discover(name=b"one")
    assert address == "10.77.0.10"
    before, after, cause = desk.change
    assert (cause, before.state, after.state) == (Cause.OFFER, FREE, FREE)
    assert (before.hardware, after.hardware, after.hostname) == (b"", b"\1" + mac(1), b"one")
    assert not desk.records
    assert desk.request(address, name=b"one") == ACK
    before, after, cause = desk.change
    assert (cause, before.state, after.state, after.ends) == (Cause.GRANT, FREE, ACTIVE, START_S + 600)
    assert before.ends == START_S + 120
    assert len(desk.records) == 1
    assert desk.renew(address, name=b"one") == ACK
    assert desk.causes == [Cause.CONFIRM]
    assert not desk.records
    desk.now_us += 300_000_000
    assert desk.renew(address, name=b"one") == ACK
    assert desk.causes == [Cause.GRANT]
    desk.release(address)
    before, after, cause = desk.change
    assert (cause, before.state, after.state, after.hostname) == (Cause.RELEASE, ACTIVE, FREE, None)
    assert len(desk.records) == 1


def test_what_time_and_conflicts_do_are_changes() -> None:
    desk = Follower(CONF)
    address = desk.bind()
    desk.rest(601)
    assert desk.causes == [Cause.EXPIRE]
    address = desk.bind()
    desk.receive(message(DECLINE, requested=address))
    before, after, cause = desk.change
    assert (cause, before.state, after.state, after.hardware) == (Cause.ABANDON, ACTIVE, ABANDONED, b"")


def test_a_lease_that_its_client_may_not_keep_is_revoked() -> None:
    desk = Follower("one-lease-per-client true;" + CONF)
    first = desk.bind(uid=b"me")
    desk.receive(message(REQUEST, uid=b"me", requested="10.77.0.15"))
    told = {change.cause: change.before.address for change in desk.changes}
    assert told == {Cause.REVOKE: number(first), Cause.GRANT: number("10.77.0.15")}


def test_nothing_is_told_while_nobody_follows() -> None:
    desk = Desk(CONF)
    desk.bind()
    assert not desk.machine.changes


def test_variables_of_before_stay_what_they_were() -> None:
    desk = Follower('on release { set gone = "yes"; }' + CONF)
    options = {60: b"a class"}
    address = desk.discover(options=options)
    assert address is not None
    desk.request(address, options=options)
    desk.release(address)
    assert desk.change.before.variables == {"vendor-class-identifier": b"a class"}
    assert desk.change.after.variables is None


def test_an_ack_that_could_not_be_sent_is_no_promise_that_the_next_one_repeats() -> None:
    site = 'option space near; class "bad" { match if exists user-class; site-option-space "nowhere"; }'
    desk = Desk(f"authoritative; {site} {CONF}")
    assert desk.request("10.77.0.10", options={77: b"x"}) == 0
    assert not desk.records
    assert desk.state("10.77.0.10") == "active"
    assert desk.request("10.77.0.10") == ACK
    assert len(desk.records) == 1, "an ACK left before its lease was in the file"
    assert desk.request("10.77.0.10") == ACK
    assert not desk.records, "the client is told again what is in the file"


def test_a_lease_out_of_its_place_ends_the_event() -> None:
    desk = Desk(CONF)
    lease = desk.lease(desk.bind())
    lease.state = ABANDONED
    with pytest.raises(AssertionError, match="another queue"):
        desk.release("10.77.0.10")


def test_a_second_object_for_an_address_ends_the_event() -> None:
    desk = Desk(CONF)
    stray = desk.lease("10.77.0.10")
    desk.bind()
    with pytest.raises(DuplicateLeaseError):
        desk.server.leases.expire(stray)


def test_a_queue_that_has_counted_wrong_ends_the_event() -> None:
    desk = Desk(CONF)
    desk.bind()
    desk.server.database.pool_queues(desk.server.configuration.pools[0]).queues[1].count = 0
    with pytest.raises(AssertionError, match="counted fewer"):
        desk.release("10.77.0.10")
