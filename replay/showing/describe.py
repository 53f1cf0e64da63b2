"""Events and effects as lines and fields: for the card of a difference and for `dhcpd-trace show`.

Every field of every record is shown; only how is chosen here (an address as a dotted quad, a moment as a date, a
payload as a decoded packet). A record that is added to the alphabet is shown too, with plain values.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Any, Final

from ...trace import effects as fx
from ...trace import events as ev
from .decode import Field, message_name, packet_fields
from .dns import dns_fields, dns_words
from .streams import stream_fields, stream_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - the name that every supported Python has
_ADDRESSES: Final = frozenset({
    "source", "destination", "address", "peer", "local", "server", "local_address", "sources",
})  # fmt: skip
_TIMES: Final = frozenset({"wall_us", "at_us"})
_LEVELS: Final = {fx.ERROR: "error", fx.INFO: "info", fx.DEBUG: "debug"}
_ADDRESS_OCTETS: Final = (4, 16)
_BYTES_SHOWN_MAXIMUM: Final = 4096
_YIADDR: Final = slice(16, 20)


def moment(wall_us: int) -> str:
    """`2026-11-24 04:15:42.123456 UTC`; the number where no calendar has it."""
    try:
        return (_EPOCH + timedelta(microseconds=wall_us)).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    except OverflowError:
        return f"{wall_us} us"


def clock(wall_us: int) -> str:
    """`04:15:42.123456`."""
    return moment(wall_us).removesuffix(" UTC").rpartition(" ")[2]


def _octets(value: bytes) -> str:
    """Text where it is text, else hex; long ones are cut, and say so."""
    cut = f"... ({len(value):,} octets)" if len(value) > _BYTES_SHOWN_MAXIMUM else ""
    value = value[:_BYTES_SHOWN_MAXIMUM]
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        return value.hex(":") + cut
    if text and all(character.isprintable() or character in "\n\t" for character in text):
        return text.rstrip("\n") + cut
    return value.hex(":") + cut


def _value(name: str, value: Any) -> str:
    if name in _ADDRESSES and isinstance(value, int):
        return str(IPv4Address(value)) if 0 <= value < 1 << 32 else str(value)
    if name in _ADDRESSES and isinstance(value, bytes) and len(value) in _ADDRESS_OCTETS:
        return str(ip_address(value))
    if name in _TIMES and isinstance(value, int):
        return moment(value) if value else "none"
    if name == "level":
        return _LEVELS.get(value, str(value))
    if name in ("link", "hardware") and isinstance(value, bytes):
        return value.hex(":")
    if isinstance(value, bytes):
        return _octets(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return ", ".join(_value(name, one) for one in value) or "none"
    return str(value)


# Names that say nothing to who has not written the program.
LABELS: Final = {"marker": "place in ISC's log", "durable": "waits for the disk"}


def record_fields(record: Any, *, times: bool = True, rest: bytes = b"") -> list[Field]:
    """Every field of an event or effect; a packet's payload decoded. `times=False` leaves out wall_us and mono_us.

    `rest` is what the event's stream had left of a message that was not whole (streams.Unfinished).
    """
    fields: list[Field] = []
    for name, value in zip(record._fields, record, strict=True):
        if not times and name in ("wall_us", "mono_us"):
            continue
        if name == "payload" and isinstance(record, ev.Packet | fx.Send):
            fields += packet_fields(value)
        elif name == "payload" and isinstance(record, ev.DnsAnswer | fx.DnsSend):
            fields += dns_fields(value) or [Field(name, _octets(value))]
        elif name == "data" and isinstance(record, ev.StreamData | fx.StreamSend):
            fields += stream_fields(value, rest) or [Field(name, _octets(value))]
        elif name == "mono_us":
            fields.append(Field(name, f"{value} us"))
        else:
            fields.append(Field(LABELS.get(name, name), _value(name, value)))
    return fields


def _packet_line(event: ev.Packet) -> str:
    source = f"{IPv4Address(event.source & 0xFFFFFFFF)}:{event.source_port}"
    return f"{message_name(event.payload)} from {source} on {event.interface}"


def _end(address: int | bytes, port: int) -> str:
    """One end of a connection: `10.0.0.1:7911`, `[::1]:53`."""
    text = _value("address", address)
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def _opened_line(event: ev.StreamOpened) -> str:
    local, peer = _end(event.local, event.local_port), _end(event.peer, event.peer_port)
    way = f"from {local} to {peer}" if event.stream % 2 else f"from {peer} at {local}"
    return f"stream {event.stream}, {event.service}, {way}"


def _content_line(event: Any) -> str:
    if event.error:
        return f"{event.name}: {event.error}"
    return f"{event.name}, {len(event.content):,} octets"


def _send_failed_line(event: ev.SendFailed) -> str:
    return f"{event.length:,} octets on {event.interface}: {event.error}"


_EVENT_LINES: Final[dict[type[ev.Event], Callable[[Any], str]]] = {
    ev.Boot: lambda event: f"version {event.version} on {event.host_name}: {' '.join(event.arguments)}",
    ev.ConfigurationFile: _content_line,
    ev.ConfigurationEnd: lambda event: f"{event.name}{' (reload)' if event.reload else ''}",
    ev.LeaseFilePart: lambda event: f"{len(event.content):,} octets",
    ev.Interfaces: lambda event: event.error or " ".join(link.name for link in event.links),
    ev.Packet: _packet_line,
    ev.DnsOpened: lambda event: ", ".join(filter(None, event.errors)) or "ready",
    ev.DnsAnswer: lambda event: f"query {event.query}: {event.error or dns_words(event.payload)}",
    ev.StreamListenFailed: lambda event: f"{event.service} at {_end(event.address, event.port)}: {event.error}",
    ev.StreamOpened: _opened_line,
    ev.StreamData: lambda event: f"stream {event.stream}, {stream_words(event.data)}",
    ev.StreamHalfClosed: lambda event: f"stream {event.stream}",
    ev.StreamClosed: lambda event: f"stream {event.stream}{': ' if event.error else ''}{event.error}",
    ev.SendFailed: _send_failed_line,
    ev.Remark: lambda event: event.text,
    ev.Command: lambda event: " ".join((event.name, *map("=".join, event.arguments), f"by {event.who or 'somebody'}")),
}


def event_line(event: ev.Event, rest: bytes = b"") -> str:
    """An event on one line, its name first; its time is left to the caller. `rest` is as for `record_fields`."""
    if rest and isinstance(event, ev.StreamData):
        return f"StreamData stream {event.stream}, {stream_words(event.data, rest)}"
    special = _EVENT_LINES.get(type(event))
    if special is not None:
        text = special(event)
    else:
        named = [(name, _value(name, value)) for name, value in zip(event._fields[2:], event[2:], strict=True)]
        text = " ".join(f"{name}={value}" for name, value in named if value not in ("", "none"))
    return f"{type(event).__name__} {text}".rstrip()


def log_text(text: str) -> str:
    r"""A log line for people: its characters are octets, of UTF-8 where they are; others as `\xNN`."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a path of the program's own, or a recording of before
        return text


