"""Log lines: syslog's bytes as ISC's, standard error as long as asked, nothing that can stall the loop."""

import json
import os
import re
import socket
from pathlib import Path

import msgpack
import pytest

from dhcpd.engine.model.notices import CALLS_TOO_DEEP, OPERATOR_CHANGE, REPLY_WITHHELD
from dhcpd.process import logging
from dhcpd.process.folding import SHOWN, WINDOW_S, Folding
from dhcpd.process.logging import Logger
from dhcpd.trace.effects import ERROR, INFO, Log


@pytest.fixture
def syslog(tmp_path, monkeypatch):
    path = str(tmp_path / "log")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(path)
    server.settimeout(2)
    monkeypatch.setattr(logging, "_DEV_LOG", path)
    yield server
    server.close()


def test_line_on_the_wire(syslog):
    logger = Logger("dhcpd")
    logger.to_stderr = False
    logger.line(INFO, "Server starting service.")
    line = syslog.recv(2000).decode()
    pattern = rf"<30>[A-Z][a-z][a-z] [ 0-9]\d \d\d:\d\d:\d\d dhcpd\[{os.getpid()}\]: Server starting service\."
    assert re.fullmatch(pattern, line)


def test_facility_and_length(syslog):
    logger = Logger("x")
    logger.to_stderr = False
    logger.facility = 23 * 8
    logger.line(ERROR, "é" * 3000)
    line = syslog.recv(5000)
    assert line.startswith(b"<187>")
    assert line.partition(b"]: ")[2] == b"\xe9" * 1023


def test_a_reader_that_sleeps_stalls_nobody(syslog, monkeypatch):
    monkeypatch.setattr(logging, "_WAITING_LINES_MAXIMUM", 5)
    logger = Logger("x")
    logger.to_stderr = False
    for number in range(2000):
        logger.line(INFO, f"line {number}")
        logger.flush()
    lines = []
    syslog.settimeout(0.2)
    for _ in range(2):
        while True:
            try:
                lines.append(syslog.recv(2000))
            except TimeoutError:
                break
        logger.line(INFO, "awake")
        logger.flush()
    assert lines[0].endswith(b"line 0")
    assert any(re.search(rb"\d+ log lines were dropped", line) for line in lines)


def test_stderr_and_fatal_trailer(capfd, monkeypatch):
    monkeypatch.setattr(logging, "_DEV_LOG", "/nonexistent/log")
    logger = Logger("dhcpd")
    logger.line(INFO, "seen")
    logger.fatal("why")
    logger.to_stderr = False
    logger.line(INFO, "unseen")
    lines = capfd.readouterr().err.split("\n")
    assert lines[:4] == ["seen", "why", "", "If you think you have received this message due to a bug rather"]
    assert lines[-3:] == ["", "exiting.", ""]


def test_json(capfd, monkeypatch):
    monkeypatch.setattr(logging, "_DEV_LOG", "/nonexistent/log")
    Logger("dhcpd", json=True).line(ERROR, 'said "no"')
    entry = json.loads(capfd.readouterr().err)
    assert entry["event"] == 'said "no"'
    assert entry["level"] == "error"
    assert entry["timestamp"].endswith("Z")


def test_json_has_the_id_of_a_line_of_ours_alone(capfd, monkeypatch):
    monkeypatch.setattr(logging, "_DEV_LOG", "/nonexistent/log")
    logger = Logger("dhcpd", json=True)
    logger.line(*OPERATOR_CHANGE(what="10.0.0.7 is reserved", who="root"))
    logger.line(INFO, "10.0.0.7 is reserved, as root has asked")
    ours, other = map(json.loads, capfd.readouterr().err.splitlines())
    assert ours.pop("id") == "operator-change"
    assert {**ours, "timestamp": ""} == {**other, "timestamp": ""}


def test_of_a_flood_a_few_are_shown_and_then_how_many_more(capfd, monkeypatch):
    monkeypatch.setattr(logging, "_DEV_LOG", "/nonexistent/log")
    now = [100.0]
    logger = Logger("dhcpd", json=True)
    monkeypatch.setattr(logger, "_folding", Folding(lambda: now[0]))

    def say(number):
        logger.line(*REPLY_WITHHELD(whose=f"10.0.0.{number}", reason="no room"))

    for number in range(SHOWN + 4):
        say(number)
        logger.line(INFO, "DHCPDISCOVER from 02:00:00:00:00:07 via eth0")
    assert logger.due_us == (100 + WINDOW_S) * 1_000_000
    now[0] += WINDOW_S
    logger.flush()
    assert logger.due_us == 0
    say(99)
    entries = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert sum("id" not in entry for entry in entries) == SHOWN + 4, "ISC's lines all come"
    ours = [entry for entry in entries if entry.get("id") == "reply-withheld"]
    said = [entry["event"] for entry in ours]
    assert said[:SHOWN] == [f"Reply withheld: 10.0.0.{n} is not on disk (no room)" for n in range(SHOWN)]
    assert said[SHOWN:] == [
        "Reply withheld: 10.0.0.8 is not on disk (no room) - and 4 more like this in 10 s",
        "Reply withheld: 10.0.0.99 is not on disk (no room)",
    ]
    assert ours[SHOWN]["more"] == 4


def test_a_flood_is_summed_up_when_the_log_ends_and_before_the_next_one(capfd, monkeypatch):
    monkeypatch.setattr(logging, "_DEV_LOG", "/nonexistent/log")
    logger = Logger("dhcpd")
    for number in range(SHOWN + 1):
        logger.line(*CALLS_TOO_DEEP(function=f"f{number}"))
    logger.flush(at_end=True)
    assert capfd.readouterr().err.splitlines()[SHOWN:] == [
        f"f{SHOWN}: too many calls within calls. - and 1 more like this in 10 s"
    ]


def test_a_notice_is_text_as_any_other_on_the_tape_and_keeps_its_id_where_it_is_raised():
    said = OPERATOR_CHANGE(what="x", who="root")
    assert said == Log(INFO, "x, as root has asked")
    assert msgpack.unpackb(msgpack.packb(said)) == [INFO, "x, as root has asked"]
    assert str(ValueError(said.text)).notice is OPERATOR_CHANGE


def test_the_section_that_every_fatal_error_names_is_there():
    readme = (Path(__file__).resolve().parents[3] / "README.md").read_text()
    assert "section on reporting" in logging.TRAILER[2]
    assert "\n## Reporting bugs\n" in readme
