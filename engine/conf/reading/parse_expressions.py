"""Expressions of dhcpd.conf, read by ISC's own rules of precedence and context.

A context says what a bare number means: a decimal integer where a number is wanted, a hex octet elsewhere. What is not
an expression at all gives None and no message; what begins like one and goes wrong is reported and raises `Lost`.

See docs/behaviour/configuration.md#expressions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...model.syntax import KINDS, Expression
from .cursor import CHAINED_MAX, Cursor, Lost, atoi
from .keywords import HEX_TOKENS, HEXNAME, NAME, NUMBER, STRING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.spaces import OptionDefinition

BOOLEAN: Final = "boolean"
DATA: Final = "data"
NUMERIC: Final = "number"
DATA_OR_NUMERIC: Final = "data or number"
ANY: Final = "any"
_DECIMAL_CONTEXTS: Final = frozenset({NUMERIC, DATA_OR_NUMERIC})

# Operator -> (level, context of the right operand where it binds tighter than the operator before). The levels are
# ISC's, upside down for arithmetic (`2 + 3 * 4` is 20) and the same for `and` and `or`: configurations in use were
# changed until they did what was wanted, so that better rules would make them do something else.
OPERATORS: Final = {
    "bit-and": (100, NUMERIC),
    "bit-or": (100, NUMERIC),
    "bit-xor": (100, NUMERIC),
    "equal": (4, DATA),
    "not-equal": (4, DATA),
    "regex": (4, DATA),
    "iregex": (4, DATA),
    "and": (3, BOOLEAN),
    "or": (3, BOOLEAN),
    "add": (2, NUMERIC),
    "multiply": (1, NUMERIC),
    "divide": (1, NUMERIC),
    "remainder": (1, NUMERIC),
}
_SIMPLE_OPERATORS: Final = {
    "=": "equal", "and": "and", "or": "or", "+": "add", "*": "multiply", "/": "divide", "%": "remainder",
    "&": "bit-and", "|": "bit-or", "^": "bit-xor",
}  # fmt: skip
_NOT_BOOLEAN: Final = (frozenset({DATA, NUMERIC, ANY}), "expecting data/numeric expression")
_TRUTHS: Final = (frozenset({BOOLEAN, ANY}), "expecting boolean expressions")
_NUMBERS: Final = (frozenset({NUMERIC, ANY}), "expecting numeric expressions")
# Operator -> (what its right operand may be, the message for anything else). ISC looks at the right one only, and at
# that of `~~` not at all.
_RIGHT_SIDES: Final = dict.fromkeys(OPERATORS, _NUMBERS) | {
    "equal": _NOT_BOOLEAN,
    "not-equal": _NOT_BOOLEAN,
    "regex": (frozenset({DATA}), "expecting data expression"),
    "iregex": (frozenset({BOOLEAN, DATA, NUMERIC, ANY}), ""),
    "and": _TRUTHS,
    "or": _TRUTHS,
}
# ISC's numbers of results of DNS updates and of a client's states, with which a configuration may compare.
_CODE_WORDS: Final = {
    "formerr": 1, "noerror": 0, "notimp": 27, "servfail": 393230, "nxdomain": 393231, "refused": 393233,
    "yxdomain": 393234, "yxrrset": 393235, "nxrrset": 393236, "notauth": 393237, "notzone": 393238,
    "booting": 2, "reboot": 1, "select": 3, "request": 4, "bound": 5, "renew": 6, "rebind": 7,
}  # fmt: skip
_BARE_WORDS: Final = frozenset({
    "hardware", "leased-address", "host-decl-name", "filename", "server-name", "null", "lease-time", "client-state",
    "known", "static",
})  # fmt: skip
# Words with arguments in parentheses: E data, N numeric expression; one that ends in * repeats.
_FUNCTIONS: Final = {
    "substring": ("substring", "ENN"),
    "suffix": ("suffix", "EN"),
    "lcase": ("lcase", "E"),
    "ucase": ("ucase", "E"),
    "packet": ("packet", "NN"),
    "binary-to-ascii": ("binary-to-ascii", "NNEE"),
    "reverse": ("reverse", "NE"),
    "v6relay": ("v6relay", "NE"),
    "concat": ("concat", "EE*"),
    "pick": ("pick-first-value", "E*"),
    "pick-first-value": ("pick-first-value", "E*"),
}
_MISSING_NUMBER: Final = "expecting numeric expression."
_WIDTHS: Final = frozenset({8, 16, 32})


def type_of(expression: Expression) -> str:
    """data, number, boolean or any."""
    return KINDS[expression.kind][0]


class Missing(Lost):
    """An operand that a declared value lacks: whoever began the statement says so."""

    def __init__(self) -> None:
        super().__init__(claimed=False)


class Expressions(Cursor):
    """Reads expressions. `declaring`: the value of an option is read that a declaration sets."""

    declaring = False

    def known_option(self) -> OptionDefinition:
        """The option that is named next; parse_values.py says how. Raises Lost."""
        raise NotImplementedError

    def boolean(self, missing: str = "boolean expression expected.", *, skip: bool = False) -> Expression:
        """A boolean expression; `missing` is the message where there is no expression at all."""
        found = self.expression_or_none(BOOLEAN)
        if found is None:
            raise self.lost(missing, skip=skip)
        return self._of_type(found, BOOLEAN, "Expecting a boolean expression.")

    def data(self, missing: str = "expecting data expression.") -> Expression:
        """A data expression."""
        return self._typed(DATA, DATA, missing, "Expecting a data expression.")

    def numeric(self, missing: str = _MISSING_NUMBER) -> Expression:
        """A numeric expression."""
        return self._typed(NUMERIC, NUMERIC, missing, "Expecting a numeric expression.")

    def _typed(self, context: str, wanted: str, missing: str, mismatch: str) -> Expression:
        found = self.expression_or_none(context)
        if found is None:
            raise self._missing(missing)
        return self._of_type(found, wanted, mismatch)

    def _of_type(self, found: Expression, wanted: str, mismatch: str) -> Expression:
        if type_of(found) not in (wanted, ANY):
            raise self.lost(mismatch, skip=False)
        return found

    def _missing(self, text: str) -> Lost:
        """An operand is missing. The value of a declared option says nothing of it, and reading goes on behind."""
        return Missing() if self.declaring else self.lost(text)

    def expression_or_none(self, context: str) -> Expression | None:
        """As expression(); None, too, after an error that the caller is to say more about."""
        try:
            return self.expression(context)
        except Lost as lost:
            if lost.claimed or isinstance(lost, Missing):
                raise
            return None

    def expression(self, context: str) -> Expression | None:
        """Any expression; None, nothing read and nothing said, where the next token begins none."""
        return self._chain(context, None, "")

    def _chain(self, context: str, left: Expression | None, operator: str, depth: int = 1) -> Expression | None:
        """Operands and operators to the end of the expression, which stands in so many others (`a = b or` each).

        See docs/behaviour/configuration.md#operators-and-precedence.
        """
        count = 0
        while True:
            count += 1
            if count > CHAINED_MAX or depth > CHAINED_MAX:
                raise self.too_many(f"more than {CHAINED_MAX} operators in an expression")
            right = self._primary(context)
            if right is None:
                if left is None:
                    return None
                raise self._missing("expecting right-hand side.")
            following = self._operator()
            if left is None:
                if following is None:
                    return right
                left = right
            elif following is None:
                return self._combined(operator, left, right)
            elif OPERATORS[following][0] > OPERATORS[operator][0]:
                rest = self._chain(OPERATORS[following][1], right, following, depth + 1)
                return self._combined(operator, left, rest or right)
            else:
                left = self._combined(operator, left, right)
            operator = following
            context = type_of(left)

    def _operator(self) -> str | None:
        """Consume a binary operator."""
        lexer = self.lexer
        kind = lexer.peek()
        simple = _SIMPLE_OPERATORS.get(kind)
        if simple is not None:
            lexer.next()
            return simple
        if kind == "!":
            lexer.next()
            if lexer.peek() != "=":
                raise self.lost("! in boolean context without =")
            lexer.next()
            return "not-equal"
        if kind == "~":
            lexer.next()
            if lexer.peek() not in ("=", "~"):
                raise self.lost("expecting ~= or ~~ operator")
            return "regex" if lexer.next() == "=" else "iregex"
        return None

    def _combined(self, operator: str, left: Expression, right: Expression) -> Expression:
        """An operator with its operands; only the right one's type must suit the operator."""
        types = {type_of(left), type_of(right)} - {ANY}
        if len(types) > 1:
            raise self.lost("illegal expression relating different types")
        allowed, refusal = _RIGHT_SIDES[operator]
        if type_of(right) not in allowed:
            raise self.lost(refusal)
        return Expression(operator, (left, right), left.place)

    def _primary(self, context: str) -> Expression | None:
        """An operand: everything but a binary operator."""
        lexer = self.lexer
        kind = lexer.peek()
        if kind == STRING:
            lexer.next()
            return Expression("data", (lexer.text, True), self.place())
        if kind == NUMBER and context in _DECIMAL_CONTEXTS:
            lexer.next()
            return Expression("number", (atoi(lexer.text),), self.place())
        if kind in HEX_TOKENS:
            place = self.place()
            return Expression("data", (self.hex_octets(claimed=self.declaring), False), place)
        if kind == NAME:
            return self._nested(self._variable_or_call)
        if kind in _FUNCTIONS:
            return self._nested(lambda: self._function(kind))
        if kind in _BARE_WORDS:
            lexer.next()
            return Expression(kind, (), self.place())
        if kind in _CODE_WORDS:
            lexer.next()
            return Expression("code-word", (kind, _CODE_WORDS[kind]), self.place())
        special = _SPECIAL.get(kind)
        return None if special is None else self._nested(lambda: special(self, context))

    def _nested(self, read: Callable[[], Expression]) -> Expression:
        """What `read` reads, an expression further in."""
        self.nest()
        try:
            return read()
        finally:
            self.nested -= 1

    def hex_octets(self, *, claimed: bool = False) -> bytes:
        """A hex list that a bare number begins. Raises Lost, as `claimed` says."""
        lexer = self.lexer
        made = bytearray()
        while True:
            if lexer.next() not in HEX_TOKENS:
                raise self.lost("expecting hexadecimal number.", claimed=claimed)
            made.append(self.number(lexer.text, 16, 8))
            if lexer.peek() != ":":
                return bytes(made)
            lexer.next()

    def _left(self) -> None:
        self.expect("(", "left parenthesis expected.", skip=False)

    def _right(self) -> None:
        self.expect(")", "right parenthesis expected.", skip=False)

    def _comma(self) -> None:
        self.expect(",", "comma expected.", skip=False)

    def _function(self, kind: str) -> Expression:
        """A word with its arguments in parentheses."""
        self.lexer.next()
        place = self.place()
        name, letters = _FUNCTIONS[kind]
        self._left()
        arguments: list[Expression] = []
        for letter in letters.rstrip("*"):
            if arguments:
                self._comma()
            # Where a number is missing from binary-to-ascii, ISC asks for data.
            missing = "expecting data expression." if letter == "E" or name == "binary-to-ascii" else _MISSING_NUMBER
            arguments.append(self.data() if letter == "E" else self.numeric(missing))
        if letters.endswith("*"):
            while self.accept(","):
                arguments.append(self.data())
        self._right()
        if name == "concat" and arguments[0].kind == "concat":  # ISC has `concat (concat (a, b), c)` for three
            arguments[:1] = arguments[0].operands
        return Expression(name, tuple(arguments), place)

    def _variable_or_call(self) -> Expression:
        lexer = self.lexer
        lexer.next()
        name, place = self.text(), self.place()
        if lexer.peek() != "(":
            return Expression("variable", (name,), place)
        lexer.next()
        arguments: list[Expression] = []
        while True:
            found = self.expression(ANY)
            if found is None:
                raise self.lost("expecting expression.")
            arguments.append(found)
            if not self.accept(","):
                break
        self.expect(")", "Right parenthesis expected.")
        return Expression("call", (name, *arguments), place)

    def _parenthesised(self, context: str) -> Expression:
        self.lexer.next()
        found = self.expression(context)
        if found is None:
            raise self._missing("expression expected")
        self.expect(")", "right paren expected")
        return found

    def _not(self, _context: str) -> Expression:
        self.lexer.next()
        place = self.place()
        found = self._primary(BOOLEAN)
        if found is None:
            raise self._missing("expression expected")
        if type_of(found) != BOOLEAN:
            raise self.lost("boolean expression expected")
        return Expression("not", (found,), place)

    def _option(self, _context: str) -> Expression:
        kind = self.lexer.next()
        place = self.place()
        return Expression(kind, (self.known_option(),), place)

    def _check(self, _context: str) -> Expression:
        self.lexer.next()
        place = self.place()
        if self.lexer.next() != STRING:
            raise self.lost("string expected.")
        if self.lexer.text != b"default":
            raise self.lost("unknown collection.", skip=False)
        return Expression("check", (self.text(),), place)

    def _defined(self, _context: str) -> Expression:
        self.lexer.next()
        place = self.place()
        self._left()
        name = self.variable_name()
        self._right()
        return Expression("defined", (name,), place)

    def variable_name(self) -> str:
        """A name that a variable or function may have."""
        if self.lexer.next() not in (NAME, HEXNAME):
            raise self.lost(f"{self.text()} can't be a variable name")
        return self.text()

    def _sized(self, _context: str) -> Expression:
        """extract-int and encode-int: an expression and a width."""
        kind = self.lexer.next()
        place = self.place()
        self._left()
        value = self._extracted() if kind == "extract-int" else self._encoded()
        self._comma()
        if self.lexer.next() != NUMBER:
            raise self.lost("number expected.", skip=False)
        bits = atoi(self.lexer.text)
        if bits not in _WIDTHS:
            raise self.lost(f"unsupported integer size {bits}")
        self._right()
        return Expression(kind, (value, bits), place)

    def _extracted(self) -> Expression:
        try:
            return self.data()
        except Missing:
            raise self.lost("expecting data expression.") from None

    def _encoded(self) -> Expression:
        """A number; whatever is wrong with it, a message of its own comes last."""
        try:
            found = self.expression_or_none(NUMERIC)
        except Lost:
            found = None
        if found is not None and type_of(found) not in (NUMERIC, ANY):
            self.warn("Expecting a numeric expression.")
            found = None
        if found is None:
            raise self.lost(_MISSING_NUMBER)
        return found

    def _gethostname(self, _context: str) -> Expression:
        self.lexer.next()
        place = self.place()
        self._left()
        self._right()
        return Expression("gethostname", (), place)

    def _gethostbyname(self, _context: str) -> Expression:
        self.lexer.next()
        place = self.place()
        self._left()
        if self.lexer.next() != STRING:
            raise self.lost('Expecting quoted literal: "foo.example.com"')
        name = self.text()
        self._right()
        return Expression("gethostbyname", (name,), place)


_SPECIAL: Final = {
    "(": Expressions._parenthesised,
    "not": Expressions._not,
    "option": Expressions._option,
    "config-option": Expressions._option,
    "exists": Expressions._option,
    "check": Expressions._check,
    "defined": Expressions._defined,
    "extract-int": Expressions._sized,
    "encode-int": Expressions._sized,
    "gethostname": Expressions._gethostname,
    "gethostbyname": Expressions._gethostbyname,
}
