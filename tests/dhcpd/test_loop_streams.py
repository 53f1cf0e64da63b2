"""Streams and DNS in the start and the loop: a machine of a few lines, its lease file, and peers on the loopback."""

from __future__ import annotations

import errno
import os
import socket
from functools import partial

import pytest
import trio

from dhcpd.cli import Paths, second_pass
from dhcpd.disk import lease_file as leasefile
from dhcpd.door import Door
from dhcpd.process.daemon import Daemon
from dhcpd.process.logging import Logger
from dhcpd.process.privileges import Privileges
from dhcpd.run import Run
from dhcpd.trace import events as ev
from dhcpd.trace.effects import (
    INFO,
    DnsOpen,
    DnsSend,
    Exit,
    Log,
    RewriteBegin,
    RewriteEnd,
    RewritePart,
    Serving,
    Store,
    StreamClose,
    StreamListen,
    StreamSend,
)
from tests.dhcpd import serving
from tests.dhcpd.network.waiting import PATIENCE_S
from tests.dhcpd.test_loop import LOOPBACK, Client, FakeMachine, FakeTape, come, free_port, start


class StreamMachine(FakeMachine):
    """Answers each line of a stream as the word asks; `dns` is where its question goes."""

    def __init__(self, port, path, omapi):
        super().__init__(port, path)
        self.omapi = omapi
        self.dns = 0

    def on_Listening(self, event):  # noqa: N802
        self.serving = True
        listen = StreamListen("omapi", LOOPBACK, self.omapi)
        return [listen, listen, DnsOpen((bytes(4),)), Serving(), Log(INFO, "Server starting service.")]

    def on_StreamData(self, event):  # noqa: N802
        effects = []
        for word in event.data.split():
            effects += self.words(event.stream, word)
        return effects

    def words(self, stream, word):
        durable = StreamSend(stream, b"stored\n", True)
        return {
            b"store": [Store(b"object;\n"), durable, StreamSend(stream, b"after\n", False)],
            b"quick": [StreamSend(stream, b"quick\n", False)],
            b"flood": [StreamSend(stream, bytes(4096), False)],
            b"exit": [Store(b"last;\n"), durable, Exit(4)],
            b"close": [durable, StreamClose(stream, True)],
            b"dns": [DnsSend(5, bytes([127, 0, 0, 1]), self.dns, False, 10_000_000, b"\0\7" + bytes(10))],
            b"rewrite": [RewriteBegin("1"), RewritePart(b"new;\n"), RewriteEnd(True)],
        }[word]


def free_tcp_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Watched(Privileges):
    """Notes whether a client could call when privileges were given up."""

    __slots__ = ()

    def drop(self):
        socket.create_connection(("127.0.0.1", self.uid)).close()


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "leases"
    path.write_bytes(b"old;\n")
    (tmp_path / "dhcpd.conf").write_bytes(b"")
    machine = StreamMachine(free_port(), str(path), free_tcp_port())
    log = Logger("dhcpd")
    paths = Paths(str(tmp_path / "dhcpd.conf"), str(path), "", True)
    door = Door(machine, FakeTape(), log.line)
    return Run(second_pass(["-f", "-d"]), paths, log, machine, door, Daemon(), Privileges())


class Caller:
    """A client of the stream."""

    def __init__(self, port):
        self.port = port
        self.found = b""

    async def call(self):
        self.stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        return self

    async def say(self, word):
        await self.stream.send_all(word)

    async def hear(self, wanted):
        """What is said, when it ends with this; nothing more, where the connection ends."""
        with trio.fail_after(PATIENCE_S):
            while not self.found.endswith(wanted):
                piece = await self.stream.receive_some()
                if not piece:
                    break
                self.found += piece
        found, self.found = self.found, b""
        return found


def serve(run, client):
    """Run the loop while `client` talks."""
    return serving.serve(run, lambda: client(partial(Caller, run.machine.omapi)))


