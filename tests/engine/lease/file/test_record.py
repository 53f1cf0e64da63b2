from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.dates import DateReader, DateWriter, seconds_of
from dhcpd.engine.lease.file.record import RecordWriter, record_address
from dhcpd.engine.model.configuration import ClassName
from dhcpd.engine.model.lease import ABANDONED, ACTIVE, BOOTP_FLAG, FREE, NEVER, RESERVED_FLAG, Lease
from tests.engine.lease.configurations import configuration, number

if TYPE_CHECKING:
    from dhcpd.engine.model.configuration import Configuration

NOW = 1_795_467_390  # Monday 2026/11/23 20:56:30


def lease_of(made: Configuration) -> Lease:
    lease = Database(made).find(number("10.77.0.10"))
    assert lease is not None
    return lease


def site() -> Configuration:
    return configuration([("10.77.0.10", "10.77.0.20")], classes=(("gold", 3),))


def test_the_record_of_the_specification_byte_for_byte() -> None:
    made = site()
    lease = lease_of(made)
    lease.starts = lease.cltt = NOW
    lease.ends = NOW + 600
    lease.state = ACTIVE
    lease.hardware = bytes.fromhex("01020000000001")
    lease.uid = bytes.fromhex("01020000000001")
    lease.hostname = b"bob"
    rare = lease.rarely()
    rare.variables = {"n": 31, "t": True, "gone": None, "vendor-class-identifier": b"MSFT 5.0\0\1"}
    rare.agent_options = ((1, b'ab"\1'), (2, b"\0\1\xff"), (5, bytes((10, 77, 0, 0))), (153, b"hi\0"), (19, b""))
    assert RecordWriter(made).record(lease, NOW) == (
        b"lease 10.77.0.10 {\n"
        b"  starts 1 2026/11/23 20:56:30;\n"
        b"  ends 1 2026/11/23 21:06:30;\n"
        b"  cltt 1 2026/11/23 20:56:30;\n"
        b"  binding state active;\n"
        b"  next binding state free;\n"
        b"  rewind binding state free;\n"
        b"  hardware ethernet 02:00:00:00:00:01;\n"
        b'  uid "\\001\\002\\000\\000\\000\\000\\001";\n'
        b'  set vendor-class-identifier = "MSFT 5.0\\000\\001";\n'
        b"  set t = true;\n"
        b"  set n = %31;\n"
        b"  option agent.circuit-id 61:62:22:1;\n"
        b"  option agent.remote-id 0:1:ff;\n"
        b"  option agent.link-selection 10.77.0.0;\n"
        b'  option agent.unknown-153 "hi";\n'
        b'  client-hostname "bob";\n'
        b"}\n"
    )


def test_a_record_tells_its_address() -> None:
    database = Database(configuration([("10.0.0.1", "10.0.0.9")]))
    lease = database.find(number("10.0.0.9"))
    assert lease is not None
    assert record_address(RecordWriter(database.configuration).record(lease, 0)) == number("10.0.0.9")
    for other in (b"", b'host "lease 10.0.0.9" {\n}\n', b"lease 10.0.0 {\n}\n", b"lease 10.0.0.a {\n}\n"):
        assert record_address(other) is None


def test_an_address_that_nobody_had_and_somebody_answered_for() -> None:
    made = site()
    lease = lease_of(made)
    lease.state, lease.ends = ABANDONED, NOW
    lines = RecordWriter(made).record(lease, NOW).splitlines()
    assert lines[1:-1] == [
        b"  ends 1 2026/11/23 20:56:30;",
        b"  binding state abandoned;",
        b"  next binding state free;",
        b"  rewind binding state free;",
    ]


def test_rare_lines_stand_in_their_order() -> None:
    made = site()
    lease = lease_of(made)
    lease.state, lease.ends, lease.tstp = ACTIVE, NEVER, NOW
    lease.flags = RESERVED_FLAG | BOOTP_FLAG
    lease.hardware = b"\x01"
    rare = lease.rarely()
    rare.tsfp, rare.atsfp, rare.billing = NOW + 1, NOW + 2, made.classes[0]
    lines = RecordWriter(made).record(lease, NOW).decode().splitlines()
    assert lines[1:] == [
        "  ends never;",
        "  tstp 1 2026/11/23 20:56:30;",
        "  tsfp 1 2026/11/23 20:56:31;",
        "  atsfp 1 2026/11/23 20:56:32;",
        "  binding state active;",
        "  next binding state free;",
        "  rewind binding state free;",
        "  reserved;",
        "  dynamic-bootp;",
        '  billing class "gold";',
        "  hardware ethernet ;",
        "}",
    ]


@pytest.mark.parametrize(
    ("key", "text"), [(b"ab", '"ab"'), (b"\0\1", "00:01"), (b'a"', "61:22"), (b"a b", '"a b"')]
)
def test_a_subclass_is_named_by_its_value(key: bytes, text: str) -> None:
    made = site()
    lease = lease_of(made)
    lease.state, lease.ends = ACTIVE, NOW + 5
    lease.rarely().billing = ClassName("gold", key)
    writer = RecordWriter(made)
    assert f'  billing subclass "gold" {text};\n' in writer.record(lease, NOW).decode()
    assert b"billing" not in writer.record(lease, NOW + 5)


@pytest.mark.parametrize("name", [b'a"b', b"a\\b", b"a\xffb", b"a\nb"])
def test_a_host_name_that_cannot_be_quoted_is_left_out(name: bytes) -> None:
    made = site()
    lease = lease_of(made)
    lease.hostname = name
    assert b"client-hostname" not in RecordWriter(made).record(lease, NOW)


def test_the_formats_that_the_configuration_chooses() -> None:
    made = configuration([("10.77.0.10", "10.77.0.20")], lease_id_hex=True, local_times=True)
    lease = lease_of(made)
    lease.starts = 1_795_467_639
    lease.uid = b"\1\2"
    lease.hardware = bytes.fromhex("c90a")
    text = RecordWriter(made, utc_offset_s=-5 * 3600).record(lease, NOW).decode()
    assert "  starts epoch 1795467639; # Mon Nov 23 16:00:39 2026\n" in text
    assert "  uid 01:02;\n" in text
    assert "  hardware unknown-201 0a;\n" in text


def test_dates_are_read_as_they_are_written() -> None:
    for local in (False, True):
        writer = DateWriter(local=local, utc_offset_s=3600)
        reader = DateReader()
        for seconds in (1, 86399, 86400, 951782400, 1_709_164_800, NOW, NEVER - 1, NEVER):
            text = writer.text(seconds).partition(";")[0].encode()
            assert reader.read(text) == (NEVER if seconds == NEVER - 1 and not local else seconds)


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ((126, 11, 23, 20, 56, 30), NOW),
        ((2038, 1, 1, 0, 0, 0), NEVER),
        ((2037, 12, 31, 23, 59, 59), 2145916799),
        ((1960, 1, 1, 0, 0, 0), 0),
        ((2024, 2, 29, 0, 0, 0), 1709164800),
        ((2024, 3, 1, 0, 0, 0), 1709251200),
    ],
)
def test_dates_of_all_years(date: tuple[int, int, int, int, int, int], seconds: int) -> None:
    assert seconds_of(*date) == seconds


def test_a_free_lease_says_its_state_only() -> None:
    made = site()
    lease = lease_of(made)
    assert lease.state == FREE
    assert RecordWriter(made).record(lease, NOW) == b"lease 10.77.0.10 {\n  binding state free;\n}\n"
