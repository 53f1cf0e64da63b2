"""The failover state records of the lease file: read and written, not interpreted.

A server that has left RECOVER before its partner had told it everything must ask for everything when it has started
again. The format has no word for that, but its last `my state` counts: such a record says `my state recover` before
it. ISC dhcpd reads that as any other record.

See docs/behaviour/lease-file.md#failover-state-record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...model.failover_state import FailoverState
from .complaints import Complaints, StatementError
from .record_reader import Words
from .tokens import Item, read_item, skip_space

if TYPE_CHECKING:
    from .record import RecordWriter

STATES: Final = frozenset({
    "unknown-state", "partner-down", "normal", "conflict-done", "communications-interrupted",
    "resolution-interrupted", "potential-conflict", "recover", "recover-done", "recover-wait", "shutdown", "paused",
    "startup",
})  # fmt: skip
RECOVERING: Final = "recover"


def read_failover_state(item: Item, complaints: Complaints, now: int) -> tuple[str, FailoverState]:
    """Name and content of a `failover peer NAME state { ... }` record; raises StatementError for a bad head.

    A state without `at` is of `now`; a statement that cannot be read is left out, with its complaint.
    """
    if len(item.tokens) < 4 or item.tokens[1].word != "peer" or item.block is None:  # noqa: PLR2004 - the head's words
        raise StatementError("expecting failover peer name.", item.tokens[0].end)
    name = item.tokens[2].text.decode("utf-8", "surrogateescape")
    state = FailoverState("unknown-state", 0, "unknown-state", 0)
    at, end = item.block
    while (at := skip_space(complaints.data, at)) < end:
        statement = read_item(complaints.data, at, end, top=False)
        at = max(statement.end, at + 1)
        if not statement.whole:
            break
        try:
            _statement(Words(statement), state, now)
        except StatementError as error:
            complaints.warn(error.text, error.at)
    return name, state


def _statement(words: Words, state: FailoverState, now: int) -> None:
    keyword = words.word()
    if keyword == "mclt":
        state.mclt = words.number("expecting numeric value.")
        return
    if keyword not in {"my", "partner"} or words.word() != "state":
        raise words.refuse("expecting state or mclt")
    word = words.word()
    if word not in STATES:
        raise words.refuse(f"{word}: expecting a failover state.")
    since = now
    token = words.peek()
    if token is not None:
        if words.word() != "at":
            raise words.refuse('expecting "at"')
        since = words.date()
    if keyword == "my":
        state.needs_all = RECOVERING in (word, state.my_state)
        state.my_state, state.my_since = word, since
    else:
        state.partner_state, state.partner_since = word, since


def failover_record(name: str, state: FailoverState, writer: RecordWriter) -> bytes:
    """The record, with the empty line in front of it."""
    text = f'\nfailover peer "{name}" state {{\n'
    if state.needs_all and state.my_state != RECOVERING:
        text += f"  my state {RECOVERING} at {writer.date(state.my_since)}\n"
    text += f"  my state {state.my_state} at {writer.date(state.my_since)}\n"
    text += f"  partner state {state.partner_state} at {writer.date(state.partner_since)}\n"
    if state.mclt is not None:
        text += f"  mclt {state.mclt};\n"
    return (text + "}\n").encode("utf-8", "surrogateescape")
