"""Kea's expressions (the `test` of a class) as ISC's, by recursive descent.

Known: literals, options by name or number, `substring`, `concat`, comparisons, `and`, `or`, `not`, `member`, the
hardware address, the relay's address and its option 82. `member ('X')` becomes X's own condition, since ISC's language
cannot ask for a class. What is not known is Unknown, with its text, and never guessed.

See Kea's manual, "Using Expressions in Classification", and dhcp-eval(5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<string>'[^']*')|(?P<hex>0x[0-9A-Fa-f]+)|(?P<address>\d+\.\d+\.\d+\.\d+)|(?P<number>-?\d+)"
    r"|(?P<word>[A-Za-z_][\w-]*)|(?P<sign>==|!=|[\[\]().,*+]))"
)
_NESTING_MAXIMUM: Final = 64
# What every client is or is not (Kea's manual, "Built-in Client Classes").
_BUILT_IN: Final = {"ALL": "(1 = 1)", "KNOWN": "known", "UNKNOWN": "not known"}
_FIELDS: Final = {
    "mac": "substring (hardware, 1, 16)",
    "htype": 'concat ("\\x00\\x00\\x00", substring (hardware, 0, 1))',
    "giaddr": "packet (24, 4)",
    "ciaddr": "packet (12, 4)",
    "msgtype": 'concat ("\\x00\\x00\\x00", option dhcp-message-type)',
    "transid": "packet (4, 4)",
}
_RELAYED: Final = {1: "agent.circuit-id", 2: "agent.remote-id"}


class Unknown(ValueError):
    """The expression has something that ISC's language cannot say, or that is not understood; the text names it."""


def convert(text: str, option: Callable[[str], str], classes: Mapping[str, str]) -> str:
    """A condition in ISC's language.

    `option` gives ISC's name of an option by Kea's name or number, and raises LookupError; `classes` holds the
    conditions of the classes before this one. Raises Unknown.
    """
    parser = _Parser(text, option, classes)
    found = parser.either()
    if parser.token:
        raise Unknown(f"{parser.token!r}")
    return found


class _Parser:
    def __init__(self, text: str, option: Callable[[str], str], classes: Mapping[str, str]) -> None:
        self._text, self._at = text.rstrip(), 0
        self._option, self._classes = option, classes
        self._depth = 0
        self.kind, self.token = "", ""
        self._next()

    def _next(self) -> str:
        """The token that was read; the one behind it is the present one then."""
        before = self.token
        if self._at == len(self._text):
            self.kind, self.token = "end", ""
            return before
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise Unknown(self._text[self._at : self._at + 20].strip())
        self._at = found.end()
        self.kind, self.token = found.lastgroup or "", found[found.lastgroup or 0]
        return before

    def _take(self, *tokens: str) -> bool:
        """Go past the token where it is one of these."""
        if self.token in tokens and self.kind in {"word", "sign"}:
            self._next()
            return True
        return False

    def _want(self, token: str) -> None:
        if not self._take(token):
            raise Unknown(f"{self.token or 'the end'!r} where {token!r} should be")

    # Conditions

    def either(self) -> str:
        found = self._both()
        while self._take("or"):
            found = f"({found}) or ({self._both()})"
        return found

    def _both(self) -> str:
        found = self._single()
        while self._take("and"):
            found = f"({found}) and ({self._single()})"
        return found

    def _single(self) -> str:
        self._depth += 1
        if self._depth > _NESTING_MAXIMUM:
            raise Unknown("more than 64 levels of parentheses")
        try:
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> str:
        if self._take("not"):
            return f"not ({self._single()})"
        if self._take("("):
            found = self.either()
            self._want(")")
            return found
        if self._take("member"):
            return self._member()
        left, exists = self._data()
        if exists:
            return left
        if self._take("=="):
            return f"{left} = {self._data()[0]}"
        self._want("!=")
        return f"{left} != {self._data()[0]}"

    def _member(self) -> str:
        self._want("(")
        name = self._next().strip("'")
        self._want(")")
        found = _BUILT_IN.get(name) or self._classes.get(name)
        if found is None:
            raise Unknown(f"member('{name}'): no class before has that name and a condition")
        return found

    # Values

    def _data(self) -> tuple[str, bool]:
        """A value, or a whole condition (`option[X].exists`): then True."""
        kind, token = self.kind, self._next()
        if kind == "string":
            return quoted(token[1:-1].encode()), False
        if kind == "hex":
            return quoted(bytes.fromhex(token[2:] if len(token) % 2 == 0 else f"0{token[2:]}")), False
        if kind == "address":
            return quoted(bytes(int(part) & 255 for part in token.split("."))), False
        if kind == "number":
            return quoted((int(token) & 0xFFFFFFFF).to_bytes(4, "big")), False
        reader = {
            "option": self._named_option, "relay4": self._relay_option, "pkt4": self._field,
            "substring": self._substring, "concat": self._concat,
        }.get(token)  # fmt: skip
        if reader is None:
            raise Unknown(token or "the end")
        return reader()

    def _named_option(self) -> tuple[str, bool]:
        self._want("[")
        name = self._next()
        self._want("]")
        try:
            return self._form_of(self._option(name))
        except LookupError as error:
            raise Unknown(f"option[{name}]") from error

    def _relay_option(self) -> tuple[str, bool]:
        self._want("[")
        code = self._next()
        self._want("]")
        name = _RELAYED.get(int(code)) if code.isdecimal() else None
        if name is None:
            raise Unknown(f"relay4[{code}]")
        return self._form_of(name)

    def _form_of(self, name: str) -> tuple[str, bool]:
        self._want(".")
        form = self._next()
        if form == "exists":
            return f"exists {name}", True
        if form not in {"hex", "text"}:
            raise Unknown(f".{form}")
        return f"option {name}", False

    def _field(self) -> tuple[str, bool]:
        self._want(".")
        name = self._next()
        if name not in _FIELDS:
            raise Unknown(f"pkt4.{name}")
        return _FIELDS[name], False

    def _substring(self) -> tuple[str, bool]:
        self._want("(")
        value = self._data()[0]
        self._want(",")
        start = self._next()
        self._want(",")
        length = self._next()
        self._want(")")
        if start.startswith("-"):
            raise Unknown(f"substring from {start}")
        return f"substring ({value}, {start}, {'65535' if length == 'all' else length})", False

    def _concat(self) -> tuple[str, bool]:
        self._want("(")
        one = self._data()[0]
        self._want(",")
        other = self._data()[0]
        self._want(")")
        return f"concat ({one}, {other})", False


def quoted(octets: bytes) -> str:
    """Octets as a string of ISC's language."""
    return '"' + "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\x{c:02x}" for c in octets) + '"'  # noqa: PLR2004 - printable ASCII
