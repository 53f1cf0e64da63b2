"""Random option and parameter values, as text, by the letters of their format; for grammar.py.

See docs/behaviour/configuration.md#values-by-format.
"""

from __future__ import annotations

from dhcpd.engine.conf.options import ENUMERATIONS
from dhcpd.engine.conf.reading.parse_values import fields_of
from tests.engine.conf.grammar_expressions import Expressions, quoted

NAMES = ("example.org", "a.b.c.example.net", "ns1", "x-1.example.com", "10-0-0-1.example.org", "3com.example")
WORDS = ("plain", "name-1", "host", "a", "f0", "Domain", "x_y")
INTEGERS = {
    "b": (-128, 255), "B": (0, 255), "s": (-32768, 65535), "S": (0, 65535), "l": (-(1 << 31), (1 << 32) - 1),
    "L": (0, (1 << 32) - 1), "T": (0, 1 << 24),
}  # fmt: skip


class Values(Expressions):
    """Values of every format."""

    # Host names in values are looked up at reply time: where that is not wanted, this is set.
    resolvable_only = True

    def address(self) -> str:
        return f"10.{self.random.randrange(200)}.{self.random.randrange(256)}.{self.random.randint(1, 254)}"

    def integer(self, letter: str) -> str:
        low, high = INTEGERS[letter]
        if letter == "T" and self.chance(15):
            return "infinite"
        value = self.one(low, high, 0, 1, self.random.randint(low, high), 3600 % (high + 1))
        if value < 0:
            return str(value)
        return self.one("{:d}", "{:d}", "{:d}", "0{:o}", "0x{:x}").format(value)

    def literal(self, format_: str) -> str:
        """What may stand behind the name of an option of this format; empty where nothing may."""
        fields, repeats = fields_of(format_)
        records = self.random.randint(1, 3) if repeats else 1
        return ", ".join(" ".join(self._field(field) for field in fields) for _ in range(records)).strip()

    def _field(self, field) -> str:
        count = self.random.randint(1, 3) if field.array else 1
        return ", ".join(self._one_field(field) for _ in range(count))

    def _one_field(self, field) -> str:
        letter = field.letter
        if letter in INTEGERS:
            return self.integer(letter)
        if letter == "I":
            return "localhost" if self.chance(10) else self.address()
        if letter == "6":
            return self.one("2001:db8::1", "::", "fe80::a:b", "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1")
        if letter == "t":
            return self.random.choice(WORDS) if self.chance(25) else self.string()
        if letter in "XE":
            return self.string() if self.chance(40) else self.hex_list()
        if letter == "d":
            return self.random.choice(NAMES) + self.one("", "", ".")
        if letter == "D":
            return ", ".join(quoted(self.random.choice(NAMES)) for _ in range(self.random.randint(1, 3)))
        if letter == "f":
            return self.one("true", "false", "on", "off", "True", "OFF", "ignore")
        if letter == "N":
            words = [word for word in ENUMERATIONS[field.name][1] if word != "ad-hoc"]
            return self.random.choice(words)
        return {"U": "agent", "k": "nokey", "Z": ""}.get(letter, "")
