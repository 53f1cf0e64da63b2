"""Everything that a report tells, as plain data: two passes over the tape, and a what-if where one is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from ...engine.model.lease import ACTIVE
from ..looking.leasetable import identifier
from .clients import WITHOUT_ADDRESS, Outcome
from .limits import CLIENTS_MAXIMUM
from .partners import partners
from .playing import Playing
from .stories import Stories, chosen
from .survey import Survey
from .texts import name_text, visible
from .troubles import troubles

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...engine.machine import Machine
    from ...trace import Tape, TapeInfo
    from ..looking.leasetable import PoolRow
    from ..looking.operations import Operation
    from ..playing.verdict import Verdict
    from ..whatif import Report
    from .clients import Client
    from .partners import Partner
    from .troubles import Trouble


@dataclass(slots=True)
class WhatIf:
    """A what-if's findings, and the name of the configuration that was tried."""

    name: str
    report: Report


@dataclass(slots=True)
class Findings:
    """What a recording holds. `listed` are the clients of the table, in the order of the first that matters.

    `pools` has for each bucket (by its number in survey.timeline) the pools at its end.
    """

    path: str
    info: TapeInfo
    octets: int
    complete: bool
    torn_octets: int
    survey: Survey
    verdict: Verdict
    pools: dict[int, list[PoolRow]]
    listed: list[Client]
    stories: Stories
    troubles: list[Trouble]
    operations: list[Operation]
    partners: list[Partner]
    operations_met: int = 0
    whatif: WhatIf | None = None


def collect(tape: Tape, whatif: WhatIf | None = None, watch: Callable[[int, int], None] | None = None) -> Findings:
    """Read and play a tape. `watch` is called now and then with (number, wall_us) of an event.

    Damage, a difference, and an engine that fails are findings; raises what keeps a tape from being read at all
    (TapeError).
    """
    survey = Survey()
    survey.read(tape, watch)
    differing = frozenset[bytes]() if whatif is None else _differing(whatif.report)
    ranked = chosen(survey.clients.values(), differing)
    stories = Stories(ranked)
    playing = Playing(stories, survey.timeline.span_us, survey.first_us)
    verdict = playing.run(tape, watch)
    if playing.machine is not None:
        _settle(ranked, playing.machine)
    for client in ranked:
        client.why = playing.kept_out.get(client.key, client.why)
    last_pools = playing.pools[max(playing.pools)] if playing.pools else []
    return Findings(
        path=Path(tape.path).name,
        info=tape.info,
        octets=Path(tape.path).stat().st_size,
        complete=tape.complete,
        torn_octets=tape.torn_bytes,
        survey=survey,
        verdict=verdict,
        pools=playing.pools,
        listed=ranked[:CLIENTS_MAXIMUM],
        stories=stories,
        troubles=troubles(survey, ranked, playing.fullness, last_pools, playing.machine),
        operations=playing.operations,
        partners=partners(tape, playing.machine),
        operations_met=playing.operations_met,
        whatif=whatif,
    )


def _differing(report: Report) -> frozenset[bytes]:
    """The clients that a what-if names by their hardware addresses."""
    found = set()
    for name, client in report.clients.items():
        if client.messages:
            try:
                found.add(bytes.fromhex(name.replace(":", "")))
            except ValueError:
                continue
    return frozenset(found)


def _settle(clients: list[Client], machine: Machine) -> None:
    """Mark who holds its last lease at the end of the recording, and whose is over, as the machine's leases tell."""
    server = machine.server
    if server is None:
        return
    for client in clients:
        lease = server.database.find(client.addresses[-1]) if client.addresses else None
        if lease is not None:
            client.holds = lease.state == ACTIVE and lease.hardware[1:] == client.hardware
            if client.outcome is Outcome.SERVED and not client.holds:
                client.outcome = Outcome.ENDED


def client_row(client: Client, stories: Stories) -> list[object]:
    """A row of the table of clients.

    Hardware, identifier, name, addresses, three counts, time, outcome, story or not, relays, circuits, why (a text's
    number).
    """
    own = client.identifier[1:] == client.hardware
    return [
        client.hardware.hex(":"),
        "" if own or not client.identifier else visible(identifier(client.identifier)),
        name_text(client.host_name),
        " ".join(str(IPv4Address(address)) for address in reversed(client.addresses)),
        client.messages,
        client.naks,
        client.unanswered,
        client.last_us,
        client.outcome.value,
        int(client.key in stories.by_client),
        " ".join(str(IPv4Address(relay)) for relay in client.relays),
        visible("; ".join(client.circuits)),
        stories.texts.number(client.why if client.outcome in WITHOUT_ADDRESS and not client.holds else ""),
    ]
