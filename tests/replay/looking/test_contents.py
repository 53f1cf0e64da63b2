"""`info`: the figures of a file that was only glanced at are those of one that was read whole, or near them."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.replay.command.progress import reading
from dhcpd.replay.looking.figures.clients import EXACT_MAXIMUM, Clients
from dhcpd.replay.showing import statusline
from dhcpd.replay.verbs import info as info_module
from dhcpd.trace import Entry, TapeWriter, open_tape
from dhcpd.trace import writer as tape_writer
from dhcpd.trace.codec import pack
from dhcpd.trace.format import SEGMENT_HEADER_BYTES
from tests.replay.engine_runs import Run
from tests.replay.tapes import packet, record

if TYPE_CHECKING:
    from pathlib import Path


def info(path: Path, *words: str) -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["info", str(path), *words, "--json"])
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def run() -> Run:
    made = Run()
    made.serve(700)
    return made


@pytest.fixture(scope="module")
def trace(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tape_writer, "SEGMENT_RAW_BYTES", 256 << 10)
        return record(tmp_path_factory.mktemp("contents") / "t", *run.pairs)


def test_octets_by_kind_are_those_of_the_records(run: Run, trace: Path) -> None:
    found = info(trace, "--full")
    kinds = {one["kind"]: one for one in found["octets"]["kinds"]}
    events = [event for event, _ in run.pairs]
    packets = [event for event in events if type(event).__name__ == "Packet"]
    assert kinds["Packet"]["records"] == found["counts"]["Packet"] == len(packets)
    payloads = sum(len(pack(event.payload)) for event in packets)
    assert payloads < kinds["Packet"]["raw"] < payloads * 1.2
    stored = [effect for _, effects in run.pairs for effect in effects if type(effect).__name__ == "Store"]
    assert kinds["Store"]["records"] == len(stored)
    packed = sum(one["packed"] for one in kinds.values())
    assert packed == pytest.approx(found["octets"]["events_and_effects"], rel=0.01)


@pytest.mark.parametrize("closed", [True, False])
def test_a_glance_tells_what_reading_tells(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    path = tmp_path / "t"
    path.write_bytes(trace.read_bytes()[: None if closed else -SEGMENT_HEADER_BYTES])
    whole = info(path)
    monkeypatch.setattr(info_module, "READ_WHOLE_OCTETS_MAXIMUM", 0)
    monkeypatch.setattr("dhcpd.replay.looking.contents.SEGMENTS_SAMPLED", 3)
    glance = info(path)
    assert (whole["read_whole"], glance["read_whole"]) == (True, False)
    assert glance["clients_at_least"] is not closed
    for name in ("events", "counts", "effects", "clients", "first_us", "last_us", "last_seq", "complete"):
        assert glance[name] == whole[name], name
    assert (whole["octets"]["kinds_exact"], glance["octets"]["kinds_exact"]) == (True, False)
    for name in ("Packet", "Send", "Log"):
        exact, about = ({one["kind"]: one for one in found["octets"]["kinds"]}[name] for found in (whole, glance))
        # Three of a handful of segments, one of them short.
        assert about["raw"] == pytest.approx(exact["raw"], rel=0.4)
        assert about["packed"] == pytest.approx(exact["packed"], rel=0.4)


def test_a_recording_without_counts_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(info_module, "READ_WHOLE_OCTETS_MAXIMUM", 0)
    with TapeWriter.create(tmp_path / "t", version="1") as tape:
        tape.write_events([packet(1), packet(2)])
        found = info(tmp_path / "t")
    assert found["events"] == 2
    assert found["counts"] is found["effects"] is found["clients"] is None


def test_clients_are_exact_until_they_are_many() -> None:
    clients = Clients()
    for number in range(2 * EXACT_MAXIMUM):
        clients.add(number.to_bytes(6))
        clients.add(b"\x02" * 6)
        if number == EXACT_MAXIMUM // 2:
            assert len(clients) == EXACT_MAXIMUM // 2 + 2
    assert len(clients) == pytest.approx(2 * EXACT_MAXIMUM, rel=1 / 300)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("as_json", [False, True])
def test_progress_is_for_people_and_for_what_takes_long(
    trace: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    now_s = 100.0
    terminal = Terminal()
    monkeypatch.setattr(statusline.time, "monotonic", lambda: now_s)
    monkeypatch.setattr(statusline.sys, "stderr", terminal)
    with open_tape(trace) as tape, reading(tape, as_json=as_json, until=50_000) as progress:
        for number in range(1, 20_000):
            now_s += 0.001
            progress.at(Entry(number, packet(number), ()))
            if now_s < 100.9:
                assert terminal.getvalue() == ""
    lines = terminal.getvalue().split("\r")
    assert lines == [""] if as_json else len(lines) > 20
    assert as_json or re.match(r"event [\d,]+ of about 50,000, 2026-\d\d-\d\d [\d:]{8} UTC", lines[1])
    assert lines[-1] == ""
