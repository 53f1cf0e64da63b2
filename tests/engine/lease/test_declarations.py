"""What of the configuration's language stands in a lease file: `on` blocks, hosts, groups, classes."""

from __future__ import annotations

import re
from pathlib import Path

import msgpack
import pytest

from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.reader import load_lease_file
from tests.engine.lease.configurations import configuration, number, written
from tests.engine.lease.real_server import needs_real_server, rewrite

NOW = 1_700_000_000
FILES = Path(__file__).parent / "files"
CONF = """
subnet 10.0.0.0 netmask 255.0.0.0 { range 10.0.0.10 10.0.0.40; }
host static { hardware ethernet 02:00:00:00:00:77; }
"""
DECLARED = b"""class "small" {
  dynamic;
  lease limit 4;
  match if option host-name = "a";
}

class "spawner" {
  dynamic;
  match hardware;
}

subclass "spawner" 01:02 {
  dynamic;
}

group g1 {
  dynamic;
        supersede domain-name = "gg";
}
host static {
  deleted;
}
host h1 {
  dynamic;
  hardware ethernet 02:00:00:00:00:99;
  uid "ab";
  fixed-address 10.77.0.5,10.77.0.6;
  group "g1";
        supersede domain-name = "hh";
}
"""
HANDLED = b"""lease 10.0.0.10 {
  ends never;
  tstp never;
  binding state active;
  next binding state free;
  hardware ethernet 02:00:00:00:00:01;
  on expiry {
    set foo = "x" ;
  }
  on release {
    log (info, "rel");
  }
}
lease 10.0.0.11 {
  ends never;
  tstp never;
  binding state active;
  next binding state free;
  hardware ethernet 02:00:00:00:00:01;
  option agent.unknown-9 "x";
  option agent.DOCSIS-device-class 5;
  option agent.link-selection 1.2.3.4;
  on expiry or release {
    set foo = lcase ("x") ;
  }
}
"""


def database() -> Database:
    registry = default_registry()
    return Database(compile_configuration(parse({"c": CONF.encode()}, "c", registry).block, registry))


def loaded(text: bytes) -> tuple[Database, list[str]]:
    made = database()
    lines: list[str] = []
    load_lease_file([text], made, made.configuration, lambda _level, line: lines.append(line), "f", NOW)
    return made, lines


def test_what_was_declared_at_run_time_is_in_force_and_written_again() -> None:
    made, lines = loaded(b"host gone {\n  dynamic;\n  deleted;\n}\n" + DECLARED)
    assert not lines
    hosts = dict(made.declared.hosts.by_name.items())
    assert list(hosts) == ["h1"]
    assert hosts["h1"].uid == b"ab"
    assert hosts["h1"].fixed_addresses == (number("10.77.0.5"), number("10.77.0.6"))
    assert [one.name for one in made.declared.classes] == ["small", "spawner"]
    text, summary = written(made)
    assert text.partition(b"endian;\n\n")[2] == DECLARED
    assert summary[:4] == [
        "Wrote 3 class decls to leases file.",
        "Wrote 1 group decls to leases file.",
        "Wrote 1 deleted host decls to leases file.",
        "Wrote 0 new dynamic host decls to leases file.",
    ]


def test_a_host_that_is_deleted_later_vanishes() -> None:
    made, _lines = loaded(DECLARED + b"host h1 {\n  dynamic;\n  deleted;\n}\n")
    assert not made.declared.hosts.count
    assert b"h1" not in written(made)[0]


def test_a_host_that_is_not_dynamic_counts_for_this_run_only() -> None:
    made, _lines = loaded(b"host local { hardware ethernet 02:00:00:00:00:98; }\n")
    assert made.declared.hosts.by_name.get("local") is not None
    assert b"local" not in written(made)[0]


def test_handlers_are_kept_and_one_for_two_events_stays_one() -> None:
    made, lines = loaded(HANDLED)
    assert not lines
    both, two = made.find(number("10.0.0.11")), made.find(number("10.0.0.10"))
    assert both is not None
    assert two is not None
    assert both.rare is not None
    assert two.rare is not None
    assert both.rare.on_expiry is both.rare.on_release
    assert two.rare.on_expiry is not two.rare.on_release
    assert written(made)[0].partition(b"endian;\n\n")[2] == HANDLED


def test_an_error_in_a_handler_loses_the_handler_only() -> None:
    made, lines = loaded(HANDLED.replace(b'set foo = "x" ;', b"set foo = ;"))
    assert re.fullmatch(r"f line 8: expecting (a )?.*expression.*", lines[0])
    lease = made.find(number("10.0.0.10"))
    assert lease is not None
    assert lease.rare is not None
    assert lease.rare.on_expiry is None
    assert lease.rare.on_release is not None


def test_a_snapshot_carries_all_of_it() -> None:
    made, _lines = loaded(DECLARED + HANDLED)
    data = msgpack.unpackb(msgpack.packb(made.snapshot()))
    again = database()
    again.restore(data)
    assert msgpack.unpackb(msgpack.packb(again.snapshot())) == data
    assert written(again) == written(made)
    assert [*dict(again.declared.hosts.by_name.items())] == [*dict(made.declared.hosts.by_name.items())]


@needs_real_server
def test_the_real_server_writes_the_same(tmp_path: Path) -> None:
    expected, log = rewrite(tmp_path, CONF, DECLARED + HANDLED)
    made, _lines = loaded(DECLARED + HANDLED)
    text, summary = written(made)
    assert text == expected
    for line in summary:
        assert line in log


# The last record of each lease as ISC wrote it; a record that says nothing is left out of a rewrite.
RECORD = re.compile(rb"^lease (\S+) \{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", sorted(path.name for path in FILES.glob("*.leases")))
def test_files_that_isc_wrote_come_out_as_they_went_in(name: str) -> None:
    content = (FILES / name).read_bytes()
    peers = {peer.decode() for peer in re.findall(rb'failover peer "([^"]+)"', content)}
    assert len(peers) <= 1
    made = configuration([("0.0.0.1", "255.255.255.254")], peer=peers.pop() if peers else "peer")
    leases = Database(made)
    load_lease_file([content], leases, made, lambda _level, line: pytest.fail(line), name, NOW)
    before = {address: statements(record) for address, record in RECORD.findall(content)}
    after = {address: statements(record) for address, record in RECORD.findall(written(leases)[0])}
    assert after
    assert after == {address: lines for address, lines in before.items() if lines != {b"  binding state free;"}}


def statements(record: bytes) -> set[bytes]:
    """The lines but `tstp`, which a reader adds, in any order."""
    return {line for line in record.splitlines() if not line.startswith(b"  tstp")}


def test_a_host_of_the_configuration_that_was_deleted_is_written_as_deleted_and_nothing_else() -> None:
    made, _lines = loaded(b"host static {\n  dynamic;\n  deleted;\n}\n" * 2)
    assert b"host static {\n  deleted;\n}\n" in written(made)[0]
