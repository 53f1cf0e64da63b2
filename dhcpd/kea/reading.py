"""Kea's configuration file as data: JSON with comments of three kinds and commas too many. It knows no statement."""

from __future__ import annotations

import json
import re
from typing import Any, Final

# A string stays; a comment goes.
_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|#[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA_TOO_MANY: Final = re.compile(r'("(?:\\.|[^"\\\n])*")|,(?=\s*[}\]])')
# JSON wants a digit before the point.
_BARE_POINT: Final = re.compile(r'("(?:\\.|[^"\\\n])*")|(?<![\d.])(?=\.\d)')
_INCLUDE: Final = re.compile(r'<\?include\s+"([^"]*)"\s*\?>')
_NESTING_MAXIMUM: Final = 100


class NotKeas(ValueError):
    """The file is no configuration of Kea's DHCPv4 server; the text says why, with the line where there is one."""


def read(text: str) -> dict[str, Any]:
    """What stands below `Dhcp4`; raises NotKeas."""
    bare = _without(_COMMENT, text)
    included = _INCLUDE.search(bare)
    if included is not None:
        line = text[: text.index(included[0])].count("\n") + 1
        raise NotKeas(f'line {line}: put the content of "{included[1]}" in its place first: includes are not followed')
    try:
        found = json.loads(_BARE_POINT.sub(lambda found: found[1] or "0", _without(_COMMA_TOO_MANY, bare)))
    except json.JSONDecodeError as error:
        why = f"line {error.lineno}: no JSON ({error.msg}): is it the configuration of kea-dhcp4?"
        raise NotKeas(why) from error
    except RecursionError as error:
        raise NotKeas(f"more than {_NESTING_MAXIMUM} levels of brackets") from error
    content = found.get("Dhcp4") if isinstance(found, dict) else None
    if not isinstance(content, dict):
        raise NotKeas('there is no "Dhcp4": is it the configuration of kea-dhcp4?')
    return content


def _without(pattern: re.Pattern[str], text: str) -> str:
    """The text without what the pattern finds outside of strings; lines keep their numbers."""
    return pattern.sub(lambda found: found[1] or "\n" * found[0].count("\n"), text)
