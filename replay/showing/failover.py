"""The failover protocol as an operator reads it: messages in a stream's octets, on a line or field by field.

A record of a tape has the octets that came at one moment, and a message may be cut anywhere. `pieces` finds the whole
messages in them: with what an earlier record left (`rest`), or else from the first place that looks like a message,
which is a header that fits with a clock near its neighbours'. What stands before it and behind it is counted.

Any octets are shown, malformed ones too. What a message means for the pair is the engine's to say (`explain`).
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address
from itertools import groupby
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.failover import wire
from ...engine.failover.messages import BOOTP_IP, RESERVED_IP, STARTUP_FLAG
from ...engine.failover.rules.binding import reason_text
from ...engine.failover.rules.states import BY_NUMBER
from ...engine.model.lease import STATE_NAMES
from ...engine.wire.text import dotted
from .decode import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HEADER: Final = Struct(">HBBII")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - the name that every supported Python has
# A server's clock that is not from 2001 to 2106 is no clock.
_CLOCK_MIN_S: Final = 1_000_000_000
# More messages than these are counted on a line, and not told one by one.
_TOLD_MAXIMUM: Final = 6
_NEVER: Final = 0xFFFFFFFF
_NOTHING: Final = "none"


class Pieces(NamedTuple):
    """Octets of a stream: `before` are of a message whose beginning is not here, `rest` is one that is not whole."""

    before: bytes
    messages: list[bytes]
    rest: bytes


def pieces(data: bytes, rest: bytes = b"") -> Pieces | None:
    """What `data` holds behind `rest`; None where it is no octets of the failover protocol."""
    data = rest + data
    at = _first_message(data)
    if at is None:
        return None
    before, messages = data[:at], list[bytes]()
    while _is_header(data, at) and at + (length := _length_at(data, at)) <= len(data):
        messages.append(data[at : at + length])
        at += length
    known = messages or rest or (at < len(data) and _has_a_clock(data, at))
    return Pieces(before, messages, data[at:]) if known else None


def begins_message(data: bytes) -> bool:
    """Whether octets can be the beginning of a message, as far as they go."""
    return len(data) < wire.HEADER_OCTETS or _is_header(data, 0)


def _first_message(data: bytes) -> int | None:
    """Where the first message begins that is followed by the end of `data`, or by another."""
    for at in range(len(data) - wire.HEADER_OCTETS + 1):
        if _is_header(data, at) and (not at or _has_a_clock(data, at)):
            end = at + _length_at(data, at)
            if end >= len(data) or end + wire.HEADER_OCTETS > len(data) or _is_header(data, end):
                return at
    return None


def _length_at(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _is_header(data: bytes, at: int) -> bool:
    if at + wire.HEADER_OCTETS > len(data):
        return False
    length, kind, offset, _time, _xid = _HEADER.unpack_from(data, at)
    fits = wire.HEADER_OCTETS <= length <= wire.MESSAGE_OCTETS_MAX and kind in wire.KIND_NAMES
    return fits and offset == wire.HEADER_OCTETS


def _has_a_clock(data: bytes, at: int) -> bool:
    return int(_HEADER.unpack_from(data, at)[3]) >= _CLOCK_MIN_S


# A line


def failover_words(found: Pieces) -> str:
    """One line: each message, or how many of which kind where there are many."""
    told = [f"{len(found.before)} octets of a message from before"] if found.before else []
    if len(found.messages) > _TOLD_MAXIMUM:
        told += [f"{len(list(group))} {kind}" for kind, group in groupby(map(kind_of, found.messages))]
    else:
        told += map(message_words, found.messages)
    if found.rest:
        told.append(f"{len(found.rest)} octets of the next")
    return "failover " + "; ".join(told)


def kind_of(message: bytes) -> str:
    """The name of a message's type."""
    return wire.KIND_NAMES[message[2]]


