"""One lease's record, statement by statement, in any layout and any age of the format.

The records that this server and ISC's write are read by reader.py in one stroke; what comes here was written by
hand, by another release, or is damaged. A statement that cannot be read is lost, with ISC's message; the rest of
the record and the records around it are not. STATEMENTS says who reads what.

See docs/behaviour/lease-file.md#statements-accepted-in-a-lease, docs/behaviour/lease-file.md#dates-accepted,
docs/behaviour/lease-file.md#defaults-of-a-record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...model.configuration import ClassName
from ...model.context import variable_name
from ...model.lease import ABANDONED, ACTIVE, BOOTP_FLAG, EXPIRED, FREE, NEVER, RESERVED_FLAG, STATE_NAMES, Lease
from ..transition import NEXT_STATE
from .complaints import POSSIBLY_CORRUPT, Complaints, StatementError
from .dates import seconds_of, wrapped
from .record import HARDWARE_NAMES, address_text
from .tokens import NAME, NUMBER, STRING, Item, Token, read_item, skip_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..database import Database
    from ..embedded import Statements

_HARDWARE_TYPES: Final = {name: number for number, name in HARDWARE_NAMES.items()}
# ISC's room for an address behind the type octet; InfiniBand's fill it.
HARDWARE_MAX_OCTETS: Final = 20
STATES: Final = {name: number for number, name in enumerate(STATE_NAMES) if name}
# Words of early 3.1 releases: the lease is active, and flagged.
_FLAG_STATES: Final = {"reserved": RESERVED_FLAG, "bootp": BOOTP_FLAG}


class Draft:
    """A record as far as it was read. `seen` holds the statements that came, `lease` what they said."""

    __slots__ = ("lease", "seen")

    def __init__(self, lease: Lease) -> None:
        """Nothing came yet."""
        self.lease = lease
        self.seen: set[str] = set()


def apply_defaults(lease: Lease, seen: set[str], now: int) -> None:
    """What a record does not say (docs/behaviour/lease-file.md#defaults-of-a-record)."""
    if "binding" not in seen:
        rare = lease.rare
        # Releases before 3.0 wrote no state: who has handlers, or time left, has the lease.
        scripted = rare is not None and (rare.on_expiry is not None or rare.on_release is not None)
        paired = lease.pool is not None and lease.pool.failover_peer is not None
        if lease.ends > now or scripted:
            lease.state = ACTIVE
        else:
            lease.state = EXPIRED if paired else FREE
        lease.rewind_state = lease.state
        if "next" not in seen:
            lease.next_state = NEXT_STATE[paired, ACTIVE] if lease.state == ACTIVE else lease.state
    # An active lease without a next state never expires: ISC's rule, to which the files of users are written.
    if "binding" in seen and "next" not in seen:
        lease.next_state = lease.state
    if "rewind" not in seen:
        lease.rewind_state = lease.state
    if "tstp" not in seen:
        lease.tstp = lease.ends


class Words:
    """The tokens of one statement, taken one by one."""

    __slots__ = ("_at", "_end", "_tokens")

    def __init__(self, item: Item) -> None:
        self._tokens = item.tokens
        self._at = 0
        self._end = item.end

    def peek(self) -> Token | None:
        """The next token, None behind the last."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self) -> Token | None:
        """The next token, gone past."""
        token = self.peek()
        self._at += 1
        return token

    def refuse(self, text: str) -> StatementError:
        """The error about the token taken last."""
        at = min(self._at, len(self._tokens)) - 1
        return StatementError(text, self._tokens[at].end if 0 <= at < self._at else self._end)

    def number(self, message: str) -> int:
        """A decimal number, or the error `message`."""
        token = self.take()
        if token is None or token.kind != NUMBER:
            raise self.refuse(message)
        return int(token.text[:20])

    def sign(self, sign: bytes, message: str) -> None:
        """The sign `sign`, or the error `message`."""
        token = self.take()
        if token is None or token.text != sign:
            raise self.refuse(message)

    def word(self) -> str:
        """A keyword in lower case; empty where there is none."""
        token = self.take()
        return token.word if token is not None else ""

    def finish(self) -> None:
        """Refuse what is left."""
        if self.peek() is not None:
            self.take()
            raise self.refuse("semicolon expected.")

    def octets(self) -> bytes:
        """Octets between colons, of any number of digits; the low eight bits count. May be empty."""
        found = bytearray()
        while (token := self.peek()) is not None:
            if found:
                self.sign(b":", "semicolon expected.")
                token = self.peek()
            self.take()
            try:
                found.append(int(token.text, 16) & 0xFF if token is not None else -1)
            except ValueError:
                raise self.refuse("expecting numeric value.") from None
        return bytes(found)

    def data(self) -> bytes:
        """A string, or octets of which there must be one."""
        token = self.peek()
        if token is not None and token.kind == STRING:
            self.take()
            self.finish()
            return token.text
        found = self.octets()
        if not found:
            raise self.refuse("expecting numeric value.")
        return found

    def date(self) -> int:
        """A date in any of its forms, in seconds since 1970 (docs/behaviour/lease-file.md#dates-accepted)."""
        token = self.peek()
        if token is not None and token.word in {"never", "epoch"}:
            self.take()
            found = NEVER if token.word == "never" else max(0, wrapped(self.number("Seconds since epoch expected.")))
            self.finish()
            return found
        self.number("numeric day of week expected.")
        year = self.number("numeric year expected.")
        self.sign(b"/", "expected slash separating year from month.")
        month = self.number("numeric month expected.")
        self.sign(b"/", "expected slash separating month from day.")
        day = self.number("numeric day of month expected.")
        hour = self.number("numeric hour expected.")
        self.sign(b":", "expected colon separating hour from minute.")
        minute = self.number("numeric minute expected.")
        self.sign(b":", "expected colon separating minute from second.")
        second = self.number("numeric second expected.")
        offset = 0
        if self.peek() is not None:
            offset = self.number("Time zone offset or semicolon expected.")
            self.finish()
        found = seconds_of(year, month, day, hour, minute, second)
        return found if found == NEVER else min(max(0, found + offset), NEVER)


class RecordReader:
    """Reads lease records for one database."""

    def __init__(self, database: Database, statements: Statements, complaints: Complaints, now: int) -> None:
        """`now`: seconds since 1970."""
        self.database = database
        self.statements = statements
        self.complaints = complaints
        self.now = now

    def address(self, item: Item) -> int | None:
        """The address in an item's head; None, with a complaint, where it is not one."""
        words = Words(item)
        words.take()
        try:
            address = words.number("expecting numeric value.") & 0xFF
            for _octet in range(3):
                words.sign(b".", "too few numbers.")
                address = address << 8 | words.number("expecting numeric value.") & 0xFF
        except StatementError as error:
            self.complaints.warn(error.text, error.at)
            return None
        return address

    def read(self, lease: Lease, item: Item) -> None:
        """Fill `lease` from its record, which is whole."""
        assert item.block is not None
        data = self.complaints.data
        draft = Draft(lease)
        at, end = item.block
        while (at := skip_space(data, at)) < end:
            statement = read_item(data, at, end, top=False)
            if not statement.whole:
                self.complaints.warn(POSSIBLY_CORRUPT, end)
                break
            self._statement(draft, statement)
            at = statement.end
        apply_defaults(lease, draft.seen, self.now)

    def _statement(self, draft: Draft, statement: Item) -> None:
        words = Words(statement)
        keyword = words.word()
        reader = STATEMENTS.get(keyword)
        try:
            if reader is None or (statement.block is not None and keyword != "on"):
                raise words.refuse("Unexpected configuration directive.")
            kind = _SAME_KIND.get(keyword, keyword)
            if kind in draft.seen and kind not in _MAY_REPEAT:
                where = address_text(draft.lease.address)
                self.complaints.warn(f"Too many {keyword} parameters in lease {where}\n", statement.end)
            reader(self, draft, words, statement)
            draft.seen.add(kind)
        except StatementError as error:
            if error.text:
                self.complaints.warn(error.text, error.at)

    # One method for each kind of statement

    def _starts(self, draft: Draft, words: Words, _statement: Item) -> None:
        draft.lease.starts = words.date()

    def _ends(self, draft: Draft, words: Words, _statement: Item) -> None:
        draft.lease.ends = words.date()

    def _tstp(self, draft: Draft, words: Words, _statement: Item) -> None:
        draft.lease.tstp = words.date()

    def _tsfp(self, draft: Draft, words: Words, _statement: Item) -> None:
        draft.lease.rarely().tsfp = words.date()

    def _atsfp(self, draft: Draft, words: Words, _statement: Item) -> None:
        draft.lease.rarely().atsfp = words.date()

    def _cltt(self, draft: Draft, words: Words, _statement: Item) -> None:
        draft.lease.cltt = words.date()

    def _ignored(self, _draft: Draft, _words: Words, _statement: Item) -> None:
        """Relics that mean nothing any more."""

    def _state(self, draft: Draft, words: Words) -> int:
        word = words.word()
        if word == "state":
            word = words.word()
        state = STATES.get(word)
        if state is None and word in _FLAG_STATES:
            draft.lease.flags |= _FLAG_STATES[word]
            state = ACTIVE
        if state is None:
            raise words.refuse(f"{word}: expecting a binding state.")
        words.finish()
        return state

    def _binding(self, draft: Draft, words: Words, _statement: Item) -> None:
        draft.lease.state = self._state(draft, words)

    def _next(self, draft: Draft, words: Words, _statement: Item) -> None:
        words.take()
        draft.lease.next_state = self._state(draft, words)

    def _rewind(self, draft: Draft, words: Words, _statement: Item) -> None:
        words.take()
        draft.lease.rewind_state = self._state(draft, words)

    def _abandoned(self, draft: Draft, words: Words, _statement: Item) -> None:
        words.finish()
        draft.lease.state = draft.lease.next_state = ABANDONED
        draft.seen.update(("binding", "next"))

    def _reserved(self, draft: Draft, words: Words, _statement: Item) -> None:
        words.finish()
        draft.lease.flags |= RESERVED_FLAG

    def _bootp(self, draft: Draft, words: Words, _statement: Item) -> None:
        words.finish()
        draft.lease.flags |= BOOTP_FLAG

    def _hardware(self, draft: Draft, words: Words, _statement: Item) -> None:
        word = words.word()
        kind = _HARDWARE_TYPES.get(word)
        if kind is None and word.startswith("unknown-") and word[8:].isdecimal():
            kind = int(word[8:12]) & 0xFF
        if kind is None:
            raise words.refuse("expecting a network hardware type")
        address = words.octets()
        if len(address) > HARDWARE_MAX_OCTETS:
            raise words.refuse("hardware address too long")
        draft.lease.hardware = bytes((kind,)) + address

    def _uid(self, draft: Draft, words: Words, _statement: Item) -> None:
        draft.lease.uid = words.data()
        if not draft.lease.uid:
            draft.lease.rarely().empty_uid = True

    def _hostname(self, draft: Draft, words: Words, statement: Item) -> None:
        token = words.take()
        if token is None or token.kind not in {STRING, NAME, NUMBER}:
            raise words.refuse("expecting a host name.")
        if token.kind == STRING:
            words.finish()
            draft.lease.hostname = token.text
        else:
            draft.lease.hostname = b"".join([one.text for one in statement.tokens[1:]])

    def _set(self, draft: Draft, words: Words, _statement: Item) -> None:
        token = words.take()
        if token is None or token.kind != NAME:
            raise words.refuse("expecting a variable name.")
        words.sign(b"=", "expecting '=' in set statement.")
        self._bind(draft, variable_name(token.text.decode("latin-1")), self._constant(words))

    def _ddns_name(self, draft: Draft, words: Words, statement: Item) -> None:
        self._bind(draft, statement.tokens[0].word, self._constant(words))

    def _bind(self, draft: Draft, name: str, value: bytes | int | bool) -> None:
        rare = draft.lease.rarely()
        if rare.variables is None:
            rare.variables = {}
        rare.variables[name] = value

    def _constant(self, words: Words) -> bytes | int | bool:
        token = words.peek()
        if token is not None and token.text == b"%":
            words.take()
            number = wrapped(words.number("expecting a constant value."))
            words.finish()
            return number
        if token is not None and token.word in {"true", "false"}:
            words.take()
            words.finish()
            return token.word == "true"
        if token is None:
            raise words.refuse("expecting a constant value.")
        return words.data()

    def _option(self, draft: Draft, words: Words, statement: Item) -> None:
        space = words.word()
        if space != "agent":
            raise words.refuse("agent option expected.")
        data = self.complaints.data
        lines: list[tuple[int, str]] = []
        text = data[statement.tokens[1].start : statement.end]
        found = self.statements.agent_option(text, self.complaints.line_of(statement.start), lines)
        self.complaints.pass_on(lines)
        if found is not None:
            rare = draft.lease.rarely()
            rare.agent_options = (*(rare.agent_options or ()), found)

    def _on(self, draft: Draft, _words: Words, statement: Item) -> None:
        data = self.complaints.data
        lines: list[tuple[int, str]] = []
        text = data[statement.start : statement.end]
        handler = self.statements.handler(text, self.complaints.line_of(statement.start), lines)
        self.complaints.pass_on(lines)
        if handler is None:
            return
        draft.lease.rarely().hear(handler)

    def _billing(self, draft: Draft, words: Words, _statement: Item) -> None:
        kind, token = words.word(), words.take()
        if kind not in {"class", "subclass"} or token is None or token.kind not in {STRING, NAME}:
            raise words.refuse("expecting class name.")
        name = token.text.decode("utf-8", "surrogateescape")
        key = None
        if kind == "subclass":
            key = words.data()
        if not self.billed_class(ClassName(name, key)):
            raise words.refuse(f"unknown class {name}" if key is None else f"no class named {name}")
        draft.lease.rarely().billing = ClassName(name, key)

    def billed_class(self, name: ClassName) -> bool:
        """Whether the class is there; a subclass of it is made where it is missing."""
        found = self.database.declared.class_named(name.name)
        if found is not None and name.key is not None and name.key not in found.subclasses:
            self.database.charges.spawn(found, name.key)
        return found is not None


_MAY_REPEAT: Final = frozenset({"set", "option", "reserved", "dynamic-bootp", "ddns-fwd-name", "ddns-rev-name", "on"})
_SAME_KIND: Final = {"supersede": "option"}

STATEMENTS: Final[dict[str, Callable[[RecordReader, Draft, Words, Item], None]]] = {
    "starts": RecordReader._starts,
    "ends": RecordReader._ends,
    "tstp": RecordReader._tstp,
    "tsfp": RecordReader._tsfp,
    "atsfp": RecordReader._atsfp,
    "cltt": RecordReader._cltt,
    "timestamp": RecordReader._ignored,
    "class": RecordReader._ignored,
    "binding": RecordReader._binding,
    "next": RecordReader._next,
    "rewind": RecordReader._rewind,
    "abandoned": RecordReader._abandoned,
    "reserved": RecordReader._reserved,
    "dynamic-bootp": RecordReader._bootp,
    "hardware": RecordReader._hardware,
    "uid": RecordReader._uid,
    "client-hostname": RecordReader._hostname,
    "billing": RecordReader._billing,
    "set": RecordReader._set,
    "ddns-fwd-name": RecordReader._ddns_name,
    "ddns-rev-name": RecordReader._ddns_name,
    "option": RecordReader._option,
    "supersede": RecordReader._option,
    "on": RecordReader._on,
}
