"""Name servers that the configuration does not say: found through the resolvers of /etc/resolv.conf.

Two searches, each a few questions. Where a zone statement names no server, the update waits for the one that the SOA
record names (RFC 2136, 4): `Sought` by the address of its lease. Where there is no zone statement at all, the NS
records of the name or of its nearest parent give a zone, which is kept as long as its addresses may be; the update that
asked for it is not waited for, as in ISC dhcpd.

What an answer says is believed where it repeats the question. How many searches run, how many steps each takes and how
many zones are kept is bounded, since the names come from clients.

See docs/behaviour/dns-updates.md#zones-without-a-server, docs/behaviour/dns-updates.md#without-a-zone-statement.
"""

from __future__ import annotations

from ipaddress import ip_address
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .wire import message, result
from .wire.message import AAAA, NS, SOA, A, BadAnswer
from .wire.questions import Asker
from .zones import SERVERS_MAXIMUM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dns.name import Name

    from .wire.message import Answer
    from .wire.questions import Questions, Told
    from .zones import Zones

PART: Final = "discovery"
RESOLVERS_MAXIMUM: Final = 3
# ISC's library gives up a look-up after ten seconds, however many resolvers there are.
LOOKUP_US: Final = 10_000_000
SEARCHES_MAXIMUM: Final = 64
_HOSTS_MAXIMUM: Final = 8
_STEPS_MAXIMUM: Final = 8
# So many records of the type that was asked for are looked at.
_RECORDS_MAXIMUM: Final = 64
_TTL_MAXIMUM_S: Final = 86_400
_SECOND_US: Final = 1_000_000
_ADDRESS_OCTETS: Final = {A: 4, AAAA: 16}
_LOOPBACK: Final = bytes((127, 0, 0, 1))


class Sought(NamedTuple):
    """The servers of the update that waits for them, by the address of its lease; none, and the `word` for why."""

    address: int
    servers: tuple[bytes, ...]
    word: str = ""


_SEARCH: Final = ("address", "found", "hosts", "name", "open", "steps", "ttl_s", "word")
# Why there is no address, the worst last; whatever is none of these is worse.
_WORDS: Final = ("", result.NO_SUCH_RECORD, result.NO_SUCH_NAME)


class Search:
    """One search. `address`: of the lease whose update waits; None for a search by NS.

    `name` is what is asked about now, as text; `hosts` whose addresses are still to be asked for. `found` are addresses
    in the order of answers, `ttl_s` how long they may be kept. `open` are the questions under way, `steps` counts them.
    `word`: why a server has no address.
    """

    __slots__ = _SEARCH

    def __init__(self, address: int | None, name: bytes) -> None:
        self.address = address
        self.name = name
        self.hosts: list[bytes] = []
        self.found: list[bytes] = []
        self.open: list[int] = []
        self.steps = 0
        self.ttl_s = _TTL_MAXIMUM_S
        self.word = ""


