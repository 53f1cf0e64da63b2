"""`~=` and `~~`: POSIX extended regular expressions as the GNU C library has them.

Only "does it match somewhere" is asked, so that leftmost-longest, where POSIX and others differ, cannot show. An
automaton answers (regex/automaton.py). A pattern that refers back to a group goes to Python's `re`, in its own dialect;
such a pattern can take long on a text that was made for it, with ISC's server as with any.

See docs/behaviour/configuration.md#boolean-expressions.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ..regex.automaton import Automaton
from ..regex.syntax import Again, Assertion, BadPattern, Choice, Octets, Repeat, Sequence, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..regex.syntax import Node

_ASSERTIONS: Final = {
    "begin": r"\A",
    "end": r"\Z",
    "word begin": r"\b(?=\w)",
    "word end": r"\b(?<=\w)",
    "word edge": r"\b",
    "no word edge": r"\B",
}


def _in_python(node: Node) -> str:
    """The pattern as Python's `re` writes it."""
    if isinstance(node, Octets):
        octets = "".join([f"\\x{octet:02x}" for octet in range(256) if node.mask >> octet & 1])
        return f"[{octets}]" if octets else "(?!)"
    if isinstance(node, Assertion):
        return _ASSERTIONS[node.what]
    if isinstance(node, Sequence):
        return "".join([_in_python(part) for part in node.parts])
    if isinstance(node, Choice):
        return "(?:" + "|".join([_in_python(branch) for branch in node.branches]) + ")"
    if isinstance(node, Repeat):
        most = "" if node.most is None else node.most
        return f"(?:{_in_python(node.body)}){{{node.least},{most}}}"
    if isinstance(node, Again):
        return f"(?:\\{node.number})"
    return f"({_in_python(node.body)})"


# A pattern may be made of what clients send, so that what is kept of them is bounded.
@lru_cache(maxsize=256)
def compiled(pattern: bytes, ignore_case: bool) -> Callable[[bytes], object] | None:
    """What searches a text for the pattern; None where regcomp would refuse it. A pattern ends at its first NUL."""
    try:
        node, refers_back = parse(pattern.split(b"\0", 1)[0], ignore_case=ignore_case)
        if not refers_back:
            return Automaton(node).search
        flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
        return re.compile(_in_python(node).encode("ascii"), flags).search
    except (BadPattern, re.error, OverflowError, RecursionError):
        return None


def matches(pattern: bytes, text: bytes, *, ignore_case: bool) -> bool:
    """Whether `pattern` is found in `text`, both as C strings; a bad pattern is found nowhere.

    See docs/behaviour/configuration.md#boolean-expressions.
    """
    search = compiled(pattern, ignore_case)
    return search is not None and bool(search(text.split(b"\0", 1)[0]))
