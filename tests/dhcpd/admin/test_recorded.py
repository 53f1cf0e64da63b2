"""Questions to the recording of the run itself, and those that a process of their own answers."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING

import pytest

from dhcpd.admin.answers.recorded import explained, reloaded
from dhcpd.admin.http import errands
from dhcpd.cli import Limits
from dhcpd.recording.recorder import Recorder
from dhcpd.recording.segments import Segments
from dhcpd.trace import TapeWriter
from dhcpd.trace import events as ev
from tests.dhcpd.admin.office import Office
from tests.dhcpd.admin.test_questions import OPERATIONS, check_answer
from tests.replay.engine_runs import CONFIGURATION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLIENT = "02:00:00:00:00:03"


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Office]:
    """An office whose run is on a tape that is still being written."""
    path = tmp_path / "trace"
    tape = TapeWriter.create(str(path), version="test")
    recorder = Recorder(tape, Segments(str(path)), Limits(), lambda _level, _text: None)
    office = Office(tmp_path, recorder=recorder)
    for client in range(6):
        office.run.exchange(client)
    for event, effects in office.run.pairs:
        recorder.write_effects(recorder.write_events([event]), [effects])
    yield office
    office.close()
    recorder.close()


def operation(path: str) -> dict[str, object]:
    return next(one for _method, known, one in OPERATIONS if known == path)


def test_a_client_is_explained_while_the_server_runs(recorded: Office) -> None:
    answer = recorded.ask("GET", f"/v1/explain?client={CLIENT}&count=1")
    check_answer(answer, operation("/v1/explain"))
    (one,) = json.loads(answer[2])["explanations"]
    assert one["description"].startswith("Packet DHCPREQUEST")
    assert any(reason["place"] for reason in one["reasons"]), "a statement has its line"
    assert not one["differs_from_recording"]
    both = json.loads(recorded.ask("GET", f"/v1/explain?client={CLIENT}")[2])["explanations"]
    assert [row["seq"] for row in both] == sorted(row["seq"] for row in both)
    assert len(both) == 2
    first = recorded.ask("GET", f"/v1/explain?client={CLIENT}&until={both[0]['wall_us'] // 1_000_000 - 1}")[2]
    assert json.loads(first)["explanations"] == []
    assert json.loads(recorded.ask("GET", "/v1/explain?client=02:00:00:00:00:99")[2])["explanations"] == []


def test_files_that_are_too_old_or_damaged_are_told_from_others(recorded: Office, tmp_path: Path) -> None:
    recorded.admin._site.recording.flush()
    path = str(tmp_path / "trace")
    (tmp_path / "bad").write_bytes(b"nonsense")
    answer = json.loads(explained([str(tmp_path / "bad"), path], CLIENT, 9, 0, 1 << 62))
    assert len(answer["explanations"]) == 2
    assert len(answer["unread"]) == 1
    assert answer["unread"][0].count(str(tmp_path / "bad")) == 1
    os.utime(path, (1, 1))
    assert json.loads(explained([path], CLIENT, 9, 2_000_000, 1 << 62)) == {"explanations": [], "unread": []}


def test_reloads_tell_what_they_changed_and_for_whom(recorded: Office, tmp_path: Path) -> None:
    run, recorder = recorded.run, recorded.admin._site.recording
    before = len(run.pairs)
    for text in (CONFIGURATION.replace(b"routers 10.0.0.1", b"routers 10.0.0.9"), CONFIGURATION + b"option nosuch 1;"):
        run.tell(ev.ConfigurationFile(0, 0, "/etc/dhcpd.conf", text, ""))
        run.tell(ev.ConfigurationEnd(0, 0, "/etc/dhcpd.conf", reload=True))
    for event, effects in run.pairs[before:]:
        recorder.write_effects(recorder.write_events([event]), [effects])
    answer = recorded.ask("GET", "/v1/reloads")
    check_answer(answer, operation("/v1/reloads"))
    taken, refused = json.loads(answer[2])["reloads"]
    assert (taken["result"], refused["result"]) == ("in force", "refused")
    assert "  + option routers 10.0.0.9;" in taken["changes"]
    assert refused["changes"] == []
    assert any("unknown option dhcp.nosuch" in line for line in refused["lines"])
    assert json.loads(reloaded([str(tmp_path / "trace")], 1 << 62)) == {"reloads": [], "unread": []}


def test_two_runs_that_count_from_one_are_told_in_the_order_of_time(recorded: Office, tmp_path: Path) -> None:
    """A server that was started again has older files of the recording whose events have the same numbers."""
    run, recorder, day_us = recorded.run, recorded.admin._site.recording, 86_400_000_000
    begun = len(run.pairs)
    run.tell(ev.ConfigurationFile(0, 0, "/etc/dhcpd.conf", CONFIGURATION.replace(b"10.0.0.1;", b"10.0.0.9;", 1), ""))
    run.tell(ev.ConfigurationEnd(0, 0, "/etc/dhcpd.conf", reload=True))
    for event, effects in run.pairs[begun:]:
        recorder.write_effects(recorder.write_events([event]), [effects])
    recorder.flush()
    later = str(tmp_path / "later")
    with contextlib.closing(TapeWriter.create(later, version="test")) as tape:
        for event, effects in run.pairs:
            seq = tape.write_events([event._replace(wall_us=event.wall_us + day_us)])
            tape.write_effects(seq, [effects])
    files = [str(tmp_path / "trace"), later]
    times = [row["wall_us"] for row in json.loads(explained(files, CLIENT, 9, 0, 1 << 62))["explanations"]]
    assert len(times) == 4
    assert times == sorted(times)
    times = [row["wall_us"] for row in json.loads(reloaded(files, 0))["reloads"]]
    assert times == [times[0], times[0] + day_us]


def test_the_report_is_a_page(recorded: Office) -> None:
    status, headers, body = recorded.ask("GET", "/v1/report")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert body.lower().startswith(b"<!doctype html>")
    assert recorded.ask("GET", "/v1/report?file=nosuch")[0] == 404


def test_the_configuration_in_force_has_its_places(office: Office) -> None:
    answer = office.ask("GET", "/v1/configuration?what=10.0.1.5")
    check_answer(answer, operation("/v1/configuration"))
    (one,) = json.loads(answer[2])["receivers"]
    places = {row["text"]: row["place"] for row in one["statements"]}
    assert places["option routers 10.0.0.1;"].startswith("/etc/dhcpd.conf:")
    assert office.ask("GET", "/v1/configuration?what=nosuch")[0] == 404


def test_nothing_is_owed_to_dns(office: Office) -> None:
    assert office.get("/v1/dns") == {"under_way": 0, "owed": 0, "debts": []}


def test_a_child_that_fails_is_a_problem_and_too_many_wait(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_args: object) -> bytes:
        raise RuntimeError("no luck")

    monkeypatch.setattr("dhcpd.admin.answers.configuration.effective", break_down)
    status, _headers, body = office.ask("GET", "/v1/configuration")
    assert status == 500
    assert "no luck" in json.loads(body)["detail"]
    monkeypatch.setattr(errands, "AT_ONCE_MAXIMUM", 0)
    assert office.ask("GET", "/v1/configuration")[0] == 503
