"""Why the server decided as it did, as data for who asks (`dhcpd-trace explain`): never for a client.

`Server.reasons` is None while nobody asks, which is all that the hot path looks at. Where it is a list, the
steps of a decision append to it. The text of a reason is for people; `step`, `subject` and `verdict` are for
programs. Nothing is decided here.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from ...trace.effects import CommandAnswer, Log, Send, StreamSend
from ..ddns.telling import shown
from ..model.configuration import Scope
from ..model.syntax import Place
from ..wire.text import dotted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ...trace.effects import Effect
    from ..ddns.chain import Happened
    from ..ddns.owed import Owed

# Every `Reason.step`, in the order in which a whole decision has them.
STEPS = (
    "network", "class", "host", "pool", "candidate", "time", "parameter", "option", "object", "peer", "dns", "verdict",
)  # fmt: skip


class Reason(NamedTuple):
    """One step of a decision.

    `step` is one of STEPS. `subject`: what was looked at (an address, a name). `verdict`: what became of it, for a
    time, parameter or option its value. `why`: the rule. `place`: where the configuration says so, None where the
    rule is the server's own.
    """

    step: str
    subject: str
    verdict: str
    why: str = ""
    place: Place | None = None


class Setting(NamedTuple):
    """A statement that set, or would have set, an option while scopes ran.

    `word`: supersede, default, append, prepend, or what else did it. `effective`: false for a `default` that came
    too late. `value`: the octets where they are constant.
    """

    word: str
    place: Place
    scope: Scope | None
    effective: bool
    value: bytes | None


Settings = dict[tuple[str, int], list[Setting]]
"""By option space and code, in order of execution."""


Reasons = list[Reason]


def once(reasons: Reasons, reason: Reason) -> None:
    """Add a reason that may come up again for the same event."""
    if reason not in reasons:
        reasons.append(reason)


def of_update(one: Happened) -> Reason:
    """What became of a message to a name server."""
    by = f" at {ip_address(one.server)}" if one.server else ""
    said = f": {one.result}{by}" if one.result else ""
    return Reason("dns", dotted(one.address), one.verdict, f"{one.step} of {shown(one.name)}{said}")


def of_debts(before: Collection[Owed], after: Sequence[Owed]) -> list[Reason]:
    """What dynamic DNS has come to owe at an event, and what it owes no longer: paid, void, or tried often enough."""
    known, left = frozenset(before), frozenset(after)
    made = [Reason("dns", dotted(one.address), "owed", _debt(one)) for one in after if one not in known]
    tried = {(one.address, one.removing, one.adding) for one in left}
    ended = [one for one in before if one not in left and (one.address, one.removing, one.adding) not in tried]
    return made + [Reason("dns", dotted(one.address), "owed no longer", _debt(one)) for one in ended]


def _debt(one: Owed) -> str:
    parts = [f"{word} {shown(names.forward or names.reverse)}"
             for word, names in (("remove", one.removing), ("add", one.adding)) if names is not None]  # fmt: skip
    why = ", ".join(filter(None, (one.verdict, one.word)))
    tries = {0: "not tried again yet", 1: "tried again once"}.get(one.tries, f"tried again {one.tries} times")
    return f"{' and '.join(parts)}{f' ({why})' if why else ''}, {tries}"


def conclude(reasons: Reasons, effects: Sequence[Effect]) -> None:
    """Add the outcome, as the log has it, to a decision that has no verdict; order is that of STEPS then.

    What a name server answers is its own outcome: no client waits for a reply.
    """
    of_dns_alone = bool(reasons) and all(reason.step == "dns" for reason in reasons)
    if not of_dns_alone and not any(reason.step == "verdict" for reason in reasons):
        lines = [effect.text for effect in effects if isinstance(effect, Log)]
        sent = sum(isinstance(effect, Send | StreamSend | CommandAnswer) for effect in effects)
        if lines or sent:
            verdict = "answered" if sent else "no reply"
            reasons.append(Reason("verdict", "", verdict, lines[-1] if lines else ""))
    order = {step: number for number, step in enumerate(STEPS)}
    reasons.sort(key=lambda reason: order[reason.step])
