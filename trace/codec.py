"""Events and effects <-> the records that stand for them on the tape.

An event's record is `[id, wall, mono, ...fields]` with its times as differences from the event before it. The effects
of one event are one record: `[EFFECTS, [id, ...fields], ...]`. Nothing is put shorter by hand: replacing what an effect
repeats of its event (addresses, transaction id) was measured to save a third of the file at twice the time of writing,
and a segment's compressor finds most of it anyway.

Refused: a record whose fields have other types than its class documents (BadRecord), however well its checksum fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args, get_origin, get_type_hints

import msgpack

from .effects import EFFECT_IDS, Effect
from .errors import UnrecordableValue
from .events import EVENT_IDS, Event
from .format import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Sequence

type_of = type
new_tuple: Final = tuple.__new__


class BadRecord(ValueError):
    """A record that is not what its number says; the text says how."""


def _exact(hint: Any) -> type:
    """Return the type that msgpack brings back for a field annotated with `hint`."""
    return tuple if get_origin(hint) is tuple or hasattr(hint, "_fields") else hint


def shape_of(cls: type[Any]) -> tuple[type[Any], tuple[type, ...], tuple[Any, ...]]:
    """Return (class, types of its record's items, annotations), read off the class so that no second list can differ.

    Classes with tuples among their fields get types that no record has: theirs must be looked into one by one.
    """
    hints = tuple(get_type_hints(cls).values())
    exact = (int, *map(_exact, hints))
    return cls, () if tuple in exact else exact, hints


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


EVENT_SHAPES: Final = {number: shape_of(cls) for cls, number in EVENT_IDS.items()}
EFFECT_SHAPES: Final = {number: shape_of(cls) for cls, number in EFFECT_IDS.items()}

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


def encode_effects(effects: Sequence[Effect]) -> tuple[Any, ...]:
    """Return the record of the effects of one event."""
    return (EFFECTS, *[(EFFECT_IDS[effect.__class__], *effect) for effect in effects])


def decode_effects(record: tuple[Any, ...]) -> tuple[Effect, ...]:
    """Return the effects in their record; raises BadRecord, KeyError, TypeError."""
    effects: list[Any] = []
    for item in record[1:]:
        cls, exact, hints = EFFECT_SHAPES[item[0]]
        if (*map(type_of, item),) == exact:
            effects.append(new_tuple(cls, item[1:]))
        else:
            effects.append(new_tuple(cls, conform_all(hints, item[1:])))
    return tuple(effects)


def decode_event(record: tuple[Any, ...], wall_us: int, mono_us: int) -> Event:
    """Return the event of `record`, its times counted from those given; raises BadRecord."""
    cls, exact, hints = EVENT_SHAPES[record[0]]
    fields = (wall_us + record[1], mono_us + record[2], *record[3:])
    if (*map(type_of, record),) != exact:
        fields = conform_all(hints, fields)
    event: Event = new_tuple(cls, fields)
    return event


def record_table() -> dict[int, tuple[str, tuple[str, ...]]]:
    """Return what stands in the tape itself: record number -> (name, names of its fields)."""
    classes: dict[Any, int] = {**EVENT_IDS, **EFFECT_IDS}
    return {number: (cls.__name__, cls._fields) for cls, number in classes.items()}
