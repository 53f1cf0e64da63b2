"""The type `failover-state`: one object for each failover relationship that the configuration names.

Addresses are shown as four octets, where ISC dhcpd shows a place in its memory (docs/differences.md).

Source: docs/behaviour/omapi.md#failover-state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...failover import moving
from ...failover.rules.states import BY_NUMBER
from ..handles import Reference
from ..status import INVALID_ARGUMENT, NOT_FOUND, NOT_IMPLEMENTED
from ..wire import integer
from .base import NoKeys, Refused, Shown, agreed, found_by_handle, integer_in

if TYPE_CHECKING:
    from ...failover.endpoint import Endpoint
    from ...failover.relationships import Relationships
    from ...model.peers import FailoverPeer
    from ..handles import Handles
    from ..wire import Values
    from .base import ObjectHost

FAILOVER_STATE: Final = "failover-state"
ATTRIBUTES: Final = (
    b"name", b"partner-address", b"partner-port", b"local-address", b"local-port", b"max-outstanding-updates", b"mclt",
    b"load-balance-max-secs", b"load-balance-hba", b"partner-state", b"local-state", b"partner-stos", b"local-stos",
    b"hierarchy", b"last-packet-sent", b"last-timestamp-received", b"skew", b"max-response-delay",
    b"cur-unacked-updates",
)  # fmt: skip


class FailoverStates(Shown):
    """The relationships in force, by name. An ObjectType (base.py) whose objects are neither made nor removed.

    What cannot be written, and a state that cannot be asked for, raise Refused (base.py); no key, NoKeys.
    """

    name = FAILOVER_STATE
    remove_code = NOT_IMPLEMENTED

    def __init__(self, host: ObjectHost, handles: Handles, partners: Relationships | None) -> None:
        self._host = host
        self._handles = handles
        self._partners = partners

    def exists(self, reference: Reference) -> bool:
        """Whether the configuration in force names the relationship."""
        return reference.name in self._host.configuration.failover_peers

    def find(self, values: Values) -> Reference | None:
        """By handle or name."""
        found = found_by_handle(self._handles, values, FAILOVER_STATE, self.exists)
        name = values.get(b"name")
        if name:
            reference = Reference(FAILOVER_STATE, name.decode("latin-1"))
            found = agreed(found, reference if self.exists(reference) else None)
        if found is None:
            raise NoKeys
        return found

    def attributes(self, reference: Reference) -> Values:
        """All nineteen, in ISC's order; the hash buckets only where they are known."""
        endpoint = self._endpoint(reference)
        shown = self._configured(endpoint.settings) | _present(endpoint)
        return {name: shown[name] for name in ATTRIBUTES if name in shown}

    def _endpoint(self, reference: Reference) -> Endpoint:
        assert self._partners is not None, "the configuration names the relationship"
        return self._partners.endpoints[str(reference.name)]

    def _configured(self, peer: FailoverPeer) -> Values:
        return {
            b"name": peer.name.encode("latin-1"),
            b"partner-address": integer(self._address(peer.peer_address)),
            b"partner-port": integer(peer.peer_port),
            b"local-address": integer(self._address(peer.address)),
            b"local-port": integer(peer.port),
            b"max-outstanding-updates": integer(peer.max_unacked_updates),
            b"load-balance-max-secs": integer(peer.load_balance_max_seconds),
            b"hierarchy": integer(0 if peer.primary else 1),
            b"last-packet-sent": integer(0),
            b"last-timestamp-received": integer(0),
            b"skew": integer(0),
            b"max-response-delay": integer(peer.max_response_delay),
        }

    def _address(self, address: int | str | None) -> int:
        if isinstance(address, str):
            found = self._host.addresses_of(address)
            return found[0] if found else 0
        return address or 0

    def change(self, reference: Reference) -> _StateChange:
        """A relationship whose values are being applied."""
        return _StateChange(self._endpoint(reference), reference)


def _present(endpoint: Endpoint) -> Values:
    """What changes in a run."""
    shown = {
        b"mclt": integer(endpoint.mclt),
        b"partner-state": integer(endpoint.partner_state),
        b"local-state": integer(endpoint.state),
        b"partner-stos": integer(endpoint.partner_since),
        b"local-stos": integer(endpoint.since),
        b"cur-unacked-updates": integer(len(endpoint.updates.unacked)),
    }
    if endpoint.hba is not None:
        shown[b"load-balance-hba"] = endpoint.hba
    return shown


class _StateChange:
    def __init__(self, endpoint: Endpoint, reference: Reference) -> None:
        self._endpoint = endpoint
        self._reference = reference
        self._state: int | None = None

    def set(self, name: bytes, value: bytes) -> None:
        """Every attribute but the state is accepted and ignored."""
        if name not in ATTRIBUTES:
            raise Refused(NOT_FOUND)
        if name == b"local-state":
            self._state = integer_in(value)
            if self._state not in BY_NUMBER:
                raise Refused(INVALID_ARGUMENT)

    def keep(self) -> None:
        """Nothing was applied."""

    def finish(self) -> Reference:
        """The endpoint goes to the state, be it the present one."""
        if self._state is not None:
            moving.set_state(self._endpoint, self._state)
        return self._reference
