"""How an endpoint comes to another state, and what entering it sets going.

Which state follows which stands in rules/states.py; here is what is done on the way. Every change goes through `move`:
what was not acknowledged is taken up again, the record is stored, the line is logged, the partner is told, and then
the state's own first act begins: an update request, a run of the balance, a moment to wait for. What leads to a change
is below it: the partner's announcement, the end of an update request, the loss of the link, a moment that has come, an
operator.

An announced state that was known already is looked at again in some states only (HEEDED), and not at all in STARTUP:
then the record of the lease file has told everything, and the server goes on as it was.

A change whose record the disk refuses is taken back (`storage_failed`), since a restart would not know of it.

Where this differs from ISC: whatever the state is in which a link is lost, updates that were not acknowledged are sent
again on the next one, and an update request of the partner is forgotten; a server that must recover does not take a
starting partner's NORMAL for a conflict, and asks for everything again on each link until it has come, and where what
came lacked something; one that has recovered does not wait for a NORMAL that was announced before; a
conflict and a recovery do not go on changing places for ever (docs/differences.md).

Source: docs/behaviour/failover.md#changes-of-my-state, #a-state-received, #loss-of-a-link, #recovery.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...trace.effects import ERROR, INFO
from . import balancing, outgoing
from .endpoint import (
    ACKS,
    BALANCE,
    CONTACT,
    PARTNER_DOWN,
    RECORD,
    SECOND_US,
    SILENCE,
    STARTING,
    STARTUP_S,
    WAIT,
    Unsure,
)
from .link import RETRY_S
from .messages import STARTUP_FLAG, Contact
from .rules.states import (
    ANNOUNCED,
    BY_NUMBER,
    COMM_INT,
    CONF_DONE,
    HEEDED,
    LINK_LOST,
    NORMAL,
    P_DOWN,
    POT_CONF,
    REC_DONE,
    REC_WAIT,
    RECOVER,
    RES_INT,
    RESENDS_ON_LEAVING,
    SHUTDOWN,
    STARTUP,
    UNKNOWN,
    serving,
    update_done,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .endpoint import Endpoint
    from .messages import StateMessage, UpdateDone
    from .rules.states import State


# So long after a change the disk may still refuse its record; a sync that takes longer is no working disk's.
RECORD_US_MAXIMUM: Final = 10 * SECOND_US
# More states than these are not left in that time but by a pair that flaps; the disk has the record of the older ones.
UNSURE_MAXIMUM: Final = 16
# So long after an answer that lacked something, everything is asked for again; on another link at once.
ASK_AGAIN_S: Final = 60


def start(endpoint: Endpoint) -> None:
    """Enter STARTUP, call the partner, and let it call."""
    outgoing.queue_at_start(endpoint)
    move(endpoint, STARTUP, "the server starts")
    endpoint.site.call(endpoint)
    endpoint.site.listen(endpoint)


def set_state(endpoint: Endpoint, number: int) -> bool:
    """An operator wants the endpoint in a state; False where there is no such state (and nothing is done)."""
    state = BY_NUMBER.get(number)
    if state is POT_CONF and endpoint.link is None:
        # Nobody is there to resolve it with, and on the next link nobody would begin.
        state = RES_INT
    if state is NORMAL and endpoint.link is None:
        # Nobody is there to be in NORMAL with, and no loss of a link would ever end it.
        state = COMM_INT
    if state is not None:
        move(endpoint, state, "an operator set it")
    link = endpoint.link
    if state is COMM_INT and link is not None and link.announced:
        partner = endpoint.partner_state
        if ANNOUNCED[COMM_INT, partner].state is NORMAL:
            move(endpoint, NORMAL, f"the partner is there, in {partner.word}")
    return state is not None


def _hears_normal(endpoint: Endpoint) -> bool:
    """Whether the partner has announced NORMAL on the link that stands: it does not do so again."""
    link = endpoint.link
    return link is not None and link.announced and endpoint.partner_state is NORMAL


def move(endpoint: Endpoint, new: State, why: str) -> None:
    """Enter a state, be it the present one. `why` is kept for whoever asks."""
    site, old = endpoint.site, endpoint.state
    _remember(endpoint)
    if old in RESENDS_ON_LEAVING:
        endpoint.updates.resend()
    if new is STARTUP:
        endpoint.saved = endpoint.recorded_state
    elif new is RECOVER and old is SHUTDOWN and endpoint.partner_state is P_DOWN and endpoint.updates.idle:
        # The partner has had everything and serves alone: nothing is to be waited for.
        endpoint.since = site.now - endpoint.mclt
    elif new is not REC_WAIT and (old is not STARTUP or (new is P_DOWN and endpoint.saved is not P_DOWN)):
        # Out of STARTUP a state goes on since when it began. PARTNER-DOWN does not: the partner was there till now.
        endpoint.since = site.now
    endpoint.state = new
    endpoint.needs_all = endpoint.needs_all or new is RECOVER
    endpoint.why = why
    endpoint.tell(f"{old.word} -> {new.word}", why)
    site.record(endpoint)
    endpoint.log(INFO, f"failover peer {endpoint.name}: I move from {old.word} to {new.word}")
    tell_both_normal(endpoint)
    endpoint.wanted = None
    for timer in (STARTING, PARTNER_DOWN, WAIT, RECORD):
        site.no_alarm(endpoint, timer, 0)
    endpoint.serving = serving(endpoint.state, endpoint.partner_state)
    site.retime(endpoint)
    if endpoint.link is not None:
        endpoint.send_state()
    enter = _ENTRY.get(new)
    if enter is not None:
        enter(endpoint)


def tell_both_normal(endpoint: Endpoint) -> None:
    """Say it where it is so."""
    if endpoint.state is NORMAL and endpoint.partner_state is NORMAL:
        endpoint.log(INFO, f"failover peer {endpoint.name}: Both servers normal")


def _enter_communications_interrupted(endpoint: Endpoint) -> None:
    if endpoint.settings.auto_partner_down > 0:
        endpoint.alarm(PARTNER_DOWN, endpoint.settings.auto_partner_down)


def _enter_normal(endpoint: Endpoint) -> None:
    if endpoint.needs_all and endpoint.link is not None and not endpoint.asked_here:
        # An operator's word has let it serve before it knew what it had lost.
        endpoint.request_everything()
    balancing.run(endpoint, may_request=False)
    outgoing.queue_pending(endpoint)
    if endpoint.updates.next() is not None:
        outgoing.send_updates(endpoint)
        endpoint.log(INFO, f"Sending updates to {endpoint.name}.")


def _enter_potential_conflict(endpoint: Endpoint) -> None:
    if endpoint.primary or endpoint.partner_state is CONF_DONE:
        endpoint.request_updates()


def _enter_startup(endpoint: Endpoint) -> None:
    endpoint.alarm(STARTING, STARTUP_S)


def _enter_recover(endpoint: Endpoint) -> None:
    if endpoint.link is not None:
        endpoint.request_everything()


def _enter_recover_wait(endpoint: Endpoint) -> None:
    until = endpoint.since + endpoint.mclt
    if until > endpoint.site.now:
        endpoint.site.alarm(endpoint, WAIT, 0, until * SECOND_US)
    else:
        move(endpoint, REC_DONE, "MCLT has passed since this server was last in touch")


def _enter_conflict_done(endpoint: Endpoint) -> None:
    link = endpoint.link
    if link is not None and link.announced and endpoint.partner_state is REC_DONE:
        move(endpoint, NORMAL, "the partner has recovered, and waits")


def _enter_recover_done(endpoint: Endpoint) -> None:
    if _hears_normal(endpoint):
        move(endpoint, NORMAL, "the partner is in normal already")


def _enter_partner_down(endpoint: Endpoint) -> None:
    outgoing.partner_is_down(endpoint)


# What entering a state begins.
_ENTRY: Final[dict[State, Callable[[Endpoint], None]]] = {
    COMM_INT: _enter_communications_interrupted,
    NORMAL: _enter_normal,
    POT_CONF: _enter_potential_conflict,
    STARTUP: _enter_startup,
    RECOVER: _enter_recover,
    REC_WAIT: _enter_recover_wait,
    REC_DONE: _enter_recover_done,
    CONF_DONE: _enter_conflict_done,
    P_DOWN: _enter_partner_down,
}


# What the partner announces


def receive_state(endpoint: Endpoint, message: StateMessage) -> None:
    """The partner's state."""
    number, flags = message.state or 0, message.flags or 0
    announced = BY_NUMBER.get(number)
    _note_forgetting(endpoint, announced)
    if announced is NORMAL and flags & STARTUP_FLAG and endpoint.recorded_state is RECOVER:
        # It does not know yet that this server must recover. When it does, it goes to PARTNER-DOWN and says so; to take
        # its word now would make a conflict of it, in which nobody waits for what this server may have forgotten.
        endpoint.tell("stays", "the partner starts, and does not know yet that this server must recover")
        return
    if announced is endpoint.partner_state and endpoint.state is not UNKNOWN and _is_no_news(endpoint):
        return
    old = endpoint.partner_state
    new = endpoint.partner_state = announced or UNKNOWN
    endpoint.partner_since = endpoint.site.now
    endpoint.log(INFO, f"failover peer {endpoint.name}: peer moves from {old.word} to {new.word}")
    tell_both_normal(endpoint)
    endpoint.site.record(endpoint)
    if announced is None:
        endpoint.log(ERROR, f"failover peer {endpoint.name}: Invalid state: {number}")
        move(endpoint, SHUTDOWN, f"the partner announced a state that does not exist ({number})")
    else:
        _follow(endpoint, old, announced, flags)
    if endpoint.state is STARTUP:
        move(endpoint, endpoint.saved, f"the partner is in {new.word}")
    if endpoint.state is RECOVER and not endpoint.asked_here:
        # What was asked for on an earlier link went with it, and the table asks only where the partner is in trouble.
        endpoint.request_everything()
    endpoint.serving = serving(endpoint.state, endpoint.partner_state)
    endpoint.site.retime(endpoint)


