"""The life of a lease: which state follows which, what is run on the way, and what the lease loses by it.

A lease is born FREE. A client that is granted it makes it ACTIVE, as often as it renews; that is the way up, and it
can be gone from every state. This module is about the ways down. A lease leaves ACTIVE when its time is over, when
its client gives it back, when it is taken from its client, or when something else is found to have the address. What
happens then depends on where it goes, and on whether a failover partner shares the pool:

alone                                        paired

         grant                                        grant
  FREE --------> ACTIVE --.                    FREE --------> ACTIVE --.
   ^               |      | conflict            ^  BACKUP       |      | conflict
   | time, release |      v                     |   ^    time   |      v
   '---------------'   ABANDONED                |   |  release  v   ABANDONED
   ^                      |                     |   |        EXPIRED   |
   '----------------------'                     '---'--------RELEASED  |
             time                               ^  the partner knows   |
                                                '----------------------'
                                                          time

A server that is alone frees a lease at once, and its use ends there: that is when `on expiry` or `on release` is
executed, and when the lease forgets its host name, the relay's options and what was charged for it. Of two servers
neither may give an address to somebody else before the other one knows that it was given up. So a lease whose use has
ended waits as EXPIRED or RELEASED (RESET where an administrator took it) until the partner has acknowledged, still
with all that it knows; the use ends where it becomes FREE, or BACKUP (free, for the secondary to give). Both servers
go that way, each at its own moment, and so both execute their `on` blocks.

TRANSITIONS says for each pair of states what is run and what is lost; NEXT_STATE what time will make of the new state,
which is the `next binding state` of the record. ENDINGS says what the cause takes away besides: a client that gives
its address back does not want to be remembered, while one whose time has run out may well come again, and finds its
variables. Time itself is no row there. It takes nothing, and where it leads a lease is the lease's own `next_state`,
given to it when it entered its state, or written into the file by an administrator.

Hardware address and identifier are in no table but for a conflict: a lease remembers its last client when it is free,
so that the client may have it again.

See docs/behaviour/decisions.md#states-of-a-lease; with a partner docs/behaviour/failover.md#expiry and
docs/behaviour/omapi.md#writing-the-state-of-a-lease.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from ..model.change import Cause
from ..model.lease import ABANDONED, ACTIVE, BACKUP, EXPIRED, FREE, RELEASED, RESET


class Event(StrEnum):
    """The `on` blocks that a transition executes; ON_COMMIT is a grant's, and not here."""

    EXPIRY = "expiry"
    RELEASE = "release"


class Losses(NamedTuple):
    """What a lease forgets.

    `name`: the client's host name. `relay`: the relay agent's options. `handlers`: its `on` blocks. `charge`: what a
    class with a lease limit was charged for it. `host`: the host declaration that hangs on it. `variables`: what `set`
    has made. `client`: hardware address and identifier.
    """

    name: bool = False
    relay: bool = False
    handlers: bool = False
    charge: bool = False
    host: bool = False
    variables: bool = False
    client: bool = False


class Transition(NamedTuple):
    """From one state to another: the event to run, and what is lost.

    `tstp` becomes `ends` in time where an event is run, since a use has ended; for other causes see Ending.
    """

    runs: Event | None
    loses: Losses


_STATES: Final = (FREE, ACTIVE, EXPIRED, RELEASED, ABANDONED, RESET, BACKUP)
_NOT_ACTIVE: Final = (FREE, EXPIRED, RELEASED, ABANDONED, RESET, BACKUP)
_FREED: Final = (FREE, BACKUP)

_NOTHING: Final = Losses()
# Whatever state a lease of one server leaves, it is charged to nobody and hangs on no host behind it.
_HOLD: Final = Losses(charge=True, host=True)
_USE: Final = Losses(name=True, relay=True, handlers=True, charge=True, host=True)

_ROWS: Final = (
    # paired  from                 to                                     runs           loses
    (False, (ACTIVE,),            (RELEASED,),                            Event.RELEASE, _USE),
    (False, (ACTIVE,),            (FREE, EXPIRED, ABANDONED, RESET, BACKUP), Event.EXPIRY,  _USE),
    (False, (ACTIVE,),            (ACTIVE,),                              None,          _HOLD),
    (False, _NOT_ACTIVE,          _STATES,                                None,          _HOLD),
    (True,  (ACTIVE, EXPIRED),    _FREED,                                 Event.EXPIRY,  _USE),
    (True,  (RELEASED,),          _FREED,                                 Event.RELEASE, _USE),
    (True,  (RESET, ABANDONED),   _FREED,                                 None,          _HOLD),
    (True,  (FREE, BACKUP),       _STATES,                                None,          _HOLD),
    (True,  (ACTIVE, EXPIRED, RELEASED, ABANDONED, RESET),
                                  (ACTIVE, EXPIRED, RELEASED, ABANDONED, RESET), None,   _NOTHING),
)  # fmt: skip

# (paired, from, to) -> what happens on the way.
TRANSITIONS: Final[dict[tuple[bool, int, int], Transition]] = {
    (paired, old, new): Transition(runs, loses)
    for paired, olds, news, runs, loses in _ROWS
    for old in olds
    for new in news
}

# (paired, state) -> the state that follows by itself when the time of a lease that enters `state` is over.
NEXT_STATE: Final[dict[tuple[bool, int], int]] = {
    (False, FREE): FREE,
    (False, ACTIVE): FREE,
    (False, EXPIRED): FREE,
    (False, RELEASED): FREE,
    (False, ABANDONED): FREE,
    (False, RESET): FREE,
    (False, BACKUP): BACKUP,
    (True, FREE): FREE,
    (True, ACTIVE): EXPIRED,
    (True, EXPIRED): FREE,
    (True, RELEASED): FREE,
    (True, ABANDONED): FREE,
    (True, RESET): FREE,
    (True, BACKUP): BACKUP,
}


class Ending(NamedTuple):
    """What a cause does around the transition: whence it ends a lease, whither, and what it takes besides.

    `whence`: the states in which it ends anything. `alone`, `paired`: the state that follows. `tstp`, and with a
    partner `tstp_paired`: the states in which `tstp` becomes the new end. `first` is lost before any `on` block runs,
    `last` when all have.
    """

    whence: tuple[int, ...]
    alone: int
    paired: int
    tstp: tuple[int, ...]
    tstp_paired: tuple[int, ...]
    first: Losses
    last: Losses


_RELEASABLE: Final = (ACTIVE, ABANDONED)
_FORGOTTEN: Final = Losses(handlers=True, variables=True)
# Who has the address is not the client that the lease knows.
_STRANGER: Final = Losses(variables=True, client=True)

# RELEASE and REVOKE differ for who wants to know, and not for the lease: what a client may not keep is given back in
# its name. An abandoned lease is released, too, when its old client turns up elsewhere.
ENDINGS: Final[dict[Cause, Ending]] = {
    Cause.RELEASE: Ending(_RELEASABLE, FREE, RELEASED, _RELEASABLE, _RELEASABLE, _NOTHING, _FORGOTTEN),
    Cause.REVOKE: Ending(_RELEASABLE, FREE, RELEASED, _RELEASABLE, _RELEASABLE, _NOTHING, _FORGOTTEN),
    Cause.ABANDON: Ending(_STATES, ABANDONED, ABANDONED, (ACTIVE,), (), _STRANGER, Losses(relay=True)),
}
