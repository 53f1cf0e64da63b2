"""The simulator finds what it is for: faults, planted one after another, each within 200,000 events.

Each is a line of the engine as somebody might have written it. `python -m tests.simulation.test_planted` tells after
how many events and seeds each is found, and by which invariant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from dhcpd.engine.failover import incoming, outgoing
from dhcpd.engine.failover.partner import PoolPartner
from dhcpd.engine.failover.rules import lease_time, ownership, states
from dhcpd.engine.machine import Machine
from dhcpd.engine.model.lease import ACTIVE
from dhcpd.engine.model.partner import Refusal
from dhcpd.replay.simulate.drawing import plan
from dhcpd.replay.simulate.run import Run
from dhcpd.trace.effects import DEBUG, Send

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhcpd.engine.failover.endpoint import Endpoint
    from dhcpd.engine.model.lease import Lease
    from dhcpd.trace.effects import Effect
    from dhcpd.trace.events import Event

EVENTS_MAXIMUM: Final = 200_000


class Found(NamedTuple):
    """By which invariant a planted fault was found, at which seed and behind how many events in all."""

    invariant: str
    seed: int
    events: int


def wrong_bound(patch: pytest.MonkeyPatch) -> None:
    """MCLT is counted twice."""
    right = lease_time.granted
    patch.setattr(lease_time, "granted", lambda now, wanted, tsfp, mclt: right(now, wanted, tsfp, 2 * mclt))


def early_ack(patch: pytest.MonkeyPatch) -> None:
    """An ACK does not wait for its store."""
    right = Machine.apply

    def apply(machine: Machine, event: Event) -> list[Effect]:
        effects = right(machine, event)
        return [one._replace(durable=False) if isinstance(one, Send) else one for one in effects]

    patch.setattr(Machine, "apply", apply)


def forgotten_update(patch: pytest.MonkeyPatch) -> None:
    """The first of the updates that were not acknowledged is not told on the next link."""
    right = outgoing.queue_pending

    def queue_pending(endpoint: Endpoint) -> None:
        right(endpoint)
        first = endpoint.updates.next()
        if first is not None:
            endpoint.updates.keep(lambda address: address != first)

    patch.setattr(outgoing, "queue_pending", queue_pending)


def wrong_entry(patch: pytest.MonkeyPatch) -> None:
    """Who served alone does not let a partner back in that has recovered."""
    patch.setitem(states.ANNOUNCED, (states.P_DOWN, states.REC_DONE), states.Move(None))


def both_ways(patch: pytest.MonkeyPatch) -> None:
    """Of two updates that cross each server takes the other's."""
    patch.setattr(incoming, "partner_wins", lambda *_states, **_more: True)


def left_to_the_other(patch: pytest.MonkeyPatch) -> None:
    """Each leaves a client that has just come to the other."""
    patch.setattr(PoolPartner, "leaves_to_other", lambda _partner, packet: not packet.secs)


def unheard_renewal(patch: pytest.MonkeyPatch) -> None:
    """In NORMAL who renews every third address is left without an answer, as if the lease were the other's."""
    right = PoolPartner.refuses

    def refuses(partner: PoolPartner, lease: Lease, now: int) -> Refusal | None:
        unheard = partner._endpoint.state is states.NORMAL and lease.state == ACTIVE and not lease.address % 3
        return Refusal(DEBUG, "lease owned by peer") if unheard else right(partner, lease, now)

    patch.setattr(PoolPartner, "refuses", refuses)


def endless_lease(patch: pytest.MonkeyPatch) -> None:
    """Nobody ends a lease in NORMAL."""
    right = ownership.untimed_states
    patch.setattr(ownership, "untimed_states", lambda state, **_role: right(state, primary=False))


PLANTED: Final = (
    wrong_bound, early_ack, forgotten_update, wrong_entry, both_ways, left_to_the_other, unheard_renewal, endless_lease,
)  # fmt: skip


def look() -> Found | None:
    """Run seeds until one fails."""
    events, seed = 0, 0
    while events < EVENTS_MAXIMUM:
        seed += 1
        outcome = Run(plan(seed)).carry_out()
        events += outcome.events
        if outcome.violated is not None:
            return Found(outcome.violated.invariant, seed, events)
    return None


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found(planted: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch):
    planted(monkeypatch)
    assert look() is not None


if __name__ == "__main__":
    for one in PLANTED:
        with pytest.MonkeyPatch.context() as context:
            one(context)
            print(one.__name__, look(), flush=True)
