"""The page: a template filled with findings, with its style, its script and its data inside, and nothing to be fetched.

Two doors keep a stranger's text from becoming markup: the template escapes all, and the data stands in an element that
is not run, as JSON without `<`, `>` and `&`; the script makes text of it, never markup. A content security policy
forbids everything but this very script and style, should both doors fail.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from ..playing.play import report
from ..playing.verdict import Status
from ..showing.describe import moment
from ..whatif import SENTENCES as DIFFERENCES
from . import charts, limits
from .clients import SENTENCES as OUTCOMES
from .clients import Outcome
from .findings import client_row
from .texts import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..looking.figures.histogram import Histogram
    from ..whatif import Change
    from ..whatif.report import Alike, GroupReport
    from .charts import Panel, PoolChart
    from .findings import Findings, WhatIf
    from .survey import Survey

_EXAMPLES: Final = 5
_PARTS_SHOWN: Final = 6
_VERDICTS: Final = {
    Status.SAME: ("same", "Plays the same"),
    Status.DIFFERENT: ("different", "Plays otherwise"),
    Status.DAMAGED: ("damaged", "Damaged"),
    Status.UNJUDGED: ("unjudged", "Cannot be played"),
}
_INTERVALS: Final = {
    "decision": ("Decided", "from a packet's arrival until the server had answered its batch"),
    "release": ("Released", "from a packet's arrival until its DHCPACK had left, the lease being on the disk"),
    "offer": ("Offers that waited", "from DHCPDISCOVER to an OFFER that came at a later event (a ping went before)"),
    "choice": ("Until the choice", "from a client's first DHCPDISCOVER to its DHCPREQUEST"),
    "acquire": ("Until the address", "from a client's first DHCPDISCOVER until its DHCPACK"),
    "again": ("Sent again", "from a message to the same message again: the client heard no answer, or did not wait"),
}


def _source(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text("utf-8")


def render(findings: Findings) -> str:
    """The page as HTML."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, loader=FunctionLoader(_source), trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = lambda number: f"{number:,}"
    environment.filters["when"] = lambda us: moment(us).removesuffix(" UTC").partition(".")[0]
    environment.filters["iso"] = lambda us: moment(us).removesuffix(" UTC").replace(" ", "T") + "Z"
    environment.filters["px"] = lambda place: f"{place:.1f}".removesuffix(".0")
    environment.filters["span"] = charts.span_text
    environment.filters["interval"] = charts.interval_text
    environment.filters["slug"] = charts.slug
    environment.filters["visible"] = visible
    style, script = _source("report.css"), _source("report.js")
    timeline = findings.survey.timeline
    traffic = charts.traffic(timeline) if timeline.columns else []
    pools = charts.pool_charts(timeline, findings.pools, limits.POOLS_MAXIMUM)
    return environment.get_template("report.html").render(
        **_values(findings),
        traffic=traffic,
        pools=pools,
        style=Markup(style),  # noqa: S704 - this package's own
        script=Markup(script),  # noqa: S704 - this package's own
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=Markup(embedded(_data(findings, traffic, pools))),  # noqa: S704 - no < in it
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}"


def embedded(value: object) -> str:
    """JSON that may stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _values(findings: Findings) -> dict[str, Any]:
    """What the template asks for."""
    survey = findings.survey
    kind, word = _VERDICTS[findings.verdict.status]
    return {
        "findings": findings,
        "survey": survey,
        "version": version("dhcpd"),
        "verdict_kind": kind,
        "verdict_word": word,
        "verdict_lines": [visible(line) for line in report(findings.verdict)],
        "pool_rows": findings.pools[max(findings.pools)] if findings.pools else [],
        "intervals": [
            (*_INTERVALS[name], one, charts.interval_chart(one)) for name, one in _intervals(survey) if one.count
        ],
        "troubles": findings.troubles,
        "parts_shown": _PARTS_SHOWN,
        "served": sum(client.holds for client in survey.clients.values()),
        "unanswered": sum(survey.silences.values()),
        "left": charts.LEFT,
        "right": charts.RIGHT,
        "limits": _limits(findings),
        "whatif": findings.whatif,
        "differences": DIFFERENCES,
        "groups": [] if findings.whatif is None else _groups(findings.whatif),
    }


def _intervals(survey: Survey) -> list[tuple[str, Histogram]]:
    """The distributions in the order of a packet's way."""
    times = survey.times
    return [
        ("decision", times.decision), ("release", times.release), ("offer", survey.offers),
        ("choice", survey.choices), ("acquire", times.acquire), ("again", times.again),
    ]  # fmt: skip


