"""The updates of all leases: begun at an ACK or when a lease is left, carried from step to step by the answers.

A lease has one chain of messages at most. A new ACK takes the place of whatever runs, and begins anew, since what DNS
holds by then is not known. A removal takes the place of what adds or renames; to a removal of the same lease it is
nothing new. What succeeded is written on the lease at once (`Leases.write_names`), and logged in ISC's words; what
failed is logged, and told to who keeps what is owed.

See docs/behaviour/dns-updates.md#when-something-is-done, docs/behaviour/dns-updates.md#all-log-lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from ...trace.effects import ERROR, INFO
from ..agenda import NEVER_US
from ..wire.text import dotted
from .chain import Chain, Happened, chain_from
from .records import CLIENT_NAME, FORWARD_NAME, GUARD_NAMES, REVERSE_NAME, Names, stored_names
from .rules import MESSAGES, REMOVING_STEPS, REVERSE_STEPS, Manner, Step, Verdict, outcome
from .wire import message, result, signing
from .wire.message import BadName
from .wire.questions import Asker

if TYPE_CHECKING:
    from ..lease.commit import Leases
    from ..lease.database import Database
    from ..model.lease import Lease
    from ..model.peers import Key
    from .discovery import Discovery, Sought
    from .naming import Decision
    from .wire.message import Name
    from .wire.questions import Questions, Told
    from .zones import Place, Zones

PART: Final = "update"
# Octets that would begin a line of their own in the log, or move a terminal's cursor.
_UNSPEAKABLE: Final = {code: f"\\{code:03o}" for code in (0x0A, 0x0D, 0x1B)}

# What a failed addition says: behind "Forward map from ... FAILED", and where the text is the result's own.
_FAILED: Final = (Verdict.NOT_MINE, Verdict.OTHERS, Verdict.STATIC, Verdict.OTHER_PROTOCOL)


class UpdateHost(Protocol):
    """What updates need of the server. `now_us`: microseconds since 1970."""

    now_us: int
    database: Database
    leases: Leases

    def log(self, level: int, text: str) -> None:
        """Log a line."""


class Updates:
    """See the module. `happened` is what became of steps in this event; the machine empties it before each."""

    __slots__ = ("_chains", "_discovery", "_host", "_questions", "_zones", "happened", "manner")

    def __init__(
        self, host: UpdateHost, questions: Questions, zones: Zones, discovery: Discovery, manner: Manner
    ) -> None:
        """Nothing is under way."""
        self._host = host
        self._discovery = discovery
        self._questions = questions
        self._zones = zones
        self._chains: dict[int, Chain] = {}
        self.manner = manner
        self.happened: list[Happened] = []

    def __len__(self) -> int:
        """How many leases have a chain."""
        return len(self._chains)

    def under_way(self, address: int) -> Chain | None:
        """The chain of an address, None for none."""
        return self._chains.get(address)

    # What begins a chain

    def acknowledged(self, lease: Lease, decision: Decision) -> bool:
        """An ACK is about to be given: whether a chain has begun for it, in place of the one that ran."""
        self.cancel(lease.address)
        removing = stored_names(lease) if decision.removes else None
        if removing is None and decision.adding is None:
            return False
        chain = Chain(lease.address, removing, decision.adding, static=lease.static)
        chain.active = True
        chain.sends_reverse = decision.sends_reverse
        return self._begin(chain)

    def left(self, lease: Lease) -> None:
        """The lease is its client's no longer: remove what it stores."""
        running = self._chains.get(lease.address)
        if running is not None and running.step in REMOVING_STEPS and not running.active:
            return
        self.cancel(lease.address)
        names = stored_names(lease)
        if names.guard or names.reverse:
            self._begin(Chain(lease.address, names, None))

    def cancel(self, address: int) -> None:
        """Stop what runs for an address, without a word."""
        chain = self._chains.pop(address, None)
        if chain is not None:
            self._questions.forget(chain.question)
            if chain.body:
                self._discovery.forget(address)

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
        elif adding.guard:
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
            self._search(name)
        if place is None or self._zones.is_repudiated(place.zone) or not self._send(chain, place, name):
            self._end(chain)

    def _search(self, name: bytes) -> None:
        """Nobody knows the zone of a name: find it for the next update."""
        try:
            self._discovery.seek_zone(message.name_from_text(name))
        except BadName as bad:
            why = f"{shown(name)} {bad.reason}"
            self._host.log(ERROR, f"find_zone_start: Unable to build name or start resolve: {why}")

    def _send(self, chain: Chain, place: Place, name: bytes) -> bool:
        """Ask for the chain's step in the zone; False, and a line, where a name cannot be sent."""
        try:
            owner = message.name_from_text(name)
        except BadName as bad:
            self._host.log(ERROR, f"Unable to build name for fwd update: {shown(name)} {bad.reason}")
            return False
        body = self._message(chain, place, owner, name)
        if body is None:
            return False
        chain.zone = place.zone
        if place.servers:
            self._ask(chain, body, place.servers, place.key)
        else:
            chain.body = body
            self._discovery.seek_server(chain.address, owner)
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

    def _message(self, chain: Chain, place: Place, owner: Name, name: bytes) -> bytes | None:
        """The octets of the chain's step; None, and a line, where a name cannot be sent."""
        template = MESSAGES[chain.step, self.manner]
        try:
            zone = message.name_from_text(place.zone.encode("utf-8", "surrogateescape"))
        except BadName as bad:
            self._host.log(ERROR, f"Unable to build name for zone for fwd update: {place.zone} {bad.reason}")
            return None
        if not owner.is_subdomain(zone):
            # A backslash in front of a dot makes one label of two: the name server would disown the whole zone for it.
            self._host.log(ERROR, f"Unable to build name for fwd update: {shown(name)} not in zone {place.zone}")
            return None
        try:
            return message.update(zone, owner, template, self._names(chain), chain.address)
        except BadName:
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
        self._write(chain, names, found.verdict)
        self._say(chain, names, found.verdict, word)
        self._go_on(chain, found.next)

    def _repudiate(self, zone: str) -> None:
        self._zones.repudiate(zone, NEVER_US)
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
        """The chain is over, whatever it has come to."""
        if self._chains.get(chain.address) is chain:
            del self._chains[chain.address]

    # What a verdict means for the lease

    def _write(self, chain: Chain, names: Names, verdict: Verdict) -> None:
        if verdict is Verdict.ADDED_FORWARD:
            self._store(chain, {FORWARD_NAME: names.forward, GUARD_NAMES[names.guard_type]: names.guard})
        elif verdict is Verdict.ADDED_REVERSE:
            self._store_reverse(chain, names)
        elif verdict in (Verdict.NAME_GONE, Verdict.REMOVED_NAME):
            self._unset(chain, {FORWARD_NAME: names.forward, GUARD_NAMES[names.guard_type]: names.guard})
        elif verdict in (Verdict.REMOVED_REVERSE, Verdict.REVERSE_GONE):
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
        if gone:
            self._host.leases.write_names(lease, dict.fromkeys(gone))

    # Its line in the log

    def _say(self, chain: Chain, names: Names, verdict: Verdict, word: str) -> None:
        forward, reverse, address = shown(names.forward), shown(names.reverse), dotted(chain.address)
        log = self._host.log
        if verdict is Verdict.ADDED_FORWARD:
            log(INFO, f"Added new forward map from {forward} to {address}")
        elif verdict is Verdict.ADDED_REVERSE:
            log(INFO, f"Added reverse map from {reverse} to {forward}")
        elif verdict is Verdict.NOT_ADDED:
            log(ERROR, f"Unable to add forward map from {forward} to {address}: {word}")
        elif verdict is Verdict.REFUSED_FORWARD:
            log(ERROR, f"Forward map from {forward} to {address} FAILED: {word}")
        elif verdict in _FAILED:
            log(ERROR, f"Forward map from {forward} to {address} FAILED: {verdict}")
        elif verdict is Verdict.REVERSE_NOT_ADDED:
            log(ERROR, f"Unable to add reverse map from {reverse} to {forward}: {word}")
        elif verdict is Verdict.REMOVED_ADDRESS:
            log(INFO, f"Removed forward map from {forward} to {address}")
        elif verdict is Verdict.REMOVED_REVERSE:
            log(INFO, f"Removed reverse map on {reverse}")
        elif verdict is Verdict.REVERSE_NOT_REMOVED:
            log(ERROR, f"Can't remove reverse map on {reverse}: {word}")

    # Snapshots

    def snapshot(self) -> list[dict[str, Any]]:
        """The chains, as plain data."""
        return [chain.plain() for chain in self._chains.values()]

    def restore(self, data: Any) -> None:
        """Take over a snapshot."""
        self._chains = {one["address"]: chain_from(one) for one in data}


def shown(name: bytes) -> str:
    """A name in a log line, in one line."""
    return name.decode("latin-1").translate(_UNSPEAKABLE)
