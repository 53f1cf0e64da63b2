"""What is taken away, in which order: from what is many to what is much work to read.

Each stage works on the best candidate so far and leaves a better one; the stages know what there is to take away,
ddmin.py how, candidate.py whether it may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace import events as ev
from ..retell.material import START
from ..retell.payload import MESSAGE_TYPE, options_in, without_options
from ..showing.decode import hardware_of_payload
from .candidate import Candidate, Trial, passes
from .ddmin import longest_passing_cut, minimise
from .statements import Statement, levels_of, statements_of, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..corpus.workers import Executor
    from ..retell.material import Material


class Step(NamedTuple):
    """What a stage did: how many of its things there were, and are."""

    stage: str
    before: int
    after: int


class NotShown(Exception):
    """The recording itself, told again whole, does not show the fault."""


class Shrinker:
    """`best` is always a candidate that shows the fault, from the first trial on; `trials` counts them."""

    def __init__(
        self,
        material: Material,
        command: str | None,
        executor: Executor,
        watch: Callable[[str, int, int], None] | None = None,
    ) -> None:
        self._material = material
        self._command = command
        self._executor = executor
        self._watch = watch
        self._stage = ""
        self.trials = 0
        self.steps: list[Step] = []
        self.best = Candidate(tuple(range(len(material.entries))))

    def run(self) -> None:
        """All stages. Raises NotShown, WorkersLost, and what interrupts it: `best` is good then, too."""
        if not self._accept([self.best]):
            raise NotShown
        for stage, things in _STAGES.items():
            self._stage = stage
            before = things(self._material, self.best)
            _METHODS[stage](self)
            after = things(self._material, self.best)
            if before:
                self.steps.append(Step(stage, before, after))

    def _accept(self, candidates: Sequence[Candidate]) -> bool:
        """Try alternatives; whether the first that passes is the new best."""
        return self._first_that_passes(candidates) is not None

    def _first_that_passes(self, candidates: Sequence[Candidate]) -> int | None:
        """Try as many side by side as there are workers; the first in order that passes becomes the best."""
        width = self._executor.workers
        for at in range(0, len(candidates), width):
            window = candidates[at : at + width]
            trials = [Trial(self._material.path, one, self._command) for one in window]
            futures = [self._executor.submit(passes, one) for one in trials]
            for place, future in enumerate(futures):
                self.trials += 1
                if future.result():
                    self.best = window[place]
                    self._tell()
                    return at + place
            self._tell()
        return None

    def _tell(self) -> None:
        if self._watch is not None:
            self._watch(self._stage, len(self.best.kept), self.trials)

    def _without(self, gone: Iterable[int]) -> Candidate:
        """The best candidate without the entries at some places."""
        out = frozenset(gone)
        return self.best._replace(kept=tuple(place for place in self.best.kept if place not in out))

    # The stages

    def _behind(self) -> None:
        """Take away what follows the first fault, which is mostly its consequence."""
        fault = self._material.first_fault
        if fault:
            entries = self._material.entries
            self._accept([self._without(place for place in self.best.kept if entries[place].seq > fault)])

    def _clients(self) -> None:
        places = _places_by_client(self._material, self.best)
        best = self.best

        def keep(clients: list[bytes]) -> Candidate:
            wanted = set(clients)
            gone = {place for client, found in places.items() if client not in wanted for place in found}
            return best._replace(kept=tuple(place for place in best.kept if place not in gone))

        minimise(list(places), lambda lists: self._first_that_passes([keep(one) for one in lists]))

    def _time(self) -> None:
        for backwards in (True, False):
            best = self.best
            removable = _removable(self._material, best)
            ordered = removable[::-1] if backwards else removable
            longest_passing_cut(
                len(ordered),
                lambda count, best=best, ordered=ordered: self._accept(  # type: ignore[misc]
                    [best._replace(kept=_less(best.kept, ordered[:count]))]
                ),
            )

    def _events(self) -> None:
        best = self.best
        removable = _removable(self._material, best)
        rest = frozenset(best.kept) - frozenset(removable)

        def keep(places: list[int]) -> Candidate:
            return best._replace(kept=tuple(sorted(rest.union(places))))

        minimise(removable, lambda lists: self._first_that_passes([keep(one) for one in lists]))

    def _options(self) -> None:
        best = self.best
        options = _options(self._material, best)

        def keep(pairs: list[tuple[int, int]]) -> Candidate:
            gone: dict[int, set[int]] = {}
            for place, code in set(options).difference(pairs):
                gone.setdefault(place, set()).add(code)
            changed = {**dict(best.payloads)}
            for place, codes in sorted(gone.items()):
                changed[place] = without_options(_payload(self._material, best, place), frozenset(codes))
            return best._replace(payloads=tuple(sorted(changed.items())))

        minimise(options, lambda lists: self._first_that_passes([keep(one) for one in lists]))

    def _statements(self) -> None:
        for name in _files(self._material, self.best):

            def changed(new: bytes, name: str = name) -> Candidate:
                return self.best._replace(files=tuple(sorted({**dict(self.best.files), name: new}.items())))

            self._text(lambda name=name: _files(self._material, self.best)[name], changed)  # type: ignore[misc]

    def _leases(self) -> None:
        self._text(lambda: _lease_file(self._material, self.best), lambda new: self.best._replace(leases=new))

    def _text(self, current: Callable[[], bytes], changed: Callable[[bytes], Candidate]) -> None:
        """Take statements out of a text until none can go: one that was needed may not be when its users are gone."""
        before = None
        while current() != before:
            before = current()
            self._thin_out(before, changed)

    def _thin_out(self, text: bytes, changed: Callable[[bytes], Candidate]) -> None:
        """Take statements out of a text, the outer ones first."""
        removed: list[Statement] = []

        def less(gone: list[Statement]) -> Candidate:
            return changed(without(text, [*removed, *gone]))

        level = statements_of(text)
        while level:
            left = self._level(level, less)
            kept = {id(one) for one in left}
            removed += [one for one in level if id(one) not in kept]
            level = levels_of(left)

    def _level(self, level: list[Statement], changed: Callable[[list[Statement]], Candidate]) -> list[Statement]:
        """As few statements of one level as still pass; `changed` makes the candidate without some."""

        def keep(statements: list[Statement]) -> Candidate:
            kept = {id(one) for one in statements}
            return changed([one for one in level if id(one) not in kept])

        return minimise(level, lambda lists: self._first_that_passes([keep(one) for one in lists]))


def _less(kept: Sequence[int], gone: Iterable[int]) -> tuple[int, ...]:
    out = frozenset(gone)
    return tuple(place for place in kept if place not in out)


def _removable(material: Material, candidate: Candidate) -> list[int]:
    """Every event but those without which no run begins, and the lease file, which has a stage of its own."""
    fixed = (*START, ev.LeaseFilePart)
    return [place for place in candidate.kept if not isinstance(material.entries[place].event, fixed)]


def _places_by_client(material: Material, candidate: Candidate) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = {}
    for place in candidate.kept:
        event = material.entries[place].event
        if isinstance(event, ev.Packet):
            found.setdefault(hardware_of_payload(event.payload), []).append(place)
    return found


def _payload(material: Material, candidate: Candidate, place: int) -> bytes:
    event = material.entries[place].event
    assert isinstance(event, ev.Packet), "only packets have options"
    return dict(candidate.payloads).get(place, event.payload)


def _options(material: Material, candidate: Candidate) -> list[tuple[int, int]]:
    """(place, code) of every option that may go; without its type a message is another."""
    return [
        (place, code)
        for place in candidate.kept
        if isinstance(material.entries[place].event, ev.Packet)
        for code, _ in options_in(_payload(material, candidate, place)) or ()
        if code != MESSAGE_TYPE
    ]


def _files(material: Material, candidate: Candidate) -> dict[str, bytes]:
    events = [material.entries[place].event for place in candidate.kept]
    found = {event.name: event.content for event in events if isinstance(event, ev.ConfigurationFile)}
    return {**found, **dict(candidate.files)}


def _lease_file(material: Material, candidate: Candidate) -> bytes:
    if candidate.leases is not None:
        return candidate.leases
    events = [material.entries[place].event for place in candidate.kept]
    return b"".join(event.content for event in events if isinstance(event, ev.LeaseFilePart))


def _count(statements: list[Statement]) -> int:
    return sum(1 + _count(one.inner) for one in statements)


# What each stage counts, in the order of the stages.
_STAGES: Final[dict[str, Callable[[Material, Candidate], int]]] = {
    "behind the first fault": lambda _material, best: len(best.kept),
    "clients": lambda material, best: len(_places_by_client(material, best)),
    "time": lambda _material, best: len(best.kept),
    "events": lambda _material, best: len(best.kept),
    "options": lambda material, best: len(_options(material, best)),
    "configuration": lambda material, best: sum(
        _count(statements_of(text)) for text in _files(material, best).values()
    ),
    "leases": lambda material, best: len(statements_of(_lease_file(material, best))),
    "events once more": lambda _material, best: len(best.kept),
}
_METHODS: Final[dict[str, Callable[[Shrinker], None]]] = {
    "behind the first fault": Shrinker._behind,
    "clients": Shrinker._clients,
    "time": Shrinker._time,
    "events": Shrinker._events,
    "options": Shrinker._options,
    "configuration": Shrinker._statements,
    "leases": Shrinker._leases,
    "events once more": Shrinker._events,
}
