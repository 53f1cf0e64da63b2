"""The shapes of answers: what each member of the JSON is. The OpenAPI description is made from these (openapi.py).

Times are seconds since 1970 unless they say otherwise; addresses are dotted quads; octets are hexadecimal with colons;
places are `FILE:LINE`, empty where the server itself is the place.
"""

from __future__ import annotations

from typing import Annotated, TypedDict

Seconds = Annotated[int, "seconds since 1970; 4294967295 is never, 0 is none"]
Address = Annotated[str, "an IPv4 address"]
Octets = Annotated[str, "octets in hexadecimal, with colons; empty for none"]
Place = Annotated[str, "FILE:LINE, empty where there is none"]


class Recording(TypedDict):
    """The recording of the run."""

    file: Annotated[str, "the file that is written now"]
    next_event: Annotated[int, "the number of the next event"]
    begun: Annotated[int, "when this file was begun, seconds since 1970"]
    paused: Annotated[bool, "whether there is no room on the disk, so that nothing is recorded"]
    older_files: Annotated[list[str], "the files before it, the oldest first"]


class Status(TypedDict):
    """The server as a whole."""

    version: str
    compatible_with: Annotated[str, "what `dhcpd --version` prints"]
    pid: int
    started: Seconds
    uptime_s: int
    configuration_file: str
    lease_file: str
    interfaces: Annotated[list[str], "the interfaces that are served"]
    networks: Annotated[int, "how many shared networks, and subnets of their own, there are"]
    pools: int
    hosts: Annotated[int, "how many host declarations are in force"]
    leases: Annotated[int, "how many addresses were ever used"]
    rewriting: Annotated[bool, "whether the lease file is being rewritten"]
    leaving: Annotated[bool, "whether a shutdown is under way"]
    events: Annotated[int, "how many events the run has had"]
    recording: Recording | None


class Lease(TypedDict):
    """One address of a range."""

    address: Address
    state: Annotated[str, "free, active, expired, released, abandoned, reset or backup"]
    hardware: Octets
    client_id: Octets
    hostname: Annotated[str, "the name that the client gives itself"]
    starts: Seconds
    ends: Seconds
    cltt: Annotated[int, "when the client was last heard, seconds since 1970"]
    next_state: Annotated[str, "the state that follows when its time is over"]
    reserved: Annotated[bool, "whether it is kept for its client"]
    bootp: bool
    host: Annotated[str, "the host declaration that it was given by, empty for none"]
    network: Annotated[str, "its shared network, or its subnet"]
    pool: Annotated[int, "the number of its pool"]
    relay: Annotated[dict[str, str], "the relay's sub-options (RFC 3046) by number"]


class Leases(TypedDict):
    """A page of leases, in order of their addresses."""

    leases: list[Lease]
    next: Annotated[str | None, "give this as `after` to have the next page; null where there is none"]


class Pool(TypedDict):
    """One pool and what its addresses are; `free` is what is in no other state."""

    pool: Annotated[int, "its number, in the order of the configuration"]
    network: str
    ranges: Annotated[list[str], "FIRST-LAST"]
    place: Place
    total: int
    free: int
    active: int
    expired: int
    abandoned: int
    backup: Annotated[int, "the failover partner's share of what is free"]
    failover_peer: Annotated[str | None, "the relationship that shares it"]
    full_in_s: Annotated[int | None, "until no address is free, if the last days go on; null for never"]
    permits: Annotated[list[str], "who may use it, and who may not, as the configuration says"]


class Pools(TypedDict):
    """All pools."""

    pools: list[Pool]


class Host(TypedDict):
    """A host declaration in force."""

    name: str
    hardware: Octets
    hardware_type: Annotated[int, "1 is Ethernet"]
    client_id: Octets
    addresses: Annotated[list[str], "fixed addresses, and names that have them"]
    group: Annotated[str, "its group, empty for none"]
    dynamic: Annotated[bool, "whether it was made while the server ran"]
    place: Place


class Hosts(TypedDict):
    """A page of host declarations, in order of declaration."""

    hosts: list[Host]
    next: Annotated[str | None, "give this as `after` to have the next page; null where there is none"]


class Class(TypedDict):
    """A class in force."""

    name: str
    place: Place
    limit: Annotated[int, "how many leases it may have, 0 for any number"]
    charged: Annotated[int, "how many leases are charged to it"]
    subclasses: int
    spawning: bool
    dynamic: Annotated[bool, "whether it was made while the server ran"]


class Classes(TypedDict):
    """All classes."""

    classes: list[Class]


