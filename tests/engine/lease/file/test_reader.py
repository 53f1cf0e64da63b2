from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file import reader
from dhcpd.engine.lease.file.reader import load_lease_file
from dhcpd.engine.lease.file.record import RecordWriter
from dhcpd.engine.model.configuration import ClassName
from dhcpd.engine.model.lease import (
    ABANDONED,
    ACTIVE,
    BACKUP,
    BOOTP_FLAG,
    EXPIRED,
    FREE,
    NEVER,
    RELEASED,
    RESERVED_FLAG,
    Lease,
)
from tests.engine.lease.configurations import configuration, number, written

if TYPE_CHECKING:
    from dhcpd.engine.lease.file.tokens import Item
    from dhcpd.engine.model.configuration import Configuration

NOW = 1_795_467_390  # Monday 2026/11/23 20:56:30
# The last second of 2037: what is later is written as it is, and read as never.
LAST_DATE = 2_145_916_799
FILE = "/var/lib/dhcp/dhcpd.leases"


def site(peer: str | None = None) -> Configuration:
    return configuration([("10.0.0.10", "10.0.0.99")], classes=(("gold", 2), ("none", 0)), peer=peer)


def read(text: bytes, made: Configuration | None = None, piece: int = 1 << 20) -> tuple[Database, list[str]]:
    """The database, and what was said."""
    made = made or site()
    database = Database(made)
    lines: list[str] = []
    parts = [text[at : at + piece] for at in range(0, len(text), piece)]
    load_lease_file(parts, database, made, lambda _level, line: lines.append(line), FILE, NOW)
    assert not parts
    return database, lines


def one(statements: str, made: Configuration | None = None) -> tuple[Lease, list[str]]:
    """The lease of a record with these statements, on lines of their own."""
    database, lines = read(f"lease 10.0.0.10 {{\n{statements}\n}}\n".encode("latin-1"), made)
    lease = database.find(number("10.0.0.10"))
    assert lease is not None
    return lease, lines


def entered(database: Database) -> list[str]:
    return sorted(f"10.0.0.{lease.address & 255}" for lease in database.leases())


GOOD = b"""lease 10.0.0.%d {
  starts 1 2026/11/23 20:56:30;
  ends 1 2026/11/23 21:06:30;
  cltt 1 2026/11/23 20:56:30;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 02:00:00:00:00:%02x;
  uid "\\001\\002\\"\\\\x";
  set vendor-class-identifier = "MSFT 5.0";
  set n = %%-3;
  set yes = true;
  option agent.circuit-id "eth\\$0";
  option agent.remote-id 0:1:ff;
  client-hostname "bob";
}
"""


def test_a_record_as_it_is_written() -> None:
    database, lines = read(GOOD % (10, 1))
    assert not lines
    lease = database.find(number("10.0.0.10"))
    assert lease is not None
    assert (lease.starts, lease.ends, lease.cltt, lease.tstp) == (NOW, NOW + 600, NOW, NOW + 600)
    assert (lease.state, lease.next_state, lease.rewind_state) == (ACTIVE, FREE, FREE)
    assert lease.hardware == bytes.fromhex("01020000000001")
    assert lease.uid == b'\1\2"\\x'
    assert lease.hostname == b"bob"
    assert lease.rare is not None
    assert lease.rare.variables == {"vendor-class-identifier": b"MSFT 5.0", "n": -3, "yes": True}
    assert lease.rare.agent_options == ((1, b"eth$0"), (2, b"\0\1\xff"))


def test_the_layout_does_not_matter() -> None:
    squeezed = b" ".join((GOOD % (10, 1)).split()).replace(b"02:00", b"2 : 0") + b"# the end"
    canonical, _lines = read(GOOD % (10, 1))
    database, lines = read(squeezed)
    assert not lines
    assert database.snapshot() == canonical.snapshot()


@given(size=st.integers(1, 700))
@settings(max_examples=40, deadline=None)
def test_the_pieces_in_which_the_file_comes_do_not_show(size: int) -> None:
    text = b"# comment\n" + GOOD % (10, 1) + b'server-duid "\\000\\001";\n\n' + GOOD % (11, 2)
    text += b"junk; # and\n" + GOOD % (12, 3)
    whole, lines = read(text)
    pieces, other_lines = read(text, piece=size)
    assert pieces.snapshot() == whole.snapshot()
    assert other_lines == lines == ["Corrupt lease file - possible data loss!"]
    assert entered(whole) == ["10.0.0.10", "10.0.0.11", "10.0.0.12"]


