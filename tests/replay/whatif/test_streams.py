"""What of streams and DNS another configuration's server is told: what it asks for, with its own numbers."""

from __future__ import annotations

from typing import Any

from dhcpd.replay.whatif.driver import Driver, Step
from dhcpd.trace import effects as fx
from dhcpd.trace import events as ev

NOW = (1_000, 1)
CALL = fx.StreamOpen(1, "failover", 0, 0x0A000002, 647)


class Scripted:
    """A server that asks for what the script has for a signal's number, and keeps what it is told."""

    serving = True
    rewriting = False

    def __init__(self, script: dict[int, list[fx.Effect]]) -> None:
        self.script = script
        self.seen: list[ev.Event] = []

    def apply(self, event: ev.Event) -> list[fx.Effect]:
        self.seen.append(event)
        return self.script.get(event.number, []) if isinstance(event, ev.Signal) else []


def signal(number: int) -> ev.Signal:
    return ev.Signal(*NOW, number)


def told(script: dict[int, list[fx.Effect]], *recorded: tuple[ev.Event, list[fx.Effect]]) -> tuple[Driver, list[Any]]:
    """The driver, and what the server was told besides signals."""
    driver = Driver([])
    machine: Any = Scripted(script)
    driver.machine = machine
    steps = [driver._step(seq, event, tuple(effects)) for seq, (event, effects) in enumerate(recorded, 1)]
    assert all(isinstance(step, Step) for step in steps)
    return driver, [event for event in machine.seen if not isinstance(event, ev.Signal)]


def test_omapi_is_told_where_the_new_server_listens() -> None:
    opened = ev.StreamOpened(*NOW, 2, "omapi", 0x7F000001, 7911, 0x7F000001, 5000)
    data, closed = ev.StreamData(*NOW, 2, b"bytes"), ev.StreamClosed(*NOW, 2, "")
    recorded = [(signal(1), [fx.StreamListen("omapi", 0, 7911)]), (opened, []), (data, []), (closed, [])]
    assert told({1: [fx.StreamListen("omapi", 0, 7911)]}, *recorded)[1] == [opened, data, closed]
    assert told({1: [fx.StreamListen("omapi", 0, 7912)]}, *recorded)[1] == []


def test_a_failover_partner_is_not_played_and_that_is_known() -> None:
    opened = ev.StreamOpened(*NOW, 1, "failover", 0x0A000001, 5000, 0x0A000002, 647)
    driver, seen = told(
        {1: [CALL._replace(stream=3)]}, (signal(1), [CALL]), (opened, []), (ev.StreamData(*NOW, 1, b"bytes"), [])
    )
    assert seen == [ev.StreamClosed(*NOW, 3, "ECONNREFUSED")]
    assert driver.streams.silent == 1


def test_a_dns_answer_has_the_number_and_id_of_the_new_question() -> None:
    def question(number: int, drawn: bytes, body: bytes = b"update") -> fx.DnsSend:
        return fx.DnsSend(number, bytes([10, 0, 0, 3]), 53, False, 12_000_000, drawn + body)

    answer = ev.DnsAnswer(*NOW, 5, b"aaanswer", "")
    recorded = [(signal(1), [question(5, b"aa")]), (answer, [])]
    assert told({1: [question(9, b"bb")]}, *recorded)[1] == [ev.DnsAnswer(*NOW, 9, b"bbanswer", "")]
    assert told({1: [question(9, b"bb", b"other")]}, *recorded)[1] == [], "the engine keeps the time itself"


def test_sockets_that_the_recorded_server_did_not_open_are_open() -> None:
    assert told({1: [fx.DnsOpen((bytes(4), bytes(16)))]}, (signal(1), []))[1] == [ev.DnsOpened(*NOW, b"", ("", ""))]
