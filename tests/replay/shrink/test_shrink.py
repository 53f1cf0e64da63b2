"""From a recording of many clients to the few events that a fault needs, the same on any number of cores."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from dhcpd.engine.omapi.objects.host import HostObjects
from dhcpd.engine.service import dispatch
from dhcpd.replay.command.cli import cli
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import Entry, open_tape
from dhcpd.trace import events as ev
from tests.replay.engine_runs import CONFIGURATION, LEASES_FOUND, Run
from tests.replay.planting import PLAIN, WRONG, Planted, plant, record_run

if TYPE_CHECKING:
    from dhcpd.engine.omapi.handles import Reference
    from dhcpd.engine.service.server import Server
    from dhcpd.trace.events import Event

FIXTURES = Path(__file__).parents[3] / "fixtures"
PROGRAM = str(Path(sys.executable).parent / "dhcpd-trace")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return plant(tmp_path_factory.mktemp("planted") / "planted.trace", 30, 400, 17)


def shrink(trace: Path, out: Path, *words: str) -> Result:
    result = CliRunner().invoke(cli, ["shrink", str(trace), "-o", str(out), *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def events_of(path: Path) -> list[Event]:
    with open_tape(path) as tape:
        return [entry.event for entry in tape.iterate() if isinstance(entry, Entry)]


def test_a_planted_fault_is_found_named_shrunk_and_survives_redaction(tmp_path: Path) -> None:
    """The promise: one wrong option for one client among 500, 10,000 events, under 20 left in under two minutes."""
    fault = plant(tmp_path / "long.trace", 500, 10_000)
    verdict = play_file(str(fault.path), None)
    assert verdict.difference is not None
    assert (verdict.difference.seq, verdict.difference.client) == (fault.seq, fault.client)
    began = time.monotonic()
    assert shrink(fault.path, tmp_path / "out.trace", "--until-differs").exit_code == 0
    assert time.monotonic() - began < 120
    events = events_of(tmp_path / "out.trace")
    assert len(events) < 20
    left = play_file(str(tmp_path / "out.trace"), None).difference
    assert left is not None
    assert left.client == fault.client
    assert any(WRONG in getattr(effect, "payload", b"") for effect in left.expected)
    words = ["redact", str(tmp_path / "out.trace"), "-o", str(tmp_path / "shown.trace")]
    assert CliRunner().invoke(cli, words).exit_code == 0
    shown = play_file(str(tmp_path / "shown.trace"), None).difference
    assert shown is not None
    assert shown.client != fault.client
    assert any(WRONG in getattr(effect, "payload", b"") for effect in shown.expected)


def test_any_command_and_any_number_of_jobs_give_the_same(tmp_path: Path) -> None:
    planted = plant(tmp_path / "plain.trace", 6, 30, 4, configuration=PLAIN)
    first = shrink(planted.path, tmp_path / "a", "--until-differs", "--jobs", "1", "--json")
    told = json.loads(first.stdout)
    assert told["events"] == len(events_of(tmp_path / "a")) < 20
    command = f"{PROGRAM} verify {{}} | grep -q 'option routers  10.0.0.99'"
    second = shrink(planted.path, tmp_path / "b", "--until", command, "--jobs", "2", "--json")
    assert json.loads(second.stdout)["trials"] == told["trials"]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_configuration_and_options_are_thinned_out(planted: Planted, tmp_path: Path) -> None:
    assert shrink(planted.path, tmp_path / "out", "--until-differs").exit_code == 0
    events = events_of(tmp_path / "out")
    (configuration,) = [event.content for event in events if isinstance(event, ev.ConfigurationFile)]
    words = configuration.split()
    assert b"routers" in words
    assert b"subnet" in words
    assert not {b"class", b"host", b"space", b"domain-name", b"commit", b"authoritative;"} & set(words)
    packets = [event.payload for event in events if isinstance(event, ev.Packet)]
    assert all(len(packet) < 300 for packet in packets)


def test_a_recording_without_fault_of_its_own_is_shrunk_for_a_command(tmp_path: Path) -> None:
    """Here the fault is one that only the command sees, and depends on the lease file that was found."""
    run = Run(PLAIN, leases=LEASES_FOUND)
    run.exchange(1)
    path = record_run(tmp_path / "a.trace", run)
    command = f"{PROGRAM} show {{}} --full | grep -q 'lease 10.0.1.6'"
    assert shrink(path, tmp_path / "out", "--until", command).exit_code == 0
    events = events_of(tmp_path / "out")
    assert play_file(str(tmp_path / "out"), None).status is Status.SAME
    (leases,) = [event.content for event in events if isinstance(event, ev.LeaseFilePart)]
    assert leases.count(b"lease ") == 1
    assert not [event for event in events if isinstance(event, ev.Packet)]


def test_a_crash_of_the_engine_is_a_fault(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    receive = dispatch.receive

    def failing(server: Server, event: ev.Packet) -> None:
        if event.payload[28:34] == bytes.fromhex("02000000000b") and event.payload[12:16] != bytes(4):
            raise ZeroDivisionError
        receive(server, event)

    monkeypatch.setattr(dispatch, "receive", failing)
    assert shrink(planted.path, tmp_path / "out", "--until-differs", "--jobs", "1").exit_code == 0
    difference = play_file(str(tmp_path / "out"), None).difference
    assert difference is not None
    assert "ZeroDivisionError" in difference.failure
    assert len(events_of(tmp_path / "out")) < 20


def test_a_fault_in_what_omapi_does_needs_its_connection_and_little_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = HostObjects.remove

    def failing(objects: HostObjects, reference: Reference) -> None:
        remove(objects, reference)
        raise ZeroDivisionError

    monkeypatch.setattr(HostObjects, "remove", failing)
    recording = FIXTURES / "omapi" / "omshell-host.trace"
    assert shrink(recording, tmp_path / "out", "--until-differs", "--jobs", "1").exit_code == 0
    events = events_of(tmp_path / "out")
    assert not [event for event in events if isinstance(event, ev.Packet)]
    # The greeting, the key, the host that has the handle before, the host that is made, and that it is taken away.
    said = [event for event in events if isinstance(event, ev.StreamData)]
    assert len(said) == 5
    assert len(events) < 14
    difference = play_file(str(tmp_path / "out"), None).difference
    assert difference is not None
    assert "ZeroDivisionError" in difference.failure


def test_a_tape_that_begins_with_a_snapshot(planted: Planted, tmp_path: Path) -> None:
    words = ["slice", str(planted.path), "-o", str(tmp_path / "piece"), "--from", str(planted.seq - 50)]
    assert CliRunner().invoke(cli, words).exit_code == 0
    assert shrink(tmp_path / "piece", tmp_path / "out", "--until-differs").exit_code == 0
    assert len(events_of(tmp_path / "out")) == 1
    assert play_file(str(tmp_path / "out"), None).status is Status.DIFFERENT


@pytest.mark.parametrize(
    ("words", "status", "complaint"),
    [
        ((), 2, "give the test"),
        (("--until-differs", "--until", "true {}"), 2, "give the test"),
        (("--until", "true"), 2, "needs {}"),
        (("--until", "false {}"), 125, "does not show the fault"),
    ],
)
def test_a_test_that_cannot_be_one_is_refused(
    planted: Planted, tmp_path: Path, words: tuple[str, ...], status: int, complaint: str
) -> None:
    result = shrink(planted.path, tmp_path / "out", *words)
    assert result.exit_code == status
    assert complaint in result.stderr
    assert not (tmp_path / "out").exists()


def test_nothing_to_shrink_is_said(tmp_path: Path) -> None:
    run = Run(CONFIGURATION)
    run.serve(3)
    result = shrink(record_run(tmp_path / "a.trace", run), tmp_path / "out", "--until-differs")
    assert result.exit_code == 125
    assert "plays without a difference" in result.stderr


def test_an_interrupt_leaves_the_best_so_far(planted: Planted, tmp_path: Path) -> None:
    """The test is slow, and ^C comes when some were made."""
    marks = tmp_path / "marks"
    command = f"echo >>{marks}; sleep 0.3; {PROGRAM} verify {{}} | grep -q 10.0.0.99"
    words = [PROGRAM, "shrink", str(planted.path), "-o", str(tmp_path / "out"), "--until", command]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        until = time.monotonic() + 60
        while not marks.exists() or len(marks.read_bytes()) < 6:
            assert time.monotonic() < until, "nothing was tried"
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert len(events_of(tmp_path / "out")) < 400
    assert play_file(str(tmp_path / "out"), None).status is Status.DIFFERENT


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("ended", ["kill -INT $$", "exit 130"], ids=["killed", "told"])
def test_an_interrupted_test_is_no_verdict(planted: Planted, tmp_path: Path, jobs: str, ended: str) -> None:
    """Its death may be seen before the ^C that has caused it: status 125 would say that the fault is not shown."""
    trace = tmp_path / "a.trace"
    trace.write_bytes(planted.path.read_bytes())
    result = shrink(trace, tmp_path / "out", "--until", f"{ended}; : {{}}", "--jobs", jobs)
    assert result.exit_code == 130, result.output
    assert events_of(tmp_path / "out")
