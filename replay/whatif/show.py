"""A what-if's report for people: the groups, the clients of each, how the pools stand, and one client's story."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from ..command.console import rich_console
from ..showing.describe import clock
from ..showing.terminal import safe
from .report import SENTENCES

if TYPE_CHECKING:
    from rich.console import Console

    from .report import Alike, Change, ClientReport, GroupReport, Report

# Columns that everything fits into but a client's story, which stands side by side.
WIDTH: Final = 100
ALIKE_SHOWN: Final = 10
NAME_MAXIMUM: Final = 20
_FAILURE_LINES: Final = 8
_GAP: Final = (0, 2, 0, 0)


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=_GAP, header_style="bold", show_header=any(heads))
    for head in heads:
        table.add_column(head, justify="right" if head in _NUMBERS else "left")
    return table


_NUMBERS: Final = frozenset({"clients", "messages", "event", "addresses", "active", "free", "abandoned"})


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
        console.print("")
        console.print(Text(one.group, style="bold"))
        alike = [row for row in report.alike if row.group == one.group]
        shown = alike if everything else alike[:ALIKE_SHOWN]
        for row in shown:
            _print_wrapped(console, _alike_words(row))
        if len(shown) < len(alike):
            console.print(Text(f"  and {len(alike) - len(shown):,} more: --all lists them, and every client"))
        if everything:
            _show_clients(console, report, one)


def _alike_words(row: Alike) -> str:
    clients = "1 client" if row.clients == 1 else f"{row.clients:,} clients"
    return f"{row.text}: {clients}, {'first' if row.messages > 1 else 'at'} event {row.seq:,} of {row.client}"


def _show_clients(console: Console, report: Report, group: GroupReport) -> None:
    """Each client of a group with its first difference."""
    for client in sorted(report.in_group(group.group), key=lambda client: client.examples[group.group].seq):
        example = client.examples[group.group]
        times = f" ({client.messages[group.group]:,} messages)" if client.messages[group.group] > 1 else ""
        _print_wrapped(console, f"{client.client}  event {example.seq:,}  {_told(example.change)}{times}")


def _print_wrapped(console: Console, text: str, indent: str = "  ") -> None:
    """A paragraph in lines of at most WIDTH characters; a longer word is not cut."""
    for line in wrap(safe(text), WIDTH, initial_indent=indent, subsequent_indent=indent + "    ",
                     break_on_hyphens=False, break_long_words=False):  # fmt: skip
        console.print(Text(line))


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
        first, *others = pool.ranges or ("no range",)
        table.add_row(first, _shortened(pool.network), *(f"{number:,}" for number in numbers))
        for one in others:
            table.add_row(one)
    console.print("")
    console.print(table)


def _shortened(name: str) -> str:
    return name if len(name) <= NAME_MAXIMUM else f"{name[: NAME_MAXIMUM - 3]}..."


def _show_errors(console: Console, report: Report) -> None:
    if not report.errors:
        return
    console.print("")
    console.print(Text("errors logged now", style="bold"))
    for line in report.errors:
        _print_wrapped(console, f"{line.text} (then {line.recorded_times:,}, now {line.times:,})")


def _show_end(console: Console, report: Report) -> None:
    notes = list(report.notices)
    if report.consequences:
        notes.append(f"{report.consequences:,} answers are not counted: their clients could not have asked any more")
    notes += [f"host name {name}: not in the recording, taken as unknown" for name in report.unknown_names]
    console.print("")
    for note in notes:
        _print_wrapped(console, f"note: {note}", indent="")
    if report.failure:
        console.print(Text("The engine failed, which is a defect of dhcpd:", style="bold red"))
        for line in report.failure.rstrip().splitlines()[-_FAILURE_LINES:]:
            console.print(Text(f"  {line}"))
    if report.damage:
        _print_wrapped(console, f"up to the damage: {report.damage}", indent="")
    clients = sum(1 for client in report.clients.values() if client.messages)
    console.print(Text(f"{report.differences:,} differences, {clients:,} clients"))


def show_story(client: ClientReport) -> None:
    """One client's exchanges: then and now."""
    console = rich_console()
    console.print(Text(f"client {client.client}", style="bold"))
    for one in client.story:
        console.print("")
        console.print(Text(f"event {one.seq:,}  {clock(one.wall_us)}", style="bold red" if one.changes else "bold"))
        said_now, _, why = (one.said_now or "the same").removesuffix(")").partition(" (")
        now = "nothing" if one.withheld else said_now
        width = max(len(one.said), len(now))
        _print_wrapped(console, f"then  {one.said:<{width}}  -> {one.heard}")
        _print_wrapped(console, f"now   {now:<{width}}" + ("" if one.withheld else f"  -> {one.heard_now}"))
        if one.withheld or why:
            _print_wrapped(console, f"({one.withheld or why})", indent="        ")
        for change in one.changes:
            _print_wrapped(console, f"{change.group}: {_told(change)}")
