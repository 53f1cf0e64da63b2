"""Recordings as tests, in a pytest of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import Entry, open_tape
from tests.replay.engine_runs import Run
from tests.replay.planting import WRONG, Planted, plant, record_run
from tests.replay.tapes import record

pytest_plugins = ["pytester"]
FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return plant(tmp_path_factory.mktemp("planted") / "planted.trace", 12, 120, 7, snapshot_every=50)


def play(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:benchmark", *words)


def test_a_recording_passes_and_its_lease_file_is_compared(pytester: pytest.Pytester) -> None:
    shutil.copy(FIXTURES / "dhclient" / "trace.bin", pytester.path / "dhclient.trace")
    beside = pytester.path / "dhclient.leases"
    shutil.copy(FIXTURES / "dhclient" / "dhcpd.leases", beside)
    play(pytester).assert_outcomes(passed=1)
    beside.write_bytes(beside.read_bytes().replace(b"10.66.1.1", b"10.66.1.2", 1))
    result = play(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["The lease file of the playback is not dhclient.leases:", "*+lease 10.66.1.1 {*"])


def test_a_killed_runs_lease_file_may_be_shorter(pytester: pytest.Pytester) -> None:
    run = Run()
    run.serve(4)
    record(pytester.path / "killed.trace", *run.pairs, closed=False)
    assert play_file(str(pytester.path / "killed.trace"), str(pytester.path / "played")).status is Status.SAME
    whole = (pytester.path / "played").read_bytes()
    (pytester.path / "killed.leases").write_bytes(whole[:-40])
    play(pytester).assert_outcomes(passed=1)
    (pytester.path / "killed.leases").write_bytes(whole + b"lease")
    play(pytester).assert_outcomes(failed=1)


def test_a_failure_prints_the_card_and_no_traceback(pytester: pytest.Pytester, planted: Planted) -> None:
    shutil.copy(planted.path, pytester.path / "a.trace")
    (pytester.path / "b.trace").write_bytes(b"no tape")
    result = play(pytester)
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    result.stdout.fnmatch_lines([f"  client  {planted.client}", "*option routers  10.0.0.99  10.0.0.1"])
    assert "not a recording of dhcpd" in text
    assert "Traceback" not in text
    assert "pytest_plugin.py" not in text


def test_names_are_a_setting(pytester: pytest.Pytester) -> None:
    (pytester.path / "deep").mkdir()
    shutil.copy(FIXTURES / "bootp" / "trace.bin", pytester.path / "deep" / "bootp.bin")
    assert play(pytester).ret == pytest.ExitCode.NO_TESTS_COLLECTED
    pytester.makeini("[pytest]\ndhcpd_traces = *.trace *.bin\n")
    play(pytester).assert_outcomes(passed=1)


def test_updating_blesses_and_tells_what_changed(pytester: pytest.Pytester, planted: Planted) -> None:
    trace = pytester.path / "a.trace"
    shutil.copy(planted.path, trace)
    (pytester.path / "a.leases").write_bytes(b"# of another time\n")
    before = trace.read_bytes()
    result = play(pytester, "--trace-update")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([
        "*recordings updated*",
        "a.trace: 1 event has other effects",
        "*1 x Send: option routers",
        "*1 x the lease file",
        "    kept aside: a.trace.1",
    ])
    assert (pytester.path / "a.trace.1").read_bytes() == before
    assert (pytester.path / "a.leases.1").read_bytes() == b"# of another time\n"
    with open_tape(trace) as tape:
        entries = list(tape.iterate())
    events = [one for one in entries if isinstance(one, Entry)]
    assert not any(WRONG in getattr(effect, "payload", b"") for one in events for effect in one.effects or ())
    with open_tape(planted.path) as tape:
        old = list(tape.iterate())
    assert [one.seq for one in entries if not isinstance(one, Entry)] == [
        one.seq for one in old if not isinstance(one, Entry)
    ]
    assert [one.event for one in events] == [one.event for one in old if isinstance(one, Entry)]
    play(pytester).assert_outcomes(passed=1)


def test_updating_changes_nothing_that_is_right(pytester: pytest.Pytester) -> None:
    run = Run()
    run.serve(3)
    trace = record_run(pytester.path / "a.trace", run)
    before = trace.read_bytes()
    result = play(pytester, "--trace-update")
    result.assert_outcomes(passed=1)
    assert "recordings updated" not in result.stdout.str()
    assert trace.read_bytes() == before
    assert [path.name for path in pytester.path.iterdir()] == ["a.trace"]


def test_updating_refuses_a_damaged_recording(pytester: pytest.Pytester, planted: Planted) -> None:
    octets = bytearray(planted.path.read_bytes())
    octets[len(octets) // 2] ^= 0x55
    (pytester.path / "a.trace").write_bytes(octets)
    result = play(pytester, "--trace-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["not updated: tape damaged*"])
    assert (pytester.path / "a.trace").read_bytes() == octets
    assert [path.name for path in pytester.path.iterdir()] == ["a.trace"]


def test_who_has_no_recordings_pays_nothing() -> None:
    script = (
        "import sys; import dhcpd.replay.pytest_plugin\n"
        "print(sorted(name for name in sys.modules if name.startswith(('dhcpd.', 'trio', 'msgpack', 'rich'))))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['dhcpd.replay', 'dhcpd.replay.pytest_plugin']"