def message_words(message: bytes) -> str:
    """A message in a few words: its type, and what is most asked about it."""
    fields = {code: value for code, _name, value in _options(message) if code in _ON_THE_LINE and value != _NOTHING}
    return " ".join((kind_of(message), *(fields[code] for code in _ON_THE_LINE if code in fields)))


# The options that a line has, in this order.
_ON_THE_LINE: Final = (22, 24, 23, 2, 3, 1, 21, 16)


# Fields


def failover_fields(found: Pieces) -> list[Field]:
    """Every message, every option of it in its order; those that the protocol has no use for in this message too."""
    fields = [Field("octets", f"{len(found.before)} of a message from before")] if found.before else []
    for message in found.messages:
        _length, kind, _offset, time, xid = _HEADER.unpack_from(message)
        fields += (Field("message", wire.KIND_NAMES[kind]), Field("time", seconds(time)), Field("xid", str(xid)))
        fields += [Field(name, value) for _code, name, value in _options(message)]
    if found.rest:
        fields.append(Field("octets", f"{len(found.rest)} of a message that goes on later"))
    return fields


def _options(message: bytes) -> list[tuple[int, str, str]]:
    """(code, name, value) of each option; where they cannot be read to the end, a last one of code 0 says why."""
    kind, found = message[2], list[tuple[int, str, str]]()
    try:
        for code, data in wire.options_in(kind, message):
            option = wire.OPTIONS.get(code)
            name = f"option {code}" if option is None else option.name
            if option is None or kind not in option.kept_in:
                found.append((code, f"{name} (ignored)", data.hex(":") or "empty"))
            else:
                found.append((code, name, _value(option, code, data)))
    except wire.ProtocolError as error:
        found.append((0, "broken", error.lines[0]))
    return found


def _value(option: wire.Option, code: int, data: bytes) -> str:
    if option.form == wire.OCTETS:
        return _TEXTS.get(code, _hex)(data)
    if option.form != len(data):
        return f"{_hex(data)} (of a wrong length)"
    return _NUMBERS.get(code, str)(int.from_bytes(data, "big"))


def _hex(data: bytes) -> str:
    return data.hex(":") or "empty"


def _text(data: bytes) -> str:
    return '"' + data.decode("ascii", "backslashreplace") + '"'


def _hardware(data: bytes) -> str:
    return f"type {data[0]}, {_hex(data[1:])}" if data else "empty"


def seconds(time: int) -> str:
    """A time of the protocol; those that mean something else than a date say so."""
    if not time:
        return "0 (none)"
    shown = (_EPOCH + timedelta(seconds=time)).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{shown} (never)" if time == _NEVER else shown


def state_word(number: int) -> str:
    """An endpoint's state by its number."""
    state = BY_NUMBER.get(number)
    return f"state {number}, which there is not" if state is None else state.word


def _binding(number: int) -> str:
    return STATE_NAMES[number] if 0 < number < len(STATE_NAMES) else f"binding status {number}, which there is not"


def _flags(names: Sequence[tuple[int, str]]) -> Callable[[int], str]:
    def told(number: int) -> str:
        words = [name for bit, name in names if number & bit]
        other = number & ~sum(bit for bit, _name in names)
        return ", ".join(words + ([f"{other:#x}"] if other else [])) or _NOTHING

    return told


def _reject(number: int) -> str:
    return f"rejected: {number} ({reason_text(number)})"


def _ip(number: int) -> str:
    return str(IPv4Address(number))


_TEXTS: Final[dict[int, Callable[[bytes], str]]] = {5: _hardware, 16: _text, 22: _text, 28: _text}
_NUMBERS: Final[dict[int, Callable[[int], str]]] = {
    2: dotted,
    3: _binding,
    6: seconds,
    12: _flags(((RESERVED_IP, "reserved"), (BOOTP_IP, "BOOTP"))),
    13: seconds,
    15: lambda number: f"{number} s",
    18: seconds,
    19: lambda number: f"{number} s",
    21: _reject,
    23: _flags(((STARTUP_FLAG, "starting"),)),
    24: state_word,
    25: seconds,
}
