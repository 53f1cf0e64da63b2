"""`dhcpd-trace diff`: what became of the leases between two moments."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import click

from ..command.console import JSON, TAPE, opened, print_json, print_lines, print_table, seq_of_moment
from ..command.progress import reading
from ..looking.difference import WORDS, difference
from ..looking.leasetable import lease_object, when

if TYPE_CHECKING:
    from ..looking.difference import Change, StateDifference

_HEADS = ("change", "address", "client", "before", "after")
_POOL_HEADS = ("network", "ranges", "active", "free", "expired", "abandoned")
_COUNTED = _POOL_HEADS[2:]


@click.command()
@TAPE
@click.argument("first", metavar="T1")
@click.argument("last", metavar="T2")
@JSON
def diff(trace: str, *, first: str, last: str, as_json: bool) -> None:
    """What became of the leases between two moments of a recording.

    T1 and T2 are written as for `at`. A lease that came and went between them is not seen; `history` sees it.
    """
    with opened(trace) as tape:
        begin, end = seq_of_moment(tape, first, "T1"), seq_of_moment(tape, last, "T2")
        if end < begin:
            message = f"it is before T1 (event {begin:,}): event {end:,}"
            raise click.BadParameter(message, param_hint="T2")
        with reading(tape, as_json=as_json, until=end) as progress:
            found = difference(tape, begin, end, progress.at)
    (_show_json if as_json else _show)(found)


def _show(found: StateDifference) -> None:
    counts = Counter(change.what for change in found.changes)
    summary = ", ".join(f"{counts[word]:,} {word}" for word in WORDS if counts[word]) or "no lease changed"
    print_lines(f"after event {found.first_seq:,}, and after event {found.last_seq:,}: {summary}")
    if found.changes:
        print_table(_HEADS, map(_cells, found.changes))
    before = {(pool.network, pool.ranges): pool for pool in found.pools_before}
    rows = []
    for pool in found.pools_after:
        old = before.get((pool.network, pool.ranges))
        counted = (_counted(0 if old is None else getattr(old, name), getattr(pool, name)) for name in _COUNTED)
        rows.append((pool.network, pool.ranges, *counted))
    if rows:
        print_table(_POOL_HEADS, rows, _COUNTED)


def _counted(before: int, after: int) -> str:
    return f"{after:,}" if before == after else f"{before:,} -> {after:,}"


def _cells(change: Change) -> tuple[str, ...]:
    _what, _address, old, new = change
    row = new if new is not None and new.who else old
    before = "" if old is None else f"{old.state} {when(old.ends)}".rstrip()
    if change.what == "moved" and old is not None:
        before = f"{IPv4Address(old.address)} {before}"
    after = "" if new is None else f"{new.state} {when(new.ends)}".rstrip()
    return change.what, str(IPv4Address(change.address)), "" if row is None else row.who, before, after


def _show_json(found: StateDifference) -> None:
    print_json({
        "first_seq": found.first_seq,
        "last_seq": found.last_seq,
        "changes": [
            {
                "change": change.what,
                "address": str(IPv4Address(change.address)),
                "before": None if change.before is None else lease_object(change.before),
                "after": None if change.after is None else lease_object(change.after),
            }
            for change in found.changes
        ],
        "pools_before": [pool._asdict() for pool in found.pools_before],
        "pools_after": [pool._asdict() for pool in found.pools_after],
    })
