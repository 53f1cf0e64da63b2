"""What is declared at run time stands over dhcpd.conf, leaves it as it is, and is told to a restored machine."""

from __future__ import annotations

import msgpack
import pytest

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine import startup
from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.reader import load_lease_file
from dhcpd.engine.machine import Machine
from dhcpd.replay.showing.decode import options_of
from dhcpd.replay.world.host import Host
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Log, Send
from tests.engine.lease.configurations import written
from tests.engine.lease.real_server import needs_real_server, rewrite
from tests.engine.service.desk import DISCOVER, message

NOW = 1_790_000_000
LINK = ethernet("eth0", 1, b"\2\0\0\0\0\xf0", (0x0A000001, 24))
NAMED = {12: b"x"}
CONF = """
ping-check off;
authoritative;
class "foo" { match if exists host-name; option domain-name "foo.example"; lease limit 2; }
class "sub" { match option dhcp-client-identifier; option root-path "/sub"; }
subclass "sub" "one" { option domain-name "sub.example"; }
subclass "sub" "two";
group g1 { option domain-name "group.example"; }
host h1 { hardware ethernet 02:00:00:00:00:01; option domain-name "host.example"; }
subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.90; }
"""


class Named(Host):
    """Every host name has one address."""

    def addresses_of(self, name: str) -> tuple[tuple[int, ...], str]:
        del name
        return (0x0A000063,), ""


def machine(leases: str, conf: str = CONF) -> Machine:
    """One that serves."""
    host = Named(NOW * 1_000_000)
    host.start(Beginning([SourceFile("c", conf.encode(), "")], [leases.encode()], [LINK]))
    assert host.machine.serving
    return host.machine


def restored(made: Machine) -> Machine:
    return Machine.restore(msgpack.unpackb(msgpack.packb(made.snapshot()), strict_map_key=False))


Found = tuple[bytes | None, bytes | None, list[str]]


def discover(made: Machine, number: int, options: dict[int, bytes]) -> Found:
    """Options domain-name and root-path of the OFFER, and the log."""
    payload = message(DISCOVER, bytes((2, 0, 0, 0, 0, number)), options={55: bytes((15, 17)), **options})
    effects = made.apply(ev.Packet(NOW * 1_000_000, 0, "eth0", 0, 68, payload))
    lines = [one.text for one in effects if isinstance(one, Log)]
    (sent,) = [one for one in effects if isinstance(one, Send)]
    found = options_of(sent.payload)
    return found.get(15), found.get(17), lines


@pytest.mark.parametrize(
    ("leases", "client", "options", "domain", "root"),
    [
        ("", 9, NAMED, b"foo.example", None),
        ('class "foo" { deleted; }', 9, NAMED, None, None),
        ("", 9, {61: b"one"}, b"sub.example", b"/sub"),
        ('subclass "sub" "one" { deleted; }', 9, {61: b"one"}, None, None),
        ('class "sub" { deleted; }', 9, {61: b"one"}, None, None),
        # A class that is declared again has both, and so have its subclasses.
        ('class "foo" { option root-path "/r"; }', 9, NAMED, b"foo.example", b"/r"),
        ('class "foo" { option root-path "/r"; } class "foo" { option domain-name "b.example"; }', 9,
         NAMED, b"b.example", b"/r"),
        ('class "sub" { option root-path "/r"; }', 9, {61: b"one"}, b"sub.example", b"/r"),
        ('class "sub" { option root-path "/r"; }', 9, {61: b"two"}, None, b"/r"),
        ('subclass "sub" "one" { option root-path "/one"; }', 9, {61: b"one"}, b"sub.example", b"/one"),
        ('subclass "sub" "three" { option domain-name "t.example"; }', 9, {61: b"three"}, b"t.example", b"/sub"),
        # A host deleted and made anew, and one whose group is no more.
        ("host h1 { deleted; }", 1, {}, None, None),
        ("host h1 { deleted; } host h1 { dynamic; hardware ethernet 02:00:00:00:00:01; group g1; }", 1, {},
         b"group.example", None),
        ("host h1 { dynamic; hardware ethernet 02:00:00:00:00:07; group g1; }", 7, {}, None, None),
        ("host n { dynamic; hardware ethernet 02:00:00:00:00:07; group g1; } group g1 { deleted; }", 7, {},
         b"group.example", None),
        # What the block of a group says holds when the group is gone.
        ("group g9 { dynamic; host h1 { dynamic; deleted; } } group g9 { dynamic; deleted; }", 1, {}, None, None),
        ("group g1 { deleted; } host n { dynamic; hardware ethernet 02:00:00:00:00:07; group g1; }", 7, {}, None, None),
        ('group g2 { option root-path "/2"; } host n { hardware ethernet 2:0:0:0:0:7; group g2; } '  # noqa: ISC004
         'group g2 { option root-path "/3"; }', 7, {}, None, b"/2"),
    ],
)  # fmt: skip
def test_a_restored_machine_has_what_the_lease_file_declared(
    leases: str, client: int, options: dict[int, bytes], domain: bytes | None, root: bytes | None
) -> None:
    made = machine(leases)
    again = restored(made)
    assert msgpack.packb(again.snapshot()) == msgpack.packb(made.snapshot())
    third = restored(again)
    found = discover(made, client, options)
    assert found[:2] == (domain, root)
    assert discover(again, client, options) == found
    assert discover(third, client, options) == found