def test_listeners_are_open_before_privileges_are_given_up_and_failures_are_told_at_once(run):
    run.privileges = Watched(run.machine.omapi)
    start(run)
    (failed,) = run.machine.of(ev.StreamListenFailed)
    assert failed.error == "EADDRINUSE"
    (opened,) = run.machine.of(ev.DnsOpened)
    assert opened.errors == ("",)


def test_a_durable_answer_leaves_behind_its_record_and_the_next_behind_it(run, tmp_path):
    start(run)

    async def client(caller):
        one = await caller().call()
        for count in range(1, 6):
            await one.say(b"store ")
            assert await one.hear(b"after\n") == b"stored\nafter\n"
            assert (tmp_path / "leases").read_bytes().count(b"object;\n") >= count
        await one.say(b"quick ")
        assert await one.hear(b"quick\n") == b"quick\n"

    serve(run, client)


def test_a_full_disk_closes_the_stream_whose_answer_it_costs(run, monkeypatch):
    start(run)

    def full(fd, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def client(caller):
        one, other = await caller().call(), await caller().call()
        await other.say(b"quick ")
        assert await other.hear(b"quick\n")
        with monkeypatch.context() as patch:
            patch.setattr(leasefile, "_write_all", full)
            await one.say(b"store ")
            assert await one.hear(b"stored\n") == b""
        await other.say(b"store ")
        assert await other.hear(b"after\n") == b"stored\nafter\n"

    serve(run, client)
    names = [type(event).__name__ for event in run.machine.seen]
    assert names.index("StorageFailed") < names.index("StreamClosed")
    assert run.machine.of(ev.StreamClosed)[0].error == "storage"


def test_an_answer_waits_for_a_lease_file_that_was_taken_away(run, tmp_path):
    start(run)

    async def client(caller):
        one = await caller().call()
        (tmp_path / "leases").unlink()
        await one.say(b"store ")
        failed = await come(run.machine, ev.StorageFailed)
        assert failed.operation == "lost"
        other = await caller().call()
        await other.say(b"rewrite ")
        assert await one.hear(b"after\n") == b"stored\nafter\n"
        assert b"new;\n" in (tmp_path / "leases").read_bytes()

    serve(run, client)


def test_the_end_of_the_run_keeps_what_was_promised(run, tmp_path):
    start(run)

    async def client(caller):
        one = await caller().call()
        await one.say(b"exit ")
        assert await one.hear(b"never") == b"stored\n"

    assert serve(run, client).status == 4
    assert (tmp_path / "leases").read_bytes().endswith(b"last;\n")


def test_a_closed_stream_is_told_once(run):
    start(run)

    async def client(caller):
        one = await caller().call()
        await one.say(b"close ")
        assert await one.hear(b"never") == b"stored\n"
        await one.stream.aclose()
        await come(run.machine, ev.StreamClosed)

    serve(run, client)
    (closed,) = run.machine.of(ev.StreamClosed)
    assert closed[2:] == (2, "")


def test_dns_answers_come_as_events(run):
    start(run)

    async def client(caller):
        server = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        await server.bind(("127.0.0.1", 0))
        run.machine.dns = server.getsockname()[1]
        one = await caller().call()
        await one.say(b"dns ")
        payload, where = await server.recvfrom(100)
        await server.sendto(payload[:2] + b"\x80" + payload[3:], where)
        assert (await come(run.machine, ev.DnsAnswer)).query == 5
        server.close()

    serve(run, client)


def test_hostile_streams_cost_packets_nothing(run):
    start(run)

    async def client(caller):
        crowd = [await caller().call() for _ in range(100)]
        for one in crowd[:50]:  # they ask for a megabyte, and read nothing of it
            await one.say(b"flood " * 256)
        packets = Client(run.machine.port)
        for _ in range(20):
            await packets.ask("promise")
        patient = crowd[-1]
        await patient.say(b"store ")
        assert await patient.hear(b"after\n") == b"stored\nafter\n"
        for one in crowd:
            await one.stream.aclose()

    serve(run, client)
    assert len(run.machine.of(ev.Packet)) == 20