class Awaited(TypedDict):
    """Something that a failover relationship waits for."""

    what: str
    until: Annotated[int | None, "seconds since 1970, where time alone brings it"]


class Choice(TypedDict):
    """Something that an operator may do about a failover relationship."""

    what: str
    local_state: Annotated[int | None, "the local-state to be set over OMAPI, where that does it"]


class Relationship(TypedDict):
    """A failover relationship."""

    name: str
    role: Annotated[str, "primary or secondary"]
    state: Annotated[str, "the state of this server in it"]
    since: Seconds
    why: Annotated[str, "why it is in this state"]
    partner_state: str
    partner_since: Seconds
    connected: Annotated[bool, "whether the partner is connected"]
    mclt: Annotated[int, "seconds"]
    unacked_updates: Annotated[int, "updates that the partner has not acknowledged"]
    waiting_updates: Annotated[int, "updates that wait to be sent"]
    awaited: Annotated[list[Awaited], "what leads out of this state"]
    choices: list[Choice]
    pools: list[int]


class Failover(TypedDict):
    """All failover relationships."""

    relationships: list[Relationship]


class Client(TypedDict):
    """What the server knows of a client."""

    client: Annotated[str, "what was asked for"]
    leases: list[Lease]
    hosts: list[Host]


class Done(TypedDict):
    """A change was made, and is on the disk."""

    done: Annotated[str, "what was done"]


class Reloaded(TypedDict):
    """What became of a reload."""

    result: Annotated[str, "`in force`, `waits` for host names to be looked up, or `refused`"]
    lines: Annotated[list[str], "what the log says of it: mistakes by file and line, what cannot change in a run"]


class Reason(TypedDict):
    """One step of a decision."""

    step: Annotated[str, "network, class, host, pool, candidate, time, parameter, option, object or verdict"]
    subject: Annotated[str, "what was looked at: an address, a name"]
    verdict: Annotated[str, "what became of it; of a time or an option, its value"]
    why: Annotated[str, "the rule"]
    place: Annotated[str | None, "FILE:LINE where the configuration says so"]


class Holding(TypedDict):
    """A lease before or after a change."""

    address: Address
    state: str
    hardware: Octets
    client_id: Octets
    hostname: str
    starts: Seconds
    ends: Seconds
    cltt: int


class Change(TypedDict):
    """What became of a lease."""

    cause: Annotated[str, "offer, grant, release, expire, abandon, operator, ..."]
    before: Holding
    after: Holding


class Explanation(TypedDict):
    """One message of a client, what was done about it, and why."""

    seq: Annotated[int, "the number of the event in the recording"]
    event: str
    wall_us: Annotated[int, "microseconds since 1970"]
    description: str
    answer: str
    differs_from_recording: Annotated[bool, "whether playing it gave another answer than the recorded one: a defect"]
    reasons: list[Reason]
    changes: list[Change]


class Reload(TypedDict):
    """A configuration that was read while the server ran."""

    seq: Annotated[int, "the number of the event in the recording"]
    wall_us: Annotated[int, "microseconds since 1970"]
    result: Annotated[str, "`in force`, `waits` for host names to be looked up, or `refused`"]
    lines: Annotated[list[str], "what the log says of it"]
    changes: Annotated[list[str], "who is served otherwise since then, and how; empty where nobody is"]


class Reloads(TypedDict):
    """The reloads of the last hours, the oldest first."""

    reloads: list[Reload]
    unread: Annotated[list[str], "files of the recording that could not be read, and why"]


class Explanations(TypedDict):
    """A client's last messages, the oldest first."""

    explanations: list[Explanation]
    unread: Annotated[list[str], "files of the recording that could not be read, and why"]


class InForce(TypedDict):
    """A statement in force."""

    text: Annotated[str, "as dhcpd.conf has it"]
    place: Place


class Receiver(TypedDict):
    """Who gets something."""

    title: Annotated[str, "for people: a pool, a host, a class"]
    statements: list[InForce]


class Effective(TypedDict):
    """The configuration in force for whom was asked."""

    receivers: list[Receiver]


class Debt(TypedDict):
    """A name that a name server has missed."""

    address: Address
    add: Annotated[str, "the name that is to be added, empty for none"]
    remove: Annotated[str, "the name that is to be removed, empty for none"]
    tries: Annotated[int, "how often that has failed"]
    zone: str
    why: Annotated[str, "what the last try came to"]


class Dns(TypedDict):
    """Dynamic DNS."""

    under_way: Annotated[int, "leases whose names are being updated"]
    owed: Annotated[int, "how many updates are owed, and will be tried again"]
    debts: list[Debt]
