from __future__ import annotations

import random

import msgpack
import pytest

from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.reader import load_lease_file
from dhcpd.engine.lease.file.record import RecordWriter
from dhcpd.engine.lease.file.writer import SLICE_LEASES, Rewriter, header
from dhcpd.engine.model.lease import ACTIVE, FREE, RESERVED_FLAG
from dhcpd.engine.model.syntax import NOWHERE, Group
from tests.engine.lease.configurations import configuration, number, written

NOW = 1_800_000_000
FIRST = number("10.0.0.1")


def filled(leases: int, seed: int = 1) -> Database:
    """Two pools with active and free leases that have history."""
    choose = random.Random(seed)
    database = Database(configuration([("10.0.0.1", "10.0.15.255")], [("10.1.0.1", "10.1.0.50")]))
    for place in range(leases):
        lease = database.find(FIRST + place)
        assert lease is not None
        database.refile(lease, b"\x01\x02" + place.to_bytes(5, "big"), b"")
        lease.state, lease.next_state = choose.choice([(ACTIVE, FREE), (FREE, FREE)])
        lease.ends = NOW + choose.randrange(1000)
        database.requeue(lease, lease.ends)
    return database


def addresses(text: bytes) -> list[str]:
    return [line.split()[1].decode() for line in text.splitlines() if line.startswith(b"lease ")]


def test_an_empty_database_is_a_header() -> None:
    text, summary = written(Database(configuration([("10.0.0.1", "10.255.255.254")])))
    assert text == header() == (
        b"# The format of this file is documented in the dhcpd.leases(5) manual page.\n"
        b"# This lease file was written by isc-dhcp-4.4.3-P1\n\n"
        b"# authoring-byte-order entry is generated, DO NOT DELETE\n"
        b"authoring-byte-order little-endian;\n\n"
    )
    assert summary == ["Wrote 0 leases to leases file."]


def test_leases_stand_in_the_order_of_their_queues() -> None:
    database = filled(900)
    text, summary = written(database, NOW)
    first = database.configuration.pools[0]
    expected = [lease.address for state in (FREE, ACTIVE) for lease in database.queue(first, state)]
    assert [number(one) for one in addresses(text)] == expected
    assert len(expected) == 900
    assert summary == ["Wrote 900 leases to leases file."]


def test_what_says_nothing_is_left_out_but_a_reservation_is_not() -> None:
    database = Database(configuration([("10.0.0.1", "10.0.0.9")]))
    for place, flags in ((0, 0), (1, RESERVED_FLAG)):
        lease = database.find(FIRST + place)
        assert lease is not None
        lease.flags = flags
        lease.ends = NOW
        database.requeue(lease, lease.ends)
    assert addresses(written(database)[0]) == ["10.0.0.2"]


@pytest.mark.parametrize("seed", range(4))
def test_leases_that_change_while_it_is_written_are_not_lost(seed: int) -> None:
    """What the old file's reader would know afterwards: the rewrite, then the records appended meanwhile."""
    choose = random.Random(seed)
    database = filled(2000)
    rewriter = Rewriter(database, database.configuration, 0, NOW)
    records = RecordWriter(database.configuration)
    pieces: list[bytes] = []
    appended: list[bytes] = []
    while (piece := rewriter.next_slice()) is not None:
        pieces.append(piece)
        assert piece.count(b"lease ") <= SLICE_LEASES + 1
        for _change in range(100):
            lease = database.find(FIRST + choose.randrange(2000))
            assert lease is not None
            if lease.state == FREE and choose.random() < 0.5:
                lease.ends = NOW + 2000 + choose.randrange(9)  # an offer: no record
                database.requeue(lease, lease.ends)
            else:
                lease.state, lease.next_state = choose.choice([(ACTIVE, FREE), (FREE, FREE)])
                lease.ends = NOW + choose.randrange(3000)
                database.requeue(lease, lease.ends)
                appended.append(records.record(lease, NOW))
    again = Database(configuration([("10.0.0.1", "10.0.15.255")], [("10.1.0.1", "10.1.0.50")]))
    load_lease_file([*pieces, *appended], again, again.configuration, lambda _level, line: pytest.fail(line), "f", NOW)
    assert len(again) == 2000
    for lease in database.leases():
        other = again.find(lease.address)
        assert other is not None
        assert (other.state, other.hardware) == (lease.state, lease.hardware)


def test_a_rewrite_goes_on_from_a_snapshot() -> None:
    database = filled(1500)
    rewriter = Rewriter(database, database.configuration, 0, NOW)
    pieces = [rewriter.next_slice() for _slice in range(3)]
    data = msgpack.unpackb(msgpack.packb((database.snapshot(), rewriter.snapshot())))
    again = Database(database.configuration)
    again.restore(data[0])
    other = Rewriter(again, again.configuration)
    other.restore(data[1])
    assert all(piece is not None for piece in pieces)
    while (piece := rewriter.next_slice()) is not None:
        assert other.next_slice() == piece
    assert other.next_slice() is None
    assert other.summary() == rewriter.summary()


def test_a_lease_that_moves_while_it_is_written_is_written_once_from_a_snapshot_too() -> None:
    database = filled(600)
    for lease in list(database.leases()):
        database.requeue(lease, lease.ends)  # its first place is an old one now
    rewriter = Rewriter(database, database.configuration, 0, NOW)
    first = [rewriter.next_slice() for _slice in range(2)]
    data = msgpack.unpackb(msgpack.packb((database.snapshot(), rewriter.snapshot())))
    again = Database(database.configuration)
    again.restore(data[0])
    other = Rewriter(again, again.configuration)
    other.restore(data[1])
    assert other.snapshot() == rewriter.snapshot()
    for one in (database, again):
        for lease in list(one.leases()):
            one.requeue(lease, lease.ends)
    rest = list(iter(rewriter.next_slice, None))
    assert list(iter(other.next_slice, None)) == rest
    written_of = addresses(b"".join([*(piece or b"" for piece in first), *(piece or b"" for piece in rest)]))
    assert len(written_of) == len(set(written_of)) == 600


def test_classes_groups_and_hosts_have_lines_where_there_are_any() -> None:
    made = Database(configuration([("10.0.0.1", "10.0.0.9")], classes=(("gold", 1),)))
    made.declare(Group(NOWHERE, "g", []), b"group g { }")
    assert written(made)[1] == [
        "Wrote 0 class decls to leases file.",
        "Wrote 0 group decls to leases file.",
        "Wrote 0 leases to leases file.",
    ]