def _note_forgetting(endpoint: Endpoint, announced: State | None) -> None:
    """Who begins a link in RECOVER has lost what it knew, or was on its way to learn it.

    A partner that only was thought to be down begins with the state that it had, and hears first that it must recover.
    """
    link = endpoint.link
    assert link is not None, "announced on the link"
    begins, link.announced = not link.announced, True
    endpoint.forgetful = announced is RECOVER and (begins or endpoint.forgetful)


def _is_no_news(endpoint: Endpoint) -> bool:
    """The announced state is the recorded one: whether nothing else is to be done about it."""
    if endpoint.state is STARTUP:
        saved = endpoint.saved
        move(endpoint, POT_CONF if saved is RES_INT else saved, "the partner is as the record says")
        return True
    if endpoint.state in HEEDED:
        return False
    endpoint.tell("stays", f"that the partner is in {endpoint.partner_state.word} was known")
    return True


def _follow(endpoint: Endpoint, old: State, announced: State, flags: int) -> None:
    """What the table says of an announced state; `old` is the one before."""
    mine, starting = endpoint.recorded_state, endpoint.state is STARTUP
    if mine is P_DOWN and flags & STARTUP_FLAG:
        # It will say more when it has heard that this server is in PARTNER-DOWN.
        endpoint.tell("stays", "the partner starts; it says more when it has heard of partner-down")
        return
    if _is_crossing(endpoint, mine, announced):
        endpoint.tell("stays", "the partner gave way to a conflict at the same moment; one of the two must not")
        return
    said = ANNOUNCED[mine, announced]
    act = _ACTS.get(said.what)
    if act is not None:
        act(endpoint, old, announced)
    new = RECOVER if starting and said.what == "from startup: recover" else said.state
    if new is None:
        endpoint.tell("stays", f"in {mine.word} nothing follows from a partner in {announced.word}")
        return
    if mine is COMM_INT and new is NORMAL:
        outgoing.send_updates(endpoint)
    went = f"went from {old.word} to" if old is not announced else "is in"
    move(endpoint, new, f"the partner {went} {announced.word}")


