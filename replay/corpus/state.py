"""Two states of a machine as its snapshots tell them: whether they are the same, and if not, in what they differ.

Snapshots are plain data; one that was on a tape has tuples for lists. Places are named as a path through the data
(`database.leases[3][5]`), which is exact if not pretty; the snapshot's makers say what stands there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN_MAXIMUM: Final = 8
_VALUE_CHARACTERS: Final = 80


def state_differences(expected: object, got: object) -> tuple[str, ...]:
    """Lines `path: expected ..., got ...` for the first places that differ; empty for equal states."""
    lines: list[str] = []
    for path, old, new in _places("", expected, got):
        if len(lines) == SHOWN_MAXIMUM:
            lines.append("and more")
            break
        lines.append(f"{path}: expected {_short(old)}, got {_short(new)}")
    return tuple(lines)


def _places(path: str, expected: Any, got: Any) -> Iterator[tuple[str, object, object]]:
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in dict.fromkeys([*expected, *got]):
            if name not in expected or name not in got:
                yield f"{path}.{name}", expected.get(name, "nothing"), got.get(name, "nothing")
            else:
                yield from _places(f"{path}.{name}" if path else str(name), expected[name], got[name])
    elif isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        if len(expected) != len(got):
            yield f"{path}", f"{len(expected):,} entries", f"{len(got):,} entries"
        for number, (old, new) in enumerate(zip(expected, got, strict=False)):
            if old is not new and old != new:
                yield from _places(f"{path}[{number}]", old, new)
    elif expected != got:
        yield path, expected, got


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _VALUE_CHARACTERS else text[:_VALUE_CHARACTERS] + "..."
