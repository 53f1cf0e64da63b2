"""What DNS is still owed: names that could not be added or removed, and when each is tried again.

ISC dhcpd forgets what a name server that was down has missed: an addition until the client's next renewal, a removal
for ever. Here it stays owed, and is tried again after a minute, then after twice the pause before, up to an hour, a
dozen times in all, so that a zone is whole again soon after its servers are. A refusal is not owed: who may not have a
name is told so each time he asks.

    the new ACK of a lease      takes the place of what its client is owed; names of former clients stay owed
    a lease that is left        what was being added may have come to be: its removal is owed
    an answer from the servers  whatever waits for that zone waits no longer
    the first retry             writes what is owed on the lease, as a variable, so that a restart knows it

How many leases are owed anything, how much each, and how many are tried in a second is bounded. `ddns-retry off` turns
all of it off. What is to be said to DNS is updates.py's; here are the entries and their moments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ..agenda import Owner
from .records import DHCID, TXT, Names
from .wire import result

if TYPE_CHECKING:
    from ..agenda import Agenda

# The lease variable that keeps what is owed over a restart.
OWED_VARIABLE: Final = "ddns-owed"
_SECOND_US: Final = 1_000_000
PAUSES_S: Final = (60, 120, 240, 480, 960, 1920, *(3600,) * 6)
# So many may be owed in all, and by one lease, whose former clients may have left names, too.
ENTRIES_MAXIMUM: Final = 65_536
OF_ONE_LEASE_MAXIMUM: Final = 4
# The distance between two retries of one pause: fifty a second.
_DISTANCE_US: Final = 20_000
_KINDS: Final = {TXT: "txt", DHCID: "dhcid"}
_TYPES: Final = {word: kind for kind, word in _KINDS.items()}
_GUARD_OCTETS_MAXIMUM: Final = 255
# By these a server is down for everybody; by others it may refuse one name alone.
DOWN: Final = frozenset({result.TIMED_OUT, result.UNREACHABLE})
_NOTHING: Final = "-"
_PLAIN: Final = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_*")


class DebtHost(Protocol):
    """What owing needs of the server. `now_us`: microseconds since 1970."""

    now_us: int
    agenda: Agenda


class Owed(NamedTuple):
    """One entry. `removing`, `adding`: what is missing, at least one of them. `tries` counts those that failed.

    `verdict` and `word` say why the last one did; `zone` which zone's servers did not do it, empty for none known.
    """

    address: int
    removing: Names | None
    adding: Names | None
    tries: int
    verdict: str
    word: str
    zone: str


class Debts:
    """What is owed, by the number of its entry, which counts up and never comes again; moments are the agenda's.

    `dropped` counts what was given up, for want of room or after its last try.
    """

    __slots__ = ("_by_address", "_down", "_entries", "_host", "_numbers", "_slots_us", "dropped")

    def __init__(self, host: DebtHost) -> None:
        """Nothing is owed. `dropped` counts what there was no room for."""
        self._host = host
        self._entries: dict[int, Owed] = {}
        self._by_address: dict[int, list[int]] = {}
        self._numbers = 0
        # Zones whose servers were down when something of theirs was last tried, and the entries that wait for that.
        self._down: dict[str, dict[int, None]] = {}
        # The last moment taken, for each pause: entries of one pause come in order, and apart.
        self._slots_us = [0] * (len(PAUSES_S) + 1)
        self.dropped = 0

    def __len__(self) -> int:
        """How many entries there are."""
        return len(self._entries)

    def __contains__(self, number: int) -> bool:
        """Whether the entry of that number is still owed."""
        return number in self._entries

    def everything(self) -> list[Owed]:
        """All entries as they are now, the oldest first."""
        return list(self._entries.values())

    def of(self, address: int) -> list[Owed]:
        """What is owed for an address, the oldest first."""
        return [self._entries[number] for number in self._by_address.get(address, ())]

    def numbers_of(self, address: int) -> tuple[int, ...]:
        """The numbers of those entries."""
        return tuple(self._by_address.get(address, ()))

    def entry(self, number: int) -> Owed:
        """The entry of that number."""
        return self._entries[number]

    def add(self, owed: Owed) -> None:
        """Owe something more; it is tried again after the pause that its tries have earned."""
        numbers = self._by_address.setdefault(owed.address, [])
        if len(numbers) >= OF_ONE_LEASE_MAXIMUM:
            self.settle(numbers[0])
            self.dropped += 1
            numbers = self._by_address.setdefault(owed.address, [])
        elif len(self._entries) >= ENTRIES_MAXIMUM:
            self.settle(next(iter(self._entries)))
            self.dropped += 1
            numbers = self._by_address.setdefault(owed.address, [])
        self._numbers += 1
        self._entries[self._numbers] = owed
        self._note(self._numbers, owed)
        numbers.append(self._numbers)
        self._wait(self._numbers, min(owed.tries, len(PAUSES_S) - 1))

    def change(self, number: int, owed: Owed) -> None:
        """Let an entry stand for something else of the same zone, at its time."""
        self._entries[number] = owed

    def _wait(self, number: int, level: int) -> None:
        at_us = max(self._host.now_us + PAUSES_S[level] * _SECOND_US, self._slots_us[level] + _DISTANCE_US)
        self._slots_us[level] = at_us
        self._host.agenda.set(Owner.DNS_OWED, number, at_us)

    def again(self, number: int, owed: Owed) -> bool:
        """A try has failed: the next one comes after a longer pause. False where there were enough: it is dropped."""
        if owed.tries >= len(PAUSES_S):
            self.settle(number)
            return False
        self._note_no_more(number)
        self._entries[number] = owed
        self._note(number, owed)
        self._wait(number, owed.tries)
        return True

    def _note(self, number: int, owed: Owed) -> None:
        if owed.zone and owed.word in DOWN:
            self._down.setdefault(owed.zone, {})[number] = None

    def _note_no_more(self, number: int) -> None:
        zone = self._entries[number].zone
        waiting = self._down.get(zone)
        if waiting is not None:
            waiting.pop(number, None)
            if not waiting:
                del self._down[zone]

    def postpone(self, number: int) -> None:
        """Something else is under way for the address: the shortest pause more."""
        self._wait(number, 0)

    def settle(self, number: int) -> None:
        """Nothing is owed of it any more."""
        self._note_no_more(number)
        owed = self._entries.pop(number)
        numbers = self._by_address[owed.address]
        numbers.remove(number)
        if not numbers:
            del self._by_address[owed.address]
        self._host.agenda.cancel(Owner.DNS_OWED, number)

    def hasten(self, zone: str) -> None:
        """A server of a zone has answered: if it was down, what waits for it is tried now, one after the other."""
        last = len(self._slots_us) - 1
        for number in self._down.pop(zone, ()):
            at_us = self._host.agenda.at_us(Owner.DNS_OWED, number)
            slot_us = max(self._host.now_us, self._slots_us[last]) + _DISTANCE_US
            if at_us is not None and slot_us < at_us:
                self._slots_us[last] = slot_us
                self._host.agenda.set(Owner.DNS_OWED, number, slot_us)

    # Snapshots

    def snapshot(self) -> dict[str, Any]:
        """Everything, as plain data; the moments are the agenda's."""
        rows = [(number, _plain(owed)) for number, owed in self._entries.items()]
        return {"entries": rows, "numbers": self._numbers, "slots": self._slots_us, "dropped": self.dropped,
                "down": [(zone, list(waiting)) for zone, waiting in self._down.items()]}  # fmt: skip

    def restore(self, data: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._numbers, self.dropped = data["numbers"], data["dropped"]
        self._slots_us = list(data["slots"])
        self._down = {zone: dict.fromkeys(waiting) for zone, waiting in data["down"]}
        for number, row in data["entries"]:
            owed = self._entries[number] = _owed(row)
            self._by_address.setdefault(owed.address, []).append(number)


def _plain(owed: Owed) -> list[Any]:
    return [list(field) if isinstance(field, Names) else field for field in owed]


def _owed(row: Any) -> Owed:
    address, removing, adding, *rest = row
    return Owed(address, _names(removing), _names(adding), *rest)


def _names(row: Any) -> Names | None:
    return None if row is None else Names(*row)


# As a variable of the lease: words a person can read, which no octet of a name can break.


def text_of(entries: list[Owed]) -> bytes:
    """What is owed, as the value of the lease variable; empty for nothing."""
    rows: list[str] = []
    for owed in entries:
        parts = [("remove", owed.removing), ("add", owed.adding)]
        words = [str(owed.tries), *(_words(kind, names) for kind, names in parts if names is not None)]
        rows.append(" ".join(words))
    return "; ".join(rows).encode("ascii")


def _words(kind: str, names: Names) -> str:
    fields = (_escaped(names.forward), _KINDS[names.guard_type], _escaped(names.guard), _escaped(names.reverse))
    return " ".join((kind, *fields, str(names.ttl)))


def _escaped(octets: bytes) -> str:
    text = "".join(chr(octet) if octet in _PLAIN else f"%{octet:02x}" for octet in octets)
    return "%2d" if text == _NOTHING else text or _NOTHING


def entries_of(address: int, text: bytes) -> list[Owed]:
    """What the variable of a lease file says; whatever is not as `text_of` writes it is passed over."""
    found: list[Owed] = []
    for row in text.decode("ascii", "replace").split("; ")[:OF_ONE_LEASE_MAXIMUM]:
        try:
            found.append(_read(address, row.split(" ")))
        except (ValueError, IndexError, KeyError):
            continue
    return found


def _read(address: int, words: list[str]) -> Owed:
    tries = min(int(words[0]), len(PAUSES_S) - 1)
    parts: dict[str, Names] = {}
    for at in range(1, len(words), 6):
        kind, forward, guard_kind, guard, reverse, ttl = words[at : at + 6]
        names = Names(
            _octets(forward), _TYPES[guard_kind], _octets(guard), _octets(reverse), int(ttl) & 0xFFFFFFFF
        )  # fmt: skip
        if kind not in ("remove", "add") or tries < 0 or len(names.guard) > _GUARD_OCTETS_MAXIMUM:
            raise ValueError(kind)
        parts[kind] = names
    if not parts:
        raise ValueError("nothing is owed")
    return Owed(address, parts.get("remove"), parts.get("add"), tries, "", "", "")


def _octets(word: str) -> bytes:
    if word == _NOTHING:
        return b""
    head, *escapes = word.split("%")
    return head.encode("ascii") + b"".join(
        bytes((int(one[:2], 16),)) + one[2:].encode("ascii") for one in escapes
    )  # fmt: skip
