"""The faults of a simulated world: what each does, and how it is over.

A fault is done to a server, or to what is between servers; some are over by themselves after a while. `end` is called
then, and for all at the end of a run, when the world is made good; it must not mind being called for nothing. What a
fault leaves (a server that does not run, a clock that is wrong, a full disk) is put right by the run at its end.

To add one: a function or two, and a line in FAULTS.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.failover.rules.states import NORMAL, P_DOWN, State
from ...engine.model.lease import BACKUP, FREE
from ...trace import events as ev
from . import operators

if TYPE_CHECKING:
    from collections.abc import Callable

    from .plan import Step
    from .run import Run

_PARTS: Final = 1 << 16
SECOND_US: Final = 1_000_000
_LAN_US: Final = (200, 200)
_SLOW_US: Final = 2_000_000
_CALL_US: Final = 3_000_000
_SLICE_US: Final = 700_000
_SKEW_S: Final = 50
_WRONG_S: Final = 150
_FAILING: Final = ("append", "sync")
_REWRITING: Final = ("create", "write", "backup", "install")
_THINGS: Final = 6
_LONGER: Final = 2
# When two ends of a cut connection have noticed, and when an operator's word has come.
_LATE_US: Final = 10 * SECOND_US
_WRONG_TIME_S: Final = 1000
_NOTICED_US: Final = 1_000_000
_WRITTEN_US: Final = 3_000_000
# What an operator may write who does not know what he does.
_WRITTEN: Final = tuple(state for state in State if state not in (State.UNKNOWN, State.STARTUP))


class Fault(NamedTuple):
    """What is done (False where it cannot be), how it is over, how often it comes among all, how long it lasts at most.

    `wild`: an operator does what nobody may, so that promises are not judged any more. `names`: it is done to the name
    server, where the site has one.
    """

    what: str
    begin: Callable[[Run, Step], bool]
    end: Callable[[Run, Step], None] | None
    weight: int
    longest_s: int
    wild: bool = False
    names: bool = False


def share(draw: int) -> float:
    """A number from 0 to 1 that a step's draw gives."""
    return draw % _PARTS / _PARTS


def _signed(draw: int, most: int) -> int:
    return draw % (2 * most + 1) - most


# Servers: what has ended is started again by `end`, or when the world is made good


def _kill(run: Run, step: Step) -> bool:
    return run.stop(step.who, lambda node: node.kill())


def _darken(run: Run, step: Step) -> bool:
    return run.stop(step.who, lambda node: node.lose_power(share(step.draw)))


def _tear(run: Run, step: Step) -> bool:
    """The power fails in the middle of what an event sets going, some time from now."""
    node = run.nodes[step.who]
    node.fails_in, node.fails_with = step.draw % _THINGS, share(step.draw >> 16)
    return node.running


def _lose(run: Run, step: Step) -> bool:
    """Its disk is lost, where its partners have all that they need to have."""
    return run.partners_whole(step.who) and run.stop(step.who, run.lose_disk)


def _rename(run: Run, step: Step) -> bool:
    """It is started again with another name for its relationships."""
    return run.stop(step.who, lambda node: node.kill()) and run.start(step.who, secret="-x")  # noqa: S106 - no password


def _named_again(run: Run, step: Step) -> None:
    if run.nodes[step.who].renamed:
        run.stop(step.who, lambda node: node.kill())
        run.start(step.who)


def _restart(run: Run, step: Step) -> None:
    run.start(step.who)


# The network between servers


def _partition(run: Run, step: Step) -> bool:
    run.world.network.cut(*run.neighbours(step))
    return True


def _halve(run: Run, step: Step) -> bool:
    run.world.network.cut(*run.neighbours(step), both=False)
    return True


def _join(run: Run, step: Step) -> None:
    run.world.network.join(*run.neighbours(step))


def _deafen(run: Run, step: Step) -> bool:
    """Some of its clients do not hear a server any more, nor it them."""
    for client in run.clients[step.draw % 2 :: 2]:
        run.world.network.cut(client.name, run.nodes[step.who].name)
    return True


def _hear(run: Run, step: Step) -> None:
    for client in run.clients:
        run.world.network.join(client.name, run.nodes[step.who].name)


def _slow(run: Run, step: Step) -> bool:
    run.world.network.delay_us = (200, 200 + int(share(step.draw) * _SLOW_US))
    return True


def _quick(run: Run, _step: Step) -> None:
    run.world.network.delay_us = _LAN_US


def _drop(run: Run, step: Step) -> bool:
    run.world.network.loss, run.world.network.twice = share(step.draw) / 2, share(step.draw >> 16) / 4
    return True


def _carry(run: Run, _step: Step) -> None:
    run.world.network.loss = run.world.network.twice = 0.0


# Connections


def _reset(run: Run, step: Step) -> bool:
    ends = run.connections(step.who)
    for end in ends:
        end.reset()
    return bool(ends)


