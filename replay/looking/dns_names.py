"""Leases' names in DNS: how they stand, and what became of them at each event: added, removed, refused, owed, paid.

A machine is asked: for an address, or, behind an event, for the addresses in question. Nothing is read from its log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...engine.ddns.records import Names, stored_names
from ...engine.ddns.rules import Verdict
from ...engine.ddns.telling import shown
from ...engine.service.reasons import of_debts, of_update

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...engine.ddns.owed import Owed
    from ...engine.machine import Machine
    from ...engine.service.reasons import Reason


class Missing(NamedTuple):
    """A name that DNS should hold for `address`, or no longer, and does not.

    `how`: `add` or `remove`, which is owed; `refused`. `why`: in the log's words, empty where nobody knows.
    """

    address: int
    how: str
    name: str
    why: str

    @property
    def text(self) -> str:
        """In words."""
        owed = "refused: " if self.how == "refused" else f"owed, to {self.how}: "
        return f"{owed}{self.name}{f' ({self.why})' if self.why else ''}"


def is_updated(machine: Machine) -> bool:
    """Whether the machine's server looks after names."""
    return machine.server is not None and bool(machine.server.ddns.settings.style)


def held(machine: Machine, address: int) -> tuple[str, str]:
    """The name that the lease of an address says DNS holds, and the name of its PTR record; empty for none."""
    lease = None if machine.server is None else machine.server.database.find(address)
    names = Names() if lease is None else stored_names(lease)
    return shown(names.forward), shown(names.reverse)


def missing(machine: Machine, address: int) -> list[Missing]:
    """What of an address is owed to DNS, or was refused."""
    if machine.server is None:
        return []
    updates = machine.server.ddns.updates
    found = [one for owed in updates.debts.of(address) for one in _owed(owed)]
    refusal = updates.refusals.of(address)
    return found if refusal is None else [*found, Missing(address, "refused", shown(refusal.name), refusal.why)]


def all_missing(machine: Machine) -> list[Missing]:
    """The same of every address, in the order of addresses."""
    if machine.server is None:
        return []
    updates = machine.server.ddns.updates
    addresses = {owed.address for owed in updates.debts.everything()}
    addresses |= {refusal.address for refusal in updates.refusals.everything()}
    return [one for address in sorted(addresses) for one in missing(machine, address)]


def _owed(owed: Owed) -> list[Missing]:
    parts = (("remove", owed.removing), ("add", owed.adding))
    why = owed.word or owed.verdict
    return [Missing(owed.address, how, shown(names.forward or names.reverse), why) for how, names in parts if names]


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
