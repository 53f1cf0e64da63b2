"""What the server knows between messages, and what every step asks of it: log, store, execute, addresses.

The machine sets `now_us`, `now` and `effects` before every call; everything that is to happen is appended to
`effects`. Who answers which message stands in dispatch.py, which stands above the messages, as this module stands
below them: it imports none of them. Nothing here reads a clock or touches a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ...trace.effects import ERROR, Execute, Fatal, Log, Send, Store
from ..agenda import Owner
from ..conf.writing.values import shown
from ..ddns.part import Ddns
from ..lease.commit import Leases
from ..lease.embedded import Statements
from ..lease.snapshot import variables, variables_from
from ..model.lease import NEVER
from ..wire.reply import Ports
from .silence import Silence
from .waiting import Offer, UnnamedPacket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...trace.effects import Effect
    from ..agenda import Agenda
    from ..draws import Draws
    from ..lease.database import Database
    from ..model.change import Reversal
    from ..model.configuration import Class, ClassRun, Configuration, Host
    from ..model.context import Bindings
    from ..model.lease import Lease
    from .generation import Generation
    from .reasons import Reasons

# A lease that was granted so shortly before the lease file failed may not be in it.
DOUBT_S: Final = 60
_SECOND_US: Final = 1_000_000
_new: Final = tuple.__new__
_POOL: Final = Owner.POOL


@dataclass
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


class Server:
    """What is known between two messages to clients, and the world as a step of a decision asks for it.

    `event` is the number of the event that is being answered, as the tape counts them. What must happen later is
    entered in `agenda`. `offers`: those that wait for the end of their pings, by address.
    `unnamed`: packets that wait for the name of an address, by it. `latched`: pool index -> low mark. `leases` is where
    leases are changed and stored. `silence`: why the message that came gets no answer, where it gets none. `reasons`: a
    list to have decisions explained, None for speed. `reversals`: how the declarations that were stored last are taken
    back, for who answers for them.

    See docs/behaviour/decisions.md#thresholds-of-a-pool.
    """

    __slots__ = (
        "_settings", "agenda", "database", "ddns", "draws", "effects", "generation", "global_bindings", "host_answers",
        "event", "host_name", "inform_refusals", "latched", "leases", "nak_text", "next_call", "now", "now_us",
        "offers", "ports", "reasons", "reversals", "doubtful_until", "names", "programs", "silence", "unnamed",
        "unremarkable", "utc_offset_s",
    )  # fmt: skip

    def __init__(
        self, generation: Generation, database: Database, host_name: str, agenda: Agenda, draws: Draws
    ) -> None:
        """A server that serves no interface yet; `agenda` and `draws` are its machine's."""
        self.generation = generation
        self.database = database
        self.host_name = host_name
        self.agenda = agenda
        self.draws = draws
        self.now_us = 0
        self.event = 0
        self.now = 0
        self.effects: list[Effect] = []
        self.host_answers: dict[str, tuple[int, ...]] = {}
        self.utc_offset_s = 0
        self.global_bindings: Bindings = {}
        self.settings = ServerSettings()
        self.reasons: Reasons | None = None
        self.reversals: list[Reversal] = []
        self.silence = Silence.OTHER
        self.offers: dict[int, Offer] = {}
        self.unnamed: dict[int, UnnamedPacket] = {}
        self.names: dict[int, bytes] = {}
        self.programs: dict[int, str] = {}
        self.latched: dict[int, int] = {}
        self.nak_text = ""
        self.inform_refusals = 0
        self.unremarkable: set[bytes] = set()
        self.next_call = 1
        self.doubtful_until = 0
        self.leases: Leases = Leases(self, database, generation.records)
        self.ddns: Ddns = Ddns(self)
        self.leases.names = self.ddns

    @property
    def settings(self) -> ServerSettings:
        """The start parameters; setting them is the machine's."""
        return self._settings

    @settings.setter
    def settings(self, settings: ServerSettings) -> None:
        self._settings = settings
        self.ports = Ports(settings.local_port, settings.remote_port, settings.broadcast_address)

    @property
    def configuration(self) -> Configuration:
        """The configuration in force; what came to it at run time is `generation.declared`'s."""
        return self.generation.configuration

    # What statements and steps ask of the server (engine/model/context.py, Host)

    @property
    def class_runs(self) -> Sequence[ClassRun]:
        """What tells which classes match."""
        return self.generation.declared.class_runs

    def class_named(self, name: str) -> Class | None:
        """The class in force of that name."""
        return self.generation.declared.class_named(name)

    def spawned(self, parent: Class, key: bytes) -> Class | None:
        """The subclass that nobody declared for a key, made where it is missing and the class spawns."""
        return self.database.charges.spawned(parent, key)

    def host_named(self, name: str) -> Host | None:
        """The host declaration in force of that name."""
        return self.generation.declared.hosts.by_name.get(name)

    def log(self, level: int, text: str) -> None:
        """Emit a log line."""
        # Half the time of Log(...), which an interpreted function makes: an exchange has six of them.
        self.effects.append(_new(Log, (level, text)))

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
        interface = self.generation.interfaces.get(name)
        return 0 if interface is None else interface.address

    def store(self, record: bytes, reversal: Reversal | None = None) -> None:
        """Append a record of a declaration to the lease file; `reversal`: how it is taken back, where it can be."""
        self.effects.append(Store(record))
        self.leases.appended += 1
        if reversal is not None:
            self.reversals.append(reversal)

    def watch(self, lease: Lease) -> None:
        """A lease was requeued: its change of state may be its pool's next one."""
        pool, ends = lease.pool, lease.ends
        if pool is None or lease.next_state == lease.state or ends >= NEVER:
            return
        at_us, set_us = self.moment_us(ends), self.agenda.at_us(_POOL, pool.index)
        if self.leases.partners[pool.index].paired:
            # A partner may tell of a lease whose time is over: it comes next, and is no moment that has passed.
            at_us = max(at_us, self.now_us + 1)
        if set_us is None or not self.now_us < set_us <= at_us:
            self.agenda.set(_POOL, pool.index, at_us)

    def moment_us(self, second: int) -> int:
        """When a timer for a second goes off: whole seconds from now, as ISC's server counts them."""
        return second * _SECOND_US + self.now_us % _SECOND_US

    def is_doubtful(self, lease: Lease) -> bool:
        """Whether the lease file failed just after this lease was granted, so that its record may be missing."""
        until = self.doubtful_until
        return until > 0 and until - DOUBT_S <= lease.starts <= until

    # Waiting

    def is_pending(self, address: int) -> bool:
        """Whether a lease waits for an answer of the world, and is not given to anybody meanwhile."""
        return address in self.offers or address in self.unnamed

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
            "offers": [(address, offer.line, tuple(offer.sent), offer.event) for address, offer in self.offers.items()],
            "unnamed": list(self.unnamed.items()),
            "programs": list(self.programs.items()),
            "latched": list(self.latched.items()),
            "nak_text": self.nak_text,
            "inform_refusals": self.inform_refusals,
            "next_call": self.next_call,
            "appended": self.leases.appended,
            "doubtful_until": self.doubtful_until,
            "warned": list(self.generation.encoder.warned),
            "ddns": self.ddns.snapshot(),
        }

    def restore_state(self, data: dict[str, Any]) -> None:
        """Take over a snapshot."""
        statements = Statements(self.generation.declared, "snapshot")
        self.global_bindings.clear()
        self.global_bindings.update(variables_from(data["bindings"], statements))
        self.offers = {address: Offer(line, Send(*sent), event) for address, line, sent, event in data["offers"]}
        self.unnamed = {address: UnnamedPacket(*packet) for address, packet in data["unnamed"]}
        self.programs = dict(data["programs"])
        self.latched = dict(data["latched"])
        self.nak_text = data["nak_text"]
        self.inform_refusals = data["inform_refusals"]
        self.next_call = data["next_call"]
        self.leases.appended = data["appended"]
        self.doubtful_until = data["doubtful_until"]
        self.generation.encoder.warned = list(data["warned"])
        self.ddns.restore(data["ddns"])

