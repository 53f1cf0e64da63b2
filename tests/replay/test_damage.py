"""Tapes that are not whole, not ours or not of our time: the exit status and one line each, never a traceback."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpd.replay.command.cli import cli
from dhcpd.replay.command.playback import main
from dhcpd.trace import open_tape
from tests.replay.engine_runs import Run
from tests.replay.tapes import record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    run = Run()
    run.serve(40)
    return record(tmp_path_factory.mktemp("run") / "trace", *run.pairs, noted=True).read_bytes()


def play(tmp_path: Path, octets: bytes) -> int:
    (tmp_path / "trace").write_bytes(octets)
    return main(str(tmp_path / "trace"), str(tmp_path / "leases"))


def test_whole(whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert play(tmp_path, whole) == 0
    assert capsys.readouterr().err.endswith(" 0 differences\n")


def test_a_flipped_bit_is_damage_wherever_it_is(
    whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(1)
    assert play(tmp_path, whole) == 0
    judged = capsys.readouterr().err
    for _ in range(40):
        at = dice.randrange(len(whole))
        flipped = bytearray(whole)
        flipped[at] ^= 1 << dice.randrange(8)
        status = play(tmp_path, bytes(flipped))
        error = capsys.readouterr().err
        assert "Traceback" not in error
        # In the version it is a newer tape; in the index behind the records it may cost nothing at all, but then
        # every event was played.
        assert status in (2, 125) or (status == 0 and error == judged), f"byte {at}: {status} {error}"


def test_a_cut_tail_plays_what_is_there(whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dice = random.Random(2)
    for _ in range(20):
        at = dice.randrange(100, len(whole))
        status = play(tmp_path, whole[:at])
        error = capsys.readouterr().err
        assert status in (0, 2), error
        assert "Traceback" not in error
        assert "differences" in error or "not a recording of dhcpd" in error


def test_a_file_that_is_no_tape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for octets in (b"", b"#!/bin/sh\n", bytes(4096)):
        assert play(tmp_path, octets) == 2
        error = capsys.readouterr().err
        assert "not a recording of dhcpd" in error
        assert len(error.splitlines()) == 1
        assert not (tmp_path / "leases").exists()


def test_a_newer_format_cannot_be_judged(whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dhcpd.trace.format import FILE_HEADER

    magic, version, *rest = FILE_HEADER.unpack_from(whole)
    newer = FILE_HEADER.pack(magic, version + 1, *rest) + whole[FILE_HEADER.size :]
    assert play(tmp_path, newer) == 125
    assert f"format {version + 1}" in capsys.readouterr().err


def test_a_folder_is_no_tape_and_a_missing_file_cannot_be_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, status in ((tmp_path, 2), (tmp_path / "missing", 125)):
        assert main(str(path), str(tmp_path / "leases")) == status
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_lease_file_that_cannot_be_written_cannot_be_judged(
    whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trace").write_bytes(whole)
    assert main(str(tmp_path / "trace"), str(tmp_path / "none" / "leases")) == 125
    assert "cannot write the lease file" in capsys.readouterr().err


def test_the_client_index_finds_what_a_scan_finds(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "trace").write_bytes(whole)
    hardware = b"\x02\0\0\0\0\x03"
    with open_tape(tmp_path / "trace") as tape:
        packets = [entry for entry in tape.iterate() if hasattr(getattr(entry, "event", None), "payload")]
        scanned = [entry.seq for entry in packets if entry.event.payload[28:34] == hardware]
    with open_tape(tmp_path / "trace") as tape:
        assert [entry.seq for entry in tape.client(hardware)] == scanned


LOOKS = (
    ("info",),
    ("info", "--full"),
    ("show", "--since", "+20s"),
    ("show", "--client", "02:00:00:00:00:03"),
    ("at", "60", "--leases"),
    ("at", "+30s"),
    ("history", "10.0.1.1"),
    ("diff", "20", "+60s"),
    ("stats", "--every", "1m"),
    ("stats", "--json"),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    look=st.sampled_from(LOOKS),
    hits=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=4),
    length=st.integers(0, 1 << 20),
    cut=st.booleans(),
)
def test_whoever_looks_at_damage_is_told(
    whole: bytes, tmp_path: Path, look: tuple[str, ...], hits: list[tuple[int, int]], length: int, cut: bool
) -> None:
    """Every verb that reads: octets changed anywhere, cut anywhere, or nothing left."""
    octets = bytearray(whole)
    for at, value in hits:
        octets[at % len(octets)] = value
    (tmp_path / "trace").write_bytes(octets[: length % len(octets)] if cut else octets)
    verb, *words = look
    result = CliRunner().invoke(cli, [verb, str(tmp_path / "trace"), *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), (look, result.exception)
    assert result.exit_code in (0, 2, 125)
    assert result.exit_code == 0 or result.stderr
