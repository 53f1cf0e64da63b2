"""The loop and the start, with a machine of a few lines, over real sockets on the loopback."""

import errno
import itertools
import os
import shutil
import signal
import socket

import pytest
import trio

from dhcpd import loop as loop_module
from dhcpd import start as start_module
from dhcpd.cli import Paths, second_pass
from dhcpd.disk import lease_file as leasefile
from dhcpd.door import Door
from dhcpd.loop import Loop
from dhcpd.process.daemon import Daemon
from dhcpd.process.logging import Logger
from dhcpd.process.privileges import Privileges
from dhcpd.run import Run, RunEnded
from dhcpd.start import Start
from dhcpd.trace import TapeWriteFailed
from dhcpd.trace import events as ev
from dhcpd.trace.effects import (
    INFO,
    Execute,
    Exit,
    Fatal,
    Listen,
    Log,
    Ping,
    RewriteBegin,
    RewriteEnd,
    RewritePart,
    Send,
    Serving,
    Settings,
    Store,
    Wake,
)
from tests.dhcpd import serving
from tests.dhcpd.network.waiting import PATIENCE_S

LOOPBACK = 0x7F000001

class FakeMachine:
    """Echoes packets: stores the payload's second octet and answers durably, as the word at its end asks."""

    def __init__(self, port, path):
        self.port, self.path = port, path
        self.serving = False
        self.rewriting = False
        self.ahead = None
        self.seen = []
        self.parts = 0
        self.test = ""

    def apply(self, event):
        self.seen.append(event)
        name = type(event).__name__
        return getattr(self, f"on_{name}", lambda _event: [])(event)

    def on_ConfigurationEnd(self, event):  # noqa: N802
        if event.reload:
            return [Log(INFO, "read again")]
        return [Settings(self.path, self.path + ".pid", -1, self.port, self.port + 1, LOOPBACK, True, self.test)]

    def on_LeaseFileEnd(self, event):  # noqa: N802
        self.rewriting = True
        return [Store(b"expired;\n"), RewriteBegin("7")]

    def on_RewriteContinue(self, event):  # noqa: N802
        self.parts += 1
        if self.parts < 3:
            return [RewritePart(b"part%d;\n" % self.parts)]
        self.rewriting = False
        return [RewriteEnd(True)]

    def on_Interfaces(self, event):  # noqa: N802
        return [Listen(("lo",))]

    def on_Listening(self, event):  # noqa: N802
        self.serving = True
        return [Log(INFO, "Listening"), Serving(), Log(INFO, "Server starting service.")]

    def on_Packet(self, event):  # noqa: N802
        word = event.payload.rstrip(b"\x00").decode()
        send = Send("lo", False, event.source, event.source_port, b"", 0, True, "dhcp.c:1", event.payload)
        extra = {
            "quick": [send._replace(durable=False)],
            "promise": [Log(INFO, "REQUEST"), Store(b"lease;\n"), Log(INFO, "ACK"), send],
            "nowhere": [send._replace(destination=0xFFFFFFFF, port=0, durable=False)],
            "execute": [Execute(5, (b"sh", b"-c", b"exit 3")), Execute(6, (b"/no/such/program",))],
            "ping": [Ping(LOOPBACK, 7)],
            "timer": [Wake(event.wall_us + 20_000)],
            "exit": [Store(b"last;\n"), send, Exit(4)],
            "fatal": [Fatal("no more")],
        }
        return extra[word]

    def on_Timer(self, event):  # noqa: N802
        return [Wake(0)]

    def of(self, kind):
        return [event for event in self.seen if isinstance(event, kind)]


class FakeTape:
    """Counts, and fails when told."""

    def __init__(self, fail=False):
        self.events, self.effects, self.handled, self.stored, self.fail, self.closed = [], [], [], [], fail, False
        self.flushed_at = 0

    def write_events(self, events):
        if self.fail:
            raise TapeWriteFailed("tape", "write", errno.ENOSPC, "No space left on device")
        self.events += events
        return len(self.events) - len(events) + 1

    def write_effects(self, first, effects, handled_us=None):
        self.effects += effects
        self.handled.append(handled_us)

    def write_stored(self, seq, synced_us, left_us):
        self.stored.append((seq, synced_us, left_us))

    def flush(self, sync=False):
        self.flushed_at = len(self.events)

    def close(self):
        self.closed = True


class Client:
    def __init__(self, port):
        self.port = port
        self.socket = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)

    async def ask(self, word, answer=True):
        payload = word.encode().ljust(300, b"\x00")
        await self.socket.sendto(payload, ("127.0.0.1", self.port))
        if answer:
            with trio.fail_after(PATIENCE_S):
                assert (await self.socket.recvfrom(2000))[0] == payload


