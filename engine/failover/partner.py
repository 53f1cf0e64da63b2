"""The partner of a pool, as the service asks it (model/peers.py): one relationship's answers about one pool.

Each answer is a rule that stands elsewhere (rules/), asked with what the
endpoint is at this moment. Nothing is logged, and nothing decided twice.

Source: docs/behaviour/failover.md#load-balancing, #lease-time-under-failover, #leases-that-a-server-may-allocate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...trace.effects import DEBUG, INFO
from ..model.lease import ACTIVE, BACKUP, EXPIRED, FREE, RELEASED, RESET, STATE_NAMES
from ..model.partner import Promise, Refusal
from . import balancing, outgoing
from .rules import lease_time, ownership
from .rules.binding import ENDED
from .rules.sharing import is_primarys, is_shared, packet_key, seconds_waited
from .rules.states import P_DOWN, Service

if TYPE_CHECKING:
    from ..model.change import Change
    from ..model.context import Message
    from ..model.lease import Lease
    from ..model.partner import Holder
    from ..service.server import Server
    from .endpoint import Endpoint

_CLIENT_IDENTIFIER: Final = 61
_TRANSITIONAL: Final = frozenset({EXPIRED, RELEASED})


class PoolPartner:
    """Implements Partner (model/partner.py) for the pools of one relationship, whose `endpoint` it asks.

    It has no state but that of the endpoint, and is not kept in snapshots: who makes the relationship pairs the pools.
    """

    __slots__ = ("_endpoint", "_host", "name", "other_state", "own_state")

    paired: Final[bool] = True

    def __init__(self, endpoint: Endpoint, host: Server) -> None:
        self._endpoint = endpoint
        self._host = host
        self.name = endpoint.name
        self.own_state = ownership.own_free_state(primary=endpoint.primary)
        self.other_state: int | None = ownership.partners_free_state(primary=endpoint.primary)

    @property
    def untimed(self) -> tuple[int, ...]:
        """The states that this server does not end by time, in the endpoint's present one."""
        endpoint = self._endpoint
        return ownership.untimed_states(endpoint.state, primary=endpoint.primary)

    @property
    def silence(self) -> str | None:
        """Why the pool is not served, with a blank in front; None where it is."""
        serving = self._endpoint.serving
        return serving.why if serving.service in (Service.STARTUP, Service.NOT_RESPONDING) else None

    # May I answer?

    def refuses(self, lease: Lease, _now: int) -> Refusal | None:
        """Whether a REQUEST for the lease must not be granted."""
        if self.silence is not None:
            return Refusal(INFO, f"not responding{self.silence}")
        stand = self._endpoint.stand()
        if lease.state == ACTIVE or ownership.mine(lease, stand):
            return None
        if lease.state in (FREE, BACKUP):
            return Refusal(DEBUG, "lease owned by peer")
        if lease.state in _TRANSITIONAL and lease.rewind_state != ACTIVE:
            return Refusal(DEBUG, f"lease in transition state {STATE_NAMES[lease.state]}")
        if lease.state == RESET:
            return Refusal(DEBUG, "lease reset by administrator", nak=True)
        return None

    def leaves_to_other(self, packet: Message) -> bool:
        """Whether the client of a DISCOVER or BOOTREQUEST is the partner's to answer, in NORMAL."""
        endpoint = self._endpoint
        if endpoint.serving.service is not Service.COOPERATING:
            return False
        secs = seconds_waited(packet.secs, swapped=self._host.settings.check_secs_byte_order)
        if not is_shared(secs, endpoint.settings.load_balance_max_seconds):
            return False
        client = packet_key(packet.options.get(_CLIENT_IDENTIFIER), packet.hardware)
        # A secondary that never heard a CONNECT does not know its share, and leaves everybody to the primary.
        return endpoint.hba is None or is_primarys(endpoint.hba, client) != endpoint.primary

    # Whose lease is it?

    def may_regain(self, lease: Lease, _now: int) -> bool:
        """Whether a lease may go back to the client that had it."""
        return ownership.mine(lease, self._endpoint.stand())

    def may_reallocate(self, lease: Lease, _now: int) -> bool:
        """Whether a lease of the partner's, or an abandoned one, may go to any client."""
        return ownership.mine(lease, self._endpoint.stand())

    def is_others(self, lease: Lease, _now: int) -> bool:
        """Whether only the partner may offer the lease."""
        return ACTIVE not in (lease.state, lease.rewind_state) and not ownership.mine(lease, self._endpoint.stand())

    # For how long?

    def shorten(self, lease: Lease, seconds: int, now: int, holder: Holder) -> int:
        """The time under the MCLT rule. What the partner knows of a client before is nothing to another."""
        known = self._known(lease) if lease.is_of(holder.packet.hardware, holder.uid) else 0
        return lease_time.granted(now, seconds, known, self._endpoint.own_lead_s)

    def promise(self, lease: Lease, seconds: int | None, granted: int, now: int) -> Promise:
        """The potential expiry; BOOTP is exempt, and leaves both times empty."""
        if seconds is None:
            return Promise(0, 0)
        return Promise(*lease_time.promised(now, seconds, granted, self._known(lease)))

    def _known(self, lease: Lease) -> int:
        """Until when the partner knows that the lease may be in use, if it takes what is under way to it.

        That may be less than what it has told itself: an update that waited before that is sent with an old `tstp`.
        """
        known = ownership.tsfp_of(lease)
        return min(known, lease.tstp) if lease.address in self._endpoint.updates.unacked else known

    # What becomes of it?

    def state_after(self, lease: Lease, state: int) -> int:
        """A lease that ends unheard of goes straight back to this server."""
        stand = self._endpoint.stand()
        return stand.own_state if state in ENDED and ownership.untold(lease, stand) else state

    def due(self, lease: Lease) -> int:
        """The lease's end; in PARTNER-DOWN, for one that has ended, when the partner can have no promise open on it."""
        endpoint = self._endpoint
        if lease.state in ENDED and endpoint.state is P_DOWN:
            return max(max(endpoint.since, ownership.tsfp_of(lease)) + endpoint.partners_lead_s, lease.ends)
        return lease.ends

    def changed(self, change: Change) -> None:
        """A lease was stored: the partner hears of it, and a pool that has run low is balanced."""
        endpoint = self._endpoint
        before, after = change.before.state, change.after.state
        outgoing.changed(endpoint, change.after.address)
        if before in (FREE, BACKUP) and after != before:
            balancing.pool_changed(endpoint, change.after.address)
