"""The recorded clients against another configuration: what each would have got, and in which way that differs.

A client's message and its answers, of the recording and of now, make an exchange; a message that is sent again is the
same one. Exchanges are judged one by one (judge.py) and counted by client. What is kept grows with the clients and not
with the events, but for the stories that are asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from ...engine.wire.packet import DISCOVER
from ...trace import DamagedTape
from ...trace import effects as fx
from ...trace import events as ev
from ..playing.seek import EngineFailed
from ..showing.messages import answer_words, read_message, said_words, way_words
from .alike import Alikes
from .driver import Driver, Refused
from .judge import judge
from .packets import read
from .report import Change, Chapter, ClientReport, Example, LogLine, PoolUse, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...disk.configuration import SourceFile
    from ...engine.machine import Machine
    from ...engine.model.configuration import Configuration
    from ...trace import Tape
    from .client import Client
    from .driver import Step
    from .packets import Message

# How often `watch` is called.
WATCH_EVENTS: Final = 512
# A message that is sent again after this time begins another exchange, even with the same xid.
_EXCHANGE_US: Final = 64_000_000
_LINES_MAXIMUM: Final = 1_000
_VARIABLE: Final = re.compile(r"\b(?:[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}|\d+(?:\.\d+){3}|\d+)\b")


@dataclass(slots=True)
class _Exchange:
    """A client's message, its last answer on both sides, and what it said in its place (and why).

    `asked` is its DISCOVER, whose offer may still come: the recorded client had one by now, and has gone on.
    """

    seq: int
    packet: ev.Packet
    message: Message
    said_now: str
    why: str
    withheld: str
    restarted: bool
    recorded: fx.Send | None = None
    new: fx.Send | None = None
    asked: _Exchange | None = None


def compare(
    tape: Tape,
    files: Sequence[SourceFile],
    leases: bytes | None = None,
    *,
    closed_loop: bool = True,
    stories: Callable[[str], bool] = lambda _client: False,
    watch: Callable[[int, int], None] | None = None,
) -> Report:
    """Answer the recorded clients by the configuration `files`, whose first is the main one.

    `leases` is the content of a lease file to begin with, None for the recorded one. `closed_loop=False` turns the
    model of the clients off. `stories` tells by a client's name whose every exchange is kept. `watch` is called now and
    then with (number, wall_us) of an event. What ends the comparison early is in the report; raises what keeps a tape
    from being read at all (TapeError, but for damage).
    """
    comparison = Comparison(Driver(files, leases, closed_loop=closed_loop), stories)
    report = comparison.report
    try:
        for step in comparison.driver.steps(tape):
            comparison.take(step)
            if watch is not None and not report.events % WATCH_EVENTS:
                watch(step.seq, step.event.wall_us)
    except DamagedTape as error:
        report.damage = str(error)
    except Refused as refused:
        report.refused = refused.lines
    except EngineFailed as failed:
        report.failure = failed.traceback
    comparison.finish(tape)
    return report


class Comparison:
    """One comparison on its way. `report` is complete after `finish`."""

    def __init__(self, driver: Driver, stories: Callable[[str], bool]) -> None:
        self.driver = driver
        self.report = Report()
        self._stories = stories
        self._exchanges: dict[Client, _Exchange] = {}
        self._recorded_errors: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._first_errors: dict[str, str] = {}
        self._alikes = Alikes()

    def take(self, step: Step) -> None:
        """Take in what came of one event."""
        report = self.report
        report.events += 1
        report.served = report.served or self.driver.machine.serving
        if isinstance(step.event, ev.Packet):
            self._open(step, step.event)
        for effect in step.recorded:
            if isinstance(effect, fx.Send):
                self._answered(effect, recorded=True)
            elif isinstance(effect, fx.Log) and effect.level == fx.ERROR:
                self._count(self._recorded_errors, effect.text)
        for applied in step.applied:
            report.own_messages += bool(applied.why) and isinstance(applied.event, ev.Packet) and not step.withheld
            for effect in applied.effects:
                if isinstance(effect, fx.Send):
                    self._answered(effect, recorded=False)
                elif isinstance(effect, fx.Log) and effect.level == fx.ERROR:
                    self._first_errors.setdefault(self._count(self._errors, effect.text), effect.text)

    def _open(self, step: Step, packet: ev.Packet) -> None:
        """A message begins an exchange, and ends the one before, unless it is the same again."""
        client = self.driver.client_of(packet.payload)
        message = read(packet.payload)
        if client is None or message is None:
            return
        self.report.messages += 1
        said_now, why, restarted = _said_now(step, message)
        before = self._exchanges.get(client)
        if before is not None and _again(before, packet, message):
            if said_now:
                before.said_now, before.why = said_now, why
            before.withheld = step.withheld
            before.restarted = before.restarted or restarted
            return
        now = self._exchanges[client] = _Exchange(step.seq, packet, message, said_now, why, step.withheld, restarted)
        if before is not None and step.withheld and before.message.kind == DISCOVER and before.new is None:
            now.asked = before
        elif before is not None:
            self._close(client, before)

    def _answered(self, send: fx.Send, *, recorded: bool) -> None:
        client = self.driver.client_of(send.payload)
        exchange = None if client is None else self._exchanges.get(client)
        if exchange is None:
            return
        asked, xid = exchange.asked, send.payload[4:8]
        if asked is not None and not recorded and asked.new is None and xid == asked.message.xid:
            asked.new = send
        elif xid != exchange.message.xid:
            return
        elif recorded:
            exchange.recorded = send
        else:
            exchange.new = send

    def _close(self, client: Client, exchange: _Exchange) -> None:
        """Judge an exchange that is over."""
        if exchange.asked is not None:
            self._close(client, exchange.asked)
        changes: list[Change] = []
        lost = exchange.withheld and exchange.new is None
        if not lost:
            registry = self._configuration.registry
            changes = judge(exchange.recorded, exchange.new, registry, self, restarted=exchange.restarted)
        wanted = self._stories(client.name)
        if not (changes or wanted or (lost and exchange.recorded is not None)):
            return
        report = self.report.clients.setdefault(client.name, ClientReport(client.name))
        if lost and exchange.recorded is not None:
            report.consequences += 1
            self.report.consequences += 1
        for change in changes:
            report.messages[change.group] = report.messages.get(change.group, 0) + 1
            self._alikes.take(change, client.name, exchange.seq)
            report.examples.setdefault(change.group, Example(exchange.seq, exchange.packet.wall_us, change))
        if wanted:
            report.story.append(_chapter(exchange, changes))

    def same_pool(self, one: int, other: int) -> bool:
        """Whether two addresses share a pool of the new configuration, or are in none, but in one subnet."""
        configuration = self._configuration
        pools = configuration.find_pool(one), configuration.find_pool(other)
        if pools[0] is None and pools[1] is None:
            return configuration.find_subnet(one) is configuration.find_subnet(other)
        return pools[0] is pools[1]

    def network(self, address: int) -> str:
        """The shared network or subnet of the new configuration in which an address is, in words."""
        subnet = self._configuration.find_subnet(address)
        return "no network" if subnet is None else subnet.network.name

    @property
    def _configuration(self) -> Configuration:
        server = self.driver.machine.server
        assert server is not None, "packets come to a server"
        return server.configuration

    def _count(self, counter: Counter[str], text: str) -> str:
        """Count a line under its form, in which addresses and numbers stand for all."""
        form = _VARIABLE.sub("#", text)
        if form in counter or len(counter) < _LINES_MAXIMUM:
            counter[form] += 1
        return form

    def finish(self, tape: Tape) -> None:
        """Judge the exchanges that are still open, and report how the new server's pools stand."""
        report, machine = self.report, self.driver.machine
        for client, exchange in self._exchanges.items():
            self._close(client, exchange)
        report.clients_seen = len({client.name for client in self.driver.clients.values()})
        report.unknown_names = tuple(self.driver.questions.unknown)
        report.alike = self._alikes.found()
        report.pools = _pools(machine)
        report.errors = tuple(
            LogLine(self._first_errors[form], times, self._recorded_errors[form])
            for form, times in self._errors.items()
            if times > self._recorded_errors[form]
        )
        report.notices = tuple(self._notices(tape))

    def _notices(self, tape: Tape) -> Iterator[str]:
        """What the comparison leaves out, and what it could not do."""
        report, streams, reloads = self.report, self.driver.streams, self.driver.reloads
        if tape.torn_bytes:
            yield f"the tape ends in the middle of a record ({tape.torn_bytes} bytes): the run was cut short"
        if not report.served and not report.refused and not report.failure:
            yield "the recorded run never came to serve: there is nothing to compare"
        if reloads:
            yield (
                f"the recorded server read its configuration again {_times(reloads)}, which is left out: "
                "the new one is in force from the beginning to the end"
            )
        if streams.heard:
            yield f"{_connections(streams.heard)} told to the new server as recorded, whatever it answers now"
        if streams.unheard:
            yield f"{_connections(streams.unheard)} left out: the new server does not listen where they called"
        if streams.silent:
            yield (
                "the failover partner is played by a model: it says what the recorded one said of its own, "
                "and acknowledges whatever the new server tells it"
            )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def _connections(number: int) -> str:
    return "1 OMAPI connection is" if number == 1 else f"{number:,} OMAPI connections are"


