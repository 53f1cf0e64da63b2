r"""Events and effects <-> the records that stand for them on the tape.

An event's record is `[id, wall, mono, ...fields]` with its times as differences from the event before it. The effects
of one event are one record: `[EFFECTS, lease address, packed]`. `packed` is the msgpack array of their records, in
which what the event already says is put shorter: the client's hardware address, the transaction id and the lease's
address, as bytes and as text, each become two bytes, 0xC1 and a digit. msgpack never begins a value with 0xC1, and
where one stands in the data it is doubled first (0xC1 0xFF), so that the way back is exact whatever the bytes are:
no pattern holds 0xC1, hence a step of the way never sees its own token before it has put it there.

Refused: a record whose fields have other types than its class documents (BadRecord), however well its checksum fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args, get_origin, get_type_hints

import msgpack

from .effects import EFFECT_IDS, Effect, Send
from .errors import UnrecordableValue
from .events import EVENT_IDS, Event, Packet
from .format import EFFECTS, RECORD_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

ESCAPE: Final = b"\xc1"
ESCAPED: Final = b"\xc1\xff"
# One token for each pattern, in the order in which `patterns` lists them.
TOKENS: Final = (b"\xc1\x01", b"\xc1\x02", b"\xc1\x03", b"\xc1\x04", b"\xc1\x05")
# Where a BOOTP message has its fixed fields (RFC 951, section 3).
BOOTP_FIXED_BYTES: Final = 44

type_of = type
new_tuple: Final = tuple.__new__


class BadRecord(ValueError):
    """A record that is not what its number says; the text says how."""


def _exact(hint: Any) -> type:
    """Return the type that msgpack brings back for a field annotated with `hint`."""
    return tuple if get_origin(hint) is tuple or hasattr(hint, "_fields") else hint


class Shape:
    """How the record of one class is read: the types of its items in the fast test, the annotations in the slow."""

    __slots__ = ("cls", "exact", "hints", "nested")

    def __init__(self, cls: type[Any]) -> None:
        """Take the field types from the class itself, so that no second list of them can differ."""
        self.cls = cls
        self.hints = tuple(get_type_hints(cls).values())
        self.exact = (int, *map(_exact, self.hints))
        self.nested = tuple in self.exact


def conform(hint: Any, value: Any) -> Any:
    """Return `value` as the annotation `hint` has it (NamedTuples made of tuples); raises BadRecord."""
    if hasattr(hint, "_fields") and isinstance(value, tuple):
        return new_tuple(hint, conform_all(tuple(get_type_hints(hint).values()), value))
    if get_origin(hint) is tuple and isinstance(value, tuple):
        inner = get_args(hint)
        if inner[-1] is Ellipsis:
            return tuple(conform(inner[0], item) for item in value)
        return conform_all(inner, value)
    # True and 1 are equal, and a caller may have written one for the other.
    if type_of(value) is hint or ({type_of(value), hint} == {int, bool}):
        return value
    raise BadRecord("field of the wrong type")


def conform_all(hints: tuple[Any, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return `values` as their annotations have them; raises BadRecord."""
    if len(hints) != len(values):
        raise BadRecord("wrong number of fields")
    return tuple(map(conform, hints, values))


EVENT_SHAPES: Final = {number: Shape(cls) for cls, number in EVENT_IDS.items()}
EFFECT_SHAPES: Final = {number: Shape(cls) for cls, number in EFFECT_IDS.items()}

_PACKER: Final = msgpack.Packer(unicode_errors="surrogatepass", autoreset=True)


def pack(value: object) -> bytes:
    """Return `value` as msgpack; lone surrogates in text are kept. Raises UnrecordableValue."""
    try:
        packed: bytes = _PACKER.pack(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnrecordableValue(f"cannot be recorded: {error}") from None
    return packed


def unpack(data: bytes) -> Any:
    """Return the value of msgpack bytes, arrays as tuples; raises BadRecord."""
    try:
        return msgpack.unpackb(
            data, use_list=False, strict_map_key=False, unicode_errors="surrogatepass", max_ext_len=0
        )
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise BadRecord(f"not msgpack: {str(error) or type_of(error).__name__}") from None


def patterns(event: Event | None, lease_address: int) -> list[tuple[bytes, bytes]]:
    """Return (pattern, token) pairs for what the effects of `event` are likely to repeat."""
    if event.__class__ is Packet and len(event.payload) >= BOOTP_FIXED_BYTES:  # type: ignore[union-attr]
        payload = event.payload  # type: ignore[union-attr]
        hardware = payload[28:34]
        binary = (hardware, payload[4:8])
        texts = [(hardware.hex(":").encode(), TOKENS[0])]
    else:
        binary, texts = (), []
    if lease_address:
        address = lease_address.to_bytes(4)
        texts.append((b"%d.%d.%d.%d" % (*address,), TOKENS[1]))
        binary = (*binary, address)
    for pattern, token in zip(binary, TOKENS[2:], strict=False):
        if ESCAPE not in pattern and any(pattern):
            texts.append((pattern, token))
    return texts


def encode_effects(event: Event | None, effects: Sequence[Effect]) -> tuple[int, int, bytes]:
    """Return the record of the effects of `event`; raises UnrecordableValue."""
    address = 0
    items = []
    for effect in effects:
        cls = effect.__class__
        if cls is Send and not address:
            address = int.from_bytes(effect.payload[16:20])  # type: ignore[union-attr]
        items.append((EFFECT_IDS[cls], *effect))
    packed = pack(items)
    if ESCAPE in packed:
        packed = packed.replace(ESCAPE, ESCAPED)
    for pattern, token in patterns(event, address):
        packed = packed.replace(pattern, token)
    return EFFECTS, address, packed


def decode_effects(event: Event, address: int, packed: bytes) -> tuple[Effect, ...]:
    """Return the effects of `event` from their record's fields; raises BadRecord."""
    if ESCAPE in packed:
        for pattern, token in reversed(patterns(event, address)):  # type: ignore[call-overload]
            packed = packed.replace(token, pattern)
        packed = packed.replace(ESCAPED, ESCAPE)
        if len(packed) > RECORD_BYTES_MAX:
            raise BadRecord("effects beyond the limit")
    effects: list[Any] = []
    for item in unpack(packed):
        shape = EFFECT_SHAPES[item[0]]
        if tuple(map(type_of, item)) != shape.exact or shape.nested:
            effects.append(new_tuple(shape.cls, conform_all(shape.hints, item[1:])))
        else:
            effects.append(new_tuple(shape.cls, item[1:]))
    return tuple(effects)


def decode_event(record: tuple[Any, ...], wall_us: int, mono_us: int) -> Event:
    """Return the event of `record`, its times counted from those given; raises BadRecord."""
    shape = EVENT_SHAPES[record[0]]
    fields = (wall_us + record[1], mono_us + record[2], *record[3:])
    if shape.nested or tuple(map(type_of, record)) != shape.exact:
        fields = conform_all(shape.hints, fields)
    event: Event = new_tuple(shape.cls, fields)
    return event


def record_table() -> dict[int, tuple[str, tuple[str, ...]]]:
    """Return what stands in the tape itself: record number -> (name, names of its fields)."""
    classes: dict[Any, int] = {**EVENT_IDS, **EFFECT_IDS}
    return {number: (cls.__name__, cls._fields) for cls, number in classes.items()}


