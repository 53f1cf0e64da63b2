"""A line for each event of a recording, in columns: when, which client, by which way, what it said, what it heard.

A line begins before the next event is known, and is never cut: columns have a usual width, and what is wider pushes the
rest to the right. What concerns no client stands across all columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace.effects import Answers, Send
from ...trace.events import Packet
from .decode import hardware_of_payload
from .describe import answer_line, clock, event_line
from .messages import answer_words, name_text, read_message, reply_words, said_words, way_words
from .terminal import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...trace.effects import Effect
    from ...trace.events import Event

    Names = Callable[[bytes], bytes]

_SEQ, _CLOCK, _CLIENT, _WAY, _SAID = 8, 15, 28, 15, 31
_NOT_RECORDED: Final = "(not recorded)"


class Row(NamedTuple):
    """What one client said and heard. `client`: hardware address and host name; `way`: relay or interface."""

    client: str
    way: str
    said: str
    heard: str


HEADS: Final = Row("client", "relay/interface", "said", "answered")


def rows(event: Event, effects: Sequence[Effect] | None, names: Names) -> list[Row]:
    """The rows of an event, none where it concerns no client. `names` gives the host name of a hardware address."""
    if isinstance(event, Packet):
        message = read_message(event.payload)
        heard = _NOT_RECORDED if effects is None else answer_words(effects)
        return [Row(_client(message.hardware, names), way_words(event, message), said_words(message), heard)]
    return list(_late(event, effects or (), names))


def _late(event: Event, effects: Sequence[Effect], names: Names) -> Iterator[Row]:
    """Answers to messages of before: an OFFER that waited for a ping."""
    said = f"({type(event).__name__})"
    for effect in effects:
        if isinstance(effect, Answers):
            said = f"(event {effect.event:,})"
        elif isinstance(effect, Send):
            client = _client(hardware_of_payload(effect.payload), names)
            yield Row(client, effect.interface or "fallback", said, reply_words(effect))


def _client(hardware: bytes, names: Names) -> str:
    name = name_text(names(hardware))
    return f"{hardware.hex(':')} {name}".strip() or "no hardware"


def event_lines(
    seq: int, event: Event, effects: Sequence[Effect] | None, names: Names, rest: bytes = b""
) -> list[str]:
    """The lines of an event, safe for a terminal. `rest` is as for describe.event_line."""
    begin = f"{seq:>{_SEQ}}  {clock(event.wall_us):<{_CLOCK}}  "
    made = [begin + _columns(row) for row in rows(event, effects, names)]
    if made:
        return made
    answer = _NOT_RECORDED if effects is None else answer_line(effects)
    return [begin + safe(f"{event_line(event, rest)} -> {answer}")]


def head_line() -> str:
    """The line above all others."""
    return f"{'event':>{_SEQ}}  {'time (UTC)':<{_CLOCK}}  {_columns(HEADS)}"


def _columns(row: Row) -> str:
    client, way, said, heard = map(safe, row)
    arrow = "   " if row is HEADS else "-> "
    return f"{client:<{_CLIENT}}  {way:<{_WAY}}  {said:<{_SAID}}  {arrow}{heard}"
