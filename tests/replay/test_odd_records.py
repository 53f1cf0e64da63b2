"""A stranger's recording with well-made records and impossible values in them: no verb ends in a traceback."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

import pytest
from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.trace import Entry, TapeWriter, open_tape
from dhcpd.trace import effects as fx
from dhcpd.trace import events as ev
from tests.replay.engine_runs import Run

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "udhcpc" / "trace.bin"
CHANGED = (ev.Packet, fx.Send, fx.Log, fx.Ping, fx.Settings)
ODD: dict[str, dict[str, Any]] = {
    "ports": {"source_port": 70_000, "port": 99_999},
    "ports below zero": {"source_port": -5, "port": -1},
    "the server's port": {"local_port": 70_000},
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
    path, conf = tmp_path / "odd.trace", tmp_path / "dhcpd.conf"
    conf.write_text("subnet 10.66.0.0 netmask 255.255.0.0 { range 10.66.2.1 10.66.2.9; }\n")
    with open_tape(FIXTURE) as tape, TapeWriter.create(path, version="0") as made:
        for entry in tape.iterate():
            if isinstance(entry, Entry):
                seq = made.write_events([changed(entry.event, ODD[name])])
                made.write_effects(seq, [[changed(effect, ODD[name]) for effect in entry.effects or ()]])
    for words in (
        ["show", "--full"], ["show", "--json"], ["redact", "-o", str(tmp_path / "redacted.trace")],
        ["export", "--no-reasons", "--pcapng", str(tmp_path / "odd.pcapng")],
        ["report", "-o", str(tmp_path / "odd.html")], ["stats"], ["whatif", "-cf", str(conf)], ["explain"],
        ["history", "10.66.1.1"], ["diff", "1", "9999"], ["at", "9999", "--leases"], ["verify", "--jobs", "1"],
    ):  # fmt: skip
        result = CliRunner().invoke(cli, [words[0], str(path), *words[1:]])
        assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
        assert "Traceback" not in result.output


VALUES: Final[dict[type, tuple[Any, ...]]] = {
    bool: (False, True),
    int: (0, 1, 4, 67, 255, 65_535, 65_536, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, -1, -(1 << 63), 0x0A000102),
    str: ("", "eth0", "a\nb", "\x1b[31m", "../..", "\u202e", "append", "lost", "omapi", "failover", "x" * 70_000),
    bytes: (b"", b"\0", b"abcd", b"\xff" * 300, bytes(300), b"{" * 100, b"lease 10.0.1.20 { binding state active; }",
            b"\0\0\0\x64\0\0\0\x18", bytes(range(256))),
}  # fmt: skip


def drawn(draws: random.Random, hint: Any) -> Any:
    """A value for a field annotated with `hint`, or a record of its class."""
    if hasattr(hint, "_fields"):
        return hint._make([drawn(draws, one) for one in get_type_hints(hint).values()])
    if get_origin(hint) is not tuple:
        return draws.choice(VALUES[hint])
    inner = get_args(hint)
    if inner[-1] is Ellipsis:
        return tuple(drawn(draws, inner[0]) for _ in range(draws.choice((0, 1, 4))))
    return tuple(drawn(draws, one) for one in inner)


@pytest.mark.parametrize("seed", range(6))
def test_no_verb_fails_for_any_records_in_any_order(tmp_path: Path, seed: int) -> None:
    """A server that serves is told what nobody has asked for, and recorded as asking for anything."""
    draws = random.Random(seed)
    run = Run()
    run.exchange(1)
    path = tmp_path / "odd.trace"
    with TapeWriter.create(path, version="0") as made:
        for event, effects in run.pairs[: draws.choice((None, None, 3))]:
            made.write_effects(made.write_events([event]), [effects])
        last_us = run.now_us
        for _ in range(4):
            event = drawn(draws, draws.choice(list(ev.EVENT_IDS)))
            event = event._replace(wall_us=last_us + draws.choice((0, 1, 10**9)), mono_us=draws.choice((0, 1 << 40)))
            seq = made.write_events([event])
            made.write_effects(seq, [[drawn(draws, one) for one in draws.choices(list(fx.EFFECT_IDS), k=3)]])
    last = str(len(run.pairs) + 1)
    for words in (
        ["info"], ["show", "--full"], ["show", "--json"], ["stats"], ["metrics"], ["verify"],
        ["at", "+60s", "--leases"], ["at", "+60s", "--failover"],
        ["history", "10.0.1.20"], ["diff", "+1ms", "+60s"], ["explain", "--event", last],
        ["report", "-o", str(tmp_path / "odd.html")], ["redact", "-o", str(tmp_path / "redacted.trace")],
        ["export", "--pcapng", str(tmp_path / "odd.pcapng")],
        ["slice", "-o", str(tmp_path / "piece.trace"), "--from", "2"], ["pair", str(path)],
    ):  # fmt: skip
        result = CliRunner().invoke(cli, [words[0], str(path), *words[1:]])
        assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
        assert "Traceback" not in result.output, words
