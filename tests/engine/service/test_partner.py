"""A pool that a partner shares: what the service asks before it decides, and what becomes of leases of two servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.model.change import Cause, Change
from dhcpd.engine.model.lease import ABANDONED, ACTIVE, BACKUP, EXPIRED, FREE, RESET
from dhcpd.engine.model.partner import Promise, Refusal
from dhcpd.trace.effects import DEBUG, INFO, Log
from tests.engine.service.desk import ACK, DECLINE, NAK, REQUEST, START_S, Desk, mac, message

if TYPE_CHECKING:
    from dhcpd.engine.model.context import Message
    from dhcpd.engine.model.lease import Lease
    from dhcpd.engine.model.partner import Holder

CONF = """
ping-check false; default-lease-time 600; max-lease-time 600; authoritative;
subnet 10.77.0.0 netmask 255.255.255.0 { range dynamic-bootp 10.77.0.10 10.77.0.13; }
"""
MCLT = 60


@dataclass
class Peer:
    """A partner whose answers a test sets; otherwise those of a primary in contact with its secondary."""

    name: str = "fo"
    paired: bool = True
    own_state: int = FREE
    other_state: int | None = BACKUP
    untimed: tuple[int, ...] = ()
    silence: str | None = None
    leaves: bool = False
    refusal: Refusal | None = None
    takes_others: bool = False
    heard: list[Change] = field(default_factory=list)

    def refuses(self, lease: Lease, now: int) -> Refusal | None:
        return self.refusal

    def leaves_to_other(self, packet: Message) -> bool:
        return self.leaves

    def may_regain(self, lease: Lease, now: int) -> bool:
        return lease.state == self.own_state

    def may_reallocate(self, lease: Lease, now: int) -> bool:
        return self.takes_others or lease.state == ABANDONED

    def is_others(self, lease: Lease, now: int) -> bool:
        return lease.state == self.other_state

    def shorten(self, lease: Lease, seconds: int, now: int, _holder: Holder) -> int:
        return min(seconds, MCLT)

    def promise(self, lease: Lease, seconds: int | None, granted: int, now: int) -> Promise | None:
        return Promise(0, 0) if seconds is None else Promise(now + seconds + granted // 2, now)

    def state_after(self, lease: Lease, state: int) -> int:
        return state

    def due(self, lease: Lease) -> int:
        return lease.ends

    def changed(self, change: Change) -> None:
        self.heard.append(change)


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def desk(peer: Peer) -> Desk:
    made = Desk(CONF)
    made.server.leases.pair(made.server.configuration.pools[0], peer)
    return made


def give(desk: Desk, *addresses: str, state: int = BACKUP) -> None:
    """Put leases in a state, as balancing does."""
    for address in addresses:
        desk.server.leases.move(desk.lease(address), state, Cause.EXPIRE)


def test_a_silent_server_answers_nothing_and_says_so(desk: Desk, peer: Peer) -> None:
    address = desk.bind()
    peer.silence = " (startup)"
    assert desk.discover() is None
    assert desk.logs[-1].endswith("via eth0: not responding (startup)")
    desk.release(address)
    assert desk.logs == ["fo: ignored (startup)"]
    desk.receive(message(DECLINE, requested=address))
    assert desk.logs == ["fo: ignored (startup)"]
    assert not desk.receive(message(0, mac(2)))
    assert desk.logs[-1].endswith("via eth0: not responding (startup)")
    assert desk.state(address) == "active"


def test_a_client_of_the_partner_s_is_left_to_it_while_it_has_leases(desk: Desk, peer: Peer) -> None:
    peer.leaves = True
    assert desk.discover() is not None
    assert "cancel load balance to peer fo - no free leases" in "\n".join(desk.logs)
    give(desk, "10.77.0.13")
    assert desk.discover(mac(2)) is None
    assert desk.logs[-1].endswith(": load balance to peer fo")
    assert not desk.receive(message(0, mac(3)))
    assert desk.logs[-1].endswith(": load balance to peer fo")


CLASSES = """
ping-check false; default-lease-time 600; max-lease-time 600; authoritative;
class "b" { match if substring (hardware, 1, 1) = 0b; }
subnet 10.77.0.0 netmask 255.255.255.0 {
  pool { range 10.77.0.10 10.77.0.11; deny members of "b"; }
  pool { range 10.77.0.20 10.77.0.21; allow members of "b"; }
}
"""


@pytest.mark.parametrize("others", [False, True], ids=["this partner's", "another partner's"])
def test_a_client_is_left_to_the_partner_for_leases_only_that_it_may_have(peer: Peer, *, others: bool) -> None:
    """Else it would be served by nobody, as long as it says that it has not waited (`secs`)."""
    desk = Desk(CLASSES)
    first, second = desk.server.configuration.pools
    desk.server.leases.pair(first, peer)
    desk.server.leases.pair(second, Peer(name="other") if others else peer)
    peer.leaves = True
    give(desk, "10.77.0.20", "10.77.0.21")
    assert desk.discover() is not None
    assert "cancel load balance to peer fo - no free leases" in "\n".join(desk.logs)
    give(desk, "10.77.0.10")
    assert desk.discover(mac(2)) is None
    assert desk.logs[-1].endswith(": load balance to peer fo")


def test_the_partner_s_leases_are_given_to_nobody_else(desk: Desk, peer: Peer) -> None:
    give(desk, "10.77.0.10", "10.77.0.11", "10.77.0.12", "10.77.0.13")
    assert desk.discover() is None
    assert desk.logs[-1].endswith(": peer holds all free leases")
    peer.takes_others = True
    assert desk.discover() == "10.77.0.13"


def test_a_secondary_gives_its_own(desk: Desk, peer: Peer) -> None:
    peer.own_state, peer.other_state = BACKUP, FREE
    give(desk, "10.77.0.12")
    assert desk.bind() == "10.77.0.12"
    assert desk.discover(mac(2)) is None
    assert desk.logs[-1].endswith(": peer holds all free leases")


def test_a_request_is_refused_in_the_partner_s_words(desk: Desk, peer: Peer) -> None:
    address = desk.bind()
    peer.refusal = Refusal(DEBUG, "lease owned by peer")
    assert desk.request(address) == 0
    assert desk.logs[-1].endswith(": lease owned by peer")
    peer.refusal = Refusal(DEBUG, "lease reset by administrator", nak=True)
    assert desk.request(address) == NAK


def test_times_are_the_partner_s_rule_and_the_promise_is_in_the_record(desk: Desk) -> None:
    address = desk.discover()
    assert address is not None
    (reply,) = desk.receive(message(REQUEST, requested=address))
    assert (reply.kind, reply.time) == (ACK, MCLT)
    assert desk.lease(address).tstp == START_S + 600 + MCLT // 2
    (record,) = desk.records
    assert "next binding state expired;" in record
    assert "tsfp" in record


def test_bootp_is_promised_nothing(desk: Desk) -> None:
    assert desk.receive(message(0, mac(3)))
    assert desk.lease("10.77.0.10").tstp == 0


def test_a_use_ends_when_the_partner_knows(desk: Desk, peer: Peer) -> None:
    desk = Desk('on expiry { log(info, "gone"); }' + CONF)
    desk.server.leases.pair(desk.server.configuration.pools[0], peer)
    peer.untimed = (EXPIRED,)
    address = desk.bind(name=b"n")
    desk.rest(MCLT + 1)
    lease = desk.lease(address)
    assert (desk.state(address), lease.hostname, lease.next_state) == ("expired", b"n", FREE)
    assert "gone" not in desk.logs
    desk.rest(1000)
    assert desk.state(address) == "expired"
    peer.untimed = ()
    desk.server.leases.expire(lease)
    assert (desk.state(address), lease.hostname) == ("free", None)
    assert Log(INFO, "gone") in desk.server.effects


def test_a_released_lease_waits_and_the_partner_hears_of_each_change(desk: Desk, peer: Peer) -> None:
    address = desk.bind()
    desk.release(address)
    assert desk.state(address) == "released"
    assert [(one.cause, one.before.state, one.after.state) for one in peer.heard] == [
        (Cause.GRANT, FREE, ACTIVE), (Cause.RELEASE, ACTIVE, 4),
    ]  # fmt: skip


def test_a_secondary_leaves_leases_in_use_alone_and_does_not_wake_for_them(desk: Desk, peer: Peer) -> None:
    peer.untimed = (ACTIVE,)
    address = desk.bind()
    desk.rest(MCLT + 5)
    assert desk.state(address) == "active"
    assert not desk.machine.wake_us


def test_who_shares_one_pool_does_not_share_the_next() -> None:
    two = "subnet 10.78.0.0 netmask 255.255.255.0 { range 10.78.0.10 10.78.0.11; }"
    desk = Desk(CONF + two)
    desk.server.leases.pair(desk.server.configuration.pools[1], Peer(silence=" (startup)"))
    assert desk.bind() == "10.77.0.10"
    assert desk.lease("10.77.0.10").next_state == FREE
    give(desk, "10.78.0.10", state=RESET)
    assert desk.lease("10.78.0.10").next_state == FREE