async def come(machine, kind, count=1):
    """The first event of this kind, when that many have come."""
    with trio.fail_after(PATIENCE_S):
        while len(machine.of(kind)) < count:  # noqa: ASYNC110 - the machine is no task that could set an event
            await trio.sleep(0.005)
    return machine.of(kind)[0]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "leases"
    path.write_bytes(b"old;\n")
    configuration = tmp_path / "dhcpd.conf"
    configuration.write_bytes(b"")
    machine = FakeMachine(free_port(), str(path))
    tape = FakeTape()
    logger = Logger("dhcpd")
    line = second_pass(["-f", "-d"])
    paths = Paths(str(configuration), str(path), "", True)
    return Run(line, paths, logger, machine, Door(machine, tape, logger.line), Daemon(), Privileges())


def start(run):
    first = start_module.boot.boot(run.line, run.paths, run.machine.port, None)
    Start(run, lambda: None).run(first)


def serve(run, client):
    """Run the loop while `client(Client)` talks."""

    async def talk():
        await client(Client(run.machine.port))

    return serving.serve(run, talk)


def test_a_whole_run(run, capfd, tmp_path):
    start(run)
    leases = tmp_path / "leases"
    assert leases.read_bytes() == b"part1;\npart2;\n"
    assert (tmp_path / "leases~").read_bytes() == b"old;\nexpired;\n"
    assert (tmp_path / "leases.pid").read_text() == f"{os.getpid()}\n"
    assert len(run.machine.of(ev.RewriteInstalled)) == 1

    async def client(one):
        await one.ask("quick")
        for _ in range(3):
            await one.ask("promise")
            assert leases.read_bytes().endswith(b"lease;\n"), "an answer leaves behind its record"
        await one.ask("timer", answer=False)
        await come(run.machine, ev.Timer)

    loop = serve(run, client)
    assert loop.signal == signal.SIGTERM
    seen = run.machine.seen
    assert leases.read_bytes() == b"part1;\npart2;\n" + 3 * b"lease;\n"
    # Without root the first thing after Boot is that there are no raw sockets.
    names = [type(event).__name__ for event in seen if type(event).__name__ != "ListenFailed"]
    assert names[:3] == ["Boot", "ConfigurationFile", "ConfigurationEnd"]
    assert [type(event).__name__ for event in seen[-2:]] == ["Signal", "End"]
    assert len(run.machine.of(ev.Timer)) == 1
    assert all(before.mono_us <= after.mono_us for before, after in itertools.pairwise(seen))
    lines = capfd.readouterr().err.split("\n")
    assert "Server starting service." in lines
    assert lines.count("ACK") == 3


def test_nothing_is_waited_for_once_the_run_is_to_end(run, monkeypatch):
    start(run)
    slept = []
    sleep = Loop._sleep

    def noted(loop):
        slept.append(loop.signal)
        sleep(loop)

    monkeypatch.setattr(Loop, "_sleep", noted)

    async def client(one):
        await one.ask("quick")

    assert serve(run, client).signal == signal.SIGTERM
    assert set(slept) == {0}