def test_the_last_record_of_an_address_counts_alone() -> None:
    database, _lines = read(GOOD % (10, 1) + b"lease 10.0.0.10 {\n  binding state free;\n}\n")
    lease = database.find(number("10.0.0.10"))
    assert lease is not None
    assert (lease.state, lease.hardware, lease.uid, lease.hostname, lease.rare) == (FREE, b"", b"", None, None)
    assert not database.by_hardware(bytes.fromhex("01020000000001"))


def test_an_address_that_is_in_no_range_any_more_is_dropped() -> None:
    database, lines = read(b"lease 10.9.9.9 {\n  binding state free;\n}\n" + GOOD % (10, 1))
    assert lines == ["lease 10.9.9.9: no subnet."]
    assert entered(database) == ["10.0.0.10"]


@pytest.mark.parametrize(
    ("statement", "field", "value"),
    [
        ("starts never;", "starts", NEVER),
        ("ends epoch 1795467390;", "ends", NOW),
        ("ends epoch 1795467390; # Mon Nov 23 15:56:30 2026", "ends", NOW),
        ("ends 1 126/11/23 20:56:30;", "ends", NOW),
        ("ends 9 2026/11/23 20:56:30 3600;", "ends", NOW + 3600),
        ("ends 9 2026/11/23 20:56:30 -30;", "ends", NOW - 30),
        ("ends 0 2040/01/01 00:00:00;", "ends", NEVER),
        ("ends 0 1960/01/01 00:00:00;", "ends", 0),
        ("ends epoch -5;", "ends", 0),
        ("cltt 1 2026 / 11 / 23 20 : 56 : 30 ;", "cltt", NOW),
        ("uid 1:02:1ff;", "uid", b"\1\2\xff"),
        ('uid "a\\tb\\x41\\101\\q";', "uid", b"a\tbAAq"),
        ('uid "";', "uid", b""),
        ('UID "a";', "uid", b"a"),
        ("hardware token-ring 1:2;", "hardware", b"\6\1\2"),
        ("hardware ethernet ;", "hardware", b"\1"),
        ("hardware unknown-201 0a;", "hardware", b"\xc9\x0a"),
        ("binding state Released;", "state", RELEASED),
        ("abandoned;", "state", ABANDONED),
        ("abandoned;", "next_state", ABANDONED),
        ("binding state reserved;", "flags", RESERVED_FLAG),
        ("binding state bootp;", "state", ACTIVE),
        ("reserved; dynamic-bootp;", "flags", RESERVED_FLAG | BOOTP_FLAG),
        ('client-hostname "a b";', "hostname", b"a b"),
        ("client-hostname a.b.c;", "hostname", b"a.b.c"),
        ("timestamp 1 1999/01/01 00:00:00; reserved;", "flags", RESERVED_FLAG),
        ("class foo; reserved;", "flags", RESERVED_FLAG),
    ],
)
def test_statements_of_every_age_and_kind(statement: str, field: str, value: object) -> None:
    lease, lines = one(statement)
    assert getattr(lease, field) == value
    assert not lines


@pytest.mark.parametrize(
    ("statement", "variables"),
    [
        ('set X-y = "v";', {"x-y": b"v"}),
        ("set x = ff:0;", {"x": b"\xff\0"}),
        ("set x = %12;", {"x": 12}),
        ("set x = FALSE;", {"x": False}),
        ('ddns-fwd-name "a.b";', {"ddns-fwd-name": b"a.b"}),
        ('set x = "a"; set y = "b"; set x = "c";', {"x": b"c", "y": b"b"}),
    ],
)
def test_variables(statement: str, variables: dict[str, object]) -> None:
    lease, lines = one(statement)
    assert lease.rare is not None
    assert lease.rare.variables == variables
    assert not lines


@pytest.mark.parametrize(
    ("record", "state", "next_state", "rewind_state"),
    [
        ("binding state active;", ACTIVE, ACTIVE, ACTIVE),
        ("binding state active; next binding state free;", ACTIVE, FREE, ACTIVE),
        ("ends epoch 1795467391;", ACTIVE, FREE, ACTIVE),
        ("ends epoch 1795467390;", FREE, FREE, FREE),
        ("binding state backup; next binding state backup;", FREE, FREE, FREE),
    ],
)
def test_what_a_record_does_not_say(record: str, state: int, next_state: int, rewind_state: int) -> None:
    lease, _lines = one(record)
    assert (lease.state, lease.next_state, lease.rewind_state) == (state, next_state, rewind_state)


