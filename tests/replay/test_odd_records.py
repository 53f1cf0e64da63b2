"""A stranger's recording with well-made records and impossible values in them: no verb ends in a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.trace import Entry, TapeWriter, open_tape
from dhcpd.trace import effects as fx
from dhcpd.trace import events as ev

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "udhcpc" / "trace.bin"
CHANGED = (ev.Packet, fx.Send, fx.Log, fx.Ping)
ODD: dict[str, dict[str, Any]] = {
    "ports": {"source_port": 70_000, "port": 99_999},
    "ports below zero": {"source_port": -5, "port": -1},
    "addresses": {"source": 1 << 40, "destination": 1 << 40, "address": -1},
    "addresses below zero": {"source": -1, "destination": -1, "address": 1 << 33},
    "an interface": {"interface": "x" * 70_000},
    "a lone surrogate": {"text": "a\ud800b", "interface": "\ud800"},
    "no payload": {"payload": b""},
    "a long payload": {"payload": bytes(70_000)},
    "a link": {"link": b"x" * 40},
}


def changed(record: Any, fields: dict[str, Any]) -> Any:
    if not isinstance(record, CHANGED):
        return record
    return record._replace(**{name: value for name, value in fields.items() if name in record._fields})


@pytest.mark.parametrize("name", ODD)
def test_no_verb_fails(tmp_path: Path, name: str) -> None:
    path = tmp_path / "odd.trace"
    with open_tape(FIXTURE) as tape, TapeWriter.create(path, version="0") as made:
        for entry in tape.iterate():
            if isinstance(entry, Entry):
                seq = made.write_events([changed(entry.event, ODD[name])])
                made.write_effects(seq, [[changed(effect, ODD[name]) for effect in entry.effects or ()]])
    for words in (
        ["show", "--full"], ["show", "--json"], ["redact", "-o", str(tmp_path / "redacted.trace")],
        ["export", "--no-reasons", "--pcapng", str(tmp_path / "odd.pcapng")],
        ["report", "-o", str(tmp_path / "odd.html")], ["stats"],
    ):  # fmt: skip
        result = CliRunner().invoke(cli, [words[0], str(path), *words[1:]])
        assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
        assert "Traceback" not in result.output
