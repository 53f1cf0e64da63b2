"""What a host declaration made by OMAPI says: its record in the lease file, and what that record is read as.

A record with statements is text first, as in declaration.py. Most have none, and nothing that could be read in two
ways: of those the declaration is made at once, without reading what was just printed. A test holds both ways equal.

Source: docs/behaviour/omapi.md#what-is-written-of-a-host.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ...lease.file.record import HARDWARE_NAMES, address_text, hardware_line
from ...model.configuration import Host
from ...model.syntax import Place
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
_PLACE: Final = Place(SOURCE, 1, 1)


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

        What is made here has a name of plain words, an address that the reader has in one word, no statements of its
        own, and a group that is there: there is nothing in it that the reader could take for anything else.
        """
        if self.statements or len(self.identifier) > _IDENTIFIER_OCTETS_MAX or not _PLAIN_NAME.fullmatch(self.name):
            return None
        if self.hardware_address and self.hardware_type not in HARDWARE_NAMES:
            return None
        group = declared.groups.get(self.group) if self.group else None
        if self.group and (group is None or not _PLAIN_NAME.fullmatch(self.group)):
            return None
        if any(isinstance(one, str) for one in self.addresses):
            return None
        hardware = bytes((self.hardware_type,)) + self.hardware_address if self.hardware_address else b""
        scope = declared.configuration.global_scope if group is None else group
        return Host(
            self.name, _PLACE, scope, hardware, self.identifier, None, self.addresses, self.group or None, self.dynamic
        )

    def deletion(self) -> str:
        """The record that says it is gone."""
        return f"host {self.name} {{\n{'  dynamic;' + chr(10) if self.dynamic else ''}  deleted;\n}}\n"