def test_a_failover_pool_keeps_backup_and_calls_old_leases_expired() -> None:
    made = site("fo")
    assert one("binding state backup;", made)[0].state == BACKUP
    assert one("ends epoch 1;", made)[0].state == EXPIRED


def test_billing_is_taken_up_within_the_limit() -> None:
    made = site()
    records = b"".join(
        b'lease 10.0.0.%d {\n  binding state active;\n  billing class "gold";\n}\n' % one for one in (10, 11, 12)
    )
    database, lines = read(records, made)
    billed = [lease.address & 255 for lease in database.leases() if lease.rare is not None and lease.rare.billing]
    assert billed == [10, 11]
    assert database.charges.count(ClassName("gold", None)) == 2
    assert not lines


def test_billing_a_subclass_makes_it() -> None:
    text = b'lease 10.0.0.10 {\nbinding state active; next binding state free; billing subclass "gold" 0:1;\n}\n'
    database, lines = read(text)
    assert not lines
    lease = database.find(number("10.0.0.10"))
    assert lease is not None
    assert lease.rare is not None
    assert lease.rare.billing == ClassName("gold", b"\0\1")
    made = database.charges.spawned(database.configuration.classes[0], b"\0\1")
    assert made is not None
    assert (made.limit, made.spawned, made.full_name) == (2, True, lease.rare.billing)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ('hostname "x";', "Unexpected configuration directive."),
        (";", "Unexpected configuration directive."),
        ("wild { a; b { c; } }", "Unexpected configuration directive."),
        ("binding state wild;", "wild: expecting a binding state."),
        ("ends 1 2026-11-23 20:56:30;", "numeric year expected."),
        ("ends 1 2026/11/23 20:56;", "expected colon separating minute from second."),
        ("ends 1 2026/11/23 20:56:30 x;", "Time zone offset or semicolon expected."),
        ("ends epoch x;", "Seconds since epoch expected."),
        ("uid ;", "expecting numeric value."),
        ("uid zz;", "expecting numeric value."),
        ("hardware pigeon 1:2;", "expecting a network hardware type"),
        ("hardware ethernet " + ":".join(["1"] * 21) + ";", "hardware address too long"),
        ('billing class "tin";', "unknown class tin"),
        ('billing subclass "tin" "x";', "no class named tin"),
        ('option domain-name "x";', "agent option expected."),
    ],
)
def test_a_statement_that_cannot_be_read_is_lost_alone(statement: str, message: str) -> None:
    text = f"lease 10.0.0.10 {{\n  {statement}\n  binding state active;\n  next binding state free;\n}}\n".encode()
    database, lines = read(GOOD % (9, 9) + text + GOOD % (11, 2))
    assert entered(database) == ["10.0.0.10", "10.0.0.11"]
    lease = database.find(number("10.0.0.10"))
    assert lease is not None
    assert (lease.state, lease.next_state) == (ACTIVE, FREE)
    lines = [line for line in lines if "no subnet" not in line]
    assert lines[0] == f"{FILE} line 18: {message}"
    assert len(lines) == 3
    assert lines[2].endswith("^")


def test_a_statement_that_comes_twice_counts_the_second_time() -> None:
    lease, lines = one('uid "a";\nuid "b";')
    assert lease.uid == b"b"
    assert lines[0] == f"{FILE} line 3: Too many uid parameters in lease 10.0.0.10\n"


DAMAGES = {
    "half a record": (GOOD % (20, 9))[:120],
    "half a record, cut in a word": (GOOD % (20, 9))[: (GOOD % (20, 9)).index(b"thernet")],
    "half a record, cut in a string": (GOOD % (20, 9))[: (GOOD % (20, 9)).index(b"002")],
    "half a record, cut behind a statement": (GOOD % (20, 9))[: (GOOD % (20, 9)).index(b"  uid")],
    "a record without its brace": (GOOD % (20, 9)).replace(b"}\n", b""),
    "a quotation mark": b'"\n',
    "braces": b"}}}\n{{\n",
    "garbage": b"what is this; \xff\x00\x80 {{{ \n",
    "octets": bytes(range(256)) + b"\n",
    "zeros": b"\0" * 5000,
    "an address of three": b"lease 10.0.0 {\n  binding state free;\n}\n",
    "version 6": b'ia-na "x" { cltt 1 2026/11/23 20:56:30; }\n',
    "a statement of dhcpd.conf": b'option domain-name "x";\n',
}


