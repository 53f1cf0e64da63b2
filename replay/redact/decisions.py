"""What was decided, without the words that it was told in: for comparing a run with the same run under pseudonyms.

Two effects decide alike when they are of one kind and agree in everything that a pseudonym cannot change: of a reply
its type, addressee, addresses and which options of what length it has; of a lease record its addresses, times and
states; of a DNS message its header and its records' types; of a log line its level; the rest whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ...engine.ddns.wire.message import HEADER, read
from ...trace import effects as ef
from ..showing.decode import options_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...trace.effects import Effect

_DECIDED: Final = re.compile(
    rb"^ *(?:lease |starts|ends|tstp|tsfp|atsfp|cltt|binding|next binding|rewind|bootp|reserved|dynamic|deleted)[^\n]*",
    re.MULTILINE,
)
_HEADER: Final = slice(0, 28)
_MESSAGE_TYPE: Final = 53
# Their texts are nothing but words: a path, a name, the arguments of a program.
_ONLY_WORDS: Final = (ef.Fatal, ef.Settings, ef.Lookup)


def decision(effect: Effect, *, lengths: bool) -> tuple[Any, ...]:
    """What an effect decides; without `lengths` those of options do not count."""
    kind = type(effect).__name__
    if isinstance(effect, ef.Send):
        payload = effect.payload
        options = options_of(payload)
        shape = tuple((code, len(value) if lengths else 0) for code, value in options.items())
        return kind, *effect[:-1], payload[_HEADER], options.get(_MESSAGE_TYPE), shape
    if isinstance(effect, ef.Store | ef.RewritePart):
        return kind, tuple(_DECIDED.findall(effect.data))
    if isinstance(effect, ef.Log):
        return kind, effect.level
    if isinstance(effect, ef.StreamSend):
        return kind, effect.stream, effect.durable, len(effect.data)
    if isinstance(effect, ef.DnsSend):
        way = effect.query, effect.server, effect.port, effect.wait_us, effect.tcp if lengths else None
        return kind, *way, _shape(effect.payload, lengths=lengths)
    if isinstance(effect, ef.Execute):
        return kind, effect.call, len(effect.arguments)
    return (kind,) if isinstance(effect, _ONLY_WORDS) else (kind, *effect)


def _shape(payload: bytes, *, lengths: bool) -> tuple[Any, ...]:
    """The header of a DNS message, and what its records are."""
    records = read(payload).records
    rows = [(one.section, one.kind, one.class_, one.ttl, one.octets if lengths else 0) for one in records]
    return payload[: HEADER.size], len(payload) if lengths else 0, tuple(rows)


def alike(ours: Sequence[Effect], theirs: Sequence[Effect], *, lengths: bool) -> bool:
    """Whether the effects of an event decide the same. `lengths`: those of options must be equal."""
    return [decision(one, lengths=lengths) for one in ours] == [decision(one, lengths=lengths) for one in theirs]
