"""`dhcpd-trace show`: the events of a recording, and what was done about each."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from ...trace.events import Packet
from ..command.console import JSON, TAPE, complain, opened, plain, print_json, print_lines
from ..command.progress import reading
from ..looking.filters import Filter, select
from ..looking.naming import HostNames, address_of
from ..playing.seek import first_us
from ..showing.describe import effect_line, event_line, record_fields
from ..showing.rows import event_lines, head_line
from ..showing.streams import Unfinished
from ..showing.times import NoMoment, time_us

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...trace import Entry, Tape
    from ...trace.effects import Effect
    from ...trace.events import Event

FOLLOW_EVERY_S: Final = 0.2
INTERRUPTED: Final = 130
XID_MAXIMUM: Final = 0xFFFFFFFF


@click.command()
@TAPE
@click.option("--client", metavar="MAC|IP|ID|NAME", help="Only this client's packets.")
@click.option("--address", metavar="ADDRESS", help="Only packets that ask for, hold or are given this address.")
@click.option("--xid", metavar="HEX", help="Only packets of this transaction.")
@click.option("--kind", multiple=True, metavar="NAME", help="Only events of this kind (Packet, ...); may be repeated.")
@click.option("--message", multiple=True, metavar="TYPE", help="Only this message (DISCOVER, ...); may be repeated.")
@click.option("--unanswered", is_flag=True, help="Only packets that were not answered.")
@click.option("--since", metavar="TIME", help="Nothing before: 14:05:00, 2026-11-24T14:05:00, +90s (UTC).")
@click.option("--until", metavar="TIME", help="Nothing after.")
@click.option("--from", "from_seq", type=click.IntRange(min=1), default=1, metavar="N", help="Begin at event N.")
@click.option("--to", "to_seq", type=click.IntRange(min=1), metavar="N", help="End with event N.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Show at most N events.")
@click.option("--follow", is_flag=True, help="Wait for more, until the run ends.")
@click.option("--full", is_flag=True, help="Every field; packets decoded option by option.")
@JSON
def show(trace: str, *, count: int | None, follow: bool, full: bool, as_json: bool, **options: Any) -> None:
    """The events of a recording, and what the server did about each. Filters combine: all must agree.

    A client is named by its hardware address in any notation, an IPv4 address, its identifier or its host name.
    """
    names = HostNames()
    printer = _show_json if as_json else _show_full if full else _Lines(names)
    with opened(trace) as tape, reading(tape, as_json=as_json, until=options["to_seq"] or 0) as progress:
        wanted = _filter(tape, options)
        number = 0
        streams = Unfinished()

        def look(entry: Entry) -> None:
            progress.at(entry)
            streams.see(entry.event)
            if isinstance(entry.event, Packet):
                names.learn(entry.event.payload)

        try:
            chosen = select(tape, wanted, _wait if follow else None, look)
            for number, entry in enumerate(chosen, 1):
                progress.clear()
                printer(entry.seq, entry.event, entry.effects, streams.rest)
                if number == count:
                    break
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
    if not number:
        complain(f"{trace}: no event fits")


def _wait() -> bool:
    """Let some time go by at the end of a file that grows."""
    sys.stdout.flush()
    time.sleep(FOLLOW_EVERY_S)
    return True


def _filter(tape: Tape, options: dict[str, Any]) -> Filter:
    """The filter that the command line asks for. Raises click.BadParameter, TapeError."""
    address, xid = options["address"], options["xid"]
    if address is not None and address_of(address) is None:
        message = f"{address} is no IPv4 address"
        raise click.BadParameter(message, param_hint="--address")
    return Filter(
        client=options["client"],
        address=address,
        xid=None if xid is None else _xid(xid),
        kinds=frozenset(kind.lower() for kind in options["kind"]),
        messages=frozenset(name.lower().removeprefix("dhcp") for name in options["message"]),
        since_us=_time(tape, options["since"], "--since"),
        until_us=_time(tape, options["until"], "--until"),
        from_seq=options["from_seq"],
        to_seq=options["to_seq"],
        unanswered=options["unanswered"],
    )


def _xid(text: str) -> int:
    try:
        return int.from_bytes(bytes.fromhex(text.removeprefix("0x").rjust(8, "0")), "big") & XID_MAXIMUM
    except ValueError:
        message = f"{text} is no transaction id; write it in hex, as --full does"
        raise click.BadParameter(message, param_hint="--xid") from None


def _time(tape: Tape, text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        return time_us(text, first_us(tape))
    except NoMoment as error:
        raise click.BadParameter(str(error), param_hint=name) from None


class _Lines:
    """A line an event; at a terminal below a line of heads, elsewhere without, so that lines are events."""

    def __init__(self, names: HostNames) -> None:
        self._names = names
        self._headed = not sys.stdout.isatty()

    def __call__(self, seq: int, event: Event, effects: tuple[Effect, ...] | None, rest: bytes) -> None:
        if not self._headed:
            self._headed = True
            click.secho(head_line(), bold=True)
        print_lines(*event_lines(seq, event, effects, self._names.of, rest))


def _show_full(seq: int, event: Event, effects: tuple[Effect, ...] | None, rest: bytes) -> None:
    print_lines(f"event {seq}: {event_line(event, rest)}", *_fields(event, rest))
    for effect in effects or ():
        print_lines(f"  effect: {effect_line(effect)}", *_fields(effect))
    if effects is None:
        print_lines("  effects: not recorded")
    print_lines("")


def _fields(record: Event | Effect, rest: bytes = b"") -> Iterator[str]:
    """A field a line; where its value has several, the others stand below it."""
    for name, value in record_fields(record, rest=rest):
        first, *others = value.split("\n")
        yield f"    {name:<28} {first}"
        for line in others:
            yield f"{'':<33}{line}"


def _show_json(seq: int, event: Event, effects: tuple[Effect, ...] | None, _rest: bytes) -> None:
    print_json({
        "seq": seq,
        "event": type(event).__name__,
        "fields": plain(event),
        "effects": None
        if effects is None
        else [{"effect": type(effect).__name__, "fields": plain(effect)} for effect in effects],
    })