def _said(packet: ev.Packet) -> str:
    message = read_message(packet.payload)
    return f"{said_words(message)} by {way_words(packet, message)}"


def _said_now(step: Step, message: Message) -> tuple[str, str, bool]:
    """What the client said instead and why, empty for the same; whether that is another kind of message."""
    for one in step.applied:
        if one.why and isinstance(one.event, ev.Packet):
            now = read(one.event.payload)
            return _said(one.event), one.why, now is not None and now.kind != message.kind
    return "", "", False


def _again(before: _Exchange, packet: ev.Packet, message: Message) -> bool:
    same = (message.kind, message.xid, message.ciaddr) == (
        before.message.kind, before.message.xid, before.message.ciaddr,
    )  # fmt: skip
    return same and packet.wall_us - before.packet.wall_us < _EXCHANGE_US


def _chapter(exchange: _Exchange, changes: list[Change]) -> Chapter:
    return Chapter(
        seq=exchange.seq,
        wall_us=exchange.packet.wall_us,
        said=_said(exchange.packet),
        heard=answer_words([exchange.recorded] if exchange.recorded else []),
        said_now=f"{exchange.said_now} ({exchange.why})" if exchange.said_now else "",
        heard_now=answer_words([exchange.new] if exchange.new else []),
        withheld=exchange.withheld,
        changes=tuple(changes),
    )


def _pools(machine: Machine) -> tuple[PoolUse, ...]:
    server = machine.server
    if server is None:
        return ()
    made = []
    for pool in server.configuration.pools:
        counts = server.database.counts(pool)
        made.append(
            PoolUse(
                network=pool.network.name,
                ranges=tuple(f"{IPv4Address(low)}-{IPv4Address(high)}" for low, high in pool.ranges),
                place=str(pool.place),
                addresses=counts.lease_count,
                active=counts.active,
                free=counts.free,
                abandoned=counts.abandoned,
            )
        )
    return tuple(made)
