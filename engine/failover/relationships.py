"""All failover relationships of a server: their records, their moments, and how they reach the rest of it.

The machine tells this one object what happened (the lease file was read, the server serves, a connection, a moment),
and the endpoints have through it what they ask for (endpoint.py). It exists where dhcpd.conf declares a relationship; a
server without one has none of this. Everything is plain data, so that a snapshot keeps it.

Source: docs/behaviour/failover.md.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ...trace.effects import Fatal, Store
from ..agenda import Owner
from ..lease.file.state_reader import failover_record
from ..model.failover_state import FailoverState
from ..service.lifecycle import watch_pool
from ..service.reasons import Reason, once
from . import balancing, moving, outgoing
from .connections import Connections
from .endpoint import BALANCE, LINK, LISTEN, REST, RETRY, Endpoint
from .partner import PoolPartner
from .rules.states import BY_WORD, NORMAL, P_DOWN, RECOVER, SHUTDOWN

if TYPE_CHECKING:
    from ..lease.commit import Leases
    from ..lease.database import Database
    from ..model.configuration import Pool
    from ..service.server import Server
    from ..streams import Streams


class Relationships:
    """The machine's one object for failover: `endpoints` by the relationship's name, and Site (endpoint.py) for each.

    Made with the configuration; `take_records` comes when the lease file is read, `start` when the server serves.
    """

    __slots__ = ("_host", "_pools", "connections", "endpoints")

    def __init__(self, host: Server, streams: Streams) -> None:
        """The relationships of the configuration, without a record yet."""
        self._host = host
        self.endpoints = {name: Endpoint(peer, self) for name, peer in host.configuration.failover_peers.items()}
        self.connections = Connections(host, streams, self.endpoints)
        self._pools: dict[str, tuple[Pool, ...]] = {}
        self._find_pools()
        for name, pools in self._pools.items():
            for pool in pools:
                host.leases.pair(pool, PoolPartner(self.endpoints[name], host))

    def _find_pools(self) -> None:
        order = self._host.database.pool_order
        self._pools = {name: tuple([pool for pool in order if pool.failover_peer == name]) for name in self.endpoints}

    # The life of the server

    def take_records(self) -> None:
        """The lease file was read: take up what it says, and enter what it does not say."""
        states = self._host.database.failover_states
        for name, endpoint in self.endpoints.items():
            record = states.get(name)
            if record is None:
                self._enter_record(endpoint)
                continue
            endpoint.take_record(
                BY_WORD[record.my_state], record.my_since, BY_WORD[record.partner_state], record.partner_since,
                record.mclt, needs_all=record.needs_all,
            )  # fmt: skip

    def has_addresses(self) -> bool:
        """Whether every relationship has an address of this server; one without ends the server."""
        for name, endpoint in self.endpoints.items():
            if self.connections.address_of(endpoint.settings.address) is None:
                self._host.effects.append(Fatal(f"failover peer {name}: no local address."))
                return False
        return True

    def start(self) -> None:
        """The server serves: begin."""
        for endpoint in self.endpoints.values():
            moving.start(endpoint)

    def rebase(self) -> None:
        """Another configuration with the same relationships is in force: its pools, and what is left of the queues."""
        self._find_pools()
        for endpoint in self.endpoints.values():
            ended = endpoint.updates.keep(partial(self._shares, endpoint))
            if ended is not None:
                outgoing.send_done(endpoint, ended)
            outgoing.send_updates(endpoint)
            for index in endpoint.balance_at:
                self.no_alarm(endpoint, BALANCE, index)
            endpoint.balance_at.clear()
            if endpoint.state is NORMAL:
                balancing.look_at_timers(endpoint)

    def _shares(self, endpoint: Endpoint, address: int) -> bool:
        """Whether an address is one of a relationship's."""
        lease = self.database.find(address)
        return lease is not None and lease.pool in self.pools(endpoint)

    def set_state(self, name: str, number: int) -> bool:
        """An operator wants a relationship in a state; False where there is no such state (and nothing is done)."""
        return moving.set_state(self.endpoints[name], number)

    # The end of the server (omapi/shutdown.py)

    def begin_shutdown(self) -> None:
        """Tell each partner in NORMAL that this server goes."""
        for endpoint in self.endpoints.values():
            if endpoint.state is NORMAL:
                moving.move(endpoint, SHUTDOWN, "the server is shut down")

    def partners_know(self) -> bool:
        """Whether no partner is waited for: those that were told serve alone by now, or cannot be told."""
        return not any(
            one.state is SHUTDOWN and one.link is not None and one.partner_state is not P_DOWN
            for one in self.endpoints.values()
        )

    def end_shutdown(self) -> None:
        """Record that this server must recover when it starts again.

        The link ends before: to ask for updates now would have the partner send them to nobody, and ISC's goes on
        counting them against its window when this server is back.
        """
        for endpoint in self.endpoints.values():
            if endpoint.state is SHUTDOWN:
                if endpoint.link is not None:
                    self.connections.finish(endpoint.link, "the server is shut down")
                moving.move(endpoint, RECOVER, "the server is shut down")

    def storage_failed(self) -> None:
        """Records of the last moments are lost; those of the relationships' states may be among them."""
        for endpoint in self.endpoints.values():
            moving.storage_failed(endpoint)

    # Moments

    def due(self, key: str) -> None:
        """A moment that an endpoint asked for has come."""
        timer, detail, name = key.split(" ", 2)
        endpoint = self.endpoints[name]
        if timer == RETRY:
            self.connections.call(endpoint)
        elif timer == LISTEN:
            self.connections.listen(endpoint)
        elif timer == REST:
            self.connections.go_on(int(detail))
        elif timer == LINK:
            self.connections.startup_over(int(detail))
        else:
            moving.due(endpoint, timer, int(detail))

    # Site

    @property
    def now(self) -> int:
        """Seconds since 1970."""
        return self._host.now

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self._host.now_us

    @property
    def database(self) -> Database:
        """The leases."""
        return self._host.database

    @property
    def leases(self) -> Leases:
        """Where leases change."""
        return self._host.leases

    def log(self, level: int, text: str) -> None:
        """Log a line."""
        self._host.log(level, text)

    def tell(self, subject: str, verdict: str, why: str) -> None:
        """A step of a decision, where somebody asks for them."""
        if self._host.reasons is not None:
            once(self._host.reasons, Reason("peer", subject, verdict, why))

    def record(self, endpoint: Endpoint) -> None:
        """Append the state record."""
        self._enter_record(endpoint)
        state = self._host.database.failover_states[endpoint.name]
        self._host.effects.append(Store(failover_record(endpoint.name, state, self._host.generation.records)))
        self._host.leases.appended += 1

    def _enter_record(self, endpoint: Endpoint) -> None:
        self._host.database.failover_states[endpoint.name] = FailoverState(
            endpoint.recorded_state.word,
            endpoint.since,
            endpoint.partner_state.word,
            endpoint.partner_since,
            None if endpoint.primary else endpoint.mclt,
            endpoint.needs_all,
        )

    def retime(self, endpoint: Endpoint) -> None:
        """Which leases end by themselves has changed."""
        for pool in self.pools(endpoint):
            watch_pool(self._host, pool)

    def call(self, endpoint: Endpoint) -> None:
        """Try to open a connection to the partner."""
        self.connections.call(endpoint)

    def listen(self, endpoint: Endpoint) -> None:
        """Let the partner call."""
        self.connections.listen(endpoint)

    def send(self, stream: int, data: bytes, *, durable: bool) -> None:
        """Send at the end of the event."""
        self.connections.send(stream, data, durable=durable)

    def drop(self, stream: int, why: str) -> None:
        """End a connection at once."""
        self.connections.drop(stream, why)

    def alarm(self, endpoint: Endpoint, timer: str, detail: int, at_us: int) -> None:
        """Have something done at a moment."""
        self._host.agenda.set(Owner.FAILOVER, _key(endpoint, timer, detail), at_us)

    def no_alarm(self, endpoint: Endpoint, timer: str, detail: int) -> None:
        """Do not."""
        self._host.agenda.cancel(Owner.FAILOVER, _key(endpoint, timer, detail))

    def alarm_at(self, endpoint: Endpoint, timer: str, detail: int) -> int | None:
        """When an alarm is due."""
        return self._host.agenda.at_us(Owner.FAILOVER, _key(endpoint, timer, detail))

    def draw(self, limit: int) -> int:
        """A random number."""
        return self._host.draws.below(limit)

    def pools(self, endpoint: Endpoint) -> tuple[Pool, ...]:
        """The pools of a relationship."""
        return self._pools[endpoint.name]

    # Snapshots

    def plain(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return {
            "endpoints": {name: endpoint.plain() for name, endpoint in self.endpoints.items()},
            "connections": self.connections.plain(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take over what `plain` gave."""
        for name, plain in data["endpoints"].items():
            self.endpoints[name].restore(plain)
        self.connections.restore(data["connections"])


def _key(endpoint: Endpoint, timer: str, detail: int) -> str:
    return f"{timer} {detail} {endpoint.name}"
