"""The states of a failover endpoint, and every way from one to another, as tables.

Two rules hold for this module. Whatever decides which state follows which stands here, and nothing else does: no
timer, no message, no lease. And nothing here knows which endpoint asks; the role (primary or secondary) is an argument
where it matters, and it matters once (the end of an update request).

What the states are for. In NORMAL both servers serve, each its share of the clients and its half of the free
addresses, and each promises a client only what the other knows, and MCLT more. Without a link they go on in
COMMUNICATIONS-INTERRUPTED, from their own free addresses, since neither can tell whether the other is dead or only not
to be heard. Someone who knows that it is dead (an administrator, or `auto-partner-down` on his behalf) puts the
survivor in PARTNER-DOWN: then, after MCLT, all addresses are its own. A server that has been away asks for everything
that it missed (RECOVER), waits until nothing that it may have promised and forgotten can be in use any more
(RECOVER-WAIT), says so (RECOVER-DONE), and is let back in by a partner that moves to NORMAL. Two servers that both
acted alone have a conflict, which they resolve in turns: both in POTENTIAL-CONFLICT, the primary asks for the
secondary's updates and goes to CONFLICT-DONE, whereupon the secondary asks for the primary's and goes to NORMAL, and
the primary follows. A conflict whose link breaks is RESOLUTION-INTERRUPTED, and neither serves until it is resolved.
STARTUP is where every endpoint begins: it listens for fifteen seconds for what the partner became meanwhile, and
announces the state that it had, with a flag.

What moves an endpoint:

- the partner's state is announced: ANNOUNCED, by my state and the announced one. An endpoint in STARTUP uses the state
  that it had (`saved`). Two entries hang on more than that pair, and are Moves with names of their own;
- the link is lost, or the fifteen seconds of STARTUP pass: LINK_LOST;
- an update request of mine is answered in full: `update_done`;
- a timer of the state, or OMAPI: those name their state themselves (endpoint.py).

An announced state that equals the recorded one is no news: HEEDED names the states in which it is looked at again.
What a state permits is SERVICE; what the partner's state forbids on top of it, DEMANDS.

Where this differs from ISC: a partner that announces something impossible to an endpoint in CONFLICT-DONE makes ISC's
server exit. Here the conflict is taken up again, or the partner is let recover (the rows below; docs/differences.md).
In RECOVER-DONE a NORMAL that was known is heeded, too: nothing else ends that state, and who is in NORMAL has nothing
new to announce.

Source: draft-ietf-dhc-failover-12 section 9; docs/behaviour/failover.md#transition-table.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class State(IntEnum):
    """An endpoint's state, by its number on the wire and in OMAPI."""

    UNKNOWN = 0
    STARTUP = 1
    NORMAL = 2
    COMMUNICATIONS_INTERRUPTED = 3
    PARTNER_DOWN = 4
    POTENTIAL_CONFLICT = 5
    RECOVER = 6
    PAUSED = 7
    SHUTDOWN = 8
    RECOVER_DONE = 9
    RESOLUTION_INTERRUPTED = 10
    CONFLICT_DONE = 11
    RECOVER_WAIT = 254

    @property
    def word(self) -> str:
        """The state's name in log lines and in the lease file."""
        return "unknown-state" if self is State.UNKNOWN else self.name.lower().replace("_", "-")


BY_NUMBER: Final[dict[int, State]] = {int(state): state for state in State}
BY_WORD: Final[dict[str, State]] = {state.word: state for state in State}

UNKNOWN: Final = State.UNKNOWN
STARTUP: Final = State.STARTUP
NORMAL: Final = State.NORMAL
COMM_INT: Final = State.COMMUNICATIONS_INTERRUPTED
P_DOWN: Final = State.PARTNER_DOWN
POT_CONF: Final = State.POTENTIAL_CONFLICT
RECOVER: Final = State.RECOVER
PAUSED: Final = State.PAUSED
SHUTDOWN: Final = State.SHUTDOWN
REC_DONE: Final = State.RECOVER_DONE
RES_INT: Final = State.RESOLUTION_INTERRUPTED
CONF_DONE: Final = State.CONFLICT_DONE
REC_WAIT: Final = State.RECOVER_WAIT


