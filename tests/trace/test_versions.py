"""A recording of another version: what a newer one has is told as that, never as damage; an older one is read whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from dhcpd.trace import DamagedTape, Entry, NewerTape, TapeWriter, open_tape
from dhcpd.trace.codec import EFFECT_HEADS
from dhcpd.trace.effects import EFFECT_IDS, INFO, Log, Serving, Wake
from dhcpd.trace.events import EVENT_IDS, Listening, Remark, Timer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


class LaterRecord(NamedTuple):
    """A record of a later version."""

    wall_us: int
    mono_us: int
    content: bytes


class LongerTimer(NamedTuple):
    """`Timer` as a later version might have it."""

    wall_us: int
    mono_us: int
    owner: int


def write(path: Path, pairs: Sequence[Any], change: Callable[[pytest.MonkeyPatch], None]) -> None:
    """A tape of these (event, effects) by a program whose alphabet was changed."""
    with pytest.MonkeyPatch.context() as patch:
        change(patch)
        with TapeWriter.create(path, version="9") as tape:
            for event, effects in pairs:
                tape.write_effects(tape.write_events([event]), [effects])


def read(path: Path, **how: bool) -> list[Entry]:
    entries: list[Entry] = []
    with open_tape(path) as tape:
        try:
            for entry in tape.iterate(**how):
                assert isinstance(entry, Entry)
                entries.append(entry)
        except NewerTape as error:
            entries.append(Entry(0, Remark(0, 0, 0, error.what), None))
    return entries


BEFORE = (Timer(1, 1), (Wake(7),))


@pytest.mark.parametrize("resync", [False, True])
@pytest.mark.parametrize("size", [10, 3 << 20])
def test_an_unknown_event_is_of_a_newer_program(tmp_path: Path, size: int, resync: bool) -> None:
    pairs = [BEFORE, (LaterRecord(2, 2, bytes(size)), ()), (Timer(3, 3), ())]
    write(tmp_path / "t", pairs, lambda patch: patch.setitem(EVENT_IDS, LaterRecord, 63))  # type: ignore[misc]
    first, told = read(tmp_path / "t", resync=resync)
    assert first == Entry(1, *BEFORE)
    assert told.event[3] == "record 63 (LaterRecord)"


def test_an_unknown_effect_is_of_a_newer_program(tmp_path: Path) -> None:
    pairs = [BEFORE, (Timer(2, 2), (Wake(8), LaterRecord(1, 2, b"")))]

    def know(patch: pytest.MonkeyPatch) -> None:
        patch.setitem(EFFECT_IDS, LaterRecord, 127)  # type: ignore[misc]
        patch.setitem(EFFECT_HEADS, LaterRecord, (127,))

    write(tmp_path / "t", pairs, know)
    first, unanswered, told = read(tmp_path / "t")
    assert first == Entry(1, *BEFORE)
    assert unanswered == Entry(2, Timer(2, 2), None)
    assert told.event[3] == "record 127 (LaterRecord)"


def test_a_known_number_with_other_fields_is_of_a_newer_program(tmp_path: Path) -> None:
    write(
        tmp_path / "t",
        [(Remark(1, 1, INFO, "x"), ()), (LongerTimer(2, 2, 5), ())],
        lambda patch: patch.setitem(EVENT_IDS, LongerTimer, EVENT_IDS[Timer]),  # type: ignore[misc]
    )
    assert read(tmp_path / "t")[-1].event[3] == "record 10 (LongerTimer)"


def test_a_number_that_no_table_has_is_damage(tmp_path: Path) -> None:
    def unlisted(patch: pytest.MonkeyPatch) -> None:
        patch.setitem(EVENT_IDS, LaterRecord, 63)  # type: ignore[misc]
        patch.setattr("dhcpd.trace.writer.record_table", dict)

    write(tmp_path / "t", [BEFORE, (LaterRecord(2, 2, b""), ())], unlisted)
    with open_tape(tmp_path / "t") as tape, pytest.raises(DamagedTape):
        list(tape.iterate())


def test_a_recording_of_before_serving_is_read_with_it(tmp_path: Path) -> None:
    lines = (Log(INFO, "Listening"), Log(INFO, "Server starting service."), Wake(1))
    pairs = [(Remark(1, 1, INFO, "x"), lines), (Listening(2, 2, plain_udp=False), lines), (Timer(3, 3), lines)]
    write(tmp_path / "old", pairs, lambda patch: patch.delitem(EFFECT_IDS, Serving))
    write(tmp_path / "new", pairs, lambda _patch: None)
    assert [entry.effects for entry in read(tmp_path / "old")] == [
        lines, (lines[0], Serving(), *lines[1:]), lines
    ]  # fmt: skip
    assert [entry.effects for entry in read(tmp_path / "new")] == [lines] * 3