def _send_line(effect: fx.Send) -> str:
    yiaddr = int.from_bytes(effect.payload[_YIADDR], "big")
    given = f" {IPv4Address(yiaddr)}" if yiaddr else ""
    destination = f"{IPv4Address(effect.destination & 0xFFFFFFFF)}:{effect.port}"
    return f"{message_name(effect.payload)}{given} to {destination} on {effect.interface or 'fallback'}"


def _store_line(effect: fx.Store) -> str:
    first = _octets(effect.data).split("\n", 1)[0]
    return f"{len(effect.data):,} octets: {first}"


_EFFECT_LINES: Final[dict[type[fx.Effect], Callable[[Any], str]]] = {
    fx.Send: _send_line,
    fx.Store: _store_line,
    fx.Log: lambda effect: log_text(effect.text),
    fx.RewritePart: lambda effect: f"{len(effect.data):,} octets",
    fx.Wake: lambda effect: moment(effect.at_us) if effect.at_us else "none",
    fx.DnsSend: lambda effect: (
        f"query {effect.query}, to {_end(effect.server, effect.port)} by {'TCP' if effect.tcp else 'UDP'}:"
        f" {dns_words(effect.payload)}"
    ),
    fx.StreamListen: lambda effect: f"{effect.service} at {_end(effect.address, effect.port)}",
    fx.StreamListenEnd: lambda effect: f"{effect.service} at {_end(effect.address, effect.port)}",
    fx.StreamOpen: lambda effect: f"stream {effect.stream}, {effect.service}, to {_end(effect.address, effect.port)}",
    fx.StreamSend: lambda effect: (
        f"stream {effect.stream}, {stream_words(effect.data)}{', when stored' if effect.durable else ''}"
    ),
    fx.StreamClose: lambda effect: f"stream {effect.stream}, {'what waits first' if effect.flush else 'at once'}",
    fx.Answers: lambda effect: f"event {effect.event:,}",
    fx.CommandAnswer: lambda effect: f"{effect.result}: {effect.text}{', when stored' if effect.durable else ''}",
}


# What goes to a peer, an OMAPI client, an operator or a DNS server.
_TO_OTHERS: Final = (fx.DnsSend, fx.StreamOpen, fx.StreamSend, fx.StreamClose, fx.CommandAnswer)


def effect_line(effect: fx.Effect) -> str:
    """An effect on one line, its name first."""
    special = _EFFECT_LINES.get(type(effect))
    if special is not None:
        text = special(effect)
    else:
        text = " ".join(f"{name}={_value(name, value)}" for name, value in zip(effect._fields, effect, strict=True))
    return f"{type(effect).__name__} {text}".rstrip()


def answer_line(effects: Sequence[fx.Effect]) -> str:
    """What a client got for an event: the messages sent, what others were asked, or the last word of the log."""
    sent = [effect for effect in effects if isinstance(effect, fx.Send)]
    if sent:
        return ", ".join(_send_line(effect) for effect in sent)
    asked = [effect_line(effect) for effect in effects if isinstance(effect, _TO_OTHERS)]
    if asked:
        return ", ".join(asked)
    logged = [log_text(effect.text) for effect in effects if isinstance(effect, fx.Log)]
    return logged[-1] if logged else "nothing"
