"""`dhcpd-trace show`: the events of a recording, and what was done about each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ...trace import Entry
from ..console import JSON, TAPE, hardware, opened, plain, print_json
from ..describe import answer_line, clock, effect_line, event_line, record_fields

if TYPE_CHECKING:
    from ...trace.effects import Effect
    from ...trace.events import Event


@click.command()
@TAPE
@click.option("--client", callback=hardware, metavar="HARDWARE", help="Only this client's packets.")
@click.option("--from", "from_seq", type=click.IntRange(min=1), default=1, metavar="N", help="Begin at event N.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Show at most N events.")
@click.option("--kind", metavar="NAME", help="Only events of this kind (Packet, Timer, ...).")
@click.option("--full", is_flag=True, help="Every field; packets decoded option by option.")
@JSON
def show(
    trace: str, *, client: bytes | None, from_seq: int, count: int | None, kind: str | None, full: bool, as_json: bool
) -> None:
    """The events of a recording, and what the server did about each."""
    printer = _show_json if as_json else _show_full if full else _show_line
    with opened(trace) as tape:
        shown = 0
        entries = tape.iterate(from_seq=from_seq) if client is None else tape.client(client, from_seq=from_seq)
        for entry in entries:
            if not isinstance(entry, Entry) or (kind and type(entry.event).__name__.lower() != kind.lower()):
                continue
            printer(entry.seq, entry.event, entry.effects)
            shown += 1
            if shown == count:
                break


def _show_line(seq: int, event: Event, effects: tuple[Effect, ...] | None) -> None:
    answer = "(not recorded)" if effects is None else answer_line(effects)
    click.echo(f"{seq:>8}  {clock(event.wall_us)}  {event_line(event)} -> {answer}")


def _show_full(seq: int, event: Event, effects: tuple[Effect, ...] | None) -> None:
    click.echo(f"event {seq}: {event_line(event)}")
    for field in record_fields(event):
        click.echo(f"    {field.name:<28} {_indented(field.value)}")
    for effect in effects or ():
        click.echo(f"  effect: {effect_line(effect)}")
        for field in record_fields(effect):
            click.echo(f"    {field.name:<28} {_indented(field.value)}")
    if effects is None:
        click.echo("  effects: not recorded")
    click.echo("")


def _indented(text: str) -> str:
    return text.replace("\n", "\n" + " " * 33)


def _show_json(seq: int, event: Event, effects: tuple[Effect, ...] | None) -> None:
    print_json({
        "seq": seq,
        "event": type(event).__name__,
        "fields": plain(event),
        "effects": None
        if effects is None
        else [{"effect": type(effect).__name__, "fields": plain(effect)} for effect in effects],
    })
