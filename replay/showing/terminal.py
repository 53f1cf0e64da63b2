r"""Text of strangers made safe for a terminal: one rule, for every line that a verb prints.

Host names, identifiers, file names and log lines come from anybody on the network. A control character among them
(ECMA-48) could move the cursor, colour or erase what stands there, forge a line or answer in the terminal's name; a
bidirectional mark (Unicode UAX #9) could turn what is read round. Such characters are shown as `\xNN` or `\uNNNN`.
Text that was made safe stays as it is when that is done again.
"""

from __future__ import annotations

from typing import Final

_OCTET: Final = 0x100
_PLANE: Final = 0x10000


def safe(text: str) -> str:
    r"""The text on one line: what is not printable as `\xNN`, `\uNNNN` or `\UNNNNNNNN`, ends of lines too."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def safe_lines(text: str) -> str:
    """The same, with its ends of lines (LF) left: of several lines, which are the program's own or will be indented."""
    return text if text.isprintable() else "\n".join(map(safe, text.split("\n")))


def _escaped(character: str) -> str:
    number = ord(character)
    if number < _OCTET:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < _PLANE else f"\\U{number:08x}"