def test_host_names_of_the_lease_file_are_asked_for() -> None:
    made = machine("host n { hardware ethernet 2:0:0:0:0:9; fixed-address nine.example; }")
    payload = message(DISCOVER, bytes((2, 0, 0, 0, 0, 9)))
    sent = [one for one in made.apply(ev.Packet(NOW * 1_000_000, 0, "eth0", 0, 68, payload)) if isinstance(one, Send)]
    assert [one.payload[16:20] for one in sent] == [b"\x0a\0\0\x63"]


def database(conf: str, leases: str) -> Database:
    registry = default_registry()
    made = Database(compile_configuration(parse({"c": conf.encode()}, "c", registry).block, registry))
    load_lease_file([leases.encode()], made, made.configuration, lambda _level, _line: None, "f", NOW)
    return made


RUBOUTS = """host s1 {
  hardware ethernet 02:00:00:00:00:07;
}
host s1 {
  deleted;
}
host d1 {
  dynamic;
  hardware ethernet 02:00:00:00:00:08;
}
host d1 {
  dynamic;
  deleted;
}
host h1 {
  deleted;
}
class "foo" {
  deleted;
}
subclass "sub" "one" {
  deleted;
}
"""


@needs_real_server
def test_the_real_server_keeps_the_same_deletions(tmp_path) -> None:  # type: ignore[no-untyped-def]
    expected, log = rewrite(tmp_path, CONF, RUBOUTS.encode())
    text, summary = written(database(CONF, RUBOUTS))
    records = [part for part in text.partition(b"endian;\n\n")[2].split(b"}\n") if part]
    theirs = expected.partition(b"endian;\n\n")[2]
    assert sorted(records) == sorted(part for part in theirs.split(b"}\n") if part)
    for line in summary:
        assert line in log


def test_deletions_that_last_are_written_and_those_of_one_run_are_not() -> None:
    leases = RUBOUTS + "group g1 {\n  deleted;\n}\nhost h1 {\n  dynamic;\n  hardware ethernet 02:00:00:00:00:08;\n}\n"
    text = written(database(CONF, leases))[0].partition(b"endian;\n\n")[2].decode()
    assert text == (
        "group g1 {\n  deleted;\n}\nhost s1 {\n  deleted;\n}\nhost h1 {\n  deleted;\n}\n"
        "host h1 {\n  dynamic;\n  hardware ethernet 02:00:00:00:00:08;\n}\n"
    )
    again = database(CONF, text)
    assert again.declared.groups.get("g1") is None
    host = again.declared.hosts.by_name.get("h1")
    assert host is not None
    assert host.dynamic
    assert written(again)[0].partition(b"endian;\n\n")[2].decode() == text.replace("host s1 {\n  deleted;\n}\n", "")


def test_records_of_what_comes_and_goes_do_not_pile_up() -> None:
    one = (
        'class "c" { dynamic; match hardware; } subclass "c" 1:2 { dynamic; }'
        'group g { dynamic; option root-path "/r"; }'
        "host n { dynamic; hardware ethernet 02:00:00:00:00:07; group g; } group g { dynamic; deleted; }"
        'group g { dynamic; option root-path "/s"; } host n { dynamic; deleted; } group g { dynamic; deleted; }'
        'class "c" { dynamic; deleted; } host h1 { deleted; } host h1 { dynamic; uid "a"; } host h1 { deleted; }'
    )
    made = database(CONF, one * 50)
    assert [text.split()[:2] for text, _written in made.declarations.plain()] == [[b"host", b"h1"]]


def test_two_machines_share_a_configuration_and_do_what_each_does_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        'class "foo" { deleted; } subclass "sub" "three" { option domain-name "t.example"; } host h1 { deleted; }',
        'class "foo" { option root-path "/r"; } class "sub" { deleted; } host n { hardware ethernet 2:0:0:0:0:1; }',
    ]
    steps = [(number, sent) for number in (9, 1, 5, 6, 7) for sent in (NAMED, {61: b"one"}, {61: b"three"})]
    alone = []
    for leases in files:
        made = machine(leases)
        alone.append([discover(made, number, sent) for number, sent in steps])
    load, known = startup.load_configuration, []

    def shared(*given: object) -> object:
        if not known:
            known.append(load(*given))  # type: ignore[arg-type]
        return known[0]

    monkeypatch.setattr(startup, "load_configuration", shared)
    first, second = (machine(leases) for leases in files)
    assert first.configuration is second.configuration
    both = [[discover(one, number, sent) for one in (first, second)] for number, sent in steps]
    assert [list(found) for found in zip(*both, strict=True)] == alone
