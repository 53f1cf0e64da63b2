"""Texts of a report: each is kept once, and none can disguise what it says.

Names in packets are a stranger's octets. Here they become printable characters: controls and the marks that turn the
direction of writing are shown as escapes. That they cannot become HTML is the template's and the script's business.
"""

from __future__ import annotations

from .limits import TEXT_MAXIMUM


def visible(text: str) -> str:
    """The text with everything that does not show as an escape, cut at TEXT_MAXIMUM characters."""
    if len(text) > TEXT_MAXIMUM:
        text = f"{text[:TEXT_MAXIMUM]}... ({len(text):,} characters)"
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def name_text(octets: bytes) -> str:
    """A host name as a client wrote it: UTF-8 where it is that."""
    return visible(octets.decode("utf-8", "backslashreplace"))


class Texts:
    """A table of texts. Number 0 is the empty one."""

    def __init__(self) -> None:
        self.table: list[str] = [""]
        self._numbers: dict[str, int] = {"": 0}

    def number(self, text: str) -> int:
        """The number of a text, which is made visible first."""
        text = visible(text)
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self.table)
            self.table.append(text)
        return found
