"""What may be told to a run that is told less: streams as a whole or not at all, answers to what was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from dhcpd.engine.machine import Machine
from dhcpd.replay.retell.gate import Gate
from dhcpd.replay.retell.replayer import Replayer
from dhcpd.trace import Entry
from dhcpd.trace import effects as fx
from dhcpd.trace import events as ev

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = (1_000, 1)
LISTEN = fx.StreamListen("omapi", 0, 7911)
CALL = fx.StreamOpen(1, "failover", 0, 0x0A000002, 647)
DATA = b"bytes"


def opened(number: int, service: str = "omapi", port: int = 7911) -> ev.StreamOpened:
    return ev.StreamOpened(*NOW, number, service, 0x0A000001, port, 0x0A000002, 5000)


def life(number: int, **how: Any) -> list[ev.Event]:
    """All that is told of a stream."""
    return [
        opened(number, **how),
        ev.StreamData(*NOW, number, DATA),
        ev.StreamHalfClosed(*NOW, number),
        ev.StreamClosed(*NOW, number, ""),
    ]


def admitted(gate: Gate, events: Sequence[ev.Event]) -> list[int]:
    """The numbers of the streams of what passes."""
    passed = [gate.admit(event) for event in events]
    return [event.stream for event in passed if event is not None]  # type: ignore[union-attr]


def test_a_stream_that_nobody_listens_for_is_not_told_at_all() -> None:
    gate = Gate(Machine())
    assert admitted(gate, life(2)) == []
    gate.asked([LISTEN])
    assert admitted(gate, life(4)) == [4] * 4
    assert admitted(gate, life(6, port=9)) == []
    assert admitted(gate, life(8, service="failover")) == []
    gate.asked([fx.StreamListenEnd(*LISTEN)])
    assert admitted(gate, life(10)) == []


def test_what_is_open_goes_on_when_the_listener_ends() -> None:
    gate = Gate(Machine())
    gate.asked([LISTEN])
    first, *rest = life(2)
    assert admitted(gate, [first]) == [2]
    gate.asked([fx.StreamListenEnd(*LISTEN)])
    assert admitted(gate, rest) == [2] * 3


def test_a_call_has_the_number_that_it_has_now() -> None:
    gate = Gate(Machine())
    gate.recorded([CALL._replace(stream=number, port=port) for number, port in ((1, 600), (3, 647), (5, 648))])
    gate.asked([CALL._replace(stream=1, port=647), CALL._replace(stream=3, port=649)])
    assert admitted(gate, life(3, service="failover")) == [1] * 4
    assert admitted(gate, life(5, service="failover")) == []
    assert admitted(gate, [ev.StreamClosed(*NOW, 1, "ECONNREFUSED")]) == []


def test_a_call_that_never_stood_ends_once() -> None:
    gate = Gate(Machine())
    gate.recorded([CALL])
    gate.asked([CALL._replace(stream=9)])
    refused = ev.StreamClosed(*NOW, 1, "ECONNREFUSED")
    assert admitted(gate, [refused, refused]) == [9]


def test_a_stretch_goes_on_with_streams_from_before_it() -> None:
    gate = Gate(Machine(), open_end=True)
    assert admitted(gate, life(2)[1:]) == [2] * 3
    assert admitted(gate, life(7)) == [7] * 4
    gate.recorded([CALL._replace(stream=11)])
    assert admitted(gate, life(11)) == []


def question(number: int, drawn: int, body: bytes = b"update") -> fx.DnsSend:
    return fx.DnsSend(number, bytes([10, 0, 0, 3]), 53, False, 12_000_000, drawn.to_bytes(2) + body)


def answer(number: int, drawn: int) -> ev.DnsAnswer:
    return ev.DnsAnswer(*NOW, number, drawn.to_bytes(2) + b"answer", "")


def test_a_dns_answer_has_the_number_and_the_id_of_the_question_now() -> None:
    gate = Gate(Machine())
    gate.recorded([question(1, 100, b"other"), question(2, 200)])
    gate.asked([question(1, 300)])
    assert gate.admit(answer(1, 100)) is None
    assert gate.admit(answer(2, 200)) == answer(1, 300)
    assert gate.admit(answer(2, 200)) is None


def test_a_dns_error_stays_one() -> None:
    gate = Gate(Machine())
    gate.recorded([question(2, 200)])
    gate.asked([question(2, 200)])
    error = ev.DnsAnswer(*NOW, 2, b"", "ECONNREFUSED")
    assert gate.admit(error) == error


def test_sockets_and_listeners_answer_who_asked() -> None:
    gate = Gate(Machine())
    sockets = ev.DnsOpened(*NOW, b"", ("",))
    failed = ev.StreamListenFailed(*NOW, *LISTEN, "EADDRINUSE")
    assert gate.admit(sockets) is None
    assert gate.admit(failed) is None
    gate.asked([fx.DnsOpen((bytes(4),)), LISTEN])
    assert gate.admit(sockets) == sockets
    assert gate.admit(sockets) is None
    assert gate.admit(failed) == failed


@dataclass
class Partner:
    """A machine that calls its partner at every event, and never rewrites."""

    rewriting: bool = False
    seen: list[ev.Event] = field(default_factory=list)

    def apply(self, event: ev.Event) -> list[fx.Effect]:
        self.seen.append(event)
        if isinstance(event, ev.StreamClosed):
            return []
        return [CALL._replace(stream=2 * len(self.seen) - 1)]


@pytest.mark.parametrize("punctual", [True, False])
def test_who_is_not_there_refuses_calls_and_says_nothing(punctual: bool) -> None:
    machine: Any = Partner()
    gate = Gate(machine, without=frozenset({"failover"}))
    other = ev.Signal(*NOW, 1)
    events = [other, *life(1, service="failover"), *life(2, service="failover"), other]
    entries = [Entry(seq, event, ()) for seq, event in enumerate(events, 1)]
    list(Replayer(machine, gate, {}, punctual=punctual).replay(entries))
    refused = [ev.StreamClosed(*NOW, 1, "ECONNREFUSED")] if punctual else []
    assert machine.seen == [other, *refused, other]