def _stall(run: Run, step: Step) -> bool:
    """The connections that stand carry nothing any more, in one direction or in both."""
    ends = run.connections(step.who)
    for end in ends:
        end.stalled = True
        if end.peer is not None and step.draw % 2:
            end.peer.stalled = True
    return bool(ends)


def _refuse(run: Run, step: Step) -> bool:
    run.world.tcp.refusing.add(run.nodes[step.who].name)
    return _reset(run, step)


def _accept(run: Run, step: Step) -> None:
    run.world.tcp.refusing.discard(run.nodes[step.who].name)


def _reorder(run: Run, step: Step) -> bool:
    run.world.tcp.call_us = _CALL_US
    return _reset(run, step)


def _in_order(run: Run, _step: Step) -> None:
    run.world.tcp.call_us = 0


# Clocks


def _skew(run: Run, step: Step) -> bool:
    return run.set_clock(step.who, _signed(step.draw, _SKEW_S) * SECOND_US)


def _wrong(run: Run, step: Step) -> bool:
    return run.set_clock(step.who, _signed(step.draw, _WRONG_S) * SECOND_US)


def _right(run: Run, step: Step) -> None:
    run.set_clock(step.who, 0)


# What goes over a connection


def _garble(run: Run, step: Step) -> bool:
    """Parts of what it says are missing when they arrive, as if its program were another."""
    run.nodes[step.who].garbled = True
    return _reset(run, step)


def _clear(run: Run, step: Step) -> None:
    node = run.nodes[step.who]
    if node.garbled:
        # What was refused is told again on the next link.
        node.garbled = False
        _reset(run, step)


# Disks and lease files


def _fill(run: Run, step: Step) -> bool:
    run.nodes[step.who].disk.failing.add(_FAILING[step.draw % len(_FAILING)])
    return True


def _fail_rewrite(run: Run, step: Step) -> bool:
    node = run.nodes[step.who]
    node.disk.failing.add(_REWRITING[step.draw % len(_REWRITING)])
    return _rewrite(run, step)


def _room(run: Run, step: Step) -> None:
    run.nodes[step.who].disk.failing.clear()


def _rewrite(run: Run, step: Step) -> bool:
    """Somebody has moved the lease file: it is written anew, slice by slice, while other things happen."""
    node = run.nodes[step.who]
    if node.running:
        node.slice_us, node.slices_at_once = _SLICE_US, False
        node.tell(ev.StorageFailed(0, 0, "lost", "", "moved"))
    return node.running


# Operators


def _reload(run: Run, step: Step) -> bool:
    """A configuration with a little more room, at this server alone."""
    return run.reload(step.who, longer=_LONGER)


def _reload_back(run: Run, step: Step) -> None:
    run.reload(step.who)


def _declare_down(run: Run, step: Step) -> bool:
    """A partner dies, and an operator says so at once, unless this server is on its way to know what it forgot.

    Then nobody knows anything.
    """
    one = run.relationship(step)
    if not run.nodes[step.who].running or run.judge.forgets(one, step.who):
        return False
    run.stop(one.other(step.who), lambda node: node.kill())
    return run.operate(step.who, operators.state_wish(one.name, int(P_DOWN)))


def _restart_partner(run: Run, step: Step) -> None:
    run.start(run.relationship(step).other(step.who))


def _declare_wrongly(run: Run, step: Step) -> bool:
    """An operator takes a partner that lives for dead, every other one since nothing passes between the two."""
    one = run.relationship(step)
    if not run.nodes[step.who].running:
        return False
    if step.draw // _PARTS % 2:
        run.world.network.cut(*run.neighbours(step))
    return run.operate(step.who, operators.state_wish(one.name, int(P_DOWN)))


def _shut_down(run: Run, step: Step) -> bool:
    return run.operate(step.who, operators.shutdown_wish())