@pytest.mark.parametrize("damage", list(DAMAGES))
@pytest.mark.parametrize("piece", [97, 1 << 20])
def test_damage_costs_nothing_but_itself(damage: str, piece: int) -> None:
    text = GOOD % (10, 1) + DAMAGES[damage] + GOOD % (11, 2) + GOOD % (12, 3)
    database, lines = read(text, piece=piece)
    assert entered(database) == ["10.0.0.10", "10.0.0.11", "10.0.0.12"]
    assert lines


def test_a_record_without_its_brace_says_nothing() -> None:
    text = GOOD % (11, 2)
    database, lines = read(GOOD % (10, 1) + text[: text.index(b"  uid")])
    assert entered(database) == ["10.0.0.10"]
    assert lines[0].endswith("unexpected end of file")


@pytest.mark.parametrize("behind", [b" {", b"20:56:30;", b"binding state", b'"\\001', b'"bob";\n'])
def test_a_renewal_that_was_cut_short_leaves_the_sound_record(behind: bytes) -> None:
    renewal = GOOD % (10, 1)
    torn = renewal[: renewal.index(behind) + len(behind)]
    sound, _lines = read(GOOD % (10, 1))
    assert read(GOOD % (10, 1) + torn)[0].snapshot() == sound.snapshot()
    followed, _lines = read(GOOD % (10, 1) + torn + GOOD % (11, 2))
    assert followed.snapshot() == read(GOOD % (10, 1) + GOOD % (11, 2))[0].snapshot()


def test_zeros_that_were_never_written_cost_a_line_and_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system leaves them, or the dictionary of a full disk: millions, in parts."""
    monkeypatch.setattr(reader, "read_item", None)
    zeros = bytes(3000)
    database, lines = read(GOOD % (10, 1) + zeros + b"\n" + zeros + GOOD % (11, 2), piece=1000)
    assert entered(database) == ["10.0.0.10", "10.0.0.11"]
    assert lines == ["Corrupt lease file - possible data loss!"]


def test_what_is_open_is_not_looked_at_with_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    plain = reader.read_item

    def counting(data: bytes, at: int, end: int, *, top: bool) -> Item:
        looked.append(end - at)
        return plain(data, at, end, top=top)

    monkeypatch.setattr(reader, "read_item", counting)
    database, _lines = read(GOOD % (10, 1) + b"host x {\n" + b"  # more\n" * 4000 + b"}\n" + GOOD % (11, 2), piece=300)
    assert entered(database) == ["10.0.0.10", "10.0.0.11"]
    assert sum(looked) < 4 * 36_000, looked


def test_an_octet_255_does_not_end_the_file() -> None:
    database, _lines = read(b"# \xff\n" + GOOD % (10, 1) + b"\xff" + GOOD % (11, 2))
    assert entered(database) == ["10.0.0.10", "10.0.0.11"]


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_no_damage_raises_or_reaches_far(data: st.DataObject) -> None:
    """Octets changed within one record: the other records are read, but for what the damage made of the first."""
    text = bytearray(GOOD % (20, 9))
    for _change in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    database, _lines = read(GOOD % (10, 1) + bytes(text) + GOOD % (11, 2) + GOOD % (12, 3))
    assert {"10.0.0.10", "10.0.0.11", "10.0.0.12"} <= set(entered(database))


@given(text=st.binary(max_size=300) | st.text('lease10.3{};"\\ \nuidsetng=#', max_size=300).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_no_file_raises(text: bytes) -> None:
    read(text)


def test_the_byte_order_of_another_machine_is_said() -> None:
    _database, lines = read(b"authoring-byte-order big-endian;\nauthoring-byte-order middle-endian;\n")
    assert lines[0] == "WARNING: Lease file authored using different byte order, will attempt to convert"
    assert lines[1].startswith(f"{FILE} line 2: authoring-byte-order specified too late.\nIt must occur before")
    _database, lines = read(b"authoring-byte-order middle-endian;\n")
    assert "authoring-byte-order is invalid:  it must be" in lines[0]


def test_failover_states() -> None:
    made = site("fo")
    text = b"""
