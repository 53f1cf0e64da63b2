"""What a report tells of failover: where each relationship stood at the end, and every change of state before it.

Read from the recording a second time, and only where its configuration names a relationship. The other server's view
is in the other server's recording: `dhcpd-trace pair` puts both on one timeline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...trace import TapeError
from ..failover.side import NoPair, read_side
from ..failover.standings import standings
from ..playing.seek import EngineFailed
from .limits import CHANGES_MAXIMUM

if TYPE_CHECKING:
    from ...engine.failover.standing import Standing
    from ...engine.machine import Machine
    from ...trace import Tape
    from ..failover.side import Change


class Partner(NamedTuple):
    """A relationship at the end of the recording; `changes` are its first ones, `left_out` how many more there were."""

    standing: Standing
    changes: tuple[Change, ...]
    left_out: int


def partners(tape: Tape, machine: Machine | None) -> list[Partner]:
    """Every relationship, with its changes as far as the recording can be read; none without failover."""
    if machine is None or machine.failover is None:
        return []
    try:
        changes = read_side(tape).changes
    except (TapeError, EngineFailed, NoPair):
        changes = []
    found = []
    for one in standings(machine):
        own = [change for change in changes if change.relationship == one.name]
        found.append(Partner(one, tuple(own[:CHANGES_MAXIMUM]), max(len(own) - CHANGES_MAXIMUM, 0)))
    return found
