"""What another version of this program wrote, told by the table of records that stands in the file itself.

A record that this program does not know is a newer program's, not damage: who is told "damaged" looks for a fault in
the file. A file of before is read as this program would have written it. Nothing is guessed: without the table (the
beginning of the file is damaged) a record that is not known is damage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .codec import record_table
from .effects import EFFECT_IDS, Log, Serving
from .events import Listening
from .format import EFFECTS, TAPE_RECORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .effects import Effect
    from .events import Event

OWN: Final = {**record_table(), **TAPE_RECORDS}
# What a program without the effect `Serving` looked for in its log.
_SERVING_LINE: Final = "Server starting service."


class NewerRecord(Exception):
    """A record of a newer program; `what` names it: `record 40 (Name)`."""

    def __init__(self, what: str) -> None:
        """Keep its name."""
        super().__init__(what)
        self.what = what


class Version:
    """What a file's table tells of its writer. `lacks_serving`: it is of before that effect."""

    __slots__ = ("_strange", "lacks_serving")

    def __init__(self, table: Mapping[Any, Any]) -> None:
        """`table` is the file's own, a stranger's: any plain data may stand in it."""
        self._strange = {number: entry for number, entry in table.items() if OWN.get(number) != entry}
        self.lacks_serving = bool(table) and EFFECT_IDS[Serving] not in table

    def check(self, records: tuple[Any, ...]) -> None:
        """Raise NewerRecord if any of these records, which could not be decoded, is one that this program has not."""
        for record in records:
            parts = record[1:] if isinstance(record, tuple) and record and record[0] == EFFECTS else (record,)
            for part in parts:
                number = part[0] if isinstance(part, tuple) and part else None
                if isinstance(number, int) and number in self._strange:
                    raise NewerRecord(f"record {number} ({_name(self._strange[number])})")


def _name(entry: object) -> str:
    """The name in an entry of a stranger's table, where it is one."""
    name = entry[0] if isinstance(entry, tuple) and entry else None
    return name if isinstance(name, str) and name.isascii() and name.isidentifier() else "without a name"


def with_serving(event: Event, effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """The effects of an event of a file of before `Serving`, with it where its program acted on the log line."""
    if type(event) is not Listening:
        return effects
    for place, effect in enumerate(effects):
        if type(effect) is Log and effect.text == _SERVING_LINE:
            return (*effects[:place], Serving(), *effects[place:])
    return effects
