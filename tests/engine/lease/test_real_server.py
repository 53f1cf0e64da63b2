"""The same lease files before ISC dhcpd and before us: what is written at the start must be equal, octet by octet."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.reader import load_lease_file
from dhcpd.engine.lease.file.record import address_text
from dhcpd.engine.model.lease import ACTIVE
from tests.engine.lease.configurations import Ranges, conf_text, configuration, number, written
from tests.engine.lease.real_server import needs_real_server, rewrite, try_file

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_real_server

PAST, FUTURE = 1_700_000_000, 2_000_000_000
SITES: tuple[tuple[Ranges, ...], ...] = (
    ([("10.0.0.10", "10.0.0.40")],),
    (
        [("10.0.0.10", "10.0.0.12"), ("10.0.0.20", "10.0.0.22"), ("10.0.0.30", "10.0.0.40")],
        [("10.0.0.13", "10.0.0.19"), ("10.0.0.23", "10.0.0.29")],
    ),
    ([("10.0.128.100", "10.0.128.120"), ("10.2.7.10", "10.2.7.16")], [("10.2.7.17", "10.2.7.25")]),
)


def record(choose: random.Random, address: int) -> str:
    """A record as somebody may have left it; a reservation has a client (a difference of ours, else)."""
    state = choose.choice(["free", "free", "active", "active", "abandoned", "released", "expired", "reset", "backup"])
    lines = [f"lease {address_text(address)} {{"]
    if choose.random() < 0.5:
        lines.append(f"  starts epoch {PAST - choose.randrange(3)};")
    ends = choose.choice([0, PAST, PAST + 1])
    if state != "free" and choose.random() < 0.5:
        ends = FUTURE + choose.randrange(3)
    if ends:
        lines.append(f"  ends epoch {ends};")
    if choose.random() < 0.5:
        lines.append(f"  cltt epoch {PAST - choose.randrange(3)};")
    lines.append(f"  binding state {state};")
    if state not in {"free", "backup"} and choose.random() < 0.9:
        lines.append("  next binding state free;")
    reserved = choose.random() < 0.1
    if reserved:
        lines.append("  reserved;")
    if reserved or choose.random() < 0.9:
        lines.append(f"  hardware ethernet 02:00:00:00:00:{choose.randrange(5):02x};")
    for chance, line in (
        (0.3, f'  uid "\\001{choose.choice("abc")}\\"\\\\";'),
        (0.3, f'  set x = "{choose.choice("abc")}";\n  set y = %{choose.randrange(4)};'),
        (0.2, '  option agent.circuit-id 0:1:ff;\n  option agent.remote-id "a\\$b";'),
        (0.3, f'  client-hostname "{choose.choice("abc")}";'),
    ):
        if choose.random() < chance:
            lines.append(line)
    return "\n".join([*lines, "}\n"])


def ours(pools: tuple[Ranges, ...], leases: bytes) -> tuple[bytes, list[str]]:
    """What we write at the start, once what has run out has changed its state."""
    database = Database(configuration(*pools))
    now = int(time.time())
    load_lease_file([leases], database, database.configuration, lambda _level, line: pytest.fail(line), "f", now)
    for lease in [one for pool in database.pool_order for one in database.due(pool, now)]:
        if lease.state == ACTIVE:
            lease.tstp = lease.ends
            lease.hostname = None
            if lease.rare is not None:
                lease.rare.agent_options = None
        lease.state = lease.next_state
        database.requeue(lease, lease.ends)
    return written(database, now)


@pytest.mark.parametrize("seed", range(12))
def test_the_rewritten_file_is_the_same(tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    pools = SITES[seed % len(SITES)]
    addresses = [one for ranges in pools for low, high in ranges for one in range(number(low), number(high) + 1)]
    leases = "".join([record(choose, choose.choice(addresses)) for _record in range(60)]).encode()
    expected, log = rewrite(tmp_path, conf_text(*pools), leases)
    text, summary = ours(pools, leases)
    assert text == expected
    for line in summary:
        assert line in log


def test_the_real_server_reads_what_we_write(tmp_path: Path) -> None:
    pools = SITES[0]
    choose = random.Random(99)
    addresses = range(number("10.0.0.10"), number("10.0.0.41"))
    text, _summary = ours(pools, "".join([record(choose, one) for one in addresses]).encode())
    log = try_file(tmp_path, conf_text(*pools), text)
    assert "corrupt" not in log.lower()
    assert " line " not in log
    assert "Lease file test successful" in log
