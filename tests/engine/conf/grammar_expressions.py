"""Random expressions of dhcpd.conf, as text, by type; grammar.py stands on it.

They are valid in every context in which grammar.py puts them: operands that are chains themselves stand in parentheses,
and a bare number stands only where it is read as one. What makes ISC's server crash is left out: `reverse (0, ...)`,
`extract-int` of nothing, a function that calls itself, an option whose value refers to itself.

See docs/behaviour/configuration.md#expressions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from dhcpd.engine.model.spaces import Registry

VARIABLES = ("var-one", "tmp", "client-name", "Mixed_Case", "x1y", "seen", "xid-text")
FUNCTIONS = ("fun-one", "join-up", "Pick-It")
STRINGS = (
    "", "abc", "example.org", "a b", "x;y", "{", "# no comment", r"\t\n\r", r"\000\101", r"\x41\xff", r"say \"hi\"",
    r"back\\slash", "caf\u00e9", "lease %d", "10.0.0.1", "long " * 30,
)  # fmt: skip
CODE_WORDS = ("formerr", "noerror", "nxdomain", "notzone", "booting", "reboot", "bound", "renew", "rebind")
PATTERNS = ("^ab", "[a-z]+$", "a|b", "(x.)*", "MSFT 5", ".", "^$")


def quoted(text: str) -> str:
    return f'"{text}"'


class Expressions:
    """Draws from `random`; `registry` says which options there are."""

    def __init__(self, random: Random, registry: Registry) -> None:
        self.random = random
        self.registry = registry
        self.functions: list[tuple[str, int]] = []
        # Options with this code or a higher one may not be referred to: values never go round in a circle.
        self.code_limit = 256

    def has_packet(self) -> bool:
        """Whether what is written now will be evaluated for a packet only."""
        return True

    def one(self, *choices):
        return self.random.choice(choices)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def string(self) -> str:
        return quoted(self.random.choice(STRINGS))

    def hex_list(self, least: int = 1, most: int = 8) -> str:
        count = self.random.randint(least, most)
        form = self.one("{:x}", "{:02x}", "{:02X}")
        return ":".join(form.format(self.random.randrange(256)) for _ in range(count))

    def option_name(self, spaces: tuple[str, ...] = ("dhcp", "dhcp", "agent", "fqdn", "nwip")) -> str:
        space = self.registry.spaces[self.random.choice(spaces)]
        if space.name == "dhcp" and self.chance(5):
            return f"unknown-{self.one(80, 121, 175, 249, 252)}"
        name = self.random.choice(sorted(space.by_name))
        return name if space.name == "dhcp" and self.chance(90) else f"{space.name}.{name}"

    def config_option(self) -> str:
        space = self.registry.spaces["dhcp"]
        names = sorted(name for name, option in space.by_name.items() if option.code < self.code_limit)
        return f"config-option {self.random.choice(names)}" if names else "null"

    def data(self, depth: int = 2) -> str:
        if depth <= 0 or self.chance(30):
            return self._simple_data()
        inner = depth - 1
        written = (
            lambda: f"substring ({self.data(inner)}, {self.numeric(inner)}, {self.numeric(inner)})",
            lambda: f"suffix ({self.data(inner)}, {self.numeric(inner)})",
            lambda: f"concat ({self.data(inner)}, {self._more(inner, 1)})",
            lambda: f"{self.one('lcase', 'ucase')} ({self.data(inner)})",
            lambda: f"packet ({self.random.randrange(300)}, {self.random.randrange(300)})",
            lambda: f"binary-to-ascii ({self._base_and_width()}, {self.data(0)}, {self.data(inner)})",
            lambda: f"reverse ({self.random.randint(1, 4)}, {self.data(inner)})",
            lambda: f"encode-int ({self.numeric(inner)}, {self.one(8, 16, 32)})",
            lambda: f"{self.one('pick', 'pick-first-value')} ({self._more(inner, 1)})",
            lambda: f"v6relay ({self.random.randrange(3)}, {self.data(inner)})",
            lambda: f"({self.data(inner)})",
            self.config_option,
        )
        return self.random.choice(written)()

    def _base_and_width(self) -> str:
        return f"{self.one(2, 8, 10, 16)}, {self.one(8, 16, 32)}"

    def _more(self, depth: int, least: int) -> str:
        return ", ".join(self.data(depth) for _ in range(self.random.randint(least, 3)))

    def _simple_data(self) -> str:
        kind = self.random.randrange(9)
        if kind < 2:
            return self.string()
        if kind < 4:
            return self.hex_list()
        if kind == 4:
            return f"option {self.option_name()}"
        if kind == 5:
            return self.random.choice(VARIABLES)
        if kind == 6:
            return self.one("gethostname ()", 'gethostbyname ("localhost")')
        return self.one("hardware", "leased-address", "host-decl-name", "filename", "server-name", "null")

    def numeric(self, depth: int = 1, *, bare: bool = True, variable: bool = True) -> str:
        """A number; `bare`: where it begins, a plain number is read as decimal. A variable may be one."""
        if depth > 0 and self.chance(30):
            operator = self.one("+", "*", "/", "%", "&", "|", "^")
            left = self.numeric(depth - 1, bare=bare, variable=False)
            return f"({left} {operator} {self.numeric(depth - 1)})"
        kind = self.random.randrange(6)
        if kind < 2 and bare:
            return str(self.one(0, 1, 2, 5, 8, 10, 16, 255, 256, 65536, 4294967295, "010", "-1"))
        if kind == 2:
            return self.one("lease-time", "client-state")
        if kind == 3:
            return self.random.choice(CODE_WORDS)
        if kind == 4 and variable and bare:
            return self.random.choice(VARIABLES)
        return f"extract-int ({self.hex_list(4, 6)}, {self.one(8, 16, 32)})"

    def boolean(self, depth: int = 2, *, variable: bool = True) -> str:
        """A condition; behind `not`, it must not be a variable."""
        if depth <= 0 or self.chance(30):
            return self._simple_boolean(variable=variable)
        inner = depth - 1
        kind = self.random.randrange(7)
        if kind < 2:
            return f"{self.data(inner)} {self.one('=', '!=', '= ', '!= ')} {self.data(inner)}"
        if kind == 2:
            return f"{self.numeric(inner, bare=False)} {self.one('=', '!=')} {self.numeric(inner)}"
        if kind == 3:
            return f"{self.data(inner)} {self.one('~=', '~~')} {quoted(self.random.choice(PATTERNS))}"
        if kind == 4:
            return f"not ({self.boolean(inner, variable=False)})"
        operator = self.one("and", "or")
        return f"({self.boolean(inner)}) {operator} ({self.boolean(inner)})"

    def _simple_boolean(self, *, variable: bool) -> str:
        kind = self.random.randrange(6)
        if kind == 0:
            return f"exists {self.option_name()}"
        if kind == 1:
            return f"not exists {self.option_name()}"
        if kind == 2:
            return f"defined ({self.random.choice(VARIABLES)})"
        if kind == 3 and variable:
            return self.random.choice(VARIABLES)
        if kind == 4 and self.has_packet():
            return 'check "default"'
        return self.one("known", "static", "not known", "not static")

    def any(self, depth: int = 2) -> str:
        """What may stand behind `set x =`, or in a call."""
        kind = self.random.randrange(8)
        if kind == 0:
            return self.numeric(1, bare=False)
        if kind == 1:
            return self.boolean(1)
        if kind == 2 and self.functions:
            return self.call(depth - 1)
        return self.data(depth)

    def call(self, depth: int = 1) -> str:
        name, parameters = self.random.choice(self.functions)
        arguments = [self.data(depth) for _ in range(max(parameters, 1))]
        return f"{name} ({', '.join(arguments)})"
