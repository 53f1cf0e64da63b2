"""Log lines: syslog's bytes as ISC's, standard error as long as asked, nothing that can stall the loop."""

import json
import os
import re
import socket
from pathlib import Path

import pytest

from dhcpd.process import logging
from dhcpd.process.logging import Logger
from dhcpd.trace.effects import ERROR, INFO


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


def test_the_section_that_every_fatal_error_names_is_there():
    readme = (Path(__file__).resolve().parents[3] / "README.md").read_text()
    assert "section on reporting" in logging.TRAILER[2]
    assert "\n## Reporting bugs\n" in readme
