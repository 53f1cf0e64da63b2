"""What became of leases' names in DNS at each event: added, removed, refused, owed, and owed no longer.

A machine is asked, behind an event, for the addresses in question. Nothing is read from its log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...engine.ddns.rules import Verdict
from ...engine.service.reasons import of_debts, of_update

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...engine.ddns.owed import Owed
    from ...engine.machine import Machine
    from ...engine.service.reasons import Reason


class NamesInDns:
    """Follows a machine on its way: `of` is asked behind every event, for the addresses in question by then."""

    def __init__(self, machine: Machine, addresses: Iterable[int]) -> None:
        self._machine = machine
        self._owed = self._debts(addresses)

    def of(self, addresses: Iterable[int]) -> list[Reason]:
        """What became of their names at the last event; a step that only leads to the next one is left out."""
        server = self._machine.server
        if server is None:
            return []
        wanted = frozenset(addresses)
        told = [
            of_update(one) for one in server.ddns.happened
            if one.address in wanted and one.verdict is not Verdict.GOES_ON
        ]  # fmt: skip
        before, self._owed = self._owed, self._debts(wanted)
        return told if before == self._owed else told + of_debts(before, self._owed)

    def _debts(self, addresses: Iterable[int]) -> list[Owed]:
        server = self._machine.server
        if server is None or not len(server.ddns.updates.debts):
            return []
        return [owed for address in sorted(addresses) for owed in server.ddns.updates.debts.of(address)]
