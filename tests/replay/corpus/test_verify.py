"""A corpus is played as its recordings would be one by one: same verdicts, whatever plays, however it is divided."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any, cast
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from dhcpd.replay.command.cli import cli
from dhcpd.replay.corpus import parts
from dhcpd.replay.corpus.gather import gather
from dhcpd.replay.corpus.verify import plan, verify_corpus, worst
from dhcpd.replay.corpus.workers import Dask, InProcess, Processes, WorkersLost
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import Entry, TapeWriter, open_tape
from tests.replay.planting import Planted, busy_run, plant, record_run

if TYPE_CHECKING:
    from pathlib import Path

    from dhcpd.replay.corpus.workers import Executor


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of 1,200 packets with a snapshot every 100 events."""
    return record_run(tmp_path_factory.mktemp("whole") / "whole.trace", busy_run(40, 1200), 100)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return plant(tmp_path_factory.mktemp("planted") / "planted.trace", 40, 1200, 21, snapshot_every=100)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a few hundred events, so that a small recording has several."""
    monkeypatch.setattr(parts, "PART_EVENTS_MINIMUM", 200)


def invoke(*words: str | Path) -> Result:
    result = CliRunner().invoke(cli, ["verify", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def results_of(executor: Executor, *paths: Path) -> list[tuple[Status, int, int]]:
    with executor:
        found = list(verify_corpus([str(path) for path in paths], executor))
    return [(one.verdict.status, one.verdict.events, one.verdict.last_seq) for one in found]


@pytest.mark.usefixtures("small_parts")
def test_parts_cover_every_event_once(whole: Path) -> None:
    (made,) = plan([str(whole)], 2)
    assert len(made) > 2
    assert (made[0].after, made[-1].until) == (0, 0)
    assert [part.until for part in made[:-1]] == [part.after for part in made[1:]]
    counts = [parts.play_part(part).verdict.events for part in made]
    with open_tape(whole) as tape:
        assert sum(counts) == sum(hasattr(entry, "event") for entry in tape.iterate())


@pytest.mark.usefixtures("small_parts")
def test_processes_find_what_one_playback_finds(whole: Path, planted: Planted) -> None:
    paths = (whole, planted.path)
    alone = results_of(InProcess(), *paths)
    assert [status for status, _, _ in alone] == [Status.SAME, Status.DIFFERENT]
    assert alone[1][2] == planted.seq
    assert results_of(Processes(2, parts.__name__), *paths) == alone


def test_a_part_must_arrive_at_the_snapshot(tmp_path: Path) -> None:
    """Every effect may come again, and the state behind them be another."""
    run = busy_run(5, 60)
    path = record_run(tmp_path / "a.trace", run, 20)
    with TapeWriter.create(tmp_path / "b.trace", version="test") as writer, open_tape(path) as tape:
        for entry in tape.iterate():
            if isinstance(entry, Entry):
                writer.write_effects(writer.write_events([entry.event]), [entry.effects or ()])
            else:
                state = cast("dict[str, Any]", entry.data)
                server = {**state["server"], "inform_refusals": 77} if entry.seq == 40 else state["server"]
                writer.write_snapshot(entry.seq, {**state, "server": server})
    verdict = parts.play_part(parts.Part(str(tmp_path / "b.trace"), 20, 40)).verdict
    assert verdict.status is Status.DIFFERENT
    assert verdict.state == ("server.inform_refusals: expected 77, got 0",)
    assert "another state after event 40" in verdict.closing_line()
    assert parts.play_part(parts.Part(str(path), 20, 40)).verdict.status is Status.SAME


@pytest.mark.usefixtures("small_parts")
def test_snapshots_of_another_version_are_done_without(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dhcpd.engine.machine.SNAPSHOT_VERSION", 99)
    made = plan([str(whole)], 2)[0]
    assert parts.play_part(made[1]).useless_snapshot

    class Two(InProcess):
        workers = 2

    ((status, events, _),) = results_of(Two(), whole)
    assert status is Status.SAME
    assert events > 1200


def test_a_folder_is_looked_through(whole: Path, planted: Planted, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    shutil.copy(whole, tmp_path / "deep" / "a.trace")
    shutil.copy(planted.path, tmp_path / "b.bin")
    (tmp_path / "c.bin").write_bytes(b"no tape")
    (tmp_path / "notes.txt").write_text("not looked at")
    result = invoke(tmp_path, "--junit", tmp_path / "out.xml", "--jobs", "1")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if str(tmp_path) in line] == ["different", "same"]
    assert f"  client  {planted.client}" in result.stdout
    assert "option routers  10.0.0.99  10.0.0.1" in result.stdout
    assert lines[-1].endswith("1 same, 1 different; 1 other files skipped")
    suite = ET.parse(tmp_path / "out.xml").getroot()[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "2", "failures": "1", "errors": "0"
    }  # fmt: skip
    (failure,) = suite.iter("failure")
    assert "option routers" in (failure.text or "")
    objects = [json.loads(line) for line in invoke(tmp_path, "--json").stdout.splitlines()]
    assert [(one["trace"], one["status"]) for one in objects] == [
        (str(tmp_path / "b.bin"), "different"), (str(tmp_path / "deep" / "a.trace"), "same")
    ]  # fmt: skip


def test_a_folder_with_a_link_to_itself_is_looked_through_once(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "a.trace").write_bytes(whole.read_bytes())
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "loop").symlink_to(tmp_path)
    (tmp_path / "loop").symlink_to(".")
    assert [name.rpartition("/")[2] for name in gather([str(tmp_path)]).traces] == ["a.trace"]


def test_the_junit_file_is_its_owner_s(whole: Path, tmp_path: Path) -> None:
    made = tmp_path / "out.xml"
    invoke(whole, "--junit", made, "--jobs", "1")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_a_folder_without_recordings_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "c.bin").write_bytes(b"no tape")
    result = invoke(tmp_path)
    assert result.exit_code == 125
    assert "no recording in this folder" in result.stderr


def test_the_worst_is_the_exit_status(whole: Path, tmp_path: Path) -> None:
    assert worst([]) is Status.SAME
    assert worst([Status.UNJUDGED, Status.SAME]) is Status.UNJUDGED
    assert worst([Status.UNJUDGED, Status.DIFFERENT, Status.DAMAGED]) is Status.DIFFERENT
    damaged = tmp_path / "damaged.trace"
    octets = bytearray(whole.read_bytes())
    octets[len(octets) // 2] ^= 0x55
    damaged.write_bytes(octets)
    (tmp_path / "named.trace").write_bytes(b"no tape")
    result = invoke(whole, damaged, tmp_path / "named.trace", tmp_path / "missing.trace")
    assert result.exit_code == 2
    words = [line.split()[0] for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert words[:4] == ["same", "damaged", "damaged", "unjudged"]


@pytest.mark.usefixtures("small_parts")
def test_damage_hides_what_lies_behind_it(planted: Planted, tmp_path: Path) -> None:
    """As one playback would: parts behind the damage are not heard."""
    octets = bytearray(planted.path.read_bytes())
    octets[len(octets) // 8] ^= 0x55
    damaged = tmp_path / "damaged.trace"
    damaged.write_bytes(octets)
    ((status, events, _),) = results_of(Processes(2, parts.__name__), damaged)
    assert status is Status.DAMAGED
    assert events < planted.seq


def test_options_that_need_one_recording_say_so(whole: Path, tmp_path: Path) -> None:
    for words in (("--from", "9"), ("--lease-file", tmp_path / "leases")):
        result = invoke(whole, whole, *words)
        assert result.exit_code == 2
        assert "goes with one recording" in result.stderr


def test_a_dask_cluster_plays(whole: Path, planted: Planted) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
        alone = results_of(InProcess(), whole, planted.path)
        assert results_of(Dask(cluster.scheduler_address), whole, planted.path) == alone


def test_without_dask_or_its_scheduler_there_is_a_clear_error(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "distributed", None)
        result = invoke(whole, "--dask", "127.0.0.1:1")
    assert result.exit_code == 125
    assert "pip install 'dhcpd[dask]'" in result.stderr
    monkeypatch.setattr("dhcpd.replay.corpus.workers.DASK_CONNECT_S", 1)
    with pytest.raises(WorkersLost, match="no scheduler answers"):
        Dask("tcp://127.0.0.1:1")


def test_dask_is_imported_only_where_it_is_asked_for(whole: Path) -> None:
    script = (
        "import sys; from dhcpd.replay.command.cli import cli\n"
        f"try: cli(['verify', {str(whole)!r}])\n"
        "finally: print(sorted({'distributed', 'dask', 'trio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_folder_as_deep_as_a_name_can_go_is_looked_through(whole: Path, tmp_path: Path) -> None:
    deep = tmp_path
    for _level in range(1100):
        deep /= "d"
        deep.mkdir()
    shutil.copy(whole, deep / "a.trace")
    try:
        assert [name.rpartition("/")[2] for name in gather([str(tmp_path)]).traces] == ["a.trace"]
    finally:
        # pytest cannot: it goes down by calling itself.
        (deep / "a.trace").unlink()
        for folder in (deep, *deep.parents)[:1100]:
            folder.rmdir()
