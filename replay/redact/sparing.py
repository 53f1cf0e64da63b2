"""What to do where the machine decides otherwise under pseudonyms: which values must stay, so that it does not.

The configuration may look at any part of a name or an address, in ways that nobody can read out of it. So the run
itself tells: at the first event that parts, the words that it names are spared, and if it parts again there, the
identifiers, then the hardware addresses, and then what nobody should read. After that, and after SINGLE_MAX of such
steps, whole kinds are spared, one after the other. In the end nothing is hidden and nothing parts; what had to be
spared, the report lists. Where the configuration itself is read otherwise, a name is also a word of its language: those
words are spared first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...engine.conf.reading.keywords import STRING
from ...trace import effects as ef
from ...trace import events as ev
from . import sources
from .errors import NotRedacted
from .findings import Findings, Spared
from .protocols import messages
from .pseudonyms import PIECE
from .survey import look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...trace.effects import Effect
    from ...trace.events import Event

SINGLE_MAX: Final = 24


class Parted(Exception):
    """Event number `seq` is decided otherwise under pseudonyms: `expected` for the truth, and `got`."""

    def __init__(self, seq: int, event: Event, expected: Sequence[Effect], got: Sequence[Effect]) -> None:
        wanted = ", ".join(type(effect).__name__ for effect in expected) or "nothing"
        names = ", ".join(type(effect).__name__ for effect in got) or "nothing"
        super().__init__(f"at event {seq:,} ({type(event).__name__}) {wanted} before, {names} now")
        self.seq = seq
        self.event = event
        self.expected = expected


class Sparing:
    """Decides what to spare next; `spared` is what is spared so far."""

    def __init__(self, findings: Findings, files: Mapping[str, bytes | str]) -> None:
        """`files` are the configuration's."""
        self.spared = Spared()
        self._findings = findings
        self._files = files
        self._steps = 0

    def spare(self, parted: Parted) -> None:
        """Spare something more; raises NotRedacted where nothing is left to spare."""
        self._steps += 1
        named = [] if self._steps > SINGLE_MAX else self._named(parted)
        if any(self._takes(found) for found in named):
            return
        if not self.spared.unread:
            self.spared.unread = True
        elif not self._takes(self._findings):
            raise NotRedacted(
                f"the machine decides otherwise even where no name is hidden: {parted}; leave out --addresses if it "
                "was given, or shrink the recording to what shows the fault"
            )

    def _takes(self, found: Findings) -> bool:
        """Whether there was something of one kind to spare."""
        for kind in ("words", "identifiers", "hardware"):
            spared, wanted = getattr(self.spared, kind), getattr(found, kind) & getattr(self._findings, kind)
            if wanted - spared:
                spared |= wanted
                return True
        return False

    def _named(self, parted: Parted) -> list[Findings]:
        """What the event and its effects name, or the configuration where it is that which is read otherwise."""
        if isinstance(parted.event, ev.ConfigurationFile | ev.ConfigurationEnd):
            return self._spoken()
        brought, found = Findings(), Findings()
        look(parted.event, brought)
        for effect in parted.expected:
            if isinstance(effect, ef.Send):
                messages.survey(effect.payload, found)
            elif isinstance(effect, ef.Store | ef.RewritePart):
                sources.survey(effect.data, found)
        return [brought, found]

    def _spoken(self) -> list[Findings]:
        """Words of the configuration without quotation marks, and then all of them."""
        unquoted, every = Findings(), Findings()
        for text in self._files.values():
            if isinstance(text, bytes):
                unquoted.words |= {token.text.lower() for token in sources.tokens(text) if token.kind != STRING}
                every.words |= {piece.lower() for piece in PIECE.findall(text)}
        return [unquoted, every]
