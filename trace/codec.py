"""Events and effects <-> the records that stand for them on the tape.

An event's record is `[id, wall, mono, ...fields]` with its times as differences from the event before it. The effects
of one event are one record: `[EFFECTS, [id, ...fields], ...]`. Nothing is put shorter by hand: patterns of effects,
without what they repeat of their packet (addresses, transaction id), were measured to take 32 octets an exchange in the
place of 89, of random clients in batches of 16, at 1.6 times the time of writing, compiled or not.

Refused: a record whose fields have other types than its class documents (BadRecord), however well its checksum fits;
and data of few octets that would make many objects, as no recording has it: an empty map is one octet here and 64 in
memory.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin, get_type_hints

import msgpack

from .effects import EFFECT_IDS, Effect
from .errors import UnrecordableValue
from .events import EVENT_IDS, Event
from .format import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

type_of = type
new_tuple: Final = tuple.__new__


# A batch holds one map, the table of records.
BATCH_MAPS_MAX: Final = 1
# Lists and maps in data of any length: real states have one in 30 octets.
CONTAINERS_FREE: Final = 1 << 16
BYTES_PER_CONTAINER_MIN: Final = 8


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
    return _maker(hint)(value)


@cache
def _maker(hint: Any) -> Callable[[Any], Any]:
    """Return what makes a value of `hint` of one that msgpack brought back."""
    if hasattr(hint, "_fields"):
        fields = tuple(get_type_hints(hint).values())
        return lambda value: new_tuple(hint, conform_all(fields, _tuple(value)))
    if get_origin(hint) is not tuple:
        return lambda value: _plain(hint, value)
    inner = get_args(hint)
    if inner[-1] is not Ellipsis:
        return lambda value: conform_all(inner, _tuple(value))
    item, make = inner[0], _maker(inner[0])
    return lambda value: value if {*map(type_of, _tuple(value))} <= {item} else tuple(map(make, value))


def _tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        return value
    raise BadRecord("field of the wrong type")


def _plain(hint: Any, value: Any) -> Any:
    # True and 1 are equal, and a caller may have written one for the other.
    if type_of(value) is hint or ({type_of(value), hint} == {int, bool}):
        return value
    raise BadRecord("field of the wrong type")


def conform_all(hints: tuple[Any, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return `values` as their annotations have them; raises BadRecord."""
    if len(hints) != len(values):
        raise BadRecord("wrong number of fields")
    return tuple([_maker(hint)(value) for hint, value in zip(hints, values, strict=True)])


EVENT_SHAPES: Final = {number: shape_of(cls) for cls, number in EVENT_IDS.items()}
EFFECT_SHAPES: Final = {number: shape_of(cls) for cls, number in EFFECT_IDS.items()}

# What an effect's part of a record begins with: to put two tuples together takes half as long as to unpack one into
# another, and less where it is compiled.
EFFECT_HEADS: Final[dict[type[Any], tuple[Any, ...]]] = {cls: (number,) for cls, number in EFFECT_IDS.items()}

# The events that have lists among their fields.
WITH_LISTS: Final = frozenset(number for number, (_, exact, _) in EVENT_SHAPES.items() if not exact)

# Text is packed where it lies as long as nobody asks how errors are to be treated: a seventh of all packing.
_PACKER: Final = msgpack.Packer(autoreset=True)
_SURROGATES_PACKER: Final = msgpack.Packer(unicode_errors="surrogatepass", autoreset=True)


def pack(value: object) -> bytes:
    """Return `value` as msgpack; lone surrogates in text are kept. Raises UnrecordableValue."""
    try:
        packed: bytes = _PACKER.pack(value)
    except UnicodeEncodeError:
        return _pack_surrogates(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnrecordableValue(f"cannot be recorded: {error}") from None
    return packed


def _pack_surrogates(value: object) -> bytes:
    try:
        packed: bytes = _SURROGATES_PACKER.pack(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnrecordableValue(f"cannot be recorded: {error}") from None
    return packed


def unpack(data: bytes | bytearray) -> Any:
    """Return the value of msgpack bytes, arrays as tuples; raises BadRecord.

    It may hold CONTAINERS_FREE arrays and maps, and more of them the longer it is.
    """
    left = CONTAINERS_FREE + len(data) // BYTES_PER_CONTAINER_MIN

    def count(made: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise BadRecord("more lists than octets for them")
        return made

    return _unpacked(data, list_hook=count, object_hook=count)


def unpack_batch(data: bytes) -> Any:
    """As `unpack`, for at most a batch of records; several times as fast."""
    left = BATCH_MAPS_MAX

    def count(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        nonlocal left
        left -= 1
        if left < 0:
            raise BadRecord("a map in a record")
        return dict(pairs)

    return _unpacked(data, object_pairs_hook=count)


def _unpacked(data: bytes | bytearray, **hooks: Any) -> Any:
    try:
        return msgpack.unpackb(
            data, use_list=False, strict_map_key=False, unicode_errors="surrogatepass", max_ext_len=0, **hooks
        )
    except BadRecord:
        raise
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise BadRecord(f"not msgpack: {str(error) or type_of(error).__name__}") from None


def encode_effects(effects: Sequence[Sequence[Effect]]) -> list[list[Any]]:
    """Return the records of the effects of events, one each."""
    heads = EFFECT_HEADS
    records = []
    for of_one in effects:
        record: list[Any] = [EFFECTS]
        for effect in of_one:
            record.append(heads[type(effect)] + effect)  # noqa: PERF401 - a list comprehension takes half as long again
        records.append(record)
    return records


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


def items_in(value: tuple[Any, ...]) -> int:
    """Return how many items stand in the lists of an event, and in lists within them."""
    lists = [item for item in value if isinstance(item, tuple)]
    return sum(len(item) + items_in(item) for item in lists)


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
