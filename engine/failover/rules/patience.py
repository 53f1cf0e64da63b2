"""How often a partner is heeded in what may have every lease looked at: requests, their ends, and states announced.

A pair says such things a few times when it meets, and seldom then. Who says them without end would have this server
look at its leases, or write lines of the log, and do nothing else: what is too much waits, so that packets come in
between (connections.py). No pair that means well has ever to wait.

`busy_us` is the moment at which a partner would be heeded in all of it again, had it said nothing more meanwhile;
times are microseconds since 1970. Nothing of a message is known here.
"""

from __future__ import annotations

from typing import Final

from .. import wire

# The types of messages that may have every lease looked at; behind an UPDDONE comes another state.
WIDE: Final = frozenset({wire.STATE, wire.UPDREQ, wire.UPDREQALL, wire.UPDDONE, wire.POOLREQ})
# So many of one piece are heeded in one go; the next behind what else waits.
AT_ONCE_MAX: Final = 4
# And so many in a while, after which there is one every EACH_US.
IN_A_WHILE_MAX: Final = 16
EACH_US: Final = 250_000
# What may wait of a partner; one that sends more is not waited for.
WAITING_OCTETS_MAX: Final = 256 << 10
_WHILE_US: Final = IN_A_WHILE_MAX * EACH_US


def heeded(busy_us: int, now_us: int) -> int:
    """The `busy_us` behind another such message."""
    return _counting(busy_us, now_us) + EACH_US


def due_us(busy_us: int, now_us: int) -> int:
    """When the next such message is heeded; `now_us` where it is now."""
    return max(now_us, _counting(busy_us, now_us) + EACH_US - _WHILE_US)


def _counting(busy_us: int, now_us: int) -> int:
    """What counts of `busy_us`: never is it further ahead than a while, unless the clock was set back; then nothing."""
    return busy_us if now_us < busy_us <= now_us + _WHILE_US else now_us
