"""Which waiting requests are thrown away under overload; the clock is the test's."""

import socket
import struct

import pytest

from dhcpd.backlog import READS_MAXIMUM, STANDING_BATCHES, Backlog, Tally, came_us, fresh_since, is_stale

NOW_US = 1_800_000_000_000_000
DISCOVER = bytes(240) + b"\x35\x01\x01"
REQUEST = bytes(240) + b"\x35\x01\x03"


def stamp(age_us):
    seconds, rest = divmod(NOW_US - age_us, 1_000_000)
    return [(socket.SOL_SOCKET, 35, struct.pack("@ll", seconds, rest * 1000)), (263, 8, bytes(20))]


@pytest.mark.parametrize(
    ("message", "age_us", "stale"),
    [
        (DISCOVER, 199_000, False),
        (DISCOVER, 201_000, True),
        (REQUEST, 799_000, False),
        (REQUEST, 801_000, True),
        (bytes(300), 799_000, False),
        (b"", 801_000, True),
        (DISCOVER, -3_600_000_000, False),
    ],
)
def test_age(message, age_us, stale):
    came = came_us(stamp(age_us))
    assert is_stale(message, 0, came, NOW_US) is stale
    assert is_stale(bytes(42) + message, 42, came, NOW_US) is stale


def test_without_a_stamp_nothing_is_stale():
    assert came_us([(263, 8, bytes(20))]) is None
    assert came_us([(socket.SOL_SOCKET, 35, b"short")]) is None
    assert not is_stale(DISCOVER, 0, None, NOW_US)


def test_a_queue_stands_when_no_batch_of_a_second_found_its_end():
    backlog = Backlog()
    for batch in range(1, 12):
        backlog.begin(batch, batch * 100_000)
        assert not backlog.standing
    backlog.begin(12, 1_200_000)
    assert backlog.standing
    backlog.emptied(1_200_000)
    backlog.begin(13, 1_300_000)
    assert not backlog.standing


def test_a_queue_does_not_stand_for_a_pause_of_the_loop():
    backlog = Backlog()
    backlog.begin(1, 100_000)
    for batch in range(2, STANDING_BATCHES + 1):
        backlog.begin(batch, 5_000_000)
        assert not backlog.standing


def test_a_queue_that_was_not_readable_in_between_had_been_emptied():
    backlog = Backlog()
    backlog.begin(1, 0)
    backlog.begin(3, 5_000_000)
    assert not backlog.standing


def test_the_tally_speaks_at_once_and_then_every_ten_seconds_until_all_is_told():
    tally = Tally()
    assert tally.told(1) is None
    tally.add(3)
    assert tally.told(2).text.startswith("3 requests dropped")
    tally.add(READS_MAXIMUM)
    assert tally.told(9_000_000) is None
    tally.add(1)
    assert tally.told(10_000_001) is None
    assert tally.told(10_000_002).text.startswith(f"{READS_MAXIMUM + 1} requests dropped")
    assert tally.told(30_000_000) is None


def test_of_a_crowded_queue_no_discover_is_fresh():
    assert fresh_since(NOW_US, crowded=False) == (NOW_US - 200_000, NOW_US - 800_000)
    discovers, others = fresh_since(NOW_US, crowded=True)
    assert discovers > NOW_US
    assert others == NOW_US - 800_000
