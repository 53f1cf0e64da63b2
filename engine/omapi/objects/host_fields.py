"""What a host declaration made by OMAPI says: its record in the lease file, and what that record is read as.

A record is text first, as in declaration.py. Most have nothing in them that could be read in two ways: of those the
declaration is made at once, without reading what was just printed. A test holds both ways equal.

Source: docs/behaviour/omapi.md#what-is-written-of-a-host.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ...conf.writing.lease_layout import constant_written
from ...conf.writing.values import printable
from ...lease.file.record import HARDWARE_NAMES, address_text, hardware_line
from ...model import syntax
from ...model.configuration import Host
from .declaration import SOURCE, identifier_text, statement_lines

if TYPE_CHECKING:
    from ...declared import Declared
    from ...model.syntax import Block

_OWN_SCOPE: Final = "host"
# Words as the reader of the configuration has them, joined by dots.
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9][A-Za-z0-9_-]{0,62}){0,8}")
# As long as one in a message can be; the reader has no room for much longer words.
_IDENTIFIER_OCTETS_MAX: Final = 255
# Where the reader finds the host of a record that begins with it.
_PLACE: Final = syntax.Place(SOURCE, 1, 1)
# Spaces whose options every record can name; of these, who a client is has rules of its own.
_PLAIN_SPACES: Final = frozenset({"dhcp", "server"})
_IDENTIFIER: Final = ("dhcp", 61)
# The reader has room for so long a string.
_CONSTANT_OCTETS_MAX: Final = 255


class Fields:
    """A host declaration while values are applied to it; what is None was not given."""

    __slots__ = (
        "addresses", "dynamic", "group", "hardware_address", "hardware_type", "identifier", "name", "statements",
    )  # fmt: skip

    def __init__(self) -> None:
        """A new one, made by OMAPI."""
        self.name = ""
        self.dynamic = True
        self.hardware_address = b""
        # What a look-up takes for Ethernet is nothing here.
        self.hardware_type = 0
        self.identifier = b""
        self.addresses: tuple[int | str, ...] = ()
        self.group = ""
        self.statements: Block | None = None

    @classmethod
    def of(cls, host: Host) -> Fields:
        """Those of a host in force."""
        made = cls()
        made.name = host.name
        made.dynamic = host.dynamic
        if host.hardware:
            made.hardware_type, made.hardware_address = host.hardware[0], host.hardware[1:]
        made.identifier = host.uid
        made.addresses = host.fixed_addresses
        made.group = host.group or ""
        if host.scope.kind == _OWN_SCOPE:
            made.statements = list(host.scope.statements)
        return made

    def record(self) -> str:
        """The lease file's record of it."""
        lines = [f"host {self.name} {{\n"]
        if self.dynamic:
            lines.append("  dynamic;\n")
        if self.hardware_address:
            lines.append(f"  {hardware_line(bytes((self.hardware_type,)) + self.hardware_address)}\n")
        if self.identifier:
            lines.append(f"  uid {identifier_text(self.identifier)};\n")
        if self.addresses:
            places = ",".join([one if isinstance(one, str) else address_text(one) for one in self.addresses])
            lines.append(f"  fixed-address {places};\n")
        if self.group:
            lines.append(f'  group "{self.group}";\n')
        if self.statements:
            lines.append(statement_lines(self.statements))
        return "".join([*lines, "}\n"])

    def plain_host(self, declared: Declared) -> Host | None:
        """The declaration that the record would be read as, None where only reading it tells.

        It has no statements of its own, and there is nothing in it that the reader could take for anything else.
        """
        if self.statements or not self._is_plain(declared):
            return None
        hardware = bytes((self.hardware_type,)) + self.hardware_address if self.hardware_address else b""
        scope = (declared.groups.get(self.group) if self.group else None) or declared.configuration.global_scope
        return Host(
            self.name, _PLACE, scope, hardware, self.identifier, None, self.addresses, self.group or None,
            dynamic=self.dynamic,
        )  # fmt: skip

    def _is_plain(self, declared: Declared) -> bool:
        """Whether all but the statements is read in one way.

        The name is of plain words, the addresses and the hardware are such that the reader has a word for, and the
        group is there.
        """
        if len(self.identifier) > _IDENTIFIER_OCTETS_MAX or not _PLAIN_NAME.fullmatch(self.name):
            return False
        if self.hardware_address and self.hardware_type not in HARDWARE_NAMES:
            return False
        if self.group and (declared.groups.get(self.group) is None or not _PLAIN_NAME.fullmatch(self.group)):
            return False
        return not any(isinstance(one, str) for one in self.addresses)

    def plain_node(self, declared: Declared) -> syntax.Host | None:
        """What the record of a host whose statements are all plain would be read as; None where only reading tells."""
        if not self._is_plain(declared):
            return None
        block: Block = [syntax.Marker(_PLACE, "dynamic")] if self.dynamic else []
        if self.hardware_address:
            block.append(syntax.Hardware(_PLACE, self.hardware_type, self.hardware_address))
        if self.identifier:
            block.append(syntax.ClientUid(_PLACE, self.identifier))
        if self.addresses:
            block.append(syntax.FixedAddress(_PLACE, self.addresses))
        if self.group:
            block.append(syntax.GroupReference(_PLACE, self.group))
        for statement in self.statements or ():
            plain = _read_back(statement)
            if plain is None:
                return None
            block.append(plain)
        return syntax.Host(_PLACE, self.name, block)

    def deletion(self) -> str:
        """The record that says it is gone."""
        if self.dynamic:
            return f"host {self.name} {{\n  dynamic;\n  deleted;\n}}\n"
        return f"host {self.name} {{\n  deleted;\n}}\n"


def _read_back(statement: syntax.Node) -> syntax.Node | None:
    """What the reader makes of a statement of a record; None where only reading tells.

    An option or parameter that is set to a constant is written as octets, of which each reader makes the same.
    """
    if not isinstance(statement, syntax.OptionStatement) or statement.option.space not in _PLAIN_SPACES:
        return None
    if (statement.option.space, statement.option.code) == _IDENTIFIER:
        return None
    octets = constant_written(statement)
    if octets is None or not 0 < len(octets) <= _CONSTANT_OCTETS_MAX:
        return None
    value = syntax.Expression("data", (octets, printable(octets)), statement.value.place)
    return replace(statement, value=value, literal=False)
