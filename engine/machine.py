"""The server as a machine: events in, effects out, nothing else.

`Machine.apply(event)` is a plain function of the events so far (docs/architecture.md#the-four-laws): the same events
give the same effects, in the program, in playback and in a test. The table HANDLERS says what answers each event; this
module keeps the time, the phase of the run, the rewrite of the lease file and the host names, and leaves decisions
about messages to service/. A snapshot of a machine is plain data, from which an equal machine is made.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ..trace import events as ev
from ..trace.effects import ERROR, INFO, ConfigurationRefused, Exit, Log, Serving, Wake
from . import reloading, startup
from .agenda import NEVER_US, Agenda, Owner
from .attach import interfaces_from, plain_interfaces, send_failed_lines
from .draws import Draws
from .lease.database import Database
from .lease.file.reader import load_lease_file
from .lease.file.writer import Rewriter
from .lease.snapshot import SnapshotError
from .names import Names
from .parameters import StartParameters
from .rewriting import INTERVAL_S, Rewriting, log_failure
from .service import dispatch
from .service.generation import Generation
from .service.granting import ping
from .service.lifecycle import expire_at_start, expire_in
from .service.reasons import Reason, conclude, of_debts, of_update
from .service.server import Server, ServerSettings
from .streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..trace.effects import Effect
    from .attach import Discovery
    from .failover.relationships import Relationships
    from .model.change import Change
    from .model.configuration import Configuration
    from .omapi.part import OmapiPart
    from .reloading import Candidate

SNAPSHOT_VERSION: Final = 15
_MICROSECONDS: Final = 1_000_000


class Machine:
    """One server, told by events. `server` is None until the configuration is accepted; `serving`: sockets are open.

    `events` counts those that were told, as the tape does. `agenda` is what is due; `wake_us` is the machine's last
    wish to be woken, 0 for none. `omapi` is there where the configuration has an `omapi-port`. `leaving`: clients are
    served no more, since a shutdown is under way. `ahead`: what the files of the next reload come to, where somebody
    has read them already; it changes nothing but the time that takes.
    """

    __slots__ = (
        "_boot", "_candidate", "_configuration_name", "_discovery", "_effects", "_files", "_follows_leases",
        "_interfaces_event", "_lease_parts", "_line", "_names", "_new_files", "_parameters", "_plain_udp", "_rewriting",
        "_served", "_streams", "agenda", "ahead", "events", "failover", "leaving", "omapi", "server", "serving",
        "wake_us",
    )  # fmt: skip

    def __init__(self) -> None:
        """A machine that was told nothing yet."""
        self.server: Server | None = None
        self.serving = self.leaving = self._follows_leases = False
        self.events = 0
        self.omapi: OmapiPart | None = None
        self._streams = Streams()
        self._boot: ev.Boot | None = None
        self._line = startup.CommandLine()
        self._files: dict[str, bytes | str] = {}
        # While it serves: the files of a reload that come in, and the configuration that waits for its host names.
        self._new_files: dict[str, bytes | str] = {}
        self._candidate: Candidate | None = None
        self.ahead: startup.Reading | None = None
        # The interfaces whose sockets are open.
        self._served: tuple[str, ...] = ()
        self._configuration_name = ""
        self._parameters: StartParameters | None = None
        self._lease_parts: list[bytes] = []
        self._interfaces_event: ev.Interfaces | None = None
        self._discovery: Discovery | None = None
        self._plain_udp = False
        self._rewriting = Rewriting("", test=False)
        self.agenda = Agenda()
        self.wake_us = 0
        self.failover: Relationships | None = None
        self._names = Names(self.agenda)
        self._effects: list[Effect] = []

    @property
    def rewriting(self) -> bool:
        """Whether a rewrite of the lease file is open and wants `RewriteContinue`."""
        return self._rewriting.open

    @property
    def configuration(self) -> Configuration | None:
        """The configuration in force, None before there is one."""
        return None if self.server is None else self.server.configuration

    @property
    def changing_over(self) -> bool:
        """Whether a new configuration waits for the addresses of its host names."""
        return self._candidate is not None

    @property
    def changes(self) -> tuple[Change, ...]:
        """What became of leases at the last event, in order; empty unless they are followed, or it was explained."""
        return () if self.server is None else tuple(self.server.leases.changes)

    def follow_leases(self) -> None:
        """Have `changes` tell what becomes of leases at each event from now on."""
        self._follows_leases = True
        if self.server is not None:
            self.server.leases.followed = True

    def apply(self, event: ev.Event) -> list[Effect]:
        """Take in one event; returns what is to be done, in order."""
        effects: list[Effect] = []
        self._effects = effects
        self.events += 1
        server = self.server
        if server is None:
            HANDLERS[type(event)](self, event)
            return effects
        server.now_us = now_us = event.wall_us
        server.now = now = now_us // _MICROSECONDS
        server.event = self.events
        server.effects = effects
        leases, ddns = server.leases, server.ddns
        if leases.changes:
            leases.changes.clear()
        if ddns.happened:
            ddns.happened.clear()
        HANDLERS[type(event)](self, event)
        if not self.serving:
            return effects
        # What may follow any event of a serving machine, the last of it the next wish to be woken.
        if self.omapi is not None:
            self.omapi.shutdown.look()
        if self.failover is not None:
            self.failover.connections.flush()
        if ddns.asked:
            ddns.flush(effects)
        if leases.appended and now > self._rewriting.begun_at + INTERVAL_S and not self._rewriting.open:
            self._begin_rewrite(server)
        next_us = self.agenda.next_us
        if next_us != self.wake_us and (self.wake_us or next_us < NEVER_US):
            self.wake_us = next_us if next_us < NEVER_US else 0
            effects.append(Wake(self.wake_us))
        return effects

    def explain(self, event: ev.Event) -> tuple[list[Effect], list[Reason]]:
        """As `apply`, with the reasons (service/reasons.py) and `changes`; effects and the state after are the same."""
        server = self.server
        if server is None:
            return self.apply(event), []
        reasons = server.reasons = []
        owed = server.ddns.updates.debts.everything()
        followed, server.leases.followed = server.leases.followed, True
        try:
            effects = self.apply(event)
        finally:
            server.reasons = None
            server.leases.followed = followed
        reasons += map(of_update, server.ddns.happened)
        reasons += of_debts(owed, server.ddns.updates.debts.everything())
        conclude(reasons, effects)
        return effects, reasons

    # The start

    def _on_boot(self, event: ev.Boot) -> None:
        self._boot = event
        self._line = startup.read_command_line(event.arguments)

    def _on_configuration_file(self, event: ev.ConfigurationFile) -> None:
        files = self._new_files if self.serving else self._files
        files[event.name] = event.error or event.content

    def _on_configuration_end(self, event: ev.ConfigurationEnd) -> None:
        effects = self._effects
        if self.serving:
            self._reload(event)
            return
        self._configuration_name = event.name
        configuration = startup.load_configuration(self._files, event, effects, self._line.interfaces)
        if configuration is None:
            return
        server = self._make_server(configuration, event.wall_us)
        parameters = startup.settle(server, self._line, effects)
        if parameters is None:
            return
        self._adopt(server, parameters)
        if self._line.test == "t":
            effects.append(Exit(0))
        else:
            self._names.ask(startup.ask_for_names(configuration.host_names, effects))

    # A new configuration while it serves: reloading.py has the steps

    def _reload(self, event: ev.ConfigurationEnd) -> None:
        """Read the candidate; the last one that came counts."""
        server, interfaces, start = self.server, self._interfaces_event, self._parameters
        assert server is not None, "who serves has a configuration"
        assert interfaces is not None, "who serves has interfaces"
        assert start is not None, "who serves has parameters"
        files, self._new_files = self._new_files, {}
        effects = self._effects
        self._candidate = None
        ahead, self.ahead = self.ahead, None
        candidate = reloading.read_candidate(server, self._line, files, event, interfaces, effects, ahead)
        if candidate is None or not reloading.fits_run(candidate, start, server.configuration, effects):
            effects.append(ConfigurationRefused("mistakes"))
            return
        effects += reloading.settled_lines(start, candidate.parameters)
        effects += reloading.interface_lines(self._served, candidate.found)
        self._candidate = candidate
        names = self._names.unknown(candidate.configuration.host_names)
        self._names.ask(startup.ask_for_names(names, effects))
        self._change_over()

    def _change_over(self) -> None:
        """Take the candidate over, once all its host names are answered."""
        server, interfaces, candidate = self.server, self._interfaces_event, self._candidate
        if candidate is None or not self._names.all_answered:
            return
        assert server is not None, "who serves has a configuration"
        assert interfaces is not None, "who serves has interfaces"
        self._candidate = None
        self._files, self._configuration_name = candidate.files, candidate.name
        networks = reloading.interfaces_of(self._served, interfaces, candidate.found)
        reloading.change_over(server, candidate, networks, self._log)
        if self.omapi is not None:
            self.omapi.serve()
        if self.failover is not None:
            self.failover.rebase()
        startup.run_global_scope(server, server.global_bindings)
        self._names.keep({*candidate.configuration.host_names, *server.generation.declared.host_names})
        self._begin_rewrite(server)

    def _make_server(self, configuration: Configuration, wall_us: int) -> Server:
        boot = self._boot
        assert boot is not None, "Boot comes first"
        database = Database(configuration)
        generation = Generation(database.declared, boot.utc_offset_s, self._log)
        server = Server(generation, database, boot.host_name, self.agenda, Draws(boot.seed))
        server.now_us = wall_us
        server.now = wall_us // _MICROSECONDS
        server.effects = self._effects
        server.host_answers = self._names.answers
        server.utc_offset_s = boot.utc_offset_s
        server.leases.followed = self._follows_leases
        return server

    def _log(self, level: int, text: str) -> None:
        self._effects.append(Log(level, text))

    def _adopt(self, server: Server, parameters: StartParameters) -> None:
        self._parameters = parameters
        server.settings = reloading.changed_settings(ServerSettings(local_port=parameters.local_port or 0), parameters)
        server.ddns.settle(parameters.ddns)
        self._rewriting = Rewriting(parameters.lease_file or "", test=self._line.test == "T")
        self.server = server
        if server.configuration.failover_peers:
            from .failover.relationships import Relationships  # noqa: PLC0415 - who has no partner waits for none of it

            self.failover = Relationships(server, self._streams)
            self._streams.parts["failover"] = self.failover.connections
        if parameters.omapi_port is not None:
            from .omapi.part import OmapiPart  # noqa: PLC0415 - who is asked nothing waits for none of it

            self.omapi = OmapiPart(server, parameters.omapi_port, parameters.omapi_key, self.failover, self._leave)
            self._streams.parts["omapi"] = self.omapi.connections

    def _leave(self) -> None:
        """A shutdown has come to the clients: they are served no more."""
        self.leaving = True

    def _on_lease_file_part(self, event: ev.LeaseFilePart) -> None:
        self._lease_parts.append(event.content)

    def _on_lease_file_end(self, event: ev.LeaseFileEnd) -> None:
        server = self.server
        if server is None:
            return
        if event.error:
            startup.lease_file_missing(self._rewriting.lease_file, event, self._effects)
            return
        parts, self._lease_parts = self._lease_parts, []
        load_lease_file(
            parts, server.database, server.configuration, server.log, self._rewriting.lease_file, server.now
        )
        if not self._line.test:
            self._names.ask(startup.ask_for_names(server.generation.declared.host_names, self._effects))
        if self.failover is not None:
            self.failover.take_records()
        expire_at_start(server)
        server.ddns.take_owed()
        self._begin_rewrite(server)

    def _begin_rewrite(self, server: Server) -> None:
        server.leases.appended = 0
        server.database.forget_ended(server.now)
        rewriter = Rewriter(server.database, server.configuration, server.utc_offset_s, server.now)
        self._rewriting.begin(rewriter, server.now, self._effects)

    def _on_rewrite_continue(self, _event: ev.RewriteContinue) -> None:
        testing = self._rewriting.test
        self._rewriting.advance(self._effects)
        if testing and not self._rewriting.open:
            self._effects.append(Exit(0))

    def _on_interfaces(self, event: ev.Interfaces) -> None:
        self._interfaces_event = event
        if self._names.all_answered:
            self._find_interfaces(event)

    def _find_interfaces(self, event: ev.Interfaces) -> None:
        server = self.server
        if server is None:
            return
        found = startup.find_interfaces(server.configuration, event, self._line, self._effects)
        if found is not None:
            self._attach(server, found)
            self._effects.append(startup.listen(found))

    def _attach(self, server: Server, found: Discovery) -> None:
        assert self._interfaces_event is not None, "interfaces are found among links"
        self._discovery = found
        self._served = self._served or tuple(one.name for one in found.served)
        server.generation.interfaces = reloading.interfaces_of(self._served, self._interfaces_event, found)

    def _on_listening(self, event: ev.Listening) -> None:
        server, found = self.server, self._discovery
        if server is None or found is None:
            return
        self._plain_udp = event.plain_udp
        effects = self._effects
        effects += startup.listening(found, self._line, plain_udp=event.plain_udp)
        if "-q" not in self._line.flags:
            effects.append(Log(INFO, "Sending on   Socket/fallback/fallback-net"))
        startup.run_global_scope(server, server.global_bindings)
        if self.failover is not None:
            if not self.failover.has_addresses():
                return
            self.failover.start()
        if self.omapi is not None:
            self.omapi.connections.listen()
        server.ddns.open()
        effects += [Serving(), Log(INFO, "Server starting service.")]
        self.serving = True

    def _on_listen_failed(self, event: ev.ListenFailed) -> None:
        startup.listen_failed(event, self._effects)

    # Serving

    def _on_packet(self, event: ev.Packet) -> None:
        if self.serving and not self.leaving and self.server is not None:
            # What is due comes first, though its timer may be late: a lease that is over is no more the client's.
            if self.agenda.next_us <= self.server.now_us:
                self._on_timer(event)
            dispatch.receive(self.server, event)

    def _on_timer(self, event: ev.Timer | ev.Packet) -> None:
        if not self.serving:
            return
        agenda, now_us = self.agenda, event.wall_us
        while (due := agenda.take(now_us)) is not None:
            DUE[due.owner](self, due.key)
            again_us = agenda.at_us(due.owner, due.key)
            assert again_us is None or again_us > now_us, f"{due.owner} {due.key} would be due for ever"

    def _lookup_is_old(self, name: str) -> None:
        self._names.ask_again(name, self._effects)

    def _on_ping_reply(self, event: ev.PingReply) -> None:
        if self.server is not None:
            ping.answered(self.server, event.source)

    def _on_ping_failed(self, event: ev.PingFailed) -> None:
        if self.server is not None:
            ping.failed(self.server, event.address, event.error)

    def _on_host_answer(self, event: ev.HostAnswer) -> None:
        self._names.answer(event, self._effects)
        if self._interfaces_event is not None and self._discovery is None and self._names.all_answered:
            self._find_interfaces(self._interfaces_event)
        if self._candidate is not None:
            self._change_over()

    def _on_name_answer(self, event: ev.NameAnswer) -> None:
        if self.server is not None:
            dispatch.name_answer(self.server, event.address, event.name)

    # DNS, and connections: streams.py knows whose they are

    def _on_dns_opened(self, event: ev.DnsOpened) -> None:
        if self.server is not None:
            self.server.ddns.opened(event)

    def _on_dns_answer(self, event: ev.DnsAnswer) -> None:
        if self.server is not None:
            self.server.ddns.answered(event)

    @property
    def _own_server(self) -> Server:
        assert self.server is not None, "who serves has a configuration"
        return self.server

    @property
    def _own_failover(self) -> Relationships:
        assert self.failover is not None, "whose alarm it is"
        return self.failover

    @property
    def _own_omapi(self) -> OmapiPart:
        assert self.omapi is not None, "whose own moment has come"
        return self.omapi

    def _on_executed(self, event: ev.Executed) -> None:
        if self.server is not None:
            self.server.executed(event.call, event.status, event.error)

    def _on_command(self, event: ev.Command) -> None:
        from . import commands  # noqa: PLC0415 - as for OMAPI, whose objects it uses

        server = self.server if self.serving and not self.leaving else None
        handles = None if self.omapi is None else self.omapi.connections.handles
        self._effects.append(commands.carry_out(server, handles, event))

    # Failures

    def _on_storage_failed(self, event: ev.StorageFailed) -> None:
        log_failure(event, self._effects)
        if event.operation in ("append", "sync"):
            if self.server is not None:
                self.server.storage_failed()
            if self.failover is not None:
                self.failover.storage_failed()
        elif event.operation == "lost":
            if self.server is not None and not self._rewriting.open:
                self._begin_rewrite(self.server)
        else:
            self._rewriting.abandon()

    def _on_send_failed(self, event: ev.SendFailed) -> None:
        self._effects += send_failed_lines(event)

    def _on_receive_failed(self, event: ev.ReceiveFailed) -> None:
        self._effects.append(Log(ERROR, f"receive_packet failed on {event.interface}: {event.error}"))

    def _ignore(self, _event: ev.Event) -> None:
        """An event that asks for nothing: kept on the tape for its reader, or for a part that is not there."""

    # Snapshots

    def snapshot(self) -> dict[str, Any]:
        """Everything that matters, as plain data that msgpack can carry."""
        return {
            "version": SNAPSHOT_VERSION,
            "events": self.events,
            "boot": None if self._boot is None else tuple(self._boot),
            "files": dict(self._files),
            "configuration": self._configuration_name,
            "new_files": dict(self._new_files),
            "candidate": None if self._candidate is None else self._candidate.plain(),
            "parameters": None if self._parameters is None else asdict(self._parameters),
            "settings": None if self.server is None else asdict(self.server.settings),
            "served": list(self._served),
            "lease_parts": list(self._lease_parts),
            "interfaces": None if self._interfaces_event is None else plain_interfaces(self._interfaces_event),
            "attached": self._discovery is not None,
            "plain_udp": self._plain_udp,
            "serving": self.serving,
            "leaving": self.leaving,
            "streams": self._streams.snapshot(),
            "omapi": None if self.omapi is None else self.omapi.snapshot(),
            "wake_us": self.wake_us,
            "agenda": self.agenda.snapshot(),
            "drawn": 0 if self.server is None else self.server.draws.drawn,
            "names": self._names.snapshot(),
            "rewriting": self._rewriting.snapshot(),
            "failover": None if self.failover is None else self.failover.plain(),
            "server": None if self.server is None else self.server.snapshot(),
            "database": None if self.server is None else self.server.database.snapshot(),
        }

    @classmethod
    def restore(cls, data: dict[str, Any]) -> Machine:
        """A machine equal to the one that gave `data`; raises SnapshotError where it cannot be read."""
        if data.get("version") != SNAPSHOT_VERSION:
            raise SnapshotError(data.get("version"), SNAPSHOT_VERSION)
        made = cls()
        made.events = data["events"]
        made._files = {str(name): content for name, content in data["files"].items()}
        made._lease_parts = list(data["lease_parts"])
        made._names.restore(data["names"])
        if data["boot"] is not None:
            made._on_boot(startup.boot_from(data["boot"]))
        made._new_files = dict(data["new_files"])
        if data["parameters"] is not None:
            made._restore_server(data)
        made.wake_us = data["wake_us"]
        made.agenda.restore(data["agenda"])
        made.serving = data["serving"]
        made.leaving = data["leaving"]
        made._streams.restore(data["streams"])
        made._plain_udp = data["plain_udp"]
        made._effects = []
        return made

    def _restore_server(self, data: dict[str, Any]) -> None:
        """Read the configuration again, then put the state of the leases and of the service into it."""
        self._configuration_name = data["configuration"]
        end = ev.ConfigurationEnd(0, 0, self._configuration_name, reload=False)
        configuration = startup.load_configuration(self._files, end, self._effects, self._line.interfaces)
        assert configuration is not None, "a snapshot holds a configuration that was accepted"
        server = self._make_server(configuration, 0)
        self._adopt(server, StartParameters(**data["parameters"]))
        server.settings = ServerSettings(**data["settings"])
        server.database.restore(data["database"])
        server.restore_state(data["server"])
        server.draws.drawn = data["drawn"]
        if self.omapi is not None:
            self.omapi.restore(data["omapi"])
        if self.failover is not None:
            self.failover.restore(data["failover"])
        self._restore_rewriting(server, data["rewriting"])
        if data["interfaces"] is not None:
            self._interfaces_event = interfaces_from(data["interfaces"])
            self._served = tuple(data["served"])
            if data["attached"]:
                found = startup.find_interfaces(configuration, self._interfaces_event, self._line, self._effects)
                assert found is not None, "a snapshot holds interfaces that were accepted"
                self._attach(server, found)
        if data["candidate"] is not None:
            assert self._interfaces_event is not None, "a reload comes behind the start"
            self._candidate = reloading.candidate_from(data["candidate"], server, self._line, self._interfaces_event)

    def _restore_rewriting(self, server: Server, data: dict[str, Any]) -> None:
        self._rewriting.begun_at = data["begun_at"]
        if data["rewriter"] is not None:
            rewriter = Rewriter(server.database, server.configuration, server.utc_offset_s)
            rewriter.restore(data["rewriter"])
            self._rewriting.rewriter = rewriter


# Who waits for a moment -> what is done when it has come; (machine, key).
DUE: Final[dict[Owner, Callable[[Machine, Any], None]]] = {
    Owner.POOL: lambda machine, index: expire_in(machine._own_server, machine._own_server.configuration.pools[index]),
    Owner.PING: lambda machine, address: dispatch.ping_unanswered(machine._own_server, address),
    Owner.REVERSE_LOOKUP: lambda machine, address: dispatch.name_answer(machine._own_server, address, ""),
    Owner.FAILOVER: lambda machine, key: machine._own_failover.due(key),
    Owner.DNS: lambda machine, question: machine._own_server.ddns.due(question),
    Owner.DNS_OWED: lambda machine, number: machine._own_server.ddns.owed_due(number),
    Owner.LOOKUP: Machine._lookup_is_old,
    Owner.OMAPI_LISTEN: lambda machine, _key: machine._own_omapi.connections.listen_again(),
    Owner.OMAPI_REQUESTS: lambda machine, stream: machine._own_omapi.connections.answer(stream),
    Owner.SHUTDOWN: lambda machine, _key: machine._own_omapi.shutdown.due(),
}

HANDLERS: Final[dict[type[ev.Event], Callable[[Machine, Any], None]]] = {
    ev.Boot: Machine._on_boot,
    ev.ConfigurationFile: Machine._on_configuration_file,
    ev.ConfigurationEnd: Machine._on_configuration_end,
    ev.LeaseFilePart: Machine._on_lease_file_part,
    ev.LeaseFileEnd: Machine._on_lease_file_end,
    ev.Interfaces: Machine._on_interfaces,
    ev.Listening: Machine._on_listening,
    ev.ListenFailed: Machine._on_listen_failed,
    ev.Packet: Machine._on_packet,
    ev.Timer: Machine._on_timer,
    ev.PingReply: Machine._on_ping_reply,
    ev.PingFailed: Machine._on_ping_failed,
    ev.HostAnswer: Machine._on_host_answer,
    ev.NameAnswer: Machine._on_name_answer,
    ev.DnsOpened: Machine._on_dns_opened,
    ev.DnsAnswer: Machine._on_dns_answer,
    ev.StreamListenFailed: lambda machine, event: machine._streams.listen_failed(event),
    ev.StreamOpened: lambda machine, event: machine._streams.opened(event),
    ev.StreamData: lambda machine, event: machine._streams.received(event),
    ev.StreamHalfClosed: lambda machine, event: machine._streams.half_closed(event),
    ev.StreamClosed: lambda machine, event: machine._streams.closed(event),
    ev.Executed: Machine._on_executed,
    ev.StorageFailed: Machine._on_storage_failed,
    ev.RewriteContinue: Machine._on_rewrite_continue,
    ev.RewriteInstalled: Machine._ignore,
    ev.Signal: Machine._ignore,
    ev.SendFailed: Machine._on_send_failed,
    ev.ReceiveFailed: Machine._on_receive_failed,
    ev.Remark: Machine._ignore,
    ev.Command: Machine._on_command,
    ev.End: Machine._ignore,
}