def test_a_full_disk_promises_nothing_and_serves_on(run, monkeypatch):
    start(run)

    def full(fd, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def client(one):
        with monkeypatch.context() as patch:
            patch.setattr(leasefile, "_write_all", full)
            await one.ask("promise", answer=False)
            await come(run.machine, ev.StorageFailed, 1)
        await one.ask("quick")
        await one.ask("promise")

    serve(run, client)
    [failed] = run.machine.of(ev.StorageFailed)
    assert (failed.operation, failed.error) == ("append", "No space left on device")


def test_a_new_lease_file_that_cannot_be_made_is_not_tried_again_at_once(run, monkeypatch, tmp_path):
    start(run)
    monkeypatch.setattr(loop_module, "_LOOK_US", 10**15)
    new_file = [RewriteBegin("8"), RewritePart(b"new;\n"), RewriteEnd(True)]
    run.machine.on_StorageFailed = lambda event: new_file if event.operation == "lost" else []

    async def client(one):
        shutil.rmtree(tmp_path)
        await one.ask("promise", answer=False)
        await come(run.machine, ev.StorageFailed, 2)
        for withheld in range(1, 4):
            await come(run.machine, ev.Remark, withheld)
            await one.ask("promise", answer=False)
        await come(run.machine, ev.Remark, 4)
        await one.ask("quick")

    serve(run, client)
    assert [failed.operation for failed in run.machine.of(ev.StorageFailed)].count("lost") == 1


def test_errands_failures_and_pings_come_back_as_events(run):
    start(run)

    async def client(one):
        await one.ask("execute", answer=False)
        await one.ask("nowhere", answer=False)
        await one.ask("ping", answer=False)
        await come(run.machine, ev.Executed, 2)
        await come(run.machine, (ev.PingReply, ev.PingFailed))

    serve(run, client)
    executed = {event.call: event for event in run.machine.of(ev.Executed)}
    assert os.waitstatus_to_exitcode(executed[5].status) == 3
    assert executed[6].error == "No such file or directory"
    assert len(run.machine.of(ev.SendFailed)) == 1
    pings = run.machine.of(ev.PingReply) + run.machine.of(ev.PingFailed)
    assert len(pings) == 1


def test_exit_keeps_every_promise(run, tmp_path):
    start(run)
    loop = serve(run, lambda one: one.ask("exit"))
    assert loop.status == 4
    assert (tmp_path / "leases").read_bytes().endswith(b"last;\n")
    assert isinstance(run.machine.seen[-1], ev.End)


def test_the_tape_is_told_when_promises_were_kept(run):
    tape = FakeTape()
    run.door = Door(run.machine, tape, run.logger.line)
    start(run)
    begun = len(tape.stored)

    async def client(one):
        await one.ask("promise")
        await one.ask("promise")

    serve(run, client)
    promised = [number for number, event in enumerate(tape.events, 1) if isinstance(event, ev.Packet)]
    told = [seq for seq, synced_us, left_us in tape.stored[begun:] if 0 < synced_us <= left_us]
    assert [seq for seq in told if seq in promised] == promised
    assert tape.handled == sorted(tape.handled)
    assert len(tape.handled) > len(promised)


def test_when_nothing_more_comes_the_tape_has_everything(run):
    tape = FakeTape()
    run.door = Door(run.machine, tape, run.logger.line)
    start(run)

    async def client(one):
        await one.ask("promise")
        with trio.fail_after(PATIENCE_S):
            while not isinstance(tape.events[tape.flushed_at - 1], ev.Packet):  # noqa: ASYNC110 - no task sets it
                await trio.sleep(0.005)

    serve(run, client)


def test_the_tape_is_told_of_promises_not_kept(run, monkeypatch):
    tape = FakeTape()
    run.door = Door(run.machine, tape, run.logger.line)
    start(run)

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    async def client(one):
        monkeypatch.setattr(leasefile.os, "fdatasync", fail)
        await one.ask("promise", answer=False)
        await come(run.machine, ev.StorageFailed)
        monkeypatch.undo()

    serve(run, client)
    (promised,) = [number for number, event in enumerate(tape.events, 1) if isinstance(event, ev.Packet)]
    assert [left_us for seq, _, left_us in tape.stored if seq == promised] == [None]


def test_a_burst_is_answered_whole(run):
    start(run)

    async def client(one):
        for _ in range(100):
            await one.ask("promise", answer=False)
        with trio.fail_after(PATIENCE_S):
            for _ in range(100):
                await one.socket.recvfrom(2000)

    serve(run, client)
    assert len(run.machine.of(ev.Packet)) == 100


def test_sighup_has_the_files_read_again_and_ends_nothing(run, tmp_path):
    start(run)
    configuration = tmp_path / "dhcpd.conf"

    async def client(one):
        for content in (b'include "/more.conf";', b"second;"):
            configuration.write_bytes(content)
            before = len(run.machine.of(ev.ConfigurationEnd))
            os.kill(os.getpid(), signal.SIGHUP)
            with trio.fail_after(PATIENCE_S):
                while len(run.machine.of(ev.ConfigurationEnd)) == before:
                    await one.ask("promise")
        for _ in range(50):
            os.kill(os.getpid(), signal.SIGHUP)
        await one.ask("promise")

    serve(run, client)
    ends = run.machine.of(ev.ConfigurationEnd)
    assert [end.reload for end in ends[:3]] == [False, True, True]
    files = [(file.content, file.error) for file in run.machine.of(ev.ConfigurationFile)[1:4]]
    assert files == [(b'include "/more.conf";', ""), (b"", "No such file or directory"), (b"second;", "")]
    assert run.machine.ahead.is_of({str(configuration): b"second;"}, str(configuration))
    # What comes while the files are read has them read once more, and not once for each.
    assert len(ends) < 10


def test_a_tape_that_fails_ends_the_recording_not_the_service(run, capfd):
    tape = FakeTape()
    run.door = Door(run.machine, tape, run.logger.line)
    start(run)
    recorded = len(tape.events)
    tape.fail = True

    async def client(one):
        await one.ask("promise")
        await one.ask("promise")

    serve(run, client)
    assert len(tape.events) == recorded
    assert tape.closed
    assert capfd.readouterr().err.count("the recording ends here") == 1


def test_a_running_server_is_in_the_way(run, tmp_path, capfd):
    (tmp_path / "leases.pid").write_text("0\n")
    with pytest.raises(RunEnded) as caught:
        start(run)
    assert caught.value.status == 1
    assert "There's already a DHCP server running." in capfd.readouterr().err
    assert (tmp_path / "leases").read_bytes() == b"old;\n"
    assert isinstance(run.machine.seen[-1], ev.End)


def test_the_lease_file_is_only_tried_with_T(run, tmp_path):  # noqa: N802
    run.machine.test = "T"
    with pytest.raises(RunEnded) as caught:
        start(run)
    assert caught.value.status == 0