def _write_state(run: Run, step: Step) -> bool:
    """A server is told any state, unless it is on its way to know what it forgot.

    That it must be told everything stands in its lease file as its state (RECOVER), and would be overwritten.
    """
    if run.judge.forgets(run.relationship(step), step.who):
        return False
    state = _WRITTEN[step.draw // _PARTS % len(_WRITTEN)]
    return state is not NORMAL and run.operate(step.who, operators.state_wish(run.relationship(step).name, int(state)))


def _write_both(run: Run, step: Step) -> bool:
    """Both ends of a relationship are told states while they cannot tell each other; one in two is killed behind it."""
    one, count = run.relationship(step), len(_WRITTEN)
    numbers = (step.who, one.other(step.who))
    if any(not run.nodes[number].running or run.judge.forgets(one, number) for number in numbers):
        return False
    run.world.network.cut(*run.neighbours(step))
    choice = step.draw // _PARTS
    for number, state in zip(numbers, (_WRITTEN[choice % count], _WRITTEN[choice // count % count]), strict=True):
        for end in run.connections(number):
            end.reset()
        wish = operators.state_wish(one.name, int(state))
        run.world.clock.after(_NOTICED_US, partial(_unless_healed, run, partial(run.operate, number, wish)))
    if choice // count**2 % 2:
        run.world.clock.after(_WRITTEN_US, partial(_unless_healed, run, partial(_begin_anew, run, step.who)))
    return True


def _unless_healed(run: Run, act: Callable[[], object]) -> None:
    if not run.healed:
        act()


def _begin_anew(run: Run, number: int) -> None:
    if run.stop(number, lambda node: node.kill()):
        run.start(number)


def _reserve(run: Run, step: Step) -> bool:
    """An address that nobody has is reserved at one server, and not at its partner."""
    address = run.address(step, step.draw // _PARTS)
    return run.lease_state(step.who, address) in (FREE, BACKUP) and run.operate(
        step.who, operators.flags_wish(address, reserved=True)
    )


def _reserve_no_more(run: Run, step: Step) -> None:
    # Whatever has become of it: what stays reserved at one server alone is refused by its partner, rightly, for ever.
    address = run.address(step, step.draw // _PARTS)
    run.operate(step.who, operators.flags_wish(address, reserved=False))


# The name server


def _dns_down(run: Run, _step: Step) -> bool:
    run.names.down = True
    return run.site.names


def _dns_fails(run: Run, _step: Step) -> bool:
    run.names.fails = True
    return run.site.names


def _dns_late(run: Run, step: Step) -> bool:
    """Answers come behind the next sending, but while they are waited for: else nobody knows what was done."""
    run.names.late_us = int(share(step.draw) * _LATE_US)
    return run.site.names


def _dns_time(run: Run, _step: Step) -> bool:
    """It takes every signature for too old (BADTIME)."""
    run.names.ahead_s = _WRONG_TIME_S
    return run.site.names


def _dns_well(run: Run, _step: Step) -> None:
    run.names.heal()


FAULTS: Final[dict[str, Fault]] = {
    "kill": Fault("a server is killed, and started again later", _kill, _restart, 6, 300),
    "power": Fault("its power fails, and what was not synced is lost in part or all", _darken, _restart, 6, 300),
    "torn": Fault("its power fails in the middle of what an event sets going", _tear, _restart, 6, 300),
    "lost-disk": Fault("its disk is lost, with all leases", _lose, _restart, 4, 300),
    "renamed": Fault("it runs with another name for its relationships", _rename, _named_again, 1, 60),
    "partition": Fault("nothing passes between two servers", _partition, _join, 8, 400),
    "one-way": Fault("what one server sends does not come to another", _halve, _join, 4, 300),
    "deaf": Fault("half of the clients and a server do not hear each other", _deafen, _hear, 4, 300),
    "slow": Fault("everything is late, by up to two seconds", _slow, _quick, 4, 200),
    "lossy": Fault("datagrams are lost, or come twice", _drop, _carry, 4, 300),
    "reset": Fault("its connections end", _reset, None, 4, 0),
    "stalled": Fault("its connections stand, and carry nothing, one way or both", _stall, None, 4, 0),
    "refused": Fault("it refuses every call", _refuse, _accept, 3, 200),
    "reordered": Fault("calls overtake each other", _reorder, _in_order, 3, 200),
    "garbled": Fault("parts of what it says are missing when they arrive", _garble, _clear, 2, 100),
    "skew": Fault("its clock is wrong by less than a minute", _skew, _right, 3, 400),
    "clock": Fault("its clock is stepped by minutes", _wrong, _right, 2, 400),
    "full": Fault("its disk takes nothing, or syncs nothing", _fill, _room, 4, 120),
    "rewrite": Fault("its lease file is written anew, slice by slice", _rewrite, None, 3, 0),
    "bad-rewrite": Fault("its lease file cannot be written anew", _fail_rewrite, _room, 2, 60),
    "reload": Fault("it reads a configuration with larger pools", _reload, _reload_back, 3, 200),
    "partner-down": Fault("its partner dies, and an operator says so", _declare_down, _restart_partner, 6, 400),
    "wrong-partner-down": Fault("an operator takes a partner that lives for dead", _declare_wrongly, _join, 5, 200),
    "shutdown": Fault("an operator shuts it down", _shut_down, _restart, 3, 200),
    "written-state": Fault("an operator writes any state", _write_state, None, 1, 0, wild=True),
    "both-written": Fault("operators write any states at both ends of a cut", _write_both, _join, 6, 60, wild=True),
    "reserved": Fault("an operator reserves an address here alone", _reserve, _reserve_no_more, 1, 200, wild=True),
    "dns-down": Fault("the name server answers nothing", _dns_down, _dns_well, 1, 300, names=True),
    "dns-fails": Fault("the name server answers SERVFAIL", _dns_fails, _dns_well, 1, 300, names=True),
    "dns-late": Fault("the name server answers late", _dns_late, _dns_well, 1, 300, names=True),
    "dns-time": Fault("the name server takes no signature (BADTIME)", _dns_time, _dns_well, 1, 300, names=True),
}