def _is_crossing(endpoint: Endpoint, mine: State, announced: State) -> bool:
    """Whether a conflict and a recovery go on changing places, since each gives way to the other's at the same time.

    The primary ends that the first time, and a secondary, whose partner may be another program, the second.
    """
    link = endpoint.link
    assert link is not None, "announced on the link"
    if mine is RECOVER and announced is POT_CONF:
        link.conflicts += 1
    return mine is POT_CONF and announced is RECOVER and link.conflicts > (0 if endpoint.primary else 1)


def _rebalance(endpoint: Endpoint, _old: State, _announced: State) -> None:
    balancing.look_at_timers(endpoint)


def _invalid(endpoint: Endpoint, old: State, announced: State) -> None:
    endpoint.log(ERROR, f"Peer {endpoint.name}: Invalid state transition {old.word} to {announced.word}.")


def _panic(endpoint: Endpoint, _old: State, _announced: State) -> None:
    text = "moves to normal during conflict resolution - panic, shutting down."
    endpoint.log(ERROR, f"Peer {endpoint.name} {text}")


def _resolved(endpoint: Endpoint, old: State, _announced: State) -> None:
    """The partner has got my updates: it is my turn."""
    if old is POT_CONF:
        endpoint.request_updates()
    else:
        endpoint.log(ERROR, f"Peer {endpoint.name}: Unexpected move to conflict-done.")


