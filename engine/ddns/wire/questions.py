"""Messages under way to name servers: sent, sent again, sent to the next server, until there is a result.

A question goes to one server after the other. Over UDP each gets the same octets four times, three seconds apart; what
is longer than 512 octets goes over TCP, once, and has as long. Another server is another id and another signature.
An answer counts where it belongs to a question that waits (the program has looked at address, port and id) and, where
the question was signed, where its signature does.

So many questions are under way at once, and fewer over TCP, which the program has few connections for; more wait in
order for their turn, and nobody waits for them. Beyond that it is `full`, and who asks all the same has to look first.
Nothing is known here of leases and names: whoever asks is named in the question, and is told the result.

See docs/behaviour/dns-updates.md#transport-retries-results.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ....trace.effects import DnsSend
from ...agenda import Owner
from . import result, signing
from .message import UDP_OCTETS_MAXIMUM, Answer, BadAnswer, read, with_id
from .result import Result

if TYPE_CHECKING:
    from ....trace.effects import Effect
    from ....trace.events import DnsAnswer
    from ...agenda import Agenda
    from ...draws import Draws
    from ...model.configuration import Configuration
    from ...model.peers import Key

PORT: Final = 53
SENDS_MAXIMUM: Final = 4
PAUSE_US: Final = 3_000_000
WAIT_US: Final = SENDS_MAXIMUM * PAUSE_US
# The program lets so many connections be at once, and says `crowded` to more: they are tried again.
CROWDED: Final = "crowded"
_CROWDED_PAUSE_US: Final = 500_000
# What is under way at once. Beyond it questions wait: a name server that is down keeps each for twelve seconds.
UNDER_WAY_MAXIMUM: Final = 4_096
CONNECTIONS_MAXIMUM: Final = 32
WAITING_MAXIMUM: Final = 65_536
_IDS: Final = 1 << 16
# Errors of the system by which nobody listens at the other end.
_UNREACHABLE: Final = frozenset({
    "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "EADDRNOTAVAIL", "EHOSTDOWN", "ENETDOWN", "EPERM",
    "EACCES", "EINVAL",
})  # fmt: skip
_NO_SOCKET: Final = "EAFNOSUPPORT"


class Asker(NamedTuple):
    """Who asks: `part` names the part of dynamic DNS, `key` what for, to it."""

    part: str
    key: int | str


class QuestionHost(Protocol):
    """What questions need of the server. `now` in seconds, `now_us` in microseconds since 1970."""

    now: int
    now_us: int
    agenda: Agenda
    draws: Draws

    @property
    def configuration(self) -> Configuration:
        """The configuration in force, which has the keys."""


class Question:
    """One message: `body` under the id 0, unsigned; `servers` in turn, `at` which.

    `key` names the key that signs it, None for none. Of the server that is asked now: `octets` as sent, their `mac`,
    how often they were sent, and since when. `wait_us`: how long each server has.
    """

    __slots__ = ("asker", "at", "body", "key", "mac", "number", "octets", "sent", "servers", "since_us", "wait_us")

    def __init__(
        self, number: int, asker: Asker, body: bytes, servers: tuple[bytes, ...], key: str | None, wait_us: int
    ) -> None:
        self.number = number
        self.asker = asker
        self.body = body
        self.servers = servers
        self.key = key
        self.wait_us = wait_us
        self.at = 0
        self.octets = b""
        self.mac = b""
        self.sent = 0
        self.since_us = 0

    @property
    def server(self) -> bytes:
        """The server that is asked now."""
        return self.servers[self.at]


class Told(NamedTuple):
    """A question is over: its number and asker, what came of it, the answer where it can be read, the last server."""

    number: int
    asker: Asker
    result: Result
    answer: Answer | None
    server: bytes


class QuestionRow(NamedTuple):
    """A question in a snapshot: its fields, and those of its asker."""

    number: int
    part: str
    asker: int | str
    body: bytes
    servers: Sequence[bytes]
    key: str | None
    at: int
    octets: bytes
    mac: bytes
    sent: int
    since_us: int
    wait_us: int


class Questions:
    """The questions under way and those that wait, by number; at most as many as the constants above allow.

    `effects` is what is to be sent, for the machine to take when an event is over. What an answer holds is checked
    before anybody is told of it; a wrong one is ignored, and the question goes on.
    """

    __slots__ = (
        "_connected", "_host", "_ids", "_numbers", "_under_way", "_waiting", "_waiting_long", "effects", "opened",
    )  # fmt: skip

    def __init__(self, host: QuestionHost) -> None:
        """Nothing is asked; no socket is open yet, and questions wait for it."""
        self._host = host
        self._under_way: dict[int, Question] = {}
        # In the order in which they have their turn; those that are too long for UDP wait for a connection.
        self._waiting: OrderedDict[int, Question] = OrderedDict()
        self._waiting_long: OrderedDict[int, Question] = OrderedDict()
        self._connected: dict[int, None] = {}
        self._ids: dict[tuple[bytes, bytes], int] = {}
        self._numbers = 0
        self.effects: list[Effect] = []
        self.opened = False

    def __len__(self) -> int:
        """How many questions are not answered."""
        return len(self._under_way) + len(self._waiting) + len(self._waiting_long)

    @property
    def full(self) -> bool:
        """Whether so many wait that no more should be asked."""
        return len(self._waiting) + len(self._waiting_long) >= WAITING_MAXIMUM

    def ask(
        self, asker: Asker, body: bytes, servers: Sequence[bytes], key: Key | None, wait_us: int = WAIT_US
    ) -> int:
        """Ask; returns the question's number. There is at least one server."""
        self._numbers += 1
        made = Question(self._numbers, asker, body, tuple(servers), None if key is None else key.name, wait_us)
        self._queue_of(made)[made.number] = made
        self._go_on()
        return made.number

    def _queue_of(self, question: Question) -> OrderedDict[int, Question]:
        """Where it waits for its turn."""
        key = self._key_of(question)
        octets = len(question.body) + (0 if key is None else signing.added_octets(key))
        return self._waiting_long if octets > UDP_OCTETS_MAXIMUM else self._waiting

    def _key_of(self, question: Question) -> Key | None:
        """The key that signs it, None for none."""
        key = None if question.key is None else self._host.configuration.keys.get(question.key)
        return key if key is not None and signing.can_sign(key) else None

    def forget(self, number: int) -> None:
        """Ask no more; an answer that comes late is nobody's."""
        if self._waiting.pop(number, None) is None and self._waiting_long.pop(number, None) is None:
            question = self._under_way.pop(number, None)
            if question is not None:
                self._leave(question)
                self._go_on()

    def open(self) -> None:
        """The sockets are open: what waits may be sent."""
        self.opened = True
        self._go_on()

    def _go_on(self) -> None:
        while self.opened and len(self._under_way) < UNDER_WAY_MAXIMUM:
            if self._waiting_long and len(self._connected) < CONNECTIONS_MAXIMUM:
                queue = self._waiting_long
            elif self._waiting:
                queue = self._waiting
            else:
                return
            number, question = queue.popitem(last=False)
            self._under_way[number] = question
            self._begin(question)

    def _begin(self, question: Question) -> None:
        """Ask the server whose turn it is, for the first time."""
        host = self._host
        message = with_id(question.body, self._draw_id(question))
        key = self._key_of(question)
        question.mac = b""
        if key is not None:
            message, question.mac = signing.sign(message, key, host.now)
        question.octets = message
        question.sent = 0
        question.since_us = host.now_us
        if len(message) > UDP_OCTETS_MAXIMUM:
            self._connected[question.number] = None
        self._send(question)

    def _draw_id(self, question: Question) -> int:
        """An id that no other question to this server has."""
        while True:
            number = self._host.draws.below(_IDS)
            place = (question.server, number.to_bytes(2, "big"))
            if place not in self._ids:
                self._ids[place] = question.number
                return number

    def _send(self, question: Question) -> None:
        left_us = question.since_us + question.wait_us - self._host.now_us
        tcp = len(question.octets) > UDP_OCTETS_MAXIMUM
        self.effects.append(DnsSend(question.number, question.server, PORT, tcp, left_us, question.octets))
        question.sent += 1
        pause_us = left_us if tcp else min(PAUSE_US, left_us)
        self._host.agenda.set(Owner.DNS, question.number, self._host.now_us + pause_us)

    def _leave(self, question: Question) -> None:
        """The server is asked no more."""
        self._connected.pop(question.number, None)
        self._host.agenda.cancel(Owner.DNS, question.number)
        del self._ids[question.server, question.octets[:2]]

    def due(self, number: int) -> Told | None:
        """Nothing came in time: again, or the next server, or there is a result."""
        question = self._under_way[number]
        if self._host.now_us < question.since_us + question.wait_us:
            self._send(question)
            return None
        return self._next(question, result.result(result.TIMED_OUT), None)

    def answered(self, event: DnsAnswer) -> Told | None:
        """An answer came, or why there is none; None where nobody waits for it, or others are asked first."""
        question = self._under_way.get(event.query)
        if question is None:
            return None
        if event.error == CROWDED:
            self._host.agenda.set(Owner.DNS, question.number, self._host.now_us + _CROWDED_PAUSE_US)
            return None
        if event.error:
            return self._next(question, result.result(_word_of(event.error)), None)
        if event.payload[:2] != question.octets[:2]:
            return None
        found, answer = self._judge(question, event.payload)
        if answer is not None and not answer.repeats(question.body):
            # Of another question, or forged: as good as no answer, and the next sending may have a better one.
            return None
        return self._next(question, found, answer)

    def _judge(self, question: Question, payload: bytes) -> tuple[Result, Answer | None]:
        """What an answer says, once it is clear that it may be believed."""
        try:
            answer = read(payload)
        except BadAnswer as bad:
            return result.result(bad.word), None
        if question.mac:
            key = self._host.configuration.keys.get(question.key or "")
            fault = result.TSIG_WRONG if key is None else signing.fault(answer, key, question.mac, self._host.now)
            if fault:
                return result.result(fault), None
        return result.of_rcode(answer.rcode, extended=answer.extended), answer

    def _next(self, question: Question, found: Result, answer: Answer | None) -> Told | None:
        self._leave(question)
        if not found.final and question.at + 1 < len(question.servers):
            question.at += 1
            self._begin(question)
            return None
        del self._under_way[question.number]
        self._go_on()
        return Told(question.number, question.asker, found, answer, question.server)

    # Snapshots

    def snapshot(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return {
            "numbers": self._numbers,
            "opened": self.opened,
            "under_way": [_plain(one) for one in self._under_way.values()],
            "waiting": [_plain(one) for queue in (self._waiting, self._waiting_long) for one in queue.values()],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._numbers = data["numbers"]
        self.opened = data["opened"]
        for row in data["under_way"]:
            question = _question(QuestionRow(*row))
            self._under_way[question.number] = question
            self._ids[question.server, question.octets[:2]] = question.number
            if len(question.octets) > UDP_OCTETS_MAXIMUM:
                self._connected[question.number] = None
        for row in data["waiting"]:
            question = _question(QuestionRow(*row))
            self._queue_of(question)[question.number] = question


def _word_of(error: str) -> str:
    """The result that an error of the program's comes to."""
    if error == _NO_SOCKET:
        return result.NO_FAMILY
    return result.UNREACHABLE if error in _UNREACHABLE else result.BROKEN


def _plain(question: Question) -> QuestionRow:
    one = question
    return QuestionRow(
        one.number, one.asker.part, one.asker.key, one.body, list(one.servers), one.key, one.at, one.octets, one.mac,
        one.sent, one.since_us, one.wait_us,
    )  # fmt: skip


def _question(row: QuestionRow) -> Question:
    made = Question(row.number, Asker(row.part, row.asker), row.body, tuple(row.servers), row.key, row.wait_us)
    made.at, made.octets, made.mac, made.sent, made.since_us = row.at, row.octets, row.mac, row.sent, row.since_us
    return made