def _listed_in(findings: Findings) -> list[tuple[str, list[int]]]:
    """Each part of a trouble that has clients, in the page's order: what a filter calls it, and their rows."""
    rows = {client.key: place for place, client in enumerate(findings.listed)}
    return [
        (visible(f"{trouble.title}: {part.text}"), [rows[one.key] for one in part.clients if one.key in rows])
        for trouble in findings.troubles
        for part in trouble.parts
        if part.clients
    ]


def _groups(whatif: WhatIf) -> list[tuple[GroupReport, list[Alike], int]]:
    """Each group of differences, the first of those that many clients met alike, and how many more there are."""
    made = []
    for one in whatif.report.groups():
        alike = [row for row in whatif.report.alike if row.group is one.group]
        made.append((one, alike[:_EXAMPLES], len(alike) - len(alike[:_EXAMPLES])))
    return made


def _limits(findings: Findings) -> list[str]:
    """What this page leaves out, as sentences."""
    survey, stories = findings.survey, findings.stories
    clients, told = len(survey.clients), len(stories.by_client)
    made = []
    if clients > len(findings.listed):
        made.append(f"The table lists {len(findings.listed):,} of {clients:,} clients; all are counted.")
    if clients > told:
        made.append(
            f"{told:,} clients have a story (at most {limits.STORIES_MAXIMUM:,}, and {limits.STORY_LINES_MAXIMUM:,}"
            " lines in all): those with differences, with trouble, and with the most messages come first."
        )
    if any(story.left_out for story in stories.by_client.values()):
        made.append(
            f"A long story keeps its first {limits.STORY_HEAD_MAXIMUM} and its last {limits.STORY_TAIL_MAXIMUM}"
            " messages."
        )
    if findings.operations_met > len(findings.operations):
        told_operations = len(findings.operations)
        made.append(f"Of {findings.operations_met:,} things that were done to the server {told_operations:,} are told.")
    if stories.left_out_packets:
        made.append(f"{limits.PACKETS_MAXIMUM:,} different packets are decoded; {stories.left_out_packets:,} are not.")
    made.append(
        f"Reasons are told for a client's first {limits.REASONS_FIRST_MAXIMUM} messages and for the first"
        f" {limits.REASONS_TROUBLE_MAXIMUM} after them that were refused or met silence; for every other event:"
        " dhcpd-trace explain."
    )
    return made


def _data(findings: Findings, traffic: list[Panel], pools: list[PoolChart]) -> dict[str, Any]:
    """What the script asks for; numbers of texts and packets are places in their tables."""
    survey, stories = findings.survey, findings.stories
    timeline = survey.timeline
    return {
        "first_us": survey.first_us,
        "start_us": timeline.numbers.start * timeline.span_us,
        "span_us": timeline.span_us,
        "buckets": len(timeline.numbers),
        "series": [panel.series for panel in traffic],
        "pools": [chart.values for chart in pools],
        "clients": [client_row(client, stories) for client in findings.listed],
        "troubles": _listed_in(findings),
        "outcomes": {outcome.value: OUTCOMES[outcome] for outcome in Outcome},
        "texts": stories.texts.table,
        "packets": stories.packets,
        "stories": {
            place: {"left_out": story.left_out, "lines": story.lines}
            for place, client in enumerate(findings.listed)
            if (story := stories.by_client.get(client.key)) is not None
        },
        "whatif": None if findings.whatif is None else _whatif_data(findings.whatif),
    }


def _whatif_data(whatif: WhatIf) -> dict[str, Any]:
    """By client: its groups with counts, and the first difference of each."""
    clients = [client for client in whatif.report.clients.values() if client.messages]
    told = clients[: limits.WHATIF_CLIENTS_MAXIMUM]
    return {
        "groups": {client.client: dict(client.messages) for client in clients[: limits.CLIENTS_MAXIMUM]},
        "sentences": {group.value: sentence for group, sentence in DIFFERENCES.items()},
        "examples": {
            client.client: [[one.seq, one.wall_us, *_change(one.change)] for one in client.examples.values()]
            for client in told
        },
    }


def _change(change: Change) -> Sequence[object]:
    rows = [*change.fields, *change.consequences]
    return (
        change.group.value,
        visible(change.text),
        [[one.name, *(None if side is None else visible(side) for side in (one.recorded, one.new))] for one in rows],
    )