class Move(NamedTuple):
    """What an announcement leads to: the state to enter (None: stay), and what is done besides, a name in WHAT."""

    state: State | None
    what: str = ""


# What an announcement asks for besides, or instead of, a change of state.
WHAT: Final = (
    "",  # nothing
    "rebalance",  # look at the pools' balance timers again
    "from startup: recover",  # an endpoint that starts goes to RECOVER and not to `state`
    "invalid",  # the partner cannot have got there; the line says so
    "panic",  # as "invalid", in other words
    "resolved",  # the partner's turn in a conflict is over: ask for its updates
    "request",  # ask for everything again
    "request with a line",  # as "request", and say so
    "both recovered",  # worth a line
)


def _stay(what: str = "") -> Move:
    return Move(None, what)


_COLUMNS: Final = (
    UNKNOWN, NORMAL, COMM_INT, P_DOWN, POT_CONF, RECOVER, PAUSED, SHUTDOWN, REC_DONE, RES_INT, CONF_DONE, REC_WAIT
)  # fmt: skip

__ = None
# My state -> what each announced state leads to, in the order of _COLUMNS; None: nothing. A bare state is a Move to it.
_ROWS: Final[dict[State, tuple[State | Move | None, ...]]] = {
    #          UNKNOWN   NORMAL              COMM-INT         P-DOWN
    #          POT-CONF                      RECOVER          PAUSED    SHUTDOWN
    #          REC-DONE                      RES-INT          CONF-DONE                     REC-WAIT
    NORMAL: (
        __, _stay("rebalance"), __, Move(POT_CONF, "from startup: recover"),
        Move(SHUTDOWN, "invalid"), P_DOWN, COMM_INT, P_DOWN,
        __, Move(SHUTDOWN, "invalid"), Move(SHUTDOWN, "invalid"), __,
    ),
    COMM_INT: (
        __, NORMAL, NORMAL, POT_CONF,
        POT_CONF, P_DOWN, __, P_DOWN,
        NORMAL, POT_CONF, POT_CONF, NORMAL,
    ),
    P_DOWN: (
        __, POT_CONF, POT_CONF, POT_CONF,
        POT_CONF, __, __, __,
        NORMAL, POT_CONF, POT_CONF, __,
    ),
    POT_CONF: (
        __, Move(SHUTDOWN, "panic"), __, __,
        __, RECOVER, __, P_DOWN,
        __, __, _stay("resolved"), __,
    ),
    RECOVER: (
        __, POT_CONF, _stay("request"), _stay("request"),
        POT_CONF, _stay("request with a line"), __, P_DOWN,
        __, POT_CONF, POT_CONF, __,
    ),
    REC_WAIT: (
        __, __, __, __,
        __, __, __, __,
        __, __, __, __,
    ),
    REC_DONE: (
        __, NORMAL, __, __,
        __, __, __, P_DOWN,
        Move(NORMAL, "both recovered"), __, __, __,
    ),
    RES_INT: (
        __, POT_CONF, POT_CONF, POT_CONF,
        POT_CONF, POT_CONF, __, P_DOWN,
        POT_CONF, POT_CONF, POT_CONF, POT_CONF,
    ),
    # ISC exits on what is not NORMAL, POT-CONF, SHUTDOWN or RES-INT here: see the module.
    CONF_DONE: (
        __, NORMAL, POT_CONF, POT_CONF,
        __, P_DOWN, __, SHUTDOWN,
        NORMAL, __, POT_CONF, P_DOWN,
    ),
    SHUTDOWN: (__,) * len(_COLUMNS),
    PAUSED: (__,) * len(_COLUMNS),
    UNKNOWN: (__,) * len(_COLUMNS),
}  # fmt: skip


def _move(cell: State | Move | None) -> Move:
    if cell is None:
        return Move(None)
    return cell if isinstance(cell, Move) else Move(cell)


