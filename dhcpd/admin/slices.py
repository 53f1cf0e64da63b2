"""JSON in slices: what is long is written a few rows at a time, so that packets come in between."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

# Rows of a lease take some 5 us each.
ROWS_AT_ONCE: Final = 64
Item = TypeVar("Item")


def in_slices(items: Iterable[Item], size: int = ROWS_AT_ONCE) -> Iterator[tuple[Item, bool]]:
    """Each item, and whether it is time to let others work (every `size` items)."""
    for number, item in enumerate(items, 1):
        yield item, number % size == 0


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode(answer: Any) -> Generator[None, None, bytes]:
    """An answer as JSON; the lists in an object are written in slices."""
    if not isinstance(answer, dict):
        return _dump(answer).encode("utf-8", "backslashreplace")
    members: list[str] = []
    for name, value in answer.items():
        text = (yield from _list(value)) if isinstance(value, list) else _dump(value)
        members.append(f"{_dump(name)}:{text}")
        yield
    return ("{" + ",".join(members) + "}\n").encode("utf-8", "backslashreplace")


def _list(rows: list[Any]) -> Generator[None, None, str]:
    texts: list[str] = []
    for row, pause in in_slices(rows):
        texts.append(_dump(row))
        if pause:
            yield
    return "[" + ",".join(texts) + "]"
