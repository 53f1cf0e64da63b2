"""Dynamic DNS in a snapshot: what its updates, its searches and what it owes name, and the same with pseudonyms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....engine.ddns.records import FORWARD_NAME, Names
from ....engine.ddns.wire.questions import QuestionRow
from . import dns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ....engine.lease.snapshot import LeaseRow
    from ..findings import Findings
    from ..sources import Writer
    from .dns import DnsWriter
    from .messages import Messages


def _questions(part: dict[str, Any]) -> Iterator[QuestionRow]:
    for rows in (part["questions"]["under_way"], part["questions"]["waiting"]):
        for fields in rows:
            yield QuestionRow(*fields)


def _of_leases(part: dict[str, Any]) -> Iterator[tuple[int, Names]]:
    """(address, what is removed or added) of everything that is under way, or owed."""
    rows = [(one["address"], one["removing"], one["adding"]) for one in part["updates"]["chains"]]
    rows += [fields[:3] for _number, fields in part["updates"]["owed"]["entries"]]
    for address, *both in rows:
        for names in both:
            if names is not None:
                yield address, Names(*names)


def survey(part: dict[str, Any], leases: Iterable[LeaseRow], findings: Findings) -> None:
    """Take what it names into `findings`; `leases` are those of the same snapshot."""
    for question in _questions(part):
        dns.survey(question.body, findings)
        dns.survey(question.octets, findings)
    for _key, name, *_rest in part["zones"]["found"]:
        findings.name(name.encode("utf-8", "surrogateescape"))
    for _key, search in part["discovery"]["searches"]:
        for name in (search["name"], *search["hosts"]):
            findings.name(name)
    for _address, name, _why in part["updates"]["refused"]:
        findings.name(name)
    by_address: dict[int, list[bytes]] = {}
    for address, names in _of_leases(part):
        by_address.setdefault(address, []).append(names.forward)
        findings.name(names.forward)
        findings.name(names.reverse)
        findings.identifier(names.guard)
    for row in leases:
        variables = {} if row.rare is None else dict(row.rare.get("variables", ()))
        for name in (variables.get(FORWARD_NAME), *by_address.get(row.address, ())):
            if isinstance(name, bytes) and name:
                findings.guarded.add((row.hardware, row.uid or b"", name))


class NamesWriter:
    """Gives that part of a state with pseudonyms."""

    def __init__(self, writer: Writer, messages: Messages, names: DnsWriter) -> None:
        """`names` is told what the machine has asked by the time of the snapshot."""
        self._writer = writer
        self._messages = messages
        self._names = names

    def rewrite(self, part: dict[str, Any]) -> dict[str, Any]:
        """Settings, numbers and moments stay."""
        return part | {
            "questions": part["questions"] | {
                name: [self._question(QuestionRow(*fields)) for fields in part["questions"][name]]
                for name in ("under_way", "waiting")
            },
            "zones": {
                "repudiated": [(self._text(name), until_us) for name, until_us in part["zones"]["repudiated"]],
                "found": [
                    (self._text(key), self._text(name), servers, until_us)
                    for key, name, servers, until_us in part["zones"]["found"]
                ],
            },
            "discovery": part["discovery"] | {
                "searches": [(key, self._search(search)) for key, search in part["discovery"]["searches"]]
            },
            "updates": {
                "chains": [self._chain(chain) for chain in part["updates"]["chains"]],
                "owed": self._owed(part["updates"]["owed"]),
                "refused": [
                    (address, self._writer.text(name), why) for address, name, why in part["updates"]["refused"]
                ],
            },
        }  # fmt: skip

    def _question(self, row: QuestionRow) -> QuestionRow:
        octets = self._names.rewrite_own(row.octets)
        if octets:
            self._names.note(row.number, row.octets, octets)
        return row._replace(
            body=self._names.rewrite_own(row.body),
            octets=octets,
            mac=(dns.Walk(octets).mac or b"") if row.mac else b"",
            key=None if row.key is None else self._text(row.key),
        )

    def _search(self, search: dict[str, Any]) -> dict[str, Any]:
        writer = self._writer
        return search | {"name": writer.text(search["name"]), "hosts": [writer.text(host) for host in search["hosts"]]}

    def _chain(self, chain: dict[str, Any]) -> dict[str, Any]:
        return chain | {
            "removing": self._of(chain["removing"]),
            "adding": self._of(chain["adding"]),
            "body": self._names.rewrite_own(chain["body"]),
            "zone": self._text(chain["zone"]),
        }

    def _owed(self, owed: dict[str, Any]) -> dict[str, Any]:
        entries = []
        for number, (address, removing, adding, *rest, zone) in owed["entries"]:
            entries.append((number, [address, self._of(removing), self._of(adding), *rest, self._text(zone)]))
        return owed | {"entries": entries, "down": [(self._text(zone), numbers) for zone, numbers in owed["down"]]}

    def _of(self, names: Any) -> Any:
        """What is removed or added."""
        if names is None:
            return None
        one = Names(*names)
        text = self._writer.text
        guard = self._messages.identifier(one.guard) if one.guard else one.guard
        return list(one._replace(forward=text(one.forward), guard=guard, reverse=text(one.reverse)))

    def _text(self, value: str) -> str:
        return self._writer.text(value.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
