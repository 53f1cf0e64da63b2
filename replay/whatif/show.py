"""A what-if's report for people: the groups, the clients of each, how the pools stand, and one client's story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from ..command.console import rich_console
from ..showing.describe import clock
from .report import SENTENCES

if TYPE_CHECKING:
    from rich.console import Console

    from .report import Change, ClientReport, GroupReport, Report

CLIENTS_SHOWN: Final = 5
_FAILURE_LINES: Final = 8
_GAP: Final = (0, 2, 0, 0)


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=_GAP, header_style="bold", show_header=any(heads))
    for head in heads:
        table.add_column(head, justify="right" if head in _NUMBERS else "left")
    return table


_NUMBERS: Final = frozenset({"clients", "messages", "event", "addresses", "active", "free", "abandoned", "then", "now"})


def show(report: Report, *, everything: bool) -> None:
    """The whole report; `everything` lists each client."""
    console = rich_console()
    if report.refused:
        console.print(Text("The configuration does not come to serve:", style="bold red"))
        for line in report.refused:
            console.print(Text(f"  {line}"))
        return
    console.print(Text(f"{report.events:,} events, {report.messages:,} messages of {report.clients_seen:,} clients"))
    groups = report.groups()
    if groups:
        _show_groups(console, report, groups, everything=everything)
    _show_pools(console, report)
    _show_errors(console, report)
    _show_end(console, report)


def _show_groups(console: Console, report: Report, groups: list[GroupReport], *, everything: bool) -> None:
    table = _table("difference", "clients", "messages", "what it is")
    for one in groups:
        table.add_row(one.group, f"{one.clients:,}", f"{one.messages:,}", SENTENCES[one.group])
    console.print("")
    console.print(table)
    for one in groups:
        clients = sorted(report.in_group(one.group), key=lambda client: client.examples[one.group].seq)
        shown = clients if everything else clients[:CLIENTS_SHOWN]
        console.print("")
        console.print(Text(one.group, style="bold"))
        rows = _table("", "", "", "")
        for client in shown:
            example = client.examples[one.group]
            times = f" ({client.messages[one.group]:,} messages)" if client.messages[one.group] > 1 else ""
            rows.add_row(f"  {client.client}", f"event {example.seq:,}", Text(f"{_told(example.change)}{times}"))
        console.print(rows)
        if len(shown) < len(clients):
            console.print(Text(f"  and {len(clients) - len(shown):,} more clients: --all lists them"))


def _told(change: Change) -> str:
    if not change.consequences:
        return change.text
    names = ", ".join(one.name.removeprefix("option ") for one in change.consequences)
    return f"{change.text}, and with it {names}"


def _show_pools(console: Console, report: Report) -> None:
    if not report.pools:
        return
    table = _table("pool at the end", "network", "addresses", "active", "free", "abandoned")
    for pool in report.pools:
        numbers = (pool.addresses, pool.active, pool.free, pool.abandoned)
        table.add_row(" ".join(pool.ranges), pool.network, *(f"{number:,}" for number in numbers))
    console.print("")
    console.print(table)


def _show_errors(console: Console, report: Report) -> None:
    if not report.errors:
        return
    table = _table("errors logged now", "then", "now")
    for line in report.errors:
        table.add_row(Text(line.text), f"{line.recorded_times:,}", f"{line.times:,}")
    console.print("")
    console.print(table)


def _show_end(console: Console, report: Report) -> None:
    notes = list(report.notices)
    if report.consequences:
        notes.append(f"{report.consequences:,} answers are not counted: their clients could not have asked any more")
    notes += [f"host name {name}: not in the recording, taken as unknown" for name in report.unknown_names]
    console.print("")
    for note in notes:
        console.print(Text(f"note: {note}"))
    if report.failure:
        console.print(Text("The engine failed, which is a defect of dhcpd:", style="bold red"))
        for line in report.failure.rstrip().splitlines()[-_FAILURE_LINES:]:
            console.print(Text(f"  {line}"))
    if report.damage:
        console.print(Text(f"up to the damage: {report.damage}"))
    clients = sum(1 for client in report.clients.values() if client.messages)
    console.print(Text(f"{report.differences:,} differences, {clients:,} clients"))


def show_story(client: ClientReport) -> None:
    """One client's exchanges: then and now."""
    console = rich_console()
    console.print(Text(f"client {client.client}", style="bold"))
    for one in client.story:
        console.print("")
        console.print(Text(f"event {one.seq:,}  {clock(one.wall_us)}", style="bold red" if one.changes else "bold"))
        table = _table("", "", "")
        table.add_row("  then", Text(one.said), Text(f"-> {one.heard}"))
        now = f"nothing: {one.withheld}" if one.withheld else one.said_now or "the same"
        table.add_row("  now", Text(now), "" if one.withheld else Text(f"-> {one.heard_now}"))
        console.print(table)
        for change in one.changes:
            console.print(Text(f"  {change.group}: {_told(change)}", style="red"))
