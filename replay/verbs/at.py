"""`dhcpd-trace at`: what the server held at one moment."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import click

from ..command.console import JSON, TAPE, leave, opened, plain, print_json, print_pairs, print_table, seq_of_moment
from ..failover import standings
from ..looking.dns_names import held, is_updated, missing
from ..looking.leasetable import in_pool, lease_object, lease_row, lease_rows, pool_rows, when
from ..looking.moments import us_of
from ..playing.leases import lease_file_of
from ..playing.seek import machine_at
from ..playing.verdict import Status
from ..showing.describe import moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...engine.machine import Machine
    from ..looking.leasetable import LeaseRow, PoolRow

POOL_HEADS = ("network", "ranges", "addresses", "active", "free", "expired", "abandoned", "backup")
POOL_NUMBERS = POOL_HEADS[2:]
LEASE_HEADS = ("address", "state", "hardware", "client id", "host name", "starts", "ends")
_MICROSECONDS = 1_000_000


def address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """The callback of an option that takes an IPv4 address. Raises click.BadParameter."""
    if value is None:
        return None
    try:
        return int(IPv4Address(value))
    except ValueError:
        message = f"{value} is no IPv4 address"
        raise click.BadParameter(message) from None


@click.command()
@TAPE
@click.argument("moment_text", metavar="TIME|EVENT")
@click.option("--leases", is_flag=True, help="Every lease that was ever used.")
@click.option("--lease", callback=address, metavar="ADDRESS", help="The lease of this address.")
@click.option("--pool", callback=address, metavar="ADDRESS", help="The leases of the pool that has this address.")
@click.option("--failover", is_flag=True, help="Where each failover relationship stands, and what it waits for.")
@click.option("--lease-file", "as_file", is_flag=True, help="The leases as a dhcpd.leases file.")
@click.option("--state", "path", metavar="PATH", help="A part of the state as JSON: database.leases, . for all.")
@JSON
def at(
    trace: str,
    *,
    moment_text: str,
    leases: bool,
    lease: int | None,
    pool: int | None,
    failover: bool,
    as_file: bool,
    path: str | None,
    as_json: bool,
) -> None:
    """The leases, pools and any other state at one moment of a recording: after an event, or at a time (UTC).

    TIME|EVENT is 12 (an event), end (the last one, so far), +90s or +1h30m (from the first event), 14:05:00, or
    2026-11-24T14:05:00.
    """
    if sum([leases, lease is not None, pool is not None, failover, as_file, path is not None]) > 1:
        message = "say one of --leases, --lease, --pool, --failover, --lease-file, --state"
        raise click.UsageError(message)
    with opened(trace) as tape:
        seq = seq_of_moment(tape, moment_text, "TIME|EVENT")
        machine = machine_at(tape, seq)
        asked_us = max(us_of(tape, moment_text), _now_us(machine))
    if failover:
        _print_failover(machine, asked_us // _MICROSECONDS, as_json=as_json)
    elif path is not None:
        print_json(plain(_part(machine.snapshot(), path)))
    elif as_file:
        for piece in lease_file_of(machine, _now_us(machine) // _MICROSECONDS):
            click.echo(piece, nl=False)
    elif lease is not None or pool is not None or leases:
        _print_leases(machine, _chosen(machine, lease, pool), as_json=as_json)
    else:
        _print_summary(seq, machine, as_json=as_json)


def _print_failover(machine: Machine, now: int, *, as_json: bool) -> None:
    found = standings.standings(machine)
    if not found:
        leave("the configuration at that moment names no failover relationship", Status.UNJUDGED)
    for one in found:
        if as_json:
            print_json(standings.as_object(one, now))
        else:
            print_pairs(standings.pairs(one, now))
            print_table(standings.POOL_HEADS, map(standings.pool_cells, one.pools), standings.POOL_NUMBERS)


def _now_us(machine: Machine) -> int:
    return 0 if machine.server is None else machine.server.now_us


def _chosen(machine: Machine, lease: int | None, pool: int | None) -> list[LeaseRow]:
    if lease is not None:
        row = lease_row(machine, lease)
        if row is None:
            leave(f"no pool has {IPv4Address(lease)} at that moment", Status.UNJUDGED)
        return [row] if row is not None else []
    rows = lease_rows(machine)
    return rows if pool is None else list(in_pool(machine, rows, pool))


def _part(state: Any, path: str) -> Any:
    """What stands at a path of names and numbers with dots between."""
    here = state
    for step in filter(None, path.split(".")):
        try:
            here = here[step] if isinstance(here, dict) else here[int(step)]
        except (KeyError, IndexError, ValueError, TypeError):
            names = ", ".join(map(str, here)) if isinstance(here, dict) else f"{len(here)} items" if _many(here) else ""
            leave(f"the state has no {path}: {step!r} is none of {names or 'a plain value'}", Status.UNJUDGED)
    return here


def _many(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _print_leases(machine: Machine, rows: Iterable[LeaseRow], *, as_json: bool) -> None:
    """With the leases' names in DNS where the server looks after names."""
    named = is_updated(machine)
    if as_json:
        for row in rows:
            print_json(lease_object(row) | ({"dns": _dns_object(machine, row.address)} if named else {}))
    elif named:
        print_table((*LEASE_HEADS, "in DNS"), ((*lease_cells(row), _dns_cell(machine, row.address)) for row in rows))
    else:
        print_table(LEASE_HEADS, map(lease_cells, rows))


def _dns_cell(machine: Machine, address: int) -> str:
    """The name that DNS holds, what it is owed, what was refused."""
    forward, reverse = held(machine, address)
    return "; ".join(filter(None, (forward or reverse, *(one.text for one in missing(machine, address)))))


def _dns_object(machine: Machine, address: int) -> dict[str, Any]:
    forward, reverse = held(machine, address)
    lacking = [{"how": one.how, "name": one.name, "why": one.why} for one in missing(machine, address)]
    return {"name": forward, "reverse": reverse, "missing": lacking}


def lease_cells(row: LeaseRow) -> tuple[str, ...]:
    """A lease for LEASE_HEADS."""
    name = row.hostname.decode("ascii", "backslashreplace")
    cells = (str(IPv4Address(row.address)), row.state, row.hardware.hex(":"), row.uid.hex(":"), name)
    return (*cells, when(row.starts), when(row.ends))


def _print_summary(seq: int, machine: Machine, *, as_json: bool) -> None:
    pools = pool_rows(machine)
    if as_json:
        print_json({
            "seq": seq,
            "wall_us": _now_us(machine),
            "serving": machine.serving,
            "active": sum(pool.active for pool in pools),
            "pools": [pool._asdict() for pool in pools],
        })
        return
    print_pairs([
        ("after event", f"{seq:,}"),
        ("time", moment(_now_us(machine)) if _now_us(machine) else "before the configuration was read"),
        ("serving", "yes" if machine.serving else "no"),
        ("active leases", f"{sum(pool.active for pool in pools):,}"),
    ])
    if pools:
        print_table(POOL_HEADS, map(pool_cells, pools), POOL_NUMBERS)


def pool_cells(pool: PoolRow) -> tuple[str, ...]:
    """A pool for POOL_HEADS."""
    return (pool.network, pool.ranges, *(f"{count:,}" for count in pool[2:]))
