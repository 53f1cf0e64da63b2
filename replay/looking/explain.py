"""Why did this client get that address, and that option? `dhcpd-trace explain`.

A machine is told the tape's events, from the last snapshot before the first one in question, and asked for its reasons
at each event in question. What it does is compared with the recording, so that an explanation of something else than
what happened says so. Nothing is sent or written.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

from ...trace import Entry
from ..playing.compare import same
from ..playing.seek import engine_at, machine_at
from ..showing.describe import answer_line, event_line, moment
from .leasetable import CAUSES, lease_object, row_of, when

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import Console

    from ...engine.model.change import Change
    from ...engine.service.reasons import Reason
    from ...trace import Tape
    from ...trace.effects import Effect
    from ...trace.events import Event


class Explanation(NamedTuple):
    """One event, what was done about it, and why; what became of leases. `differs`: the recording has other effects."""

    seq: int
    event: Event
    effects: tuple[Effect, ...]
    reasons: tuple[Reason, ...]
    changes: tuple[Change, ...]
    differs: bool


def find(tape: Tape, wanted: Callable[[Entry], bool], count: int | None) -> list[int]:
    """The numbers of the events that are wanted, at most `count`. Raises DamagedTape where the tape cannot be read."""
    found: list[int] = []
    for entry in tape.iterate():
        if isinstance(entry, Entry) and wanted(entry):
            found.append(entry.seq)
            if len(found) == count:
                break
    return found


def explain(tape: Tape, numbers: Iterable[int]) -> Iterator[Explanation]:
    """The explanation of each numbered event, in order. Raises DamagedTape, EngineFailed."""
    left = sorted(numbers)
    if not left:
        return
    machine = machine_at(tape, left[0] - 1)
    for entry in tape.iterate(from_seq=left[0]):
        if not isinstance(entry, Entry):
            continue
        if entry.seq != left[0]:
            with engine_at(entry.seq):
                machine.apply(entry.event)
            continue
        with engine_at(entry.seq):
            effects, reasons = machine.explain(entry.event)
        differs = entry.effects is not None and not same(entry.effects, effects)
        yield Explanation(entry.seq, entry.event, tuple(effects), tuple(reasons), machine.changes, differs)
        del left[0]
        if not left:
            return


def as_object(one: Explanation) -> dict[str, object]:
    """An explanation as JSON has it; `place` is `file:line` or null."""
    return {
        "seq": one.seq,
        "event": type(one.event).__name__,
        "wall_us": one.event.wall_us,
        "description": event_line(one.event),
        "answer": answer_line(one.effects),
        "differs_from_recording": one.differs,
        "reasons": [
            {**reason._asdict(), "place": None if reason.place is None else str(reason.place)} for reason in one.reasons
        ],
        "changes": [
            {
                "cause": change.cause,
                "before": lease_object(row_of(change.before)),
                "after": lease_object(row_of(change.after)),
            }
            for change in one.changes
        ],
    }


def _change_cells(change: Change) -> tuple[str, str, str]:
    """The address, what became of its lease, and why."""
    old, new = row_of(change.before), row_of(change.after)
    states = new.state if old.state == new.state else f"{old.state} -> {new.state}"
    until = when(new.ends)
    return str(IPv4Address(new.address)), f"{states} until {until}" if until else states, CAUSES[change.cause]


def show(console: Console, one: Explanation) -> None:
    """An explanation for people."""
    from rich.table import Table  # noqa: PLC0415 - who only looks for a client prints no table
    from rich.text import Text  # noqa: PLC0415 - as above

    console.print(Text(f"event {one.seq:,}  {moment(one.event.wall_us)}", style="bold"))
    console.print(Text(f"  {event_line(one.event)}"))
    console.print(Text(f"  -> {answer_line(one.effects)}"))
    if one.differs:
        console.print(Text("  The recording has other effects: see `dhcpd-trace verify`.", style="bold red"))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    last = ""
    for step, subject, verdict, why, place in one.reasons:
        label = "" if step == last else step
        cells = (f"  {label}", subject, verdict, why, str(place or ""))
        table.add_row(*(Text(cell) for cell in cells))
        last = step
    for number, change in enumerate(one.changes):
        table.add_row(*(Text(cell) for cell in ("" if number else "  lease", *_change_cells(change), "")))
    console.print(table if one.reasons or one.changes else Text("  Nothing was decided for this event."))
    console.print("")
