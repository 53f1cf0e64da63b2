"""What is wrong, in the order in which an operator wants to hear it: the opening of a report.

Who has no address and why comes first, then pools that are full, failover partners that are missed, relays that belong
to no network, refusals and silences by reason, and what the server could not do. Each part names its clients, so that a
page can list them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.failover.rules.states import NORMAL
from ..failover.standings import standings
from ..looking.dns_names import all_missing
from ..looking.leasetable import pool_rows, ranges_text
from ..showing.messages import INFORM
from ..world.simulated.clock import SECOND_US
from .clients import WITHOUT_ADDRESS, Outcome
from .survey import REFUSED, SILENT
from .texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...engine.machine import Machine
    from ...engine.model.change import Change
    from ..looking.dns_names import Missing
    from ..looking.leasetable import PoolRow
    from .clients import Client
    from .survey import Survey

_STAYS: Final = {
    Outcome.OFFERED: "it was offered one, and did not take it",
    Outcome.DECLINED: "it declined what it got: somebody else has that address",
}
_HOW: Final = {"add": "owed, and tried again", "remove": "to be removed, and tried again", "refused": "refused"}
# So many names stand in the line of a reason.
_NAMES_MAXIMUM: Final = 5
# Events that tell of something that the server could not do.
_FAILURES: Final = {
    "StorageFailed": "writes of the lease file failed",
    "SendFailed": "replies could not be sent",
    "ReceiveFailed": "reads from an interface failed",
    "ListenFailed": "sockets could not be opened",
    "StreamListenFailed": "TCP listeners could not be opened",
}


class Part(NamedTuple):
    """A line of a trouble: how often it came, its clients, and since when (microseconds since 1970, 0: not told)."""

    text: str
    times: int = 0
    clients: tuple[Client, ...] = ()
    since_us: int = 0


class Trouble(NamedTuple):
    """One kind of trouble, named by `kind`: what it is in one sentence, and its parts, the worst first."""

    kind: str
    title: str
    parts: tuple[Part, ...]


@dataclass(slots=True)
class _Filling:
    since_us: int = 0
    times: int = 0
    first_us: int = 0


@dataclass(slots=True)
class Fullness:
    """Since when each pool is full, followed by the changes of leases; `look` at all of them now and then."""

    pools: dict[tuple[str, str], _Filling] = field(default_factory=dict)

    def follow(self, machine: Machine, changes: Iterable[Change], now_us: int) -> None:
        """Look at the pools of the leases that changed."""
        server = machine.server
        if server is None:
            return
        for pool in {server.configuration.find_pool(one.after.address) for one in changes} - {None}:
            assert pool is not None, "it was taken out"
            counts = server.database.counts(pool)
            left = counts.lease_count - counts.active - counts.expired - counts.abandoned - counts.backup
            self._note((pool.network.name, ranges_text(pool)), full=left <= 0 < counts.lease_count, now_us=now_us)

    def look(self, machine: Machine, now_us: int) -> None:
        """Look at every pool."""
        for row in pool_rows(machine):
            self._note((row.network, row.ranges), full=row.free <= 0 < row.total, now_us=now_us)

    def _note(self, name: tuple[str, str], *, full: bool, now_us: int) -> None:
        known = self.pools.get(name)
        if full and (known is None or not known.since_us):
            known = self.pools.setdefault(name, _Filling(first_us=now_us))
            known.since_us, known.times = now_us, known.times + 1
        elif known is not None and not full:
            known.since_us = 0


def troubles(
    survey: Survey, ranked: Sequence[Client], fullness: Fullness, pools: Sequence[PoolRow], machine: Machine | None
) -> list[Trouble]:
    """Everything that is wrong; nothing where all is well. `machine` as it is at the end, `pools` its pools."""
    found = [
        _without_address(ranked),
        _full(fullness),
        _partners(machine),
        _relays(survey, ranked, machine),
        _by_reason(REFUSED, survey.refusals, ranked),
        _by_reason(SILENT, survey.silences, ranked),
        _names(ranked, machine),
        _abandoned(pools),
        _failures(survey),
    ]
    return [one for one in found if one.parts]


def _many(number: int, one: str, several: str) -> str:
    return f"1 {one}" if number == 1 else f"{number:,} {several}"


def _without_address(ranked: Sequence[Client]) -> Trouble:
    """Clients that asked for an address and have none at the end, by reason."""
    by_reason: dict[str, list[Client]] = defaultdict(list)
    for client in ranked:
        if client.outcome in WITHOUT_ADDRESS and not client.holds and client.said[0] != INFORM:
            by_reason[_STAYS.get(client.outcome) or client.why or "no reason logged"].append(client)
    parts = [Part(why, 0, tuple(clients)) for why, clients in by_reason.items()]
    parts.sort(key=lambda part: -len(part.clients))
    number = sum(len(part.clients) for part in parts)
    return Trouble("no-address", f"{_many(number, 'client has', 'clients have')} no address", tuple(parts))


def _full(fullness: Fullness) -> Trouble:
    """Pools without a free address, and those that were so for a while."""
    now, before = [], []
    for (network, ranges), filling in fullness.pools.items():
        name = ranges if network in ranges else f"{network}: {ranges}"
        if filling.since_us:
            now.append(Part(f"{name} is full", 0, (), filling.since_us))
        else:
            before.append(Part(f"{name} was full {_many(filling.times, 'time', 'times')}, first", 0, (),
                               filling.first_us))  # fmt: skip
    title = f"{_many(len(now), 'pool is', 'pools are')} full" if now else \
        f"{_many(len(before), 'pool was', 'pools were')} full for a while"  # fmt: skip
    return Trouble("full", title, (*now, *before))


def _partners(machine: Machine | None) -> Trouble:
    """Failover relationships that are not in normal at the end."""
    found = [] if machine is None else [one for one in standings(machine) if one.state is not NORMAL]
    parts = [
        Part(f"{visible(one.name)}: {one.state.word} because {one.why}", 0, (), one.since * SECOND_US) for one in found
    ]
    title = _many(len(found), "failover relationship is", "failover relationships are")
    return Trouble("failover", f"{title} not in normal service", tuple(parts))


def _relays(survey: Survey, ranked: Sequence[Client], machine: Machine | None) -> Trouble:
    """Relays whose address is on no subnet of the configuration, where messages by them got no answer."""
    server = None if machine is None else machine.server
    if server is None:
        return Trouble("relay", "", ())
    lost = {
        giaddr: relay
        for giaddr, relay in survey.relays.items()
        if relay.unanswered and giaddr and server.configuration.find_subnet(giaddr) is None
    }
    clients: dict[int, list[Client]] = defaultdict(list)
    for client in ranked if lost else ():
        for giaddr in client.relays:
            if giaddr in lost:
                clients[giaddr].append(client)
    parts = [
        Part(f"relay {IPv4Address(giaddr)}", relay.messages, tuple(clients[giaddr])) for giaddr, relay in lost.items()
    ]
    parts.sort(key=lambda part: -part.times)
    return Trouble("relay", f"{_many(len(parts), 'relay is', 'relays are')} on no subnet declaration", tuple(parts))


_TITLES: Final = {REFUSED: ("refusal (NAK)", "refusals (NAK)"), SILENT: ("message", "messages")}


def _by_reason(what: str, counts: Counter[tuple[str, str]], ranked: Sequence[Client]) -> Trouble:
    clients: dict[tuple[str, str, str], list[Client]] = defaultdict(list)
    for client in ranked:
        for reason in client.reasons:
            clients[reason].append(client)
    parts = [
        Part(f"{name}: {reason}", times, tuple(clients[what, name, reason]))
        for (name, reason), times in counts.most_common()
    ]
    title = _many(counts.total(), *_TITLES[what])
    return Trouble(what.replace(" ", "-"), title if what == REFUSED else f"{title} without an answer", tuple(parts))


def _names(ranked: Sequence[Client], machine: Machine | None) -> Trouble:
    """What name servers have missed or refused, by reason."""
    lacking = [] if machine is None else all_missing(machine)
    by_reason: dict[str, list[Missing]] = defaultdict(list)
    for one in lacking:
        by_reason[f"{_HOW[one.how]}{f': {one.why}' if one.why else ''}"].append(one)
    parts = []
    for reason, several in by_reason.items():
        addresses = {one.address for one in several}
        clients = tuple(client for client in ranked if client.addresses and client.addresses[-1] in addresses)
        names = [visible(one.name) for one in several[:_NAMES_MAXIMUM]] + ["..."] * (len(several) > _NAMES_MAXIMUM)
        parts.append(Part(f"{reason}: {', '.join(names)}", len(several), clients))
    parts.sort(key=lambda part: -part.times)
    return Trouble("names", f"{_many(len(lacking), 'name is', 'names are')} not in DNS as they should be", tuple(parts))


def _abandoned(pools: Sequence[PoolRow]) -> Trouble:
    rows = [row for row in pools if row.abandoned]
    parts = [Part(f"{row.network}: {row.ranges}", row.abandoned) for row in rows]
    number = sum(row.abandoned for row in rows)
    title = f"{_many(number, 'address is', 'addresses are')} abandoned: declined, or something answers there"
    return Trouble("abandoned", title, tuple(parts))


def _failures(survey: Survey) -> Trouble:
    parts = [Part(text, survey.kinds[kind]) for kind, text in _FAILURES.items() if survey.kinds[kind]]
    return Trouble("failures", "The server could not do what it wanted to", tuple(parts))
