"""From a recording to one with pseudonyms: gather, play both, compare what they decide, look for survivors, install.

Two machines go through the recording side by side, one told the truth and one told the pseudonyms. The new file takes
its own name only when every event was decided alike. Where one was not, the configuration looks at something that its
pseudonym has not: what the event names is spared, step by step, and both begin again (sparing.py), until they agree.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from ...disk.output import new_file
from ...engine.machine import Machine
from ...engine.omapi.signing import Key
from ...trace import Entry, TapeWriter
from ...trace import events as ev
from ..playing.compare import same
from ..playing.resume import beginning
from . import sources
from .decisions import alike
from .errors import NotRedacted
from .protocols import messages
from .protocols.dns import DnsWriter
from .protocols.guards import Guarded
from .protocols.streams import Streams, StreamWriter
from .pseudonyms import Pseudonyms
from .records import Records
from .sparing import Parted, Sparing
from .state import StateWriter
from .survey import Start, survey
from .survivors import Survivors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from ...engine.model.configuration import Configuration
    from ...trace import Tape
    from ...trace.effects import Effect
    from ...trace.events import Event
    from ..playing.resume import Beginning
    from .findings import Findings, Spared

_SHOWN_MAX: Final = 10
_OUTSIDE_BITS: Final = 24
_FIRST_OCTET_BITS: Final = 8


@dataclass(frozen=True, slots=True)
class Report:
    """What was hidden, how many of each kind; `kept`, `spared` and `left` are what still shows, and why.

    `spared` was to be hidden, and a decision looks at it: by kind, octets in hex. `showing` are values that were to be
    hidden and that the last look has found all the same, `showing_at` the first event with one (0: none).
    """

    events: int
    hidden: dict[str, int]
    kept: tuple[str, ...]
    spared: dict[str, tuple[str, ...]]
    left: dict[str, int]
    carried: int
    showing: tuple[str, ...]
    showing_at: int


def redact(
    tape: Tape, out: str, key: bytes, *, addresses: bool = False, watch: Callable[[int, int], None] | None = None
) -> Report:
    """Write the recording `tape` to `out` with pseudonyms by `key`; IP addresses too with `addresses`.

    Raises NotRedacted, TapeError and NotWritten; `out` is then as it was.
    """
    start = Start(beginning(tape))
    if addresses and start.snapshot is not None:
        raise NotRedacted("it begins with a snapshot, whose addresses cannot be hidden; leave out --addresses")
    streams = Streams()
    findings = survey(tape, start, streams)
    sparing = Sparing(findings, start.files)
    balanced = findings.balanced() if _is_shared(start.machine.configuration) else {}
    while True:
        pseudonyms = Pseudonyms(key, findings.kept, sparing.spared.values(), balanced)
        address = _hider(start.machine.configuration, pseudonyms) if addresses else _same
        # Machines of its own: that of the survey has gone through the start.
        unread = sparing.spared.unread
        run = _Run(beginning(tape), findings, pseudonyms, address, streams, watch, spares_meaningless=unread)
        try:
            with new_file(out) as made:
                run.write(tape, made.name)
            return run.report(findings, pseudonyms, sparing.spared)
        except Parted as parted:
            sparing.spare(parted)


def _is_shared(configuration: Configuration | None) -> bool:
    """Whether a failover partner has some of the clients."""
    return configuration is not None and bool(configuration.failover_peers)


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


class _Stays(NamedTuple):
    """What has itself for a pseudonym."""

    words: set[bytes]
    identifiers: set[bytes]
    hardware: set[bytes]

    @classmethod
    def of(cls, findings: Findings, pseudonyms: Pseudonyms) -> Self:
        return cls(
            {word for word in findings.words if pseudonyms.word(word) == word},
            {value for value in findings.identifiers if sources.identified(value, pseudonyms) == value},
            {value for value in findings.hardware if pseudonyms.hardware(value) == value},
        )

    def spared(self, findings: Findings, spared: Spared) -> dict[str, tuple[str, ...]]:
        """Those that were spared, as in Report."""
        words = sorted((self.words - findings.kept) & spared.words)
        made = {
            "words": tuple(word.decode("utf-8", "replace") for word in words),
            "identifiers": tuple(value.hex(":") for value in sorted(self.identifiers & spared.identifiers)),
            "hardware addresses": tuple(value.hex(":") for value in sorted(self.hardware & spared.hardware)),
        }
        return {kind: values for kind, values in made.items() if values}


class _Run:
    """Both machines on their way, and the new file behind them."""

    def __init__(
        self,
        begin: Beginning,
        findings: Findings,
        pseudonyms: Pseudonyms,
        address: Callable[[int], int],
        streams: Streams,
        watch: Callable[[int, int], None] | None,
        *,
        spares_meaningless: bool,
    ) -> None:
        self._writer = sources.Writer(findings, pseudonyms, address)
        rewriter = messages.Messages(pseudonyms, self._writer, address, spares_meaningless=spares_meaningless)
        self._unread = spares_meaningless
        # An address in a text need not have as many digits as another.
        self._lengths = address is _same
        keys = [Key(one.name, one.algorithm, one.secret) for one in findings.keys]
        stream_writer = StreamWriter(streams, self._writer, rewriter, keys)
        self._names = DnsWriter(self._writer, rewriter, findings.keys)
        self._records = Records(self._writer, rewriter, pseudonyms, address, stream_writer, self._names)
        for guarded in starmap(Guarded, findings.guarded):
            for guard, other in guarded.exchanged(rewriter.identifier, self._writer.text).items():
                self._writer.learn(guard, other)
        self._survivors = Survivors(findings, pseudonyms)
        self._watch = watch
        self._from_seq = begin.from_seq
        self._truth, self._hidden = begin.machine, Machine()
        if begin.snapshot is not None:
            states = StateWriter(self._records, self._writer, rewriter, stream_writer, self._names)
            self._hidden = Machine.restore(states.rewrite(cast("dict[str, Any]", begin.snapshot.data)))
        self._found: Counter[str] = Counter()
        self._where = 0
        self._failed = False
        self._events = 0
        self._carried_events = 0

    def write(self, tape: Tape, path: str) -> None:
        """The new file at `path`; raises Parted."""
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
                    if not self._failed:
                        out.write_snapshot(out.next_seq - 1, self._hidden.snapshot())
                elif isinstance(entry.event, ev.LeaseFilePart):
                    parts.append(entry)
                else:
                    self._leases(parts, out)
                    parts = []
                    self._pass(entry, self._records.event(entry.event), out)
            self._leases(parts, out)

    def report(self, findings: Findings, pseudonyms: Pseudonyms, spared: Spared) -> Report:
        """What was done."""
        stays = _Stays.of(findings, pseudonyms)
        hidden = {
            "hardware addresses": len(findings.hardware - stays.hardware),
            "identifiers": len(findings.identifiers - stays.identifiers),
            "words of names": len(findings.words - stays.words),
            "secrets": len(findings.secrets),
        }
        kept = tuple(sorted(piece.decode("utf-8", "replace") for piece in findings.kept))
        showing = tuple(list(self._found)[:_SHOWN_MAX])
        left = findings.left | self._writer.left | ({"octets that nobody should read": 1} if self._unread else {})
        told = stays.spared(findings, spared)
        unmoved = len(stays.words - findings.kept - spared.words)
        left |= {"words of names in which nothing can be moved": unmoved} if unmoved else {}
        return Report(self._events, hidden, kept, told, left, self._carried_events, showing, self._where)

    def _leases(self, parts: Sequence[Entry], out: TapeWriter) -> None:
        if parts:
            events = self._records.lease_file([entry.event for entry in parts])  # type: ignore[misc]  # LeaseFilePart
            for entry, event in zip(parts, events, strict=True):
                self._pass(entry, event, out)

    def _pass(self, entry: Entry, event: Event, out: TapeWriter) -> None:
        recorded = entry.effects
        truth, hidden = (None, None) if self._failed else self._both(entry, event)
        effects: Sequence[Effect] | None = hidden
        if recorded is None:
            effects = None
        elif truth is None or hidden is None or not same(recorded, truth):
            self._carried_events += 1
            effects = self._carried(recorded, truth, hidden)
        first = out.write_events([event])
        if effects is not None:
            out.write_effects(first, [effects])
        told = () if effects is None or effects is hidden else effects
        self._look(first, event, told)
        self._events += 1
        if self._watch is not None:
            self._watch(entry.seq, event.wall_us)

    def _both(self, entry: Entry, event: Event) -> tuple[Sequence[Effect] | None, Sequence[Effect] | None]:
        """What both machines do; None for one that fails, which ends both."""
        truth, hidden = _applied(self._truth, entry.event), _applied(self._hidden, event)
        if truth is None or hidden is None:
            if truth is not hidden:
                raise Parted(entry.seq, entry.event, truth or (), hidden or ())
            self._failed = True
            return None, None
        if not alike([self._records.effect(effect) for effect in truth], hidden, lengths=self._lengths):
            raise Parted(entry.seq, entry.event, truth, hidden)
        self._names.note_all(truth, hidden)
        return truth, hidden

    def _carried(
        self, recorded: Sequence[Effect], truth: Sequence[Effect] | None, hidden: Sequence[Effect] | None
    ) -> list[Effect]:
        """The recording differs from what the engine does: that difference is what it is kept for."""
        if truth is None or hidden is None or len(recorded) != len(truth):
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


def _applied(machine: Machine, event: Event) -> Sequence[Effect] | None:
    """What a machine does about an event; None where it fails, which is a defect that the recording may be kept for."""
    try:
        return machine.apply(event)
    except Exception:  # noqa: BLE001 - whatever it is, the same has to happen under pseudonyms
        return None