# (my state, the partner's announced state) -> what follows. STARTUP is announced by a flag and not as a state; who
# announces it all the same is told nothing by the table, as with UNKNOWN.
ANNOUNCED: Final[dict[tuple[State, State], Move]] = {
    (mine, announced): _move(cell)
    for mine, row in _ROWS.items()
    for announced, cell in (*zip(_COLUMNS, row, strict=True), (STARTUP, row[0]))
}

# The states in which an announced state that was known already is looked at all the same.
HEEDED: Final = frozenset({P_DOWN, COMM_INT, RES_INT, RECOVER, REC_DONE, CONF_DONE})

# Where the loss of the link leads; the other states stay.
LINK_LOST: Final[dict[State, State]] = {
    NORMAL: COMM_INT,
    POT_CONF: RES_INT,
    UNKNOWN: RES_INT,
}

# The states on leaving which updates that were never acknowledged are to be sent again, before all others.
RESENDS_ON_LEAVING: Final = frozenset({NORMAL, POT_CONF, P_DOWN})


def update_done(mine: State, partner: State, *, primary: bool) -> Move:
    """Where the end of my update request leads, but for RECOVER, whose wait is endpoint.py's.

    What is besides: "spurious", nothing was asked for; "illegal", both resolved the conflict first.
    """
    if mine is POT_CONF:
        if partner is CONF_DONE:
            return Move(SHUTDOWN, "illegal") if primary else Move(NORMAL)
        return Move(CONF_DONE) if primary else Move(None, "spurious")
    return Move(None, "spurious" if mine is CONF_DONE else "")


class Service(IntEnum):
    """What an endpoint does for clients of its pools."""

    STARTUP = 1
    COOPERATING = 2
    NOT_COOPERATING = 3
    PARTNER_DOWN = 4
    NOT_RESPONDING = 5


class Serving(NamedTuple):
    """A service state, and what stands behind "not responding" in log lines (with its own blank in front)."""

    service: Service
    why: str


SERVICE: Final[dict[State, Serving]] = {
    UNKNOWN: Serving(Service.NOT_RESPONDING, " (my state unknown)"),
    STARTUP: Serving(Service.STARTUP, " (startup)"),
    NORMAL: Serving(Service.COOPERATING, ""),
    COMM_INT: Serving(Service.NOT_COOPERATING, ""),
    P_DOWN: Serving(Service.PARTNER_DOWN, ""),
    POT_CONF: Serving(Service.NOT_RESPONDING, " (resolving conflicts)"),
    RES_INT: Serving(Service.NOT_RESPONDING, " (resolving conflicts)"),
    CONF_DONE: Serving(Service.NOT_RESPONDING, " (resolving conflicts)"),
    RECOVER: Serving(Service.NOT_RESPONDING, " (recovering)"),
    REC_WAIT: Serving(Service.NOT_RESPONDING, " (recover wait)"),
    REC_DONE: Serving(Service.NOT_RESPONDING, " (recover done)"),
    PAUSED: Serving(Service.NOT_RESPONDING, " (paused)"),
    SHUTDOWN: Serving(Service.NOT_RESPONDING, " (shut down)"),
}

# What the partner's state forbids to an endpoint that would serve.
DEMANDS: Final[dict[State, Serving]] = {
    P_DOWN: Serving(Service.NOT_RESPONDING, " (peer demands: recovering)"),
    POT_CONF: Serving(Service.NOT_RESPONDING, " (peer demands: resolving conflicts)"),
    CONF_DONE: Serving(Service.NOT_RESPONDING, " (peer demands: resolving conflicts)"),
    RES_INT: Serving(Service.NOT_RESPONDING, " (peer demands: resolving conflicts)"),
}


def serving(mine: State, partner: State) -> Serving:
    """What an endpoint may do for clients."""
    own = SERVICE[mine]
    if own.service is Service.NOT_RESPONDING:
        return own
    return DEMANDS.get(partner, own)
