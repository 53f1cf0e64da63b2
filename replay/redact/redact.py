"""From a recording to one with pseudonyms: gather, play both, compare what they decide, look for survivors, install.

Two machines go through the recording side by side, one told the truth and one told the pseudonyms. The new file takes
its own name only when every event was decided alike and nothing that was to be hidden is left.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from ...disk.output import new_file
from ...engine.conf.options import default_registry
from ...engine.machine import Machine
from ...trace import Entry, TapeWriter
from ...trace import events as ev
from ..playing.compare import same
from ..playing.resume import beginning
from . import messages, sources, state
from .decisions import alike
from .errors import NotRedacted
from .pseudonyms import Pseudonyms
from .records import Records
from .survey import Start, survey
from .survivors import Survivors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...engine.model.configuration import Configuration
    from ...trace import Tape
    from ...trace.effects import Effect
    from ...trace.events import Event
    from ..playing.resume import Beginning

_SURVIVORS_SHOWN_MAX: Final = 10
_ADDRESS_LETTERS: Final = frozenset("IA")
_OUTSIDE_BITS: Final = 24
_FIRST_OCTET_BITS: Final = 8


@dataclass(frozen=True, slots=True)
class Report:
    """What was hidden, how many of each kind; `kept` and `left` are what still shows, and why."""

    events: int
    hidden: dict[str, int]
    kept: tuple[str, ...]
    left: dict[str, int]
    carried: int


def redact(
    tape: Tape, out: str, key: bytes, *, addresses: bool = False, watch: Callable[[int, int], None] | None = None
) -> Report:
    """Write the recording `tape` to `out` with pseudonyms by `key`; IP addresses too with `addresses`.

    Raises NotRedacted, TapeError and NotWritten; `out` is then as it was.
    """
    start = Start(beginning(tape))
    if addresses and start.snapshot is not None:
        raise NotRedacted("it begins with a snapshot, whose addresses cannot be hidden; leave out --addresses")
    findings = survey(tape, start)
    pseudonyms = Pseudonyms(key, findings.kept)
    address = _hider(start.machine.configuration, pseudonyms) if addresses else _same
    writer = sources.Writer(findings, pseudonyms, address)
    rewriter = messages.Messages(findings, pseudonyms, writer, address, _addressed() if addresses else frozenset())
    begin = beginning(tape)  # a machine of its own: that of the survey has gone through the start
    run = _Run(begin, writer, Records(writer, rewriter, pseudonyms, address), Survivors(findings, pseudonyms), watch)
    with new_file(out) as made:
        run.write(tape, made.name)
    hidden = {
        "hardware addresses": len(findings.hardware),
        "identifiers": len(findings.identifiers),
        "words of names": len(findings.words),
        "secrets": len(findings.secrets),
    }
    kept = tuple(sorted(piece.decode("utf-8", "replace") for piece in findings.kept))
    return Report(run.events, hidden, kept, findings.left, run.carried)


def _addressed() -> frozenset[int]:
    """The codes of options that are nothing but addresses; masks are none."""
    by_code = default_registry().spaces["dhcp"].by_code
    mask = 1
    return frozenset(
        code
        for code, option in by_code.items()
        if code != mask and option.format and set(option.format) <= _ADDRESS_LETTERS
    )


def _same(address: int) -> int:
    return address


def _hider(configuration: Configuration | None, pseudonyms: Pseudonyms) -> Callable[[int], int]:
    """Addresses move with their network: places within a declared subnet, and so the order of its leases, stay."""
    networks = sorted(
        ((subnet.number, subnet.netmask) for subnet in (configuration.subnets if configuration else [])),
        key=lambda network: -network[1],
    )
    if any(mask.bit_count() < _FIRST_OCTET_BITS for _number, mask in networks):
        raise NotRedacted("a subnet shorter than /8 is declared: its addresses cannot be hidden; leave out --addresses")

    def hide(address: int) -> int:
        length = next((mask.bit_count() for number, mask in networks if address & mask == number), _OUTSIDE_BITS)
        return pseudonyms.address(address, length)

    return hide


class _Run:
    """Both machines on their way, and the new file behind them."""

    def __init__(
        self,
        begin: Beginning,
        writer: sources.Writer,
        records: Records,
        survivors: Survivors,
        watch: Callable[[int, int], None] | None,
    ) -> None:
        self._records = records
        self._survivors = survivors
        self._watch = watch
        self._from_seq = begin.from_seq
        self._truth, self._hidden = begin.machine, Machine()
        if begin.snapshot is not None:
            self._hidden = Machine.restore(state.rewrite(cast("dict[str, Any]", begin.snapshot.data), writer))
        self._found: Counter[str] = Counter()
        self._where = 0
        self.events = 0
        self.carried = 0

    def write(self, tape: Tape, path: str) -> None:
        """The new file at `path`; raises NotRedacted."""
        info = tape.info
        first = self._from_seq
        with TapeWriter.create(
            path, version=info.writer_version, host="", created_us=info.created_us, first_seq=first
        ) as out:
            if first > 1:
                out.write_snapshot(first - 1, self._hidden.snapshot())
            parts: list[Entry] = []
            for entry in tape.iterate(from_seq=first):
                if not isinstance(entry, Entry):
                    out.write_snapshot(out.next_seq - 1, self._hidden.snapshot())
                elif isinstance(entry.event, ev.LeaseFilePart):
                    parts.append(entry)
                else:
                    self._leases(parts, out)
                    parts = []
                    self._pass(entry, self._records.event(entry.event), out)
        if self._found:
            shown = ", ".join(list(self._found)[:_SURVIVORS_SHOWN_MAX])
            count = len(self._found)
            raise NotRedacted(f"{count} things to hide would still show, first at event {self._where}: {shown}")

    def _leases(self, parts: Sequence[Entry], out: TapeWriter) -> None:
        if parts:
            events = self._records.lease_file([entry.event for entry in parts])  # type: ignore[misc]  # LeaseFilePart
            for entry, event in zip(parts, events, strict=True):
                self._pass(entry, event, out)

    def _pass(self, entry: Entry, event: Event, out: TapeWriter) -> None:
        truth = self._truth.apply(entry.event)
        hidden = self._hidden.apply(event)
        expected = [self._records.effect(effect) for effect in truth]
        if not alike(expected, hidden):
            raise NotRedacted(_parted(entry, expected, hidden))
        first = out.write_events([event])
        effects: Sequence[Effect] | None = hidden
        if entry.effects is None:
            effects = None
        elif not same(entry.effects, truth):
            effects = self._carried(entry.effects, truth, hidden)
        if effects is not None:
            out.write_effects(first, [effects])
        self._look(first, event, effects or ())
        self.events += 1
        if self._watch is not None:
            self._watch(entry.seq, event.wall_us)

    def _carried(self, recorded: Sequence[Effect], truth: Sequence[Effect], hidden: Sequence[Effect]) -> list[Effect]:
        """The recording differs from what the engine does: that difference is what it is kept for."""
        self.carried += 1
        if len(recorded) != len(truth):
            return [self._records.effect(effect) for effect in recorded]
        return [
            made if effect == own else self._records.effect(effect)
            for effect, own, made in zip(recorded, truth, hidden, strict=True)
        ]

    def _look(self, seq: int, event: Event, effects: Sequence[Effect]) -> None:
        for record in (event, *effects):
            for found in self._survivors.of(record):
                self._where = self._where or seq
                self._found[found] += 1


def _parted(entry: Entry, expected: Sequence[Effect], got: Sequence[Effect]) -> str:
    names = ", ".join(type(effect).__name__ for effect in got) or "nothing"
    wanted = ", ".join(type(effect).__name__ for effect in expected) or "nothing"
    return (
        f"at event {entry.seq:,} ({type(entry.event).__name__}) the machine decides otherwise under pseudonyms "
        f"({wanted} before, {names} now): the configuration looks at a part of a name that cannot be kept; "
        "leave out --addresses if it was given, or shrink the recording to what shows the fault"
    )
