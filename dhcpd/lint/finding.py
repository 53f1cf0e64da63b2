"""One thing that was found, and the comment by which its writer says that it is meant so. It looks for nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from ..engine.model.syntax import Place

_COMMENT: Final = re.compile(r"#\s*lint:\s*ignore\b([\w\s,-]*)")


class Finding(NamedTuple):
    """`rule` is the name in rules.RULES; `text` says what stands there, and what comes of it."""

    rule: str
    place: Place
    text: str


class Silence:
    """The comments `# lint: ignore RULE, ...` of the files, on the line of what is found or on the one above.

    Without a rule it is for all of them. A file that cannot be read has none.
    """

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def covers(self, finding: Finding) -> bool:
        """Whether the writer has said that it is meant so."""
        return any(_names(line, finding.rule) for line in self._around(finding.place))

    def _around(self, place: Place) -> list[str]:
        lines = self._lines.get(place.file)
        if lines is None:
            try:
                lines = Path(place.file).read_text("utf-8", "replace").split("\n")
            except OSError:
                lines = []
            self._lines[place.file] = lines
        return lines[max(0, place.line - 2) : place.line]


def _names(line: str, rule: str) -> bool:
    found = _COMMENT.search(line)
    rules = [] if found is None else re.split(r"[\s,]+", found[1].strip())
    return found is not None and (rules == [""] or rule in rules)
