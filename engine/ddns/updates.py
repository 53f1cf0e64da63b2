"""The updates of all leases: begun at an ACK or when a lease is left, carried from step to step by the answers.

A lease has one chain of messages at most. A new ACK takes the place of whatever runs, and begins anew, since what DNS
holds by then is not known. A removal takes the place of what adds or renames; to a removal of the same lease it is
nothing new. What succeeded is written on the lease at once (`Leases.write_names`), and logged in ISC's words
(telling.py). What failed is owed, unless it was refused, and tried again (owed.py): a retry is a chain like any other.
A client's name stands at the address that it was given last: an older addition that is late does not take it away.

See docs/behaviour/dns-updates.md#when-something-is-done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from ...trace.effects import ERROR, INFO
from ..agenda import NEVER_US
from ..model import notices
from ..model.lease import ACTIVE
from ..wire.text import dotted
from .chain import Chain, Happened, chain_from
from .naming import is_of
from .owed import OWED_VARIABLE, DebtHost, Debts, Owed, entries_of, text_of
from .records import CLIENT_NAME, FORWARD_NAME, GUARD_NAMES, REVERSE_NAME, Names, stored_names
from .refused import Refusal, Refusals
from .rules import MESSAGES, REMOVING_STEPS, REVERSE_STEPS, Manner, Step, Verdict, outcome
from .telling import line_of, shown
from .wire import message, result, signing
from .wire.message import BadName
from .wire.questions import Asker
from .wire.update import BadTarget, BadZone, NotInZone, update

if TYPE_CHECKING:
    from ..lease.commit import Leases
    from ..lease.database import Database
    from ..model.lease import Lease
    from ..model.peers import Key
    from .discovery import Discovery, Sought
    from .naming import Decision
    from .wire.questions import Questions, Told
    from .zones import Place, Zones

PART: Final = "update"
# So long nothing is asked of a zone whose server has disowned it; without retries, for ever, as ISC dhcpd.
REPUDIATED_US: Final = 300 * 1_000_000
_NOT_THERE: Final = frozenset({result.NXDOMAIN, result.YXDOMAIN, result.YXRRSET, result.NXRRSET})
_CONFLICTS: Final = frozenset({Verdict.NOT_MINE, Verdict.OTHERS, Verdict.STATIC, Verdict.OTHER_PROTOCOL})
_GUARDS: Final = frozenset(GUARD_NAMES.values())
_FAILURES: Final = frozenset({
    Verdict.NOT_ADDED, Verdict.REFUSED_FORWARD, Verdict.REVERSE_NOT_ADDED, Verdict.NAME_NOT_REMOVED,
    Verdict.REVERSE_NOT_REMOVED,
})  # fmt: skip


class UpdateHost(DebtHost, Protocol):
    """What updates need of the server."""

    database: Database
    leases: Leases

    def log(self, level: int, text: str) -> None:
        """Log a line."""


class Updates:
    """The chain of each lease, by its address.

    `happened` is what became of steps in this event; the machine empties it before each. `retries`: what fails is owed.
    """

    __slots__ = (
        "_chains", "_discovery", "_host", "_questions", "_zones", "debts", "happened", "manner", "refusals", "retries",
    )  # fmt: skip

    def __init__(
        self, host: UpdateHost, questions: Questions, zones: Zones, discovery: Discovery, manner: Manner
    ) -> None:
        """Nothing is under way."""
        self._host = host
        self._discovery = discovery
        self._questions = questions
        self._zones = zones
        self._chains: dict[int, Chain] = {}
        self.debts = Debts(host)
        self.refusals = Refusals()
        self.manner = manner
        self.retries = True
        self.happened: list[Happened] = []

    def __len__(self) -> int:
        """How many leases have a chain."""
        return len(self._chains)

    def under_way(self, address: int) -> Chain | None:
        """The chain of an address, None for none."""
        return self._chains.get(address)

    def is_going(self, address: int) -> bool:
        """Whether the names that a lease stores are being removed now: some of it may be done already."""
        chain = self._chains.get(address)
        return chain is not None and chain.step in REMOVING_STEPS

    def is_idle(self, address: int) -> bool:
        """Whether nothing is known of an address that a new ACK would end."""
        return address not in self._chains and not self.debts.numbers_of(address) and self.refusals.of(address) is None

    # What begins a chain

    def acknowledged(self, lease: Lease, decision: Decision) -> bool:
        """An ACK is about to be given: whether a chain has begun for it, in place of the one that ran."""
        self._owe_removals(lease.address)
        self.cancel(lease.address)
        self.refusals.forget(lease.address)
        self._supersede(lease, decision)
        removing = stored_names(lease) if decision.removes else None
        if removing is None and decision.adding is None:
            return False
        if decision.adding is not None and not lease.static:
            self._pass_on(lease, decision.adding)
        chain = Chain(lease.address, removing, decision.adding, static=lease.static)
        chain.active = True
        chain.sends_reverse = decision.sends_reverse
        return self._begin(chain)

    def left(self, lease: Lease) -> None:
        """The lease is its client's no longer: remove what it stores, and what was being added."""
        address = lease.address
        running = self._chains.get(address)
        if running is not None and running.step in REMOVING_STEPS and not running.active:
            return
        self._owe_additions(address, running)
        self.cancel(address)
        self.refusals.forget(address)
        names = stored_names(lease)
        if names.guard or names.reverse:
            self._begin(Chain(address, names, None))

    def given(self, lease: Lease) -> None:
        """A partner has given the lease, and names its client: whose names are being removed here has them again.

        What was asked for and not answered may be done: before the partner's, which comes behind it. To ask again
        would remove the partner's.
        """
        chain = self._chains.get(lease.address)
        if chain is None or chain.active or chain.removing is None or chain.step not in REMOVING_STEPS:
            return
        if _is_partners(lease, chain.removing):
            self.cancel(lease.address)

    def cancel(self, address: int) -> None:
        """Stop what runs for an address, without a word."""
        chain = self._chains.pop(address, None)
        if chain is not None:
            self._questions.forget(chain.question)
            if chain.body:
                self._discovery.forget(address)
            if chain.owed in self.debts:
                self.debts.postpone(chain.owed)

    def _begin(self, chain: Chain) -> bool:
        self._chains[chain.address] = chain
        removing = chain.removing
        if removing is not None and removing.guard:
            self._take(chain, Step.REM_1)
        elif removing is not None and removing.reverse:
            self._take(chain, Step.REM_PTR)
        else:
            self._add(chain)
        return chain.address in self._chains

    def _add(self, chain: Chain) -> None:
        """The old name is gone, or there was none: add the new one."""
        adding = chain.adding
        if adding is None or chain.spoilt:
            self._end(chain)
        elif adding.guard and not chain.forward_added:
            self._take(chain, Step.ADD_1)
        elif adding.reverse and chain.sends_reverse:
            self._take(chain, Step.ADD_PTR)
        else:
            if adding.reverse:
                self._store_reverse(chain, adding)
            self._end(chain)

    # One step

    def _take(self, chain: Chain, step: Step) -> None:
        """Ask for a step; the chain ends where it cannot be asked for."""
        chain.step = step
        names = self._names(chain)
        name = names.reverse if step in REVERSE_STEPS else names.forward
        place = self._zones.find(name)
        if place is None:
            chain.verdict, chain.word, chain.zone = "no zone is known for the name", "", ""
            self._search(chain, name)
        elif self._zones.is_repudiated(place.zone):
            chain.verdict, chain.word, chain.zone = "the zone is repudiated", "", place.zone
        elif self._questions.full:
            chain.verdict, chain.word, chain.zone = "too much waits for the name servers", "", place.zone
        elif self._send(chain, place, name):
            return
        else:
            chain.refused, chain.verdict, chain.word = True, Verdict.REFUSED_FORWARD, "it is no name of the zone's"
        self._end(chain)

    def _search(self, chain: Chain, name: bytes) -> None:
        """Nobody knows the zone of a name: find it for the next update."""
        try:
            owner = message.name_from_text(name)
            if len(owner.labels) == 1:
                # Nothing is left of the name in front of a NUL, and the root's zone is nobody's here.
                chain.refused = True
            else:
                self._discovery.seek_zone(owner)
        except BadName as bad:
            why = f"{shown(name)} {bad.reason}"
            self._host.log(ERROR, f"find_zone_start: Unable to build name or start resolve: {why}")
            chain.refused = True

    def _send(self, chain: Chain, place: Place, name: bytes) -> bool:
        """Ask for the chain's step in the zone; False where a name cannot be sent."""
        body = self._message(chain, place, name)
        if body is None:
            return False
        chain.zone = place.zone
        if place.servers:
            self._ask(chain, body, place.servers, place.key)
        else:
            chain.body = body
            self._discovery.seek_server(chain.address, message.name_from_text(name))
        return True

    def _ask(self, chain: Chain, body: bytes, servers: tuple[bytes, ...], key: Key | None) -> None:
        if key is not None and not signing.can_sign(key):
            self._host.log(ERROR, f"No tsec for use with key {key.name}")
            key = None
        chain.body = b""
        chain.question = self._questions.ask(Asker(PART, chain.address), body, servers, key)

    def found(self, sought: Sought) -> None:
        """The server of a zone statement without any is found, or cannot be. A reverse zone's key does not count then.

        See docs/behaviour/dns-updates.md#zones-without-a-server.
        """
        chain = self._chains[sought.address]
        place = self._zones.find(chain.zone.encode("utf-8", "surrogateescape"))
        if not sought.servers:
            chain.body = b""
            self._conclude(chain, sought.word, b"")
            return
        key = None if place is None or chain.step in REVERSE_STEPS else place.key
        self._ask(chain, chain.body, sought.servers, key)

    def _message(self, chain: Chain, place: Place, name: bytes) -> bytes | None:
        """The octets of the chain's step; None, and mostly a line, where a name cannot be sent."""
        zone = place.zone.encode("utf-8", "surrogateescape")
        template = MESSAGES[chain.step, self.manner]
        try:
            return update(zone, name, template, self._names(chain), chain.address)
        except BadZone as bad:
            self._host.log(ERROR, f"Unable to build name for zone for fwd update: {place.zone} {bad.reason}")
        except NotInZone:
            # A backslash in front of a dot makes one label of two: the name server would disown the whole zone for it.
            self._host.log(ERROR, f"Unable to build name for fwd update: {shown(name)} not in zone {place.zone}")
        except BadTarget:
            pass
        except BadName as wrong:
            self._host.log(ERROR, f"Unable to build name for fwd update: {shown(name)} {wrong.reason}")
        return None

    def _names(self, chain: Chain) -> Names:
        names = chain.removing if chain.step in REMOVING_STEPS else chain.adding
        assert names is not None, "a step is about names that the chain has"
        return names

    def told(self, told: Told) -> None:
        """A step's question is over."""
        assert isinstance(told.asker.key, int), "updates are asked for by address"
        self._conclude(self._chains[told.asker.key], told.result.word, told.server)

    def _conclude(self, chain: Chain, word: str, server: bytes) -> None:
        """What a step has come to: on the lease, in the log, and the step behind it."""
        if word in (result.NOTAUTH, result.NOTZONE):
            self._repudiate(chain.zone)
            word = result.FAILURE
        found = outcome(chain.step, word, self.manner)
        names = self._names(chain)
        name = names.reverse if chain.step in REVERSE_STEPS else names.forward
        self.happened.append(Happened(chain.address, chain.step, name, found.verdict, word, server))
        if found.verdict in _FAILURES:
            chain.verdict, chain.word = found.verdict, word
            chain.refused = chain.refused or word in _NOT_THERE
        elif found.verdict in _CONFLICTS:
            chain.refused, chain.verdict, chain.word = True, found.verdict, ""
        if found.verdict not in _FAILURES:
            self.debts.hasten(chain.zone)
        self._write(chain, names, found.verdict)
        line = line_of(found.verdict, names, chain.address, word)
        if line is not None:
            self._host.log(*line)
        self._go_on(chain, found.next)

    def _repudiate(self, zone: str) -> None:
        until_us = self._host.now_us + REPUDIATED_US if self.retries else NEVER_US
        self._zones.repudiate(zone, until_us)
        self._host.log(ERROR, f"DDNS: bad zone information, repudiating zone {zone}")
        self._host.log(INFO, "DDNS: Failed to retry after zone failure")

    def _go_on(self, chain: Chain, following: Step | None) -> None:
        adding, removing = chain.adding, chain.removing
        if following is Step.ADD_PTR:
            assert adding is not None, "what has been added has names"
            if not adding.reverse:
                self._end(chain)
                return
        elif following is Step.REM_PTR and (removing is None or not removing.reverse):
            following = None
        if following is not None:
            self._take(chain, following)
        elif chain.step in REMOVING_STEPS:
            self._add(chain)
        else:
            self._end(chain)

    def _end(self, chain: Chain) -> None:
        """The chain is over, whatever it has come to: what is left of it is owed."""
        if self._chains.get(chain.address) is not chain:
            return
        del self._chains[chain.address]
        removing, adding = chain.still_to_remove, chain.still_to_add
        wanted = chain.adding
        if chain.refused and wanted is not None and not (chain.forward_added and chain.reverse_added):
            name = wanted.reverse if chain.step in REVERSE_STEPS else wanted.forward
            self.refusals.note(Refusal(chain.address, name, str(chain.word or chain.verdict)))
        if chain.refused and chain.adding is None:
            removing = None
        if chain.owed:
            self._paid(chain, removing, adding)
        elif self.retries and (removing is not None or adding is not None):
            self.debts.add(Owed(chain.address, removing, adding, 0, chain.verdict, chain.word, chain.zone))

    # What a verdict means for the lease

    def _write(self, chain: Chain, names: Names, verdict: Verdict) -> None:
        if verdict is Verdict.ADDED_FORWARD:
            chain.forward_added = True
            self._store(chain, {FORWARD_NAME: names.forward, GUARD_NAMES[names.guard_type]: names.guard})
        elif verdict is Verdict.ADDED_REVERSE:
            chain.reverse_added = True
            self._store_reverse(chain, names)
        elif verdict in (Verdict.NAME_GONE, Verdict.REMOVED_NAME):
            chain.forward_gone = True
            self._unset(chain, {FORWARD_NAME: names.forward, GUARD_NAMES[names.guard_type]: names.guard})
        elif verdict in (Verdict.REMOVED_REVERSE, Verdict.REVERSE_GONE):
            chain.reverse_gone = True
            gone = {REVERSE_NAME: names.reverse}
            if not names.guard:
                gone[CLIENT_NAME] = names.forward
            self._unset(chain, gone)
        elif verdict in (Verdict.NAME_NOT_REMOVED, Verdict.REVERSE_NOT_REMOVED):
            chain.spoilt = True

    def _store_reverse(self, chain: Chain, names: Names) -> None:
        values = {REVERSE_NAME: names.reverse}
        if not names.guard:
            values[CLIENT_NAME] = names.forward
        self._store(chain, values)

    def _store(self, chain: Chain, values: dict[str, bytes]) -> None:
        lease = None if chain.static else self._host.database.find(chain.address)
        if lease is not None:
            self._host.leases.write_names(lease, values)

    def _unset(self, chain: Chain, values: dict[str, bytes]) -> None:
        """Take away the variables that still say what was removed."""
        lease = None if chain.static else self._host.database.find(chain.address)
        if lease is None or lease.rare is None or not lease.rare.variables:
            return
        has = lease.rare.variables
        gone = [name for name, value in values.items() if value and has.get(name) == value]
        if has.get(FORWARD_NAME) and FORWARD_NAME in values and FORWARD_NAME not in gone:
            # A client's guard is the same for each of its names: this is one that it had before.
            gone = [name for name in gone if name not in _GUARDS]
        if gone:
            self._host.leases.write_names(lease, dict.fromkeys(gone))

    # What is owed

    def _supersede(self, lease: Lease, decision: Decision) -> None:
        """A new ACK: what its client was owed is decided anew; what former clients have left is still to go."""
        numbers = self.debts.numbers_of(lease.address)
        if not numbers:
            return
        wanted = decision.adding
        stored = stored_names(lease)
        for number in numbers:
            owed = self.debts.entry(number)
            # A PTR record that is missing beside a name that stays is still owed.
            adding = owed.adding if wanted is None and _is_stored(owed.adding, stored) else None
            removing = owed.removing
            if removing is not None:
                if removing.forward in (stored.forward, wanted.forward if wanted is not None else b""):
                    removing = removing._replace(forward=b"", guard=b"")
                if removing.reverse in (stored.reverse, wanted.reverse if wanted is not None else b""):
                    removing = removing._replace(reverse=b"")
                removing = removing if removing.guard or removing.reverse else None
            if removing is None and adding is None:
                self.debts.settle(number)
            else:
                self.debts.change(number, owed._replace(removing=removing, adding=adding))

    def _owe_removals(self, address: int) -> None:
        """A lease is given again while its former client's names are being removed: they are still to go."""
        running = self._chains.get(address)
        if not self.retries or running is None or running.owed or running.static:
            return
        names = running.still_to_remove
        if names is not None:
            self.debts.add(Owed(address, names, None, 0, "", "", running.zone))

    def _owe_additions(self, address: int, running: Chain | None) -> None:
        """A lease is left while something is added, or owed: what may have come to be is to be removed."""
        if not self.retries:
            return
        doubtful: list[Owed] = []
        for number in self.debts.numbers_of(address):
            owed = self.debts.entry(number)
            if owed.adding is None:
                continue
            # Whatever the answer was, it may be there of the lease before, whose removal this took the place of.
            doubtful.append(owed._replace(removing=owed.removing or owed.adding, adding=None, tries=0))
            self.debts.settle(number)
        if running is not None and running.adding is not None and not running.owed and not running.static:
            names = running.still_to_add
            if names is not None and running.step not in REMOVING_STEPS:
                doubtful.append(Owed(address, names, None, 0, "", "", running.zone))
        for owed in doubtful:
            self.debts.add(owed)

    def _paid(self, chain: Chain, removing: Names | None, adding: Names | None) -> None:
        """A retry is over: nothing is owed any more, or it is tried again later."""
        number = chain.owed
        if number not in self.debts:
            # There was no room for it any more.
            return
        owed = self.debts.entry(number)
        if removing is None and adding is None:
            self.debts.settle(number)
        else:
            left = Owed(
                owed.address, removing, adding, owed.tries + 1, chain.verdict, chain.word, chain.zone
            )  # fmt: skip
            if not self.debts.again(number, left):
                name = (adding or removing or Names()).forward
                why = chain.word or chain.verdict
                where = dotted(owed.address)
                self._host.log(*notices.NAME_GIVEN_UP(name=shown(name), address=where, why=why))
        self.keep_owed(owed.address)

    def due(self, number: int) -> None:
        """It is time to try an entry again."""
        debts = self.debts
        owed = debts.entry(number)
        if owed.address in self._chains:
            debts.postpone(number)
            return
        lease = self._host.database.find(owed.address)
        removing, adding = owed.removing, owed.adding
        if adding is not None and (lease is None or lease.state != ACTIVE):
            # It may be there: of this attempt, or of the lease before, which had ended and was not left yet.
            removing, adding = removing or adding, None
        if removing is not None and adding is None and lease is not None and _is_partners(lease, removing):
            removing = None
        if removing is None and adding is None:
            debts.settle(number)
            self.keep_owed(owed.address)
            return
        self.keep_owed(owed.address)
        chain = Chain(owed.address, removing, adding)
        chain.owed = number
        chain.active = True
        if lease is not None and adding is not None:
            chain.forward_added = _is_stored(adding, stored_names(lease)) or self._has_gone_on(lease, adding)
        self._begin(chain)

    # A client with two addresses has its name at the one that it was given last

    def _pass_on(self, lease: Lease, names: Names) -> None:
        """The client is given its name at another address: what is under way to give it to an earlier one waits."""
        for other in self._others(lease) if self.retries else ():
            chain = self._chains.get(other.address)
            if chain is None or chain.forward_added or not _are_one(chain.adding, names):
                continue
            removing, adding = chain.still_to_remove, chain.still_to_add
            self.cancel(other.address)
            if not chain.owed and (removing is not None or adding is not None):
                self.debts.add(Owed(other.address, removing, adding, 0, "", "", chain.zone))

    def _has_gone_on(self, lease: Lease, names: Names) -> bool:
        """Whether the client was given another address later, which has these names' forward one, or is to have it."""
        return any(
            other.state == ACTIVE and other.starts > lease.starts and self._bears(other, names)
            for other in self._others(lease)
        )

    def _bears(self, lease: Lease, names: Names) -> bool:
        """Whether a lease has a forward name, is to have it, or was given by a partner, who has seen to it."""
        stored, running = stored_names(lease), self._chains.get(lease.address)
        adding = [stored, *(owed.adding for owed in self.debts.of(lease.address))]
        if running is not None:
            adding.append(running.adding)
        silent = running is None and not stored.forward and self._host.leases.partner_of(lease).paired
        return silent or any(_are_one(one, names) for one in adding)

    def _others(self, lease: Lease) -> list[Lease]:
        """The other leases of its client."""
        database = self._host.database
        found = database.by_uid(lease.uid) if lease.uid else database.by_hardware(lease.hardware)
        return [other for other in found if other is not lease]

    def keep_owed(self, address: int) -> None:
        """Have the lease's variable say what is owed, so that a restart knows it."""
        lease = self._host.database.find(address)
        if lease is None:
            return
        text = text_of(self.debts.of(address))
        variables = None if lease.rare is None else lease.rare.variables
        has = variables.get(OWED_VARIABLE) if variables else None
        if (has or b"") != text:
            self._host.leases.write_names(lease, {OWED_VARIABLE: text or None})

    def take_owed(self) -> None:
        """The lease file was read: what it says is owed, and what free leases still have, is to be tried again."""
        if not self.retries:
            return
        for lease in self._host.database.leases():
            variables = None if lease.rare is None else lease.rare.variables
            if not variables:
                continue
            text = variables.get(OWED_VARIABLE)
            known = entries_of(lease.address, text) if isinstance(text, bytes) else []
            for owed in known:
                self.debts.add(owed)
            names = stored_names(lease)
            stale = lease.state != ACTIVE and lease.address not in self._chains
            if not known and stale and (names.guard or names.reverse):
                self.debts.add(Owed(lease.address, names, None, 0, "", "", ""))

    # Snapshots

    def snapshot(self) -> dict[str, Any]:
        """The chains, and what is owed, as plain data."""
        return {"chains": [chain.plain() for chain in self._chains.values()], "owed": self.debts.snapshot(),
                "refused": self.refusals.snapshot()}  # fmt: skip

    def restore(self, data: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._chains = {one["address"]: chain_from(one) for one in data["chains"]}
        self.debts.restore(data["owed"])
        self.refusals.restore(data["refused"])


def _is_partners(lease: Lease, names: Names) -> bool:
    """Whether the client of names has the address again, of a partner, who has seen to its name."""
    stored = stored_names(lease).forward
    return lease.state == ACTIVE and stored in (b"", names.forward) and is_of(lease, names)


def _is_stored(names: Names | None, stored: Names) -> bool:
    """Whether the lease says that DNS has this forward name already."""
    return names is not None and _are_one(names, stored)


def _are_one(one: Names | None, other: Names) -> bool:
    """Whether both have one client's forward name."""
    return one is not None and bool(one.guard) and (one.forward, one.guard) == (other.forward, other.guard)
