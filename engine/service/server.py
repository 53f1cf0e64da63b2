"""What the server knows between messages, and what every step asks of it: log, store, execute, addresses.

The machine sets `now_us`, `now` and `effects` before every call; everything that is to happen is appended to
`effects`. Who answers which message stands in dispatch.py, which stands above the messages, as this module stands
below them: it imports none of them. Nothing here reads a clock, draws a number or touches a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from ...trace.effects import ERROR, Execute, Fatal, Log, Store
from ..conf.running.classify import open_pools, spawn
from ..conf.writing.values import shown
from ..lease.embedded import Statements
from ..lease.file.record import RecordWriter
from ..lease.snapshot import variables, variables_from
from ..model.lease import NEVER
from ..wire.encode import Encoder
from ..wire.reply import Ports
from .plan import Plans
from .waiting import plain_waiting, waiting_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...trace.effects import Effect
    from ..lease.database import Database
    from ..model.configuration import Configuration, SharedNetwork
    from ..model.context import Bindings
    from ..model.lease import Lease
    from .hooks import Ddns, Failover
    from .reasons import Reasons
    from .waiting import Waiting

# A lease that was granted so shortly before the lease file failed may not be in it.
DOUBT_S: Final = 60
_SECOND_US: Final = 1_000_000

@dataclass(slots=True)
class ServerSettings:
    """The start parameters that count for messages. Ports in host order, addresses as numbers, times as named."""

    local_port: int = 67
    remote_port: int = 68
    broadcast_address: int = 0xFFFFFFFF
    abandon_lease_time: int = 86_400
    delayed_ack: int = 0
    max_ack_delay_us: int = 250_000
    server_id_check: bool = False
    check_secs_byte_order: bool = False


@dataclass(slots=True)
class Interface:
    """An interface that is served: `address` is its first one, 0 for none."""

    name: str
    hardware: bytes
    address: int
    network: SharedNetwork | None


class Server:
    """See the module.

    `pending`: deaf leases by address (Waiting). `due_us`: the moment of the next change of a lease's state, 0 for
    none, and `timers` those of the pools, by index. `latched`: pool index -> low mark. `appended`:
    records stored since the machine set it to 0. `reasons`: a list to have decisions explained, None for speed.

    See docs/behaviour/decisions.md#thresholds-of-a-pool.
    """

    __slots__ = (
        "_settings", "appended", "configuration", "database", "ddns", "due_us", "effects", "encoder", "failover",
        "global_bindings", "host_answers", "host_name", "inform_refusals", "interfaces", "latched", "nak_text",
        "next_call", "now", "now_us", "open_pools", "pending", "pings", "plans", "ports", "reasons", "seed",
        "timers", "doubtful_until", "names", "programs", "unremarkable", "utc_offset_s", "_waited", "_waits",
        "_waits_until_us", "_writer",
    )  # fmt: skip

    def __init__(self, configuration: Configuration, database: Database, host_name: str, seed: bytes) -> None:
        """A server that serves no interface yet; `seed` is kept for the parts that draw numbers."""
        self.configuration = configuration
        self.database = database
        self.host_name = host_name
        self.seed = seed
        self.now_us = 0
        self.now = 0
        self.effects: list[Effect] = []
        self.interfaces: dict[str, Interface] = {}
        self.host_answers: dict[str, tuple[int, ...]] = {}
        self.utc_offset_s = 0
        self.global_bindings: Bindings = {}
        self.encoder = Encoder(configuration.registry)
        self.plans = Plans()
        self.open_pools = open_pools(configuration)
        self.settings = ServerSettings()
        self.failover: Failover | None = None
        self.ddns: Ddns | None = None
        self.reasons: Reasons | None = None
        self.pending: dict[int, Waiting] = {}
        self.pings = 0
        self.names: dict[int, bytes] = {}
        self.programs: dict[int, str] = {}
        self.latched: dict[int, int] = {}
        self.nak_text = ""
        self.inform_refusals = 0
        self.unremarkable: set[bytes] = set()
        self.next_call = 1
        self.appended = 0
        self.due_us = 0
        self.timers: dict[int, int] = {}
        self.doubtful_until = 0
        self._waits: list[tuple[int, int, int, Waiting]] = []
        self._waited = 0
        self._waits_until_us = 0
        self._writer: RecordWriter | None = None

    @property
    def settings(self) -> ServerSettings:
        """The start parameters; setting them is the machine's."""
        return self._settings

    @settings.setter
    def settings(self, settings: ServerSettings) -> None:
        self._settings = settings
        self.ports = Ports(settings.local_port, settings.remote_port, settings.broadcast_address)

    # What statements and steps ask of the server (engine/model/context.py, Host)

    def log(self, level: int, text: str) -> None:
        """Emit a log line."""
        self.effects.append(Log(level, text))

    def execute(self, arguments: tuple[bytes, ...]) -> None:
        """Have a program run; how it ended comes back through `executed`."""
        call = self.next_call
        self.next_call += 1
        self.programs[call] = shown(arguments[0])
        self.effects.append(Execute(call, arguments))

    def executed(self, call: int, status: int, error: str) -> None:
        """A program has ended; only a failure is worth a line."""
        name = self.programs.pop(call, "")
        if error:
            self.log(ERROR, f"Unable to execute {name}: {error}")
        elif status:
            self.log(ERROR, f"execute: {name} exit status {status}")

    def fatal(self, text: str) -> None:
        """End the server."""
        self.effects.append(Fatal(text))

    def addresses_of(self, name: str) -> tuple[int, ...] | None:
        """The addresses of a host name as last looked up."""
        return self.host_answers.get(name)

    def interface_address(self, name: str) -> int:
        """The first address of an interface, 0 for none."""
        interface = self.interfaces.get(name)
        return 0 if interface is None else interface.address

    def store_lease(self, lease: Lease) -> None:
        """Append a lease's record to the lease file."""
        writer = self._writer
        if writer is None:
            writer = self._writer = RecordWriter(self.configuration, self.utc_offset_s, self.log)
        self.effects.append(Store(writer.record(lease, self.now)))
        self.appended += 1

    def watch(self, lease: Lease) -> None:
        """A lease was requeued: its change of state may be its pool's next one."""
        pool, ends = lease.pool, lease.ends
        if pool is None or lease.next_state == lease.state or ends >= NEVER:
            return
        at_us, set_us = self.moment_us(ends), self.timers.get(pool.index, 0)
        if not self.now_us < set_us <= at_us:
            self.timers[pool.index] = at_us
            if not 0 < self.due_us <= at_us:
                self.due_us = at_us

    def moment_us(self, second: int) -> int:
        """When a timer for a second goes off: whole seconds from now, as ISC's server counts them."""
        return second * _SECOND_US + self.now_us % _SECOND_US

    def is_doubtful(self, lease: Lease) -> bool:
        """Whether the lease file failed just after this lease was granted, so that its record may be missing."""
        until = self.doubtful_until
        return until > 0 and until - DOUBT_S <= lease.starts <= until

    # Waiting

    def wait(self, address: int, waiting: Waiting) -> None:
        """Make a lease deaf until something happens or the time is over."""
        self.pending[address] = waiting
        # In order of time, then of asking; what is answered before its time stays until then.
        heappush(self._waits, (waiting.at_us, self._waited, address, waiting))
        self._waited += 1
        if not 0 < self._waits_until_us <= waiting.at_us:
            self._waits_until_us = waiting.at_us

    def waits_over(self) -> Iterator[tuple[int, Waiting]]:
        """What has waited long enough, by address, in order of time; what is answered meanwhile is passed over."""
        if not 0 < self._waits_until_us <= self.now_us:
            return
        waits = self._waits
        over = []
        while waits and waits[0][0] <= self.now_us:
            over.append(heappop(waits))
        for _at_us, _number, address, waiting in over:
            if self.pending.get(address) is waiting:
                yield address, waiting
        while waits and self.pending.get(waits[0][2]) is not waits[0][3]:
            heappop(waits)
        self._waits_until_us = waits[0][0] if waits else 0

    def next_wake_us(self) -> int:
        """When `tick` is wanted next, 0 for never.

        A lease's end is first asked for to the second, and then, if the server is not late, to the moment: recordings
        of versions that ended leases with the second stay good.
        """
        due_us = self.due_us
        second_us = due_us - due_us % _SECOND_US
        if self.now_us < second_us:
            due_us = second_us
        waits_us = self._waits_until_us
        if waits_us and (not due_us or waits_us < due_us):
            return waits_us
        return due_us

    # The life of the server

    def storage_failed(self) -> None:
        """Records of the last moments may be lost, and their replies were not sent: nobody may count on them.

        Unlike ISC's, the clients stay heard: the next message of each has its record written again.
        """
        self.doubtful_until = self.now

    def snapshot(self) -> dict[str, Any]:
        """The state that the lease database does not hold, as plain data."""
        return {
            "bindings": variables(self.global_bindings),
            "pending": [plain_waiting(address, waiting) for address, waiting in self.pending.items()],
            "waits_until_us": self._waits_until_us,
            "programs": list(self.programs.items()),
            "latched": list(self.latched.items()),
            "nak_text": self.nak_text,
            "inform_refusals": self.inform_refusals,
            "next_call": self.next_call,
            "appended": self.appended,
            "due_us": self.due_us,
            "timers": list(self.timers.items()),
            "doubtful_until": self.doubtful_until,
            "warned": list(self.encoder.warned),
            "spawned": [
                # Sorted, since the order in which they were spawned decides nothing and is not restored.
                [number, sorted(key for key, member in class_.subclasses.items() if member.spawned), class_.sweep_at]
                for number, class_ in enumerate(self.configuration.classes)
                if class_.spawning
            ],
        }

    def restore_state(self, data: dict[str, Any]) -> None:
        """Take over a snapshot. The global statements have run: functions that they define are there."""
        statements = Statements(self.configuration, "snapshot")
        self.global_bindings.update(variables_from(data["bindings"], statements))
        self.pending = {entry[0]: waiting_from(entry) for entry in data["pending"]}
        self.pings = sum(waiting.sent is not None for waiting in self.pending.values())
        self._waits = [(one.at_us, at, address, one) for at, (address, one) in enumerate(self.pending.items())]
        heapify(self._waits)
        self._waited = len(self._waits)
        # An alarm outlives the ping that was answered before it.
        self._waits_until_us = data.get("waits_until_us", self._waits[0][0] if self._waits else 0)
        self.programs = dict(data["programs"])
        self.latched = dict(data["latched"])
        self.nak_text = data["nak_text"]
        self.inform_refusals = data["inform_refusals"]
        self.next_call = data["next_call"]
        self.appended = data["appended"]
        self.due_us = data["due_us"]
        self.timers = dict(data["timers"])
        self.doubtful_until = data["doubtful_until"]
        self.encoder.warned = list(data["warned"])
        for number, keys, *sweep_at in data["spawned"]:
            class_ = self.configuration.classes[number]
            class_.sweep_at = sweep_at[0] if sweep_at else class_.sweep_at
            for key in keys:
                if key not in class_.subclasses:
                    spawn(class_, key)

