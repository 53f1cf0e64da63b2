"""What the report counts is what the run did; what cannot be played, or not read to its end, is told all the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

from click.testing import CliRunner, Result

from dhcpd.replay.command.cli import cli
from dhcpd.replay.report import collect
from dhcpd.replay.report import limits as report_limits
from dhcpd.replay.report.clients import Outcome
from dhcpd.replay.report.findings import client_row
from dhcpd.replay.report.limits import BUCKETS_MAXIMUM
from dhcpd.replay.report.timeline import Timeline
from dhcpd.replay.showing.decode import message_name
from dhcpd.trace import open_tape
from dhcpd.trace.effects import Send
from dhcpd.trace.events import End, Packet, Timer
from tests.replay.engine_runs import CONFIGURATION, Run
from tests.replay.planting import plant, record_run
from tests.replay.tapes import record

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from dhcpd.replay.report import Findings

SECOND_US = 1_000_000


def made(trace: Path, *words: str) -> tuple[Result, Path]:
    out = trace.with_name("page.html")
    return CliRunner().invoke(cli, ["report", str(trace), "-o", str(out), *words]), out


def page_text(trace: Path) -> str:
    result, page = made(trace)
    assert result.exit_code == 0
    return page.read_text("utf-8")


def findings(path: Path, run: Run) -> Findings:
    with open_tape(record_run(path, run)) as tape:
        return collect(tape)


def data_of(page: Path) -> dict:
    found = re.search(r'id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_counts_are_the_runs(tmp_path: Path):
    run = Run()
    run.serve(40)
    survey = findings(tmp_path / "t", run).survey
    packets = [event for event, _ in run.pairs if isinstance(event, Packet)]
    assert survey.received == Counter(message_name(event.payload) for event in packets)
    sent = [message_name(e.payload) for _, effects in run.pairs for e in effects if isinstance(e, Send)]
    assert survey.sent == Counter(sent)
    columns = survey.timeline.columns.values()
    assert sum(column.received.total() for column in columns) == len(packets)
    assert sum(client.messages for client in survey.clients.values()) == len(packets)
    assert sum(survey.refusals.values()) == survey.sent["DHCPNAK"] > 0
    # Everybody was answered but for who cannot be.
    assert not survey.silences


def test_outcomes_and_waits(tmp_path: Path):
    run = Run(CONFIGURATION.replace(b"ping-check false", b"ping-check true"))
    leaving, silent = 3, 9
    for client in (leaving, silent):
        run.packet(client, 1)
    run.now_us += 2 * SECOND_US
    effects = run.tell(Timer(*run.now))
    given = {e.payload[28:34]: int.from_bytes(e.payload[16:20], "big") for e in effects if isinstance(e, Send)}
    address = given[b"\x02\0\0\0\0" + bytes([leaving])]
    server = bytes([54, 4, 10, 0, 0, 1])
    run.packet(leaving, 3, bytes([50, 4]) + address.to_bytes(4, "big") + server)
    run.xid -= 1
    run.packet(leaving, 3, bytes([50, 4]) + address.to_bytes(4, "big") + server)
    run.packet(leaving, 7, server, ciaddr=address)
    run.packet(4, 1)
    run.tell(End(*run.now, "SIGTERM"))
    found = findings(tmp_path / "t", run)
    survey = found.survey
    outcomes = {client.hardware[-1]: client.outcome for client in survey.clients.values()}
    assert outcomes == {leaving: Outcome.RELEASED, silent: Outcome.OFFERED, 4: Outcome.UNANSWERED}
    assert (survey.offers.count, survey.at_once) == (2, 0)
    assert 2 * SECOND_US <= survey.offers.maximum < 2.1 * SECOND_US
    assert survey.choices.count == survey.times.acquire.count == 1
    assert (survey.times.again.count, survey.noted) == (0, False)
    assert sum(survey.silences.values()) == 1
    story = found.stories.by_client[b"\x02\0\0\0\0" + bytes([leaving])]
    texts = found.stories.texts.table
    assert [texts[line.heard].split(" ")[0] for line in story.lines] == ["", "DHCPOFFER", "DHCPACK", "DHCPACK", ""]
    assert [texts[change.after] for line in story.lines for change in line.changes] == ["active", "free"]


def test_clients_without_a_hardware_address_are_told_by_their_identifiers(tmp_path: Path):
    run, draft = Run(), Run()
    for number in (1, 2):
        draft.packet(number, 1, bytes([61, 3, 0, 65, 65 + number]))
        packet = draft.pairs[-1][0]
        assert isinstance(packet, Packet)
        payload = packet.payload[:2] + b"\0" + packet.payload[3:28] + bytes(16) + packet.payload[44:]
        run.tell(packet._replace(payload=payload))
    found = findings(tmp_path / "t", run)
    told = [[*client_row(client, found.stories)[:2], client.outcome] for client in found.listed]
    assert sorted(told) == [["", "AB", Outcome.OFFERED], ["", "AC", Outcome.OFFERED]]
    assert not found.survey.silences


def test_notes_of_time_are_told(tmp_path: Path):
    run = Run()
    run.exchange(1)
    trace = record(tmp_path / "t", *run.pairs, noted=True)
    with open_tape(trace) as tape:
        survey = collect(tape).survey
    assert (survey.noted, survey.times.decision.maximum, survey.times.release.maximum) == (True, 50, 450)
    cell = r'.*?<td class="n">(.*?)</td>'
    rows = re.findall(rf"<td><strong>(.*?)</strong>{cell}{cell}", page_text(trace), re.DOTALL)
    assert [(name, median) for name, _, median in rows] == [
        ("Decided", "50 us"), ("Released", "450 us"), ("Until the choice", "1 ms"), ("Until the address", "1.45 ms"),
    ]  # fmt: skip


def test_a_lease_that_ends_is_in_its_clients_story(tmp_path: Path):
    run = Run()
    run.exchange(1)
    run.now_us += 3_600 * SECOND_US
    run.tell(Timer(*run.now))
    found = findings(tmp_path / "t", run)
    (client,) = found.listed
    assert client.outcome is Outcome.ENDED
    last = found.stories.by_client[client.key].lines[-1]
    texts = found.stories.texts.table
    assert [(texts[one.before], texts[one.after]) for one in last.changes] == [("active", "free")]
    assert texts[last.reason] == "its time is over"


def test_the_verdict_has_the_card_and_the_rest_is_told(tmp_path: Path):
    fault = plant(tmp_path / "t", clients=10, packets=60, client=4)
    result, page = made(fault.path)
    assert result.exit_code == 1
    assert "1 difference" in result.stdout
    text = page.read_text("utf-8")
    assert f"Playback left the recording at event {fault.seq:,}." in text
    assert "10.0.0.99" in text
    assert sum(row[4] for row in data_of(page)["clients"]) == 60


def test_an_engine_that_fails_is_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from dhcpd.engine.machine import Machine

    run = Run()
    run.serve(4)
    trace = record_run(tmp_path / "t", run)
    apply = Machine.apply

    def failing(self: Machine, event):
        assert not (isinstance(event, Packet) and event.payload[33] == 2), "planted"
        return apply(self, event)

    monkeypatch.setattr(Machine, "apply", failing)
    result, page = made(trace)
    assert result.exit_code == 1
    assert "AssertionError: planted" in page.read_text("utf-8")
    assert sum(row[4] for row in data_of(page)["clients"]) == sum(isinstance(event, Packet) for event, _ in run.pairs)


def test_a_piece_that_begins_with_a_snapshot_says_so(tmp_path: Path):
    run = Run()
    for client in range(6):
        run.exchange(client)
    piece = tmp_path / "piece"
    words = ["slice", str(record_run(tmp_path / "whole", run)), "--from", "12", "-o", str(piece)]
    assert CliRunner().invoke(cli, words).exit_code == 0
    text = page_text(piece)
    assert "note: the recording begins at event 12 with a snapshot" in text
    assert "0 differences" in text


def test_torn_damaged_and_foreign_files(tmp_path: Path):
    run = Run()
    run.serve(30)
    whole = record_run(tmp_path / "whole", run).read_bytes()
    torn = tmp_path / "torn"
    torn.write_bytes(whole[: len(whole) // 2])
    result, page = made(torn)
    assert result.exit_code == 0
    assert "the run was killed or was still going" in page.read_text("utf-8")
    damaged = tmp_path / "damaged"
    damaged.write_bytes(whole[: len(whole) // 2] + bytes(64) + whole[len(whole) // 2 + 64 :])
    result, page = made(damaged)
    assert result.exit_code == 2
    assert "differences up to the damage" in page.read_text("utf-8")
    page.unlink()
    (tmp_path / "text").write_text("no recording")
    result, page = made(tmp_path / "text")
    assert (result.exit_code, page.exists()) == (2, False)
    assert len(result.stderr.splitlines()) == 1


def test_the_page_refers_to_nothing_outside_it(tmp_path: Path):
    run = Run()
    run.serve(10)
    result, page = made(record_run(tmp_path / "t", run))
    assert result.exit_code == 0
    assert page.stat().st_mode & 0o777 == 0o600
    text = page.read_text("utf-8")
    targets = re.findall(r'\b(?:src|href|action)="([^"]*)"', text)
    assert all(target.startswith(("#", "data:")) for target in targets)
    assert not re.search(r"https?://|url\(|@import", text)


def test_limits_hold_and_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = Run()
    for number in range(150):
        run.packet(1 + 2 * (number % 2), 1)
    trace = record_run(tmp_path / "t", run)
    _, page = made(trace)
    story = data_of(page)["stories"]["0"]
    assert (len(story["lines"]), story["left_out"]) == (75, 0)
    for _ in range(100):
        run.packet(1, 1)
    trace = record_run(tmp_path / "u", run)
    monkeypatch.setattr("dhcpd.replay.report.stories.STORIES_MAXIMUM", 1)
    monkeypatch.setattr("dhcpd.replay.report.findings.CLIENTS_MAXIMUM", 1)
    result, page = made(trace, "--json")
    told = json.loads(result.stdout)
    assert (told["clients"], told["clients_listed"], told["stories"]) == (2, 1, 1)
    (story,) = data_of(page)["stories"].values()
    kept = report_limits.STORY_HEAD_MAXIMUM + report_limits.STORY_TAIL_MAXIMUM
    assert (len(story["lines"]), story["left_out"]) == (kept, 175 - kept)
    text = page.read_text("utf-8")
    assert "The table lists 1 of 2 clients; all are counted." in text
    assert "A long story keeps its first 20 and its last 80 messages." in text


def test_a_whatif_wants_a_configuration_that_can_be_read(tmp_path: Path):
    run = Run()
    trace = record_run(tmp_path / "t", run)
    assert made(trace, "--open-loop")[0].exit_code == 2
    result, page = made(trace, "-cf", str(tmp_path / "none.conf"))
    assert (result.exit_code, page.exists()) == (125, False)
    bad = tmp_path / "bad.conf"
    bad.write_text("subnet 10.0.0.0 netmask 255.0.0.0 { range 11.0.0.1; }")
    result, page = made(trace, "--whatif", str(bad))
    assert result.exit_code == 0
    assert "does not come to serve" in page.read_text("utf-8")


def test_buckets_are_few_whatever_the_clock_did():
    timeline = Timeline()
    times = [0, 1, 5_000, 3 * SECOND_US, 90_000 * SECOND_US, 10**17, -(10**12)]
    for at in times:
        timeline.at(at).received["DHCPDISCOVER"] += 1
    assert len(timeline.numbers) <= BUCKETS_MAXIMUM
    assert sum(column.received.total() for column in timeline.columns.values()) == len(times)
    assert set(timeline.columns) == {at // timeline.span_us for at in times}