def _request(endpoint: Endpoint, _old: State, _announced: State) -> None:
    """In STARTUP entering the state asks."""
    if endpoint.state is not STARTUP:
        endpoint.request_everything()


def _request_with_a_line(endpoint: Endpoint, old: State, announced: State) -> None:
    endpoint.log(INFO, f"failover peer {endpoint.name}: requesting full update from peer")
    _request(endpoint, old, announced)


def _both_recovered(endpoint: Endpoint, _old: State, _announced: State) -> None:
    endpoint.log(ERROR, "Both servers have entered recover-done!")


# What is done for the words of the table (states.WHAT); (endpoint, the partner's state before, the announced one).
_ACTS: Final[dict[str, Callable[[Endpoint, State, State], None]]] = {
    "rebalance": _rebalance,
    "invalid": _invalid,
    "panic": _panic,
    "resolved": _resolved,
    "request": _request,
    "request with a line": _request_with_a_line,
    "both recovered": _both_recovered,
}


def receive_update_done(endpoint: Endpoint, _message: UpdateDone) -> None:
    """The partner has told everything that was asked for."""
    endpoint.log(INFO, f"failover peer {endpoint.name}: peer update completed.")
    if endpoint.needs_all and endpoint.lacking:
        text = f"failover peer {endpoint.name}: some of it was refused for what it lacked: asking again in a minute."
        endpoint.log(ERROR, text)
        endpoint.tell("stays", "what the partner told lacks something, and is asked for again")
        endpoint.alarm(WAIT, ASK_AGAIN_S)
        return
    lacked, endpoint.needs_all = endpoint.needs_all, False
    if endpoint.state is RECOVER:
        waits = endpoint.since + endpoint.mclt > endpoint.site.now
        waits = waits and endpoint.partner_state not in (RECOVER, REC_DONE)
        move(endpoint, REC_WAIT if waits else REC_DONE, "the partner has told everything")
        return
    said = update_done(endpoint.state, endpoint.partner_state, primary=endpoint.primary)
    if said.what == "illegal":
        text = "Secondary is in conflict_done state after conflict resolution, this is illegal."
        endpoint.log(ERROR, text)
    elif said.what == "spurious":
        endpoint.log(ERROR, "Spurious update-done message.")
    if said.state is not None:
        move(endpoint, said.state, "the partner has told what this server missed")
    elif lacked:
        endpoint.site.record(endpoint)


# The disk


def _remember(endpoint: Endpoint) -> None:
    """The state is left: keep what it was until the record of the next must be on disk."""
    now_us = endpoint.site.now_us
    here = Unsure(endpoint.state, endpoint.saved, endpoint.since, endpoint.needs_all, now_us)
    endpoint.unsure = [*_recent(endpoint, now_us), here][-UNSURE_MAXIMUM:]


def _recent(endpoint: Endpoint, now_us: int) -> list[Unsure]:
    return [one for one in endpoint.unsure if now_us - one.left_us <= RECORD_US_MAXIMUM]


def storage_failed(endpoint: Endpoint) -> None:
    """Records of the last moments are lost: of the state, or of what the partner told, which it is to tell again."""
    endpoint.doubtful = True
    _take_back(endpoint)
    if endpoint.link is not None and endpoint.updates.to_ack:
        endpoint.site.drop(endpoint.link.stream, "what the partner told could not be recorded")


def _take_back(endpoint: Endpoint) -> None:
    """Where a record of the state is lost, the state is what it was before.

    The partner shall not know more than a restart would: the link goes, and the next one begins from the old state. A
    state that was entered without the partner is entered again soon, and recorded anew; with the partner, it is the
    partner's next word that leads there.
    """
    recent, endpoint.unsure = _recent(endpoint, endpoint.site.now_us), []
    if not recent:
        return
    unsure = recent[0]
    before = unsure.saved if unsure.state is STARTUP else unsure.state
    if (before, unsure.since) == (endpoint.recorded_state, endpoint.since):
        return
    wanted = endpoint.state
    endpoint.log(ERROR, f"Unable to record current failover state for {endpoint.name}")
    endpoint.state, endpoint.saved = unsure.state, unsure.saved
    endpoint.since, endpoint.needs_all = unsure.since, unsure.needs_all
    endpoint.why = f"{wanted.word} could not be recorded"
    endpoint.tell(f"{wanted.word} -> {endpoint.state.word}", endpoint.why)
    endpoint.serving = serving(endpoint.state, endpoint.partner_state)
    endpoint.site.retime(endpoint)
    _wait_again(endpoint)
    if endpoint.link is not None:
        endpoint.site.drop(endpoint.link.stream, endpoint.why)
    elif wanted is not STARTUP:
        endpoint.wanted = wanted
        endpoint.alarm(RECORD, RETRY_S)


