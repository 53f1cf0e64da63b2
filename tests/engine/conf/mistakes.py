"""The configurations of mistakes.txt: mistakes that people make, by name.

The format: `=== NAME` begins a case, which is its main file up to `--- FILE`, which begins a file that is included. In
a name `[crlf]` asks for line ends of Windows, `[no newline]` for none at the end. `<<e9>>` is an octet, `<<a*80>>` a
letter so many times; all else is UTF-8.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.engine.conf.tools.asking import NAME

_TABLE = Path(__file__).parent / "mistakes.txt"
_OCTET = re.compile(rb"<<([0-9a-f]{2})>>")
_REPEATED = re.compile(rb"<<(.)\*([0-9]+)>>")


def mistakes() -> dict[str, dict[str, bytes]]:
    """Name -> files."""
    made: dict[str, dict[str, bytes]] = {}
    for part in re.split(r"^=== ", _TABLE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        name, _, rest = part.partition("\n")
        pieces = re.split(r"^--- (.*)\n", rest, flags=re.MULTILINE)
        assert name not in made, f"{name} twice"
        files = zip([NAME, *pieces[1::2]], pieces[::2], strict=True)
        made[name] = {file: _octets(text, name) for file, text in files}
    return made


def _octets(text: str, name: str) -> bytes:
    made = _OCTET.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode())
    made = _REPEATED.sub(lambda found: found[1] * int(found[2]), made)
    if "[crlf]" in name:
        made = made.replace(b"\n", b"\r\n")
    return made.removesuffix(b"\n").removesuffix(b"\r") if "[no newline]" in name else made
