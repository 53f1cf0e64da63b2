"""What a registry comes to when packets are read and written: look-ups by code, made once.

Per packet only "is anything special about this code?" is asked; the answer must not cost a walk over format letters.
The tables are made from a registry at its first use and kept with it, so a registry must not change after its
first packet (a configuration's never does: sites define options while the configuration is read). No values here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .spaces import SpaceTable

if TYPE_CHECKING:
    from .spaces import OptionDefinition, OptionSpace, Registry

# Octets of the format letters that have a fixed length; N is the least that an enumeration has
# (docs/behaviour/configuration.md#option-definitions-and-option-spaces).
LETTER_OCTETS: Final = {"I": 4, "6": 16, "l": 4, "L": 4, "T": 4, "s": 2, "S": 2, "b": 1, "B": 1, "f": 1, "N": 1}
_NAMED: Final = "EN"


def letters(format_: str) -> str:
    """The format's letters without the names that follow E and N (`Eagent.` -> `E`)."""
    found: list[str] = []
    position = 0
    while position < len(format_):
        letter = format_[position]
        found.append(letter)
        position += 1
        if letter in _NAMED:
            stop = format_.find(".", position)
            position = len(format_) if stop < 0 else stop + 1
    return "".join(found)


def inner_space(format_: str) -> str | None:
    """The space that an option of this format encapsulates, None where it is not purely that.

    See docs/behaviour/packets.md#encapsulation-when-sending.
    """
    return format_[1:].rstrip(".") if format_.startswith("E") and letters(format_) == "E" else None


def text_minimum(format_: str) -> int | None:
    """Octets before the text of a format that holds text (NULs are trimmed down to these); None without text.

    See docs/behaviour/packets.md#nuls-behind-text-options.
    """
    kinds = letters(format_)
    if "t" not in kinds:
        return None
    text_at = kinds.index("t")
    return sum(LETTER_OCTETS.get(kind, 0) for kind in kinds[:text_at])


def _space_table(space: OptionSpace) -> SpaceTable:
    made = SpaceTable(space)
    empty: list[int] = []
    for code, definition in space.by_code.items():
        _enter(made, empty, code, definition)
    made.empty = frozenset(empty)
    made.special = frozenset(made.inner) | frozenset(made.minimum)
    return made


def _enter(table: SpaceTable, empty: list[int], code: int, definition: OptionDefinition) -> None:
    inside = inner_space(definition.format)
    if inside:
        table.inner[code] = inside
    minimum = text_minimum(definition.format)
    if minimum is not None:
        table.minimum[code] = minimum
    if letters(definition.format) == "Z":
        empty.append(code)


def make_tables(registry: Registry) -> dict[str, SpaceTable]:
    """The tables of every space, by name. An inner space that does not exist is no inner space."""
    tables = {name: _space_table(space) for name, space in registry.spaces.items()}
    for table in tables.values():
        table.inner = {code: name for code, name in table.inner.items() if name in tables}
        table.members = sorted(table.inner.items(), key=lambda pair: (tables[pair[1]].space.number, pair[0]))
    return tables


def tables_of(registry: Registry) -> dict[str, SpaceTable]:
    """The registry's tables, made at the first call."""
    found = registry.tables
    if found is None:
        found = registry.tables = make_tables(registry)
    return found