def _wait_again(endpoint: Endpoint) -> None:
    """The timers of the state that it is again; what is due by now comes in a while, when the disk may work."""
    if endpoint.state is COMM_INT:
        _enter_communications_interrupted(endpoint)
    elif endpoint.state is STARTUP:
        endpoint.alarm(STARTING, RETRY_S)
    elif endpoint.state is REC_WAIT:
        seconds = max(endpoint.since + endpoint.mclt - endpoint.site.now, RETRY_S)
        endpoint.alarm(WAIT, seconds)


def _record_due(endpoint: Endpoint) -> None:
    """The state that could not be recorded: entered again, unless the partner is there and says what follows."""
    wanted, endpoint.wanted = endpoint.wanted, None
    if wanted is not None and endpoint.link is None:
        move(endpoint, wanted, "its record could not be written before")


# The link


def begin_link(endpoint: Endpoint) -> None:
    """A handshake is over, and a link about to stand: NORMAL does not outlive the one before, whose end is unrecorded.

    A partner that starts and was told so before would take it for no news, and the two would stay as they are.
    """
    if endpoint.state is NORMAL:
        move(endpoint, COMM_INT, "the end of the link before could not be recorded")


def lost_link(endpoint: Endpoint, why: str) -> None:
    """The link is gone."""
    endpoint.log(INFO, f"peer {endpoint.name}: disconnected")
    endpoint.link = None
    for timer in (CONTACT, SILENCE, STARTING, ACKS):
        endpoint.site.no_alarm(endpoint, timer, 0)
    endpoint.updates.resend()
    endpoint.updates.to_ack.clear()
    endpoint.updates.request = None
    _without_partner(endpoint, why)
    endpoint.retry()


def _without_partner(endpoint: Endpoint, why: str) -> None:
    mine = endpoint.recorded_state
    new = LINK_LOST.get(mine)
    if new is not None or endpoint.state is STARTUP:
        move(endpoint, new or mine, why)


# Moments


def due(endpoint: Endpoint, timer: str, detail: int) -> None:
    """A moment has come; those of connections (RETRY, LISTEN, LINK) are relationships.py's."""
    if timer == BALANCE:
        balancing.timed_run(endpoint, detail)
    else:
        _DUE[timer](endpoint)


def _contact_due(endpoint: Endpoint) -> None:
    """The alarm is set seldom, and moved on where something was sent meanwhile."""
    link = endpoint.link
    if link is None:
        return
    interval_us = endpoint.contact_s() * SECOND_US
    if link.sent_us + interval_us <= endpoint.site.now_us:
        endpoint.send(Contact(endpoint.site.now, link.xid()))
    endpoint.site.alarm(endpoint, CONTACT, 0, link.sent_us + interval_us)


def _silence_due(endpoint: Endpoint) -> None:
    link = endpoint.link
    if link is None:
        return
    over_us = link.heard_us + endpoint.settings.max_response_delay * SECOND_US
    if over_us > endpoint.site.now_us:
        endpoint.site.alarm(endpoint, SILENCE, 0, over_us)
        return
    endpoint.log(ERROR, f"timeout waiting for failover peer {endpoint.name}")
    endpoint.site.drop(link.stream, "the partner was silent for longer than max-response-delay")


def _acks_due(endpoint: Endpoint) -> None:
    outgoing.send_acks(endpoint)


def _starting_due(endpoint: Endpoint) -> None:
    _without_partner(endpoint, "the partner did not come in time")


def _partner_down_due(endpoint: Endpoint) -> None:
    if endpoint.state is COMM_INT:
        move(endpoint, P_DOWN, "auto-partner-down")


def _wait_due(endpoint: Endpoint) -> None:
    if endpoint.state is REC_WAIT:
        move(endpoint, REC_DONE, "MCLT has passed since this server was last in touch")
    elif endpoint.lacking and endpoint.link is not None:
        endpoint.request_updates()


_DUE: Final[dict[str, Callable[[Endpoint], None]]] = {
    CONTACT: _contact_due,
    SILENCE: _silence_due,
    ACKS: _acks_due,
    STARTING: _starting_due,
    PARTNER_DOWN: _partner_down_due,
    RECORD: _record_due,
    WAIT: _wait_due,
}
