"""Two machines of one recording do the same: side by side on one configuration, asked for reasons, made of a snapshot.

Every recording of fixtures/ is played, so that what clients, operators by OMAPI and partners by failover have ever
been recorded to do is held to it, and what will be.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgpack
import pytest

from dhcpd.engine import startup
from dhcpd.engine.machine import Machine
from dhcpd.trace import Entry, open_tape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dhcpd.engine.model.configuration import Configuration
    from dhcpd.trace.effects import Effect
    from dhcpd.trace.events import ConfigurationEnd, Event

RECORDED: Final = Path(__file__).parents[3] / "fixtures"
FIXTURES: Final = sorted([*RECORDED.glob("*/trace.bin"), *RECORDED.glob("*/*.trace")])
EACH_FIXTURE: Final = pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
# How many events the second machine is behind the first, and from how many moments a run is gone on with.
BEHIND: Final = 5
MOMENTS: Final = 4
# Playing the first of a long recording tells as much as playing it whole.
EVENTS_MAXIMUM: Final = 400


def events_of(path: Path) -> list[Event]:
    with open_tape(path) as tape:
        return [entry.event for entry in islice(tape.iterate(), EVENTS_MAXIMUM) if isinstance(entry, Entry)]


@EACH_FIXTURE
def test_side_by_side_on_one_configuration(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second runs behind, and is asked for its reasons, which must change nothing."""
    load, known = startup.load_configuration, {}  # type: ignore[var-annotated]

    def shared(
        files: Mapping[str, bytes | str], event: ConfigurationEnd, effects: list[Effect], *more: tuple[str, ...]
    ) -> Configuration | None:
        found = load(files, event, effects, *more)
        return None if found is None else known.setdefault(tuple(files.items()), found)

    monkeypatch.setattr(startup, "load_configuration", shared)
    events, alone, first, second = events_of(path), Machine(), Machine(), Machine()
    told = [alone.apply(event) for event in events]
    known.clear()
    for number in range(len(events) + BEHIND):
        if number < len(events):
            assert first.apply(events[number]) == told[number], f"event {number}"
        if number >= BEHIND:
            late = number - BEHIND
            assert second.explain(events[late])[0] == told[late], f"event {late}, the second time"
    assert first.configuration is second.configuration
    assert first.configuration is not alone.configuration or alone.configuration is None
    assert first.snapshot() == second.snapshot() == alone.snapshot()


@EACH_FIXTURE
def test_made_of_a_snapshot(path: Path) -> None:
    events, machine = events_of(path), Machine()
    told: list[list[Effect]] = []
    snapshots: list[bytes] = []
    every = max(1, len(events) // (MOMENTS + 1))
    for number, event in enumerate(events):
        told.append(machine.apply(event))
        if machine.serving and not machine.rewriting and number % every == every - 1:
            snapshots.append(msgpack.packb((number + 1, machine.snapshot())))
    assert snapshots or not machine.serving
    for packed in snapshots:
        behind, data = msgpack.unpackb(packed, strict_map_key=False)
        restored = Machine.restore(data)
        assert msgpack.packb((behind, restored.snapshot())) == packed
        for number, event in enumerate(events[behind:], behind):
            assert restored.apply(event) == told[number], f"event {number} from {behind} on"