failover peer "fo" state {
  my state partner-down at 1 2026/11/23 20:56:30;
  partner state communications-interrupted;
  mclt 600;
}
failover peer "other" state {
  my state normal at 1 2026/11/23 20:56:30;
}
"""
    database, lines = read(text, made)
    state = database.failover_states["fo"]
    assert (state.my_state, state.my_since, state.partner_state, state.mclt) == (
        "partner-down", NOW, "communications-interrupted", 600,
    )  # fmt: skip
    assert state.partner_since == NOW
    assert lines[0] == f"{FILE} line 7: unknown failover peer: other"
    again, _summary = written(database, NOW)
    assert text.partition(b'failover peer "other"')[0].replace(
        b"interrupted;", b"interrupted at 1 2026/11/23 20:56:30;"
    ) in again


def test_a_server_that_was_never_told_everything_is_known_by_its_record() -> None:
    made = site("fo")
    text = b"""
failover peer "fo" state {
  my state recover at 1 2026/11/23 20:56:30;
  my state partner-down at 1 2026/11/23 20:56:30;
  partner state unknown-state at 1 2026/11/23 20:56:30;
}
"""
    database, lines = read(text, made)
    state = database.failover_states["fo"]
    assert (state.my_state, state.needs_all, lines) == ("partner-down", True, [])
    assert text in written(database, NOW)[0]
    later = text + text.replace(b"  my state recover at 1 2026/11/23 20:56:30;\n", b"")
    assert not read(later, made)[0].failover_states["fo"].needs_all


def test_the_identifier_of_version_6_is_kept() -> None:
    database, _lines = read(b'server-duid "\\000\\001ab";\n')
    assert database.server_duid == b"\0\1ab"
    assert written(database)[0].endswith(b'server-duid "\\000\\001ab";\n\n')
    assert read(b"server-duid 0:1:61;\n")[0].server_duid == b"\0\1a"


@st.composite
def leases(draw: st.DrawFn) -> dict[str, object]:
    state = draw(st.sampled_from((FREE, ACTIVE, EXPIRED, RELEASED, ABANDONED)))
    times = st.integers(0, LAST_DATE) | st.just(NEVER)
    return {
        "starts": draw(times),
        "ends": draw(times),
        "tstp": draw(times.filter(bool)),
        "cltt": draw(times),
        "state": state,
        "next_state": draw(st.sampled_from((FREE, state))),
        "rewind_state": draw(st.sampled_from((FREE, state))),
        "flags": draw(st.integers(0, 3)),
        "hardware": draw(st.binary(max_size=21)),
        "uid": draw(st.binary(max_size=40)),
        "hostname": draw(st.none() | st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1)),
    }


VALUES = st.binary(max_size=30) | st.integers(-(1 << 31), (1 << 31) - 1) | st.booleans()
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True)


@given(leases(), st.dictionaries(NAMES, VALUES, max_size=4), st.lists(st.binary(min_size=1, max_size=20), max_size=3))
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read(
    fields: dict[str, object], variables: dict[str, bytes | int | bool], agent: list[bytes]
) -> None:
    made = site()
    lease = Lease(number("10.0.0.10"), made.pools[0], made.subnets[0])
    for name, value in fields.items():
        setattr(lease, name, value.encode() if name == "hostname" and isinstance(value, str) else value)
    if variables:
        lease.rarely().variables = dict(variables)
    if agent:
        lease.rarely().agent_options = tuple((code, value) for code, value in zip((1, 2, 200), agent, strict=False))
    record = RecordWriter(made).record(lease, NOW)
    database, lines = read(record)
    assert not lines
    again = database.find(lease.address)
    assert again is not None
    for name, value in fields.items():
        if name == "hostname" and isinstance(value, str):
            assert again.hostname == (None if '"' in value or "\\" in value else value.encode())
        elif name == "tstp":
            assert again.tstp == value
        else:
            assert getattr(again, name) == value
    if variables:
        assert again.rare is not None
        assert again.rare.variables == variables
    if agent:
        assert again.rare is not None
        kept = tuple((code, _without_one_nul(value)) for code, value in zip((1, 2, 200), agent, strict=False))
        assert again.rare.agent_options == tuple((code, value) for code, value in kept)


def _without_one_nul(value: bytes) -> bytes:
    """ISC's text form loses one NUL at the end."""
    bare = value.removesuffix(b"\0")
    return bare if all(0x20 <= octet < 0x7F for octet in bare) else value
