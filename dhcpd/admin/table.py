"""Everything that can be asked: requests are answered from this table, and the OpenAPI description is made of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ..engine.model.lease import STATE_NAMES
from ..replay.looking.figures.exposition import CONTENT_TYPE
from . import changes, shapes
from .answers import configuration, declarations, leases, metrics, names, places, recorded, status
from .openapi import description
from .parameters import ADDRESS, OCTETS, TEXT, TIME, TRUTH, Parameter, number, word
from .routes import JSON, Route, Routes, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .site import Site

PAGE_ROWS: Final = 100
PAGE_ROWS_MAXIMUM: Final = 1_000
_TYPE_MAXIMUM: Final = 255
_POOLS_MAXIMUM: Final = 1_000_000
_HOURS_MAXIMUM: Final = 8_760
_EXPLAINED_MAXIMUM: Final = 100

_ADDRESS: Final = Parameter("address", ADDRESS, "An address of a range.", required=True)
_NAME: Final = Parameter("name", TEXT, "The name of a host declaration.", required=True)
_LIMIT: Final = Parameter("limit", number(1, PAGE_ROWS_MAXIMUM), "At most so many rows.", default=PAGE_ROWS)
_LEASE_FILTERS: Final = (
    Parameter("state", word(*STATE_NAMES[1:]), "Leases in this state."),
    Parameter("pool", number(0, _POOLS_MAXIMUM), "Leases of the pool of this number."),
    Parameter("network", TEXT, "Leases of this shared network, or of this subnet."),
    Parameter("hardware", OCTETS, "Leases of this hardware address."),
    Parameter("client_id", OCTETS, "Leases of this client identifier."),
    Parameter("hostname", TEXT, "Leases of clients that give themselves this name, in any case of letters."),
    Parameter("ends_before", TIME, "Leases that end before this moment (seconds since 1970)."),
    Parameter("ends_after", TIME, "Leases that end after this moment (seconds since 1970)."),
    Parameter("reserved", TRUTH, "Leases that are kept for their client, or that are not."),
)
_HOST_FIELDS: Final = (
    _NAME,
    Parameter("hardware", OCTETS, "The client's hardware address."),
    Parameter("hardware_type", number(0, _TYPE_MAXIMUM), "Its type; 1 is Ethernet.", default=1),
    Parameter("client_id", OCTETS, "The client's identifier."),
    Parameter("address", ADDRESS, "The address that it always gets."),
    Parameter("group", TEXT, "The group whose statements are for it."),
    Parameter("statements", TEXT, "Statements of dhcpd.conf for it."),
)


def _openapi(_site: Site, _values: Mapping[str, Any]) -> Text:
    return Text(JSON, _DESCRIPTION)


def _lease_change(verb: str, summary: str) -> Route:
    return Route(
        "POST", f"/v1/leases/{{address}}/{verb}", summary, shapes.Done, changes.lease_command(f"lease-{verb}"),
        within=(_ADDRESS,),
    )  # fmt: skip


_QUESTIONS: Final = (
    Route("GET", "/v1/status", "The server as a whole.", shapes.Status, status.status),
    Route(
        "GET", "/v1/leases", "Leases that fit everything that is given, by address, a page at a time.", shapes.Leases,
        leases.page,
        query=(*_LEASE_FILTERS, Parameter("after", ADDRESS, "Leases behind this address."), _LIMIT),
    ),
    Route("GET", "/v1/leases/{address}", "The lease of an address.", shapes.Lease, leases.one, within=(_ADDRESS,)),
    Route(
        "GET", "/v1/clients/{client}", "What is known of a client, by address, hardware, identifier or host name.",
        shapes.Client, leases.client,
        within=(Parameter("client", TEXT, "Who: 10.0.0.7, 02:00:00:00:00:01 or a name.", required=True),),
    ),
    Route("GET", "/v1/pools", "All pools, with how many addresses are in which state.", shapes.Pools, places.pools),
    Route(
        "GET", "/v1/hosts", "Host declarations in force, a page at a time.", shapes.Hosts, declarations.hosts,
        query=(Parameter("after", TEXT, "Hosts behind the one of this name."), _LIMIT),
    ),
    Route("GET", "/v1/hosts/{name}", "A host declaration.", shapes.Host, declarations.host, within=(_NAME,)),
    Route("GET", "/v1/classes", "All classes.", shapes.Classes, declarations.classes),
    Route("GET", "/v1/failover", "The failover relationships.", shapes.Failover, places.failover),
    Route("GET", "/v1/dns", "Names that name servers have missed, and that will be tried again.", shapes.Dns, names.dns,
          query=(_LIMIT,)),
    Route(
        "GET", "/v1/configuration", "What somebody gets by the configuration in force, with the place of each value.",
        shapes.Effective, configuration.configuration,
        query=(Parameter("what", TEXT, "An address, subnet (10.0.0.0/24), host or class, or `all`.", default="all"),),
    ),
    Route(
        "GET", "/v1/explain", "Why a client was answered as it was, by the recording.", shapes.Explanations,
        recorded.explain,
        query=(
            Parameter("client", TEXT, "Who: an address, hardware address, identifier or host name.", required=True),
            Parameter("hours", number(1, _HOURS_MAXIMUM), "Messages of so many hours.", default=24),
            Parameter("count", number(1, _EXPLAINED_MAXIMUM), "At most the last so many messages.", default=4),
            Parameter("until", TIME, "Messages up to this second, and of so many hours before it; now without it."),
        ),
    ),
    Route(
        "GET", "/v1/reloads", "What each reload has changed, and for whom, by the recording.", shapes.Reloads,
        recorded.reloads,
        query=(Parameter("hours", number(1, _HOURS_MAXIMUM), "Reloads of so many hours.", default=48),),
    ),
    Route(
        "GET", "/v1/report", "A file of the recording as a page: traffic, pools, troubles, every client's story.", None,
        recorded.report, content_type=recorded.HTML,
        query=(Parameter("file", TEXT, "The name of the file; without it, the one that is written now."),),
    ),
    Route("GET", "/v1/recording", "The recording of this run.", shapes.Recording, status.recording),
    Route("GET", "/metrics", "Counters and states, in the text format of Prometheus.", None, metrics.metrics,
          content_type=CONTENT_TYPE, everywhere=True),
    Route("GET", "/openapi.json", "This description.", None, _openapi),
)  # fmt: skip
_CHANGES: Final = (
    Route("POST", "/v1/reload", "Read the configuration again; all of it is taken over, or nothing.", shapes.Reloaded,
          changes.reload),
    Route("POST", "/v1/recording/rotate", "Begin a new file of the recording.", shapes.Recording, changes.rotate),
    _lease_change("release", "End the use of an address, as if its client had given it back."),
    _lease_change("abandon", "Leave an address alone for a time, whoever has it."),
    _lease_change("reserve", "Keep an address for the client that has it, or had it last."),
    _lease_change("unreserve", "Keep an address for nobody any more."),
    Route("POST", "/v1/hosts", "Declare a host.", shapes.Done, changes.add_host, body=_HOST_FIELDS),
    Route("DELETE", "/v1/hosts/{name}", "Remove a host declaration, for good.", shapes.Done, changes.remove_host,
          within=(_NAME,)),
)  # fmt: skip

ROUTES: Final = Routes((*_QUESTIONS, *_CHANGES))
_DESCRIPTION: Final = json.dumps(description(ROUTES), indent=1).encode()
