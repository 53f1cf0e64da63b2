"""What a what-if found: plain data, for a terminal, for programs, and for the report that a browser shows.

Everything here is numbers, texts and tuples of these; nothing refers to a machine or a tape. `Report` is made by
comparison.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..playing.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Collection


class Group(StrEnum):
    """In what way an answer differs; the worst first. SENTENCES says each to people."""

    LOST_SERVICE = "lost-service"
    REFUSED = "refused"
    ADDRESS_CHANGED = "address-changed"
    GAINED_SERVICE = "gained-service"
    NO_LONGER_REFUSED = "no-longer-refused"
    LEASE_TIME = "lease-time"
    OPTIONS = "options"
    DELIVERY = "delivery"


SENTENCES: Final[dict[Group, str]] = {
    Group.LOST_SERVICE: "lost service: an answer then, none now",
    Group.REFUSED: "refused: a NAK now, none then",
    Group.ADDRESS_CHANGED: "another address",
    Group.GAINED_SERVICE: "gained service: an answer now, none then",
    Group.NO_LONGER_REFUSED: "a NAK then, silence now",
    Group.LEASE_TIME: "another lease, renewal or rebinding time",
    Group.OPTIONS: "other options, boot server or boot file",
    Group.DELIVERY: "sent another way: broadcast, relay, interface, port",
}


class FieldChange(NamedTuple):
    """A field or option of an answer; None where it is absent."""

    name: str
    recorded: str | None
    new: str | None


class Change(NamedTuple):
    """One difference of an answer. `consequences` are fields that differ only because of it.

    `alike` says it without what is the client's own, in one or more texts (alike.py); empty where that is `text`.
    """

    group: Group
    text: str
    fields: tuple[FieldChange, ...] = ()
    consequences: tuple[FieldChange, ...] = ()
    alike: tuple[str, ...] = ()


class Example(NamedTuple):
    """The first time that a client met a difference of a group: number and time of the client's message."""

    seq: int
    wall_us: int
    change: Change


class Chapter(NamedTuple):
    """One exchange of a client's story, both sides.

    `said_now` is empty where the client said what it had said, else it has why it did not in brackets at its end.
    `heard` and `heard_now` are lines for people, `nothing` among them; `withheld` why nothing was said now.
    """

    seq: int
    wall_us: int
    said: str
    heard: str
    said_now: str
    heard_now: str
    withheld: str
    changes: tuple[Change, ...]


@dataclass(slots=True)
class ClientReport:
    """A client that met a difference, or whose story was asked for.

    `messages` counts its messages by group. `consequences` counts those that it could not say any more.
    """

    client: str
    messages: dict[Group, int] = field(default_factory=dict)
    examples: dict[Group, Example] = field(default_factory=dict)
    consequences: int = 0
    story: list[Chapter] = field(default_factory=list)


class GroupReport(NamedTuple):
    """How many clients and messages met a difference, and the first of them."""

    group: Group
    clients: int
    messages: int
    client: str
    example: Example


class Alike(NamedTuple):
    """A difference as `clients` clients met it in `messages` messages; `client` first, with message `seq`."""

    group: Group
    text: str
    clients: int
    messages: int
    client: str
    seq: int


class PoolUse(NamedTuple):
    """A pool of the new configuration at the end."""

    network: str
    ranges: tuple[str, ...]
    place: str
    addresses: int
    active: int
    free: int
    abandoned: int


class LogLine(NamedTuple):
    """A line of level error that the recording has less often. Addresses in it stand for all; `text` is the first."""

    text: str
    times: int
    recorded_times: int


@dataclass(slots=True)
class Report:
    """The whole answer. `clients` holds those with differences, by name, in order of the first.

    `refused` holds the log lines of a configuration that does not come to serve; `failure` is the traceback of an
    engine that failed; `damage` tells where the tape ends before its end. `served`: the recorded run came to serve.
    `alike` are the differences that many met, each once.
    """

    clients: dict[str, ClientReport] = field(default_factory=dict)
    alike: tuple[Alike, ...] = ()
    events: int = 0
    messages: int = 0
    clients_seen: int = 0
    consequences: int = 0
    own_messages: int = 0
    served: bool = False
    pools: tuple[PoolUse, ...] = ()
    errors: tuple[LogLine, ...] = ()
    unknown_names: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    failure: str = ""
    damage: str = ""

    def in_group(self, group: Group) -> list[ClientReport]:
        """The clients that met a difference of a group."""
        return [client for client in self.clients.values() if group in client.messages]

    def groups(self) -> list[GroupReport]:
        """Each group that there is, the worst first."""
        found = []
        for group in Group:
            clients = self.in_group(group)
            if clients:
                first = min(clients, key=lambda client: client.examples[group].seq)
                messages = sum(client.messages[group] for client in clients)
                found.append(GroupReport(group, len(clients), messages, first.client, first.examples[group]))
        return found

    @property
    def differences(self) -> int:
        """How many messages met a difference, each once a group."""
        return sum(sum(client.messages.values()) for client in self.clients.values())

    def status(self, failing: Collection[Group] = tuple(Group)) -> Status:
        """The exit status; `failing` are the groups that count as a difference."""
        if self.refused or self.failure or not self.served:
            return Status.UNJUDGED
        if any(self.in_group(group) for group in failing):
            return Status.DIFFERENT
        return Status.DAMAGED if self.damage else Status.SAME

    def as_object(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "events": self.events,
            "messages": self.messages,
            "clients_seen": self.clients_seen,
            "differences": self.differences,
            "consequences": self.consequences,
            "own_messages": self.own_messages,
            "groups": [
                {
                    "group": one.group,
                    "clients": one.clients,
                    "messages": one.messages,
                    "client": one.client,
                    "example": example_object(one.example),
                }
                for one in self.groups()
            ],
            "alike": [one._asdict() for one in self.alike],
            "clients": [client_object(client) for client in self.clients.values()],
            "pools": [one._asdict() for one in self.pools],
            "errors": [one._asdict() for one in self.errors],
            "unknown_names": list(self.unknown_names),
            "notices": list(self.notices),
            "refused": list(self.refused),
            "failure": self.failure,
            "damage": self.damage,
        }


def change_object(change: Change) -> dict[str, Any]:
    """A difference as JSON has it."""
    return {
        "group": change.group,
        "text": change.text,
        "fields": [one._asdict() for one in change.fields],
        "consequences": [one._asdict() for one in change.consequences],
    }


def example_object(example: Example) -> dict[str, Any]:
    """An example as JSON has it."""
    return {"seq": example.seq, "wall_us": example.wall_us, **change_object(example.change)}


def client_object(client: ClientReport) -> dict[str, Any]:
    """A client as JSON has it; `story` only where there is one."""
    made: dict[str, Any] = {
        "client": client.client,
        "messages": dict(client.messages),
        "examples": {group: example_object(example) for group, example in client.examples.items()},
        "consequences": client.consequences,
    }
    if client.story:
        made["story"] = [
            {**one._asdict(), "changes": [change_object(change) for change in one.changes]} for one in client.story
        ]
    return made