class Discovery:
    """The searches that run, of servers by a lease's address and of zones by a name; `resolvers`: 4 or 16 octets each.

    A search that fails ends without a result, which `told` says; nothing is raised.
    """

    __slots__ = ("_numbers", "_of_leases", "_questions", "_searches", "_zones", "resolvers")

    def __init__(self, questions: Questions, zones: Zones) -> None:
        """No resolver is known, and nothing searched."""
        self._questions = questions
        self._zones = zones
        self._numbers = 0
        self._searches: dict[int, Search] = {}
        # By the address of the lease whose update waits, the number of its search: there may be very many of them.
        self._of_leases: dict[int, int] = {}
        self.resolvers: tuple[bytes, ...] = (_LOOPBACK,)

    def __len__(self) -> int:
        """How many searches are under way."""
        return len(self._searches)

    def seek_server(self, address: int, owner: Name) -> None:
        """Find the server for an update of `owner`, which waits for it."""
        self._begin(Search(address, _text(owner)), SOA)

    def seek_zone(self, owner: Name) -> None:
        """Find the zone of a name for later updates, unless such a search runs."""
        if len(self._searches) >= SEARCHES_MAXIMUM:
            return
        for running in self._searches.values():
            if running.address is None and owner.is_subdomain(message.name_from_text(running.name)):
                return
        self._begin(Search(None, _text(owner)), NS)

    def forget(self, address: int) -> None:
        """The update of this address waits no more."""
        key = self._of_leases.get(address)
        if key is not None:
            self._end(key, self._searches[key])

    def _begin(self, search: Search, kind: int) -> None:
        self._numbers += 1
        self._searches[self._numbers] = search
        if search.address is not None:
            self._of_leases[search.address] = self._numbers
        self._ask(self._numbers, search, search.name, kind)

    def _ask(self, key: int, search: Search, name: bytes, kind: int) -> None:
        search.steps += 1
        body = message.question(message.name_from_text(name), kind)
        wait_us = LOOKUP_US // len(self.resolvers)
        search.open.append(self._questions.ask(Asker(PART, key), body, self.resolvers, None, wait_us))

    def _end(self, key: int, search: Search) -> None:
        del self._searches[key]
        if search.address is not None:
            del self._of_leases[search.address]
        for number in search.open:
            self._questions.forget(number)

    # Answers

    def told(self, told: Told) -> Sought | None:
        """A question of a search is over; what it was for, where that is known now."""
        search = self._searches[_key(told)]
        search.open.remove(told.number)
        if search.hosts:
            return self._take_addresses(told, search)
        if search.address is None:
            self._take_zone(told, search)
            return None
        return self._take_server(told, search)

    def _take_server(self, told: Told, search: Search) -> Sought | None:
        """The SOA record of the name, or the name of the zone that it is in."""
        assert search.address is not None, "an update waits"
        name = message.name_from_text(search.name)
        try:
            for owner, host, section in _names(told.answer, SOA):
                if section == 0 and owner == name:
                    search.hosts = [_text(host)]
                    self._ask_addresses(_key(told), search)
                    return None
                if section == 1 and owner != name and name.is_subdomain(owner) and search.steps < _STEPS_MAXIMUM:
                    search.name = _text(owner)
                    self._ask(_key(told), search, search.name, SOA)
                    return None
        except BadAnswer as bad:
            return self._fail(told, search, bad.word)
        if told.result.word != result.NOERROR:
            return self._fail(told, search, _word(told))
        if len(name.labels) > 1 and search.steps < _STEPS_MAXIMUM:
            search.name = _text(name.parent())
            self._ask(_key(told), search, search.name, SOA)
            return None
        return self._fail(told, search, result.SERVFAIL)

    def _fail(self, told: Told, search: Search, word: str) -> Sought:
        assert search.address is not None, "an update waits"
        self._end(_key(told), search)
        return Sought(search.address, (), word)

    def _take_zone(self, told: Told, search: Search) -> None:
        """The NS records of the name; without any, those of its parent, but of the root's."""
        name = message.name_from_text(search.name)
        try:
            hosts = [_text(host) for owner, host, section in _names(told.answer, NS) if section == 0 and owner == name]
        except BadAnswer:
            hosts = []
        if hosts:
            search.hosts = hosts[:_HOSTS_MAXIMUM]
            self._ask_addresses(_key(told), search)
        elif told.answer is None or len(name.labels) <= 2:  # noqa: PLR2004 - a label and the root's
            self._end(_key(told), search)
        else:
            search.name = _text(name.parent())
            self._ask(_key(told), search, search.name, NS)

    def _ask_addresses(self, key: int, search: Search) -> None:
        self._ask(key, search, search.hosts[0], A)
        self._ask(key, search, search.hosts[0], AAAA)

    def _take_addresses(self, told: Told, search: Search) -> Sought | None:
        """The addresses of one server; when both kinds are told, those of the next, until there are enough."""
        for octets, ttl_s in islice(_addresses(told.answer), _RECORDS_MAXIMUM):
            if octets not in search.found:
                search.found.append(octets)
                search.ttl_s = min(search.ttl_s, ttl_s)
        search.word = max(search.word, _word(told), key=_badness)
        if search.open:
            return None
        del search.hosts[0]
        if search.hosts and len(search.found) < SERVERS_MAXIMUM:
            self._ask_addresses(_key(told), search)
            return None
        self._end(_key(told), search)
        servers = tuple(sorted(search.found, key=len)[:SERVERS_MAXIMUM])
        if search.address is not None:
            return Sought(search.address, servers, "" if servers else search.word)
        if servers:
            self._zones.keep(search.name.decode("ascii"), servers, search.ttl_s * _SECOND_US)
        return None

    # Snapshots

    def snapshot(self) -> dict[str, Any]:
        """Everything, as plain data."""
        rows = [
            (key, {name: getattr(search, name) for name in _SEARCH}) for key, search in self._searches.items()
        ]
        return {"numbers": self._numbers, "resolvers": list(self.resolvers), "searches": rows}

    def restore(self, data: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._numbers = data["numbers"]
        self.resolvers = tuple(data["resolvers"])
        for key, fields in data["searches"]:
            made = self._searches[key] = Search(fields["address"], fields["name"])
            if made.address is not None:
                self._of_leases[made.address] = key
            for name, value in fields.items():
                setattr(made, name, list(value) if isinstance(value, tuple | list) else value)


def resolvers_of(resolv_conf: bytes) -> tuple[tuple[bytes, ...], bool]:
    """The resolvers that resolv.conf(5) names, this host's own where it names none; and whether it can be read."""
    found: list[bytes] = []
    sound = True
    for line in resolv_conf.decode("latin-1").splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if words[:1] == ["nameserver"]:
            try:
                found.append(ip_address(words[1].partition("%")[0]).packed)
            except (ValueError, IndexError):
                sound = False
    return tuple(found[:RESOLVERS_MAXIMUM]) or (_LOOPBACK,), sound


def _word(told: Told) -> str:
    """What ISC's resolver says where an answer does not have what was asked for."""
    word = told.result.word
    known = {result.NOERROR: result.NO_SUCH_RECORD, result.NXDOMAIN: result.NO_SUCH_NAME}
    return known.get(word, word if word == result.TIMED_OUT else result.SERVFAIL)


def _badness(word: str) -> int:
    return _WORDS.index(word) if word in _WORDS else len(_WORDS)


def _key(told: Told) -> int:
    assert isinstance(told.asker.key, int), "searches go by number"
    return told.asker.key


def _text(name: Name) -> bytes:
    return name.to_text().encode("ascii")


def _names(answer: Answer | None, kind: int) -> Iterator[tuple[Name, Name, int]]:
    """Owner, first name of the data, and section, of the records of a type. Raises BadAnswer."""
    if answer is not None:
        asked_for = (record for record in answer.records if record.kind == kind and record.class_ == message.IN)
        for record in islice(asked_for, _RECORDS_MAXIMUM):
            owner = message.name_at(answer.octets, record.at)
            yield owner, message.name_at(answer.octets, record.data_at), record.section


def _addresses(answer: Answer | None) -> Iterator[tuple[bytes, int]]:
    """The addresses of an answer, of either family, each with its TTL in seconds."""
    if answer is None:
        return
    for record in answer.records:
        if record.section == 0 and _ADDRESS_OCTETS.get(record.kind) == record.octets and record.class_ == message.IN:
            yield answer.octets[record.data_at : record.data_at + record.octets], record.ttl
