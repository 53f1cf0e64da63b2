"""Option spaces and option definitions: what is known of an option before any value of it is seen.

A space is a set of options with one wire layout; a definition is a name, a code and a
format within it. The registry is mutable while a configuration is
read (sites define options of their own) and is then only looked at. No values, no encoding here.

See docs/behaviour/packets.md#option-spaces, docs/behaviour/configuration.md#option-definitions-and-option-spaces,
docs/behaviour/configuration.md#predefined-options.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class OptionDefinition:
    """One option: `space` and `name` (lower case), `code`, and `format` in ISC's letters (`IA`, `Eagent.`).

    `shown_space`: how the configuration spells the space (empty: like `space`).
    """

    space: str
    name: str
    code: int
    format: str
    shown_space: str = ""

    @property
    def full_name(self) -> str:
        """`name` in space dhcp, else `space.name`."""
        return self.name if self.space == "dhcp" else f"{self.shown_space or self.space}.{self.name}"


@dataclass
class OptionSpace:
    """One space: widths in octets; `end` is the tag that ends it; `concatenates` repeated options (RFC 3396).

    `name` is in lower case; `shown` is how the configuration spells it (empty: like `name`).
    """

    name: str
    code_width: int = 1
    length_width: int = 1
    end: int = 0
    concatenates: bool = False
    insertion_ordered: bool = False
    number: int = 0
    by_name: dict[str, OptionDefinition] = field(default_factory=dict)
    by_code: dict[int, OptionDefinition] = field(default_factory=dict)
    encapsulated_by: OptionDefinition | None = None
    shown: str = ""

    def define(self, name: str, code: int, format: str) -> OptionDefinition:  # noqa: A002 - the field's own word
        """Add or redefine an option; an older name of the same code stays usable.

        See docs/behaviour/configuration.md#option-definitions-and-option-spaces.
        """
        made = OptionDefinition(self.name, name.lower(), code, format, self.shown)
        self.by_name[made.name] = made
        self.by_code[code] = made
        return made

    def unknown(self, code: int) -> OptionDefinition:
        """The definition that an undefined code has: `unknown-N`, format X. It is not entered."""
        return OptionDefinition(self.name, f"unknown-{code}", code, "X", self.shown)


@dataclass(eq=False)
class SpaceTable:
    """One space. `inner`: code -> space inside; `minimum`: code -> `text_minimum`; `empty`: codes of no bytes.

    `members` are the spaces whose parent option stands in this one, as (code, name), by number of the space.
    `special` is every code that is in `inner` or `minimum`.
    """

    space: OptionSpace
    inner: dict[int, str] = field(default_factory=dict)
    minimum: dict[int, int] = field(default_factory=dict)
    empty: frozenset[int] = frozenset()
    special: frozenset[int] = frozenset()
    members: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Registry:
    """Every space by its lower-case name, in order of creation. `tables` is tables.py's, made at the first packet."""

    spaces: dict[str, OptionSpace] = field(default_factory=dict)
    tables: dict[str, SpaceTable] | None = field(default=None, compare=False, repr=False)

    def add(self, space: OptionSpace) -> OptionSpace:
        """Enter a space under its name, in place of one of the same name; its number is its place in the order."""
        space.number = len(self.spaces)
        self.spaces[space.name] = space
        return space
