"""A value is hidden in every field of every record and option, and looked for in what is written, in every encoding.

What is found again must stand in the report's list of what is left, under the name that is given here where the value
is planted; all else must be gone.
"""

from __future__ import annotations

import base64
import string
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine.failover import wire as failover_wire
from dhcpd.engine.machine import Machine
from dhcpd.engine.omapi import wire as omapi_wire
from dhcpd.engine.omapi.signing import Key, sign
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.redact import redact
from dhcpd.replay.redact.protocols.options import TREATMENTS, Kind
from dhcpd.replay.redact.records import EFFECTS, EVENTS, STAYING
from dhcpd.replay.world.host import START_US
from dhcpd.replay.world.messages import message
from dhcpd.replay.world.starting import Beginning, ethernet, starting
from dhcpd.trace import Entry, SnapshotEntry, open_tape
from dhcpd.trace import effects as ef
from dhcpd.trace import events as ev
from dhcpd.trace.codec import pack
from tests.replay.engine_runs import Run
from tests.replay.redact.test_redact import everything, flight_recorder_s, option
from tests.replay.tapes import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dhcpd.replay.redact.redact import Report

# A client and an identifier that are known from elsewhere, so that they must be found wherever they are written.
CARD = bytes.fromhex("001b638445e7")
PERSON = b"wilhelmina"
ADDRESS = 0x0A000711
LINE = b"\x07dslam\x9a\x9b7"
TEXTS, NAMES = "texts of the configuration and the lease file", "names without quotation marks"


_SUB_OPTIONS = dict.fromkeys((3, 4, 7, 8, 9, 10, 13, 14), "sub-option")


class Plant(NamedTuple):
    """A value, where it was planted, and the report's word for what stays there; empty where nothing may stay."""

    value: bytes
    where: str
    left: str


class Garden:
    """Makes values that stand nowhere else, and remembers them."""

    def __init__(self) -> None:
        self.plants: list[Plant] = []

    def plant(self, where: str, left: str = "") -> bytes:
        number = len(self.plants)
        letters = "".join(string.ascii_lowercase[number // 26**place % 26] for place in range(3))
        value = f"q{letters}zxjvk".encode()
        self.plants.append(Plant(value, where, left))
        return value

    def text(self, where: str, left: str = "") -> str:
        return self.plant(where, left).decode()


def configuration(garden: Garden) -> bytes:
    plant = garden.plant
    return b"\n".join([
        b"# " + plant("comment"),
        b'include "/home/' + plant("include") + b'/more.conf";',
        b'key "' + plant("key name") + b'" { algorithm hmac-md5;',
        b'  secret "' + base64.b64encode(plant("secret")) + b'"; }',
        b"key plain-" + plant("key name") + b" { algorithm hmac-md5; secret c2VjcmV0; }",
        b"authoritative; ping-check false; default-lease-time 600; omapi-port 7911;",
        b'lease-file-name "/srv/' + plant("lease-file-name") + b'/dhcpd.leases";',
        b'option domain-name "' + plant("domain-name") + b'.example";',
        b'option domain-search "' + plant("domain-search") + b'.example";',
        b'ddns-hostname "' + plant("ddns-hostname") + b'";',
        b'ddns-domainname "' + plant("ddns-domainname") + b'.example";',
        b'option root-path "' + plant("root-path", TEXTS) + b'"; filename "' + plant("filename", TEXTS) + b'";',
        b'server-name "' + plant("server-name") + b'";',
        b"option space " + plant("space", NAMES) + b"; option " + plant("option", NAMES) + b" code 224 = text;",
        b'class "' + plant("class", TEXTS) + b'" { match hardware; } class "x" { match hardware; }',
        b'subclass "x" "' + plant("subclass") + b'";',
        b'subclass "x" ' + plant("subclass in hex").hex(":").encode() + b";",
        b'class "' + plant("spawning class", TEXTS) + b'" { match if option root-path = "'
        + plant("condition", TEXTS) + b'"; }',
        b"shared-network " + plant("shared network", NAMES) + b" { subnet 10.0.0.0 netmask 255.255.0.0 {",
        b"  option routers 10.0.0.1; range 10.0.1.0 10.0.8.255;",
        b'  on commit { log(info, "' + plant("log", TEXTS) + b'"); execute("/bin/' + plant("execute", TEXTS) + b'", "'
        + plant("argument", TEXTS) + b'"); set said = "' + plant("set", TEXTS) + b'"; }',
        b"} }",
        b"zone " + plant("zone") + b".example. { primary 10.0.0.9; }",
        b"group " + plant("group") + b" { host " + plant("host in group") + b" { hardware ethernet 2:0:0:0:9:1; } }",
        b"host " + plant("host") + b" { hardware ethernet 00:1B:63:84:45:E7; fixed-address 10.0.200.7;",
        b'  option host-name "' + plant("host-name") + b'"; }',
        b'host by-id { option dhcp-client-identifier "' + plant("client identifier") + b'";',
        b"  fixed-address 10.0.200.8; }",
        b'option x-display-manager 10.0.0.1; option tftp-server-name "' + plant("tftp-server-name") + b'.example";',
        b'option merit-dump "mac 00-1b-63-84-45-e7, 001B638445E7 and 0:1b:63:84:45:e7 of Wilhelmina";',
        b'option extensions-path "\\000\\033c\\204E\\347";',
    ])  # fmt: skip


def leases(garden: Garden) -> bytes:
    plant = garden.plant
    return b"\n".join([
        b"# " + plant("comment of the lease file"),
        b"lease 10.0.1.6 { starts 1 2026/09/21 13:00:00; ends 1 2026/09/21 23:10:00; cltt 1 2026/09/21 13:00:00;",
        b"  binding state active; next binding state free; hardware ethernet 00:1b:63:84:45:e7;",
        b'  uid "' + plant("uid") + b'"; client-hostname "' + plant("client-hostname") + b'";',
        b'  set ddns-fwd-name = "' + plant("ddns-fwd-name") + b'.example";',
        b'  set ddns-txt = "' + plant("ddns-txt") + b'";',
        b'  set ddns-rev-name = "6.1.0.10.in-addr.arpa."; set said = "' + plant("variable", TEXTS) + b'";',
        b'  option agent.circuit-id "' + plant("circuit-id") + b'";',
        b'  option agent.remote-id "' + plant("remote-id") + b'";',
        b'  on expiry { log(info, "' + plant("on expiry", TEXTS) + b'"); }',
        b"}",
        b"host " + plant("host of the lease file") + b" { dynamic; hardware ethernet 2:0:0:0:9:2;",
        b'  supersede server.filename = "' + plant("filename of a host", TEXTS) + b'";',
        b"}",
        b'server-duid "' + plant("server-duid", TEXTS) + b'";',
    ])  # fmt: skip


def packets(garden: Garden) -> Iterator[bytes]:
    """A message for every option, and for every other place of a message."""
    yield message(1, CARD, option(12, PERSON) + option(82, option(1, LINE)), xid=1, giaddr=0x0A000002, octets=0)
    for code in [code for code in range(1, 255) if code not in (52, 53)]:
        treatment = TREATMENTS[code]
        if code == 82:
            inner = [option(one, garden.plant(f"sub-option {one}", _SUB_OPTIONS.get(one, ""))) for one in range(1, 15)]
            yield message(1, CARD, option(82, b"".join(inner)), xid=82, giaddr=0x0A000002, octets=0)
            continue
        stays = {Kind.OTHER: treatment.label, Kind.NUMBERS: "" if treatment.octets else "numbers"}
        value = garden.plant(f"option {code}", stays.get(treatment.kind, ""))
        if code == 81:
            value = b"\0\0\0" + value
        yield message(1, b"\2\0\0\0\1" + bytes([code]), option(code, value), xid=code, giaddr=0x0A000002, octets=0)
        # What is known from elsewhere is found in any option.
        known = PERSON + b" " + CARD + b" " + LINE + b" " + CARD.hex(":").encode()
        if treatment.kind is Kind.OTHER:
            yield message(1, b"\2\0\0\0\2" + bytes([code]), option(code, known), xid=code, giaddr=0x0A000002, octets=0)
    plain = message(1, b"\2\0\0\0\3\1", b"", giaddr=0x0A000002, octets=0)
    yield plain[:44] + garden.plant("sname").ljust(64, b"\0") + plain[108:]
    yield plain[:44] + (b"x\0" + garden.plant("behind sname")).ljust(64, b"\0") + plain[108:]
    yield plain[:108] + garden.plant("file", "boot file names").ljust(128, b"\0") + plain[236:]
    yield plain[:34] + garden.plant("behind chaddr") + plain[43:]
    yield plain + garden.plant("behind the end")
    yield plain[:236] + garden.plant("no cookie").ljust(64, b"\0")
    yield garden.plant("too short for a message")


def omapi_requests(garden: Garden) -> Iterator[bytes]:
    """What a client sends, and what it may send."""
    values = {
        b"name": garden.plant("OMAPI name"), b"hardware-address": garden.plant("OMAPI hardware"),
        b"dhcp-client-identifier": garden.plant("OMAPI identifier"), b"ip-address": garden.plant("OMAPI address"),
        b"statements": b'option host-name "' + garden.plant("OMAPI statements") + b'"; # '
        + garden.plant("OMAPI comment"),
        b"other": garden.plant("OMAPI attribute", "other attributes"),
    }  # fmt: skip
    for name, value in values.items():
        yield sign(omapi_wire.Message(omapi_wire.OPEN, 0, 7, 0, {b"type": b"host"}, {name: value}), None)
    key = Key("any", "HMAC-MD5.SIG-ALG.REG.INT.", b"secret")
    signed = omapi_wire.Message(omapi_wire.OPEN, 0, 8, 0, {b"type": b"host"}, {b"name": garden.plant("x")}, 77)
    yield sign(signed, key)[:-16] + garden.plant("OMAPI signature").ljust(16, b"!")


def failover_messages(garden: Garden) -> bytes:
    options = []
    for code in range(1, 32):
        known = failover_wire.OPTIONS.get(code)
        octets = known is None or known.form <= failover_wire.OCTETS
        left = {4: "", 5: "", 11: "numbers", 22: "names of failover", 28: "numbers"}
        value = garden.plant(f"failover option {code}", left.get(code, "in failover messages" if octets else ""))
        if known is not None and known.form > 0:
            value = value[: known.form]
        options.append(code.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value)
    body = b"".join(options)
    return (12 + len(body)).to_bytes(2, "big") + b"\x03\x0c" + bytes(8) + body


def beginning(garden: Garden) -> Beginning:
    main = f"/home/{garden.text('file name')}/d.conf"
    source = configuration(garden)
    included = next(plant.value.decode() for plant in garden.plants if plant.where == "include")
    return Beginning(
        [SourceFile(main, source, ""), SourceFile(f"/home/{included}/more.conf", b"", "")],
        [leases(garden)],
        [
            ethernet("eth0", 2, b"\2\0\0\0\0\xfe", (0x0A000001, 16)),
            ev.Link(garden.text("interface", "names of interfaces"), 3, 1, CARD, 0, ()),
        ],
        lease_file=f"/srv/{garden.text('lease file')}/dhcpd.leases", host_name=garden.text("host name"),
    )  # fmt: skip


def run_of(garden: Garden) -> list[tuple[ev.Event, list[ef.Effect]]]:
    """Events with values in all of their fields, and what the machine does about them."""
    text, now = garden.text, (START_US, 1)
    told: list[ev.Event] = []
    boot, *rest = starting(beginning(garden))
    assert isinstance(boot, ev.Boot)
    home = f"/home/{text('environment')}/dhcpd.conf"
    for event in (boot._replace(environment=(("PATH_DHCPD_CONF", home),)), *rest):
        told.append(event._replace(wall_us=now[0], mono_us=now[1]))  # noqa: PERF401 - two statements tell more
    told += [ev.RewriteContinue(*now)] * 8 + [ev.RewriteInstalled(*now)]
    told += [ev.Packet(*now, "eth0", 0x0A000002, 67, payload) for payload in packets(garden)]
    told.append(ev.StreamOpened(*now, 2, "omapi", 0x7F000001, 7911, 0x7F000001, 5000))
    stream = omapi_wire.GREETING + b"".join(omapi_requests(garden))
    told += [ev.StreamData(*now, 2, stream[at : at + 50]) for at in range(0, len(stream), 50)]
    told.append(ev.StreamData(*now, 2, bytes(22) + garden.plant("OMAPI message that does not end")))
    told.append(ev.StreamOpened(*now, 4, "failover", 0x7F000001, 647, 0x7F000001, 5000))
    failover = failover_messages(garden)
    told += [ev.StreamData(*now, 4, failover[at : at + 50]) for at in range(0, len(failover), 50)]
    errors = "errors in the system's words"
    told += [
        ev.HostAnswer(*now, text("HostAnswer"), (1,), ""),
        ev.NameAnswer(*now, 1, text("NameAnswer")),
        ev.DnsOpened(*now, b"search " + garden.plant("search") + b".example\n", ()),
        ev.DnsAnswer(*now, 1, garden.plant("DnsAnswer"), ""),
        ev.StorageFailed(*now, "append", f"/srv/{text('StorageFailed')}/dhcpd.leases", text("error", errors)),
        ev.SendFailed(*now, "eth0", True, 300, "dhcp.c:4164", text("error", errors), False),
        ev.ReceiveFailed(*now, "eth0", text("error", errors)),
        ev.PingFailed(*now, 1, text("error", errors)),
        ev.Executed(*now, 1, 0, text("error", errors)),
        ev.Remark(*now, 6, f"{text('Remark', 'lines that the program logged')} Wilhelmina 00:1b:63:84:45:e7"),
        ev.End(*now, "SIGTERM"),
    ]
    machine = Machine()
    pairs = [(event, machine.apply(event)) for event in told[:-1]]
    sent = [effect.payload for _event, effects in pairs for effect in effects if isinstance(effect, ef.Send)]
    offer = next(payload for payload in sent if payload[28:34] != CARD)
    wanted = option(50, offer[16:20]) + option(54, b"\x0a\0\0\1") + option(12, garden.plant("who asks"))
    asked = message(3, offer[28:34], wanted, xid=999, giaddr=0x0A000002, octets=0)
    for event in (ev.Packet(*now, "eth0", 0x0A000002, 67, asked), told[-1]):
        pairs.append((event, machine.apply(event)))  # noqa: PERF401 - the machine's order
    kinds = {type(effect) for _event, effects in pairs for effect in effects}
    assert {ef.Serving, ef.Send, ef.Store, ef.StreamSend} <= kinds, "the run must have come so far"
    assert ef.Fatal not in kinds
    return pairs


def encodings(value: bytes) -> list[bytes]:
    """How somebody may have written a value, in lower case."""
    plain = [value, value.hex().encode(), value.hex(":").encode(), value.hex("-").encode()]
    # In base64 the letters that hang on nothing but the value, wherever in the text it begins.
    padded = [base64.b64encode(bytes(before) + value)[(0, 2, 3)[before] :].rstrip(b"=")[:-1] for before in range(3)]
    octal = "".join(f"\\{octet:03o}" for octet in value).encode()
    return [one.lower() for one in (*plain, *padded, octal, value[::-1])]


def octets_of(path: Path) -> bytes:
    """All octets of a recording in lower case, and those of its connections once more in one piece."""
    with open_tape(path) as tape:
        entries = [entry for entry in tape.iterate() if isinstance(entry, Entry)]
    connections = b"".join(entry.event.data for entry in entries if isinstance(entry.event, ev.StreamData))
    return everything(path).lower() + connections.lower()


class Redacted(NamedTuple):
    """What was planted, the octets of both recordings, and what was said of it."""

    garden: Garden
    pairs: list[tuple[ev.Event, list[ef.Effect]]]
    before: bytes
    after: bytes
    report: Report
    out: Path


@pytest.fixture(scope="module")
def redacted(tmp_path_factory: pytest.TempPathFactory) -> Redacted:
    folder = tmp_path_factory.mktemp("planted")
    garden = Garden()
    pairs = run_of(garden)
    trace = record(folder / "trace", *pairs)
    with open_tape(trace) as tape:
        report = redact(tape, str(folder / "out"), b"key")
    return Redacted(garden, pairs, octets_of(trace), octets_of(folder / "out"), report, folder / "out")


def assert_told(garden: Garden, after: bytes, report: Report) -> None:
    """What stays is in the list of what is left."""
    told = [*report.left, "numbers"]
    if "values of other variables of leases" in told:
        told.append("vendor-class-identifier (60)")  # which each lease keeps in a variable
    found = [plant for plant in garden.plants if any(one in after for one in encodings(plant.value))]
    assert [plant.where for plant in found if not plant.left] == []
    assert [plant for plant in found if not any(plant.left in what for what in told)] == []


def test_everything_that_was_planted_is_gone_or_told(redacted: Redacted) -> None:
    garden, before = redacted.garden, redacted.before
    absent = [plant for plant in garden.plants if not any(one in before for one in encodings(plant.value))]
    assert [plant for plant in absent if "failover" not in plant.where] == []
    assert_told(garden, redacted.after, redacted.report)


def test_what_is_known_from_one_place_is_gone_from_all(redacted: Redacted) -> None:
    for value in (CARD, PERSON, LINE):
        assert any(one in redacted.before for one in encodings(value))
        assert [one for one in encodings(value) if one in redacted.after] == []
    assert b"0:1b:63" not in redacted.after
    assert (redacted.report.spared, redacted.report.showing) == ({}, ())
    assert play_file(str(redacted.out), None).status is Status.SAME


def test_nothing_is_left_in_a_snapshot(redacted: Redacted, tmp_path: Path) -> None:
    """Of any moment: while files are read, before an answer is out, in the middle of a message of OMAPI or failover."""
    kinds = [type(event) for event, _effects in redacted.pairs]
    data = [number for number, kind in enumerate(kinds, 1) if kind is ev.StreamData]
    first = kinds.index(ev.Packet) + 1
    reading = {kinds.index(kind) + 1 for kind in (ev.ConfigurationFile, ev.LeaseFilePart, ev.RewriteContinue)}
    for before in sorted({*reading, first, data[2], data[6], data[-2], len(kinds) - 1}):
        late = flight_recorder_s(tmp_path / f"{before}", redacted.pairs, before)
        out = tmp_path / f"{before}.out"
        with open_tape(late) as tape:
            report = redact(tape, str(out), b"key")
        assert play_file(str(out), None).status is Status.SAME, before
        assert (report.spared, report.showing) == ({}, ()), before
        with open_tape(out) as tape:
            snapshots = [pack(entry.data) for entry in tape.iterate() if isinstance(entry, SnapshotEntry)]
        after = octets_of(out) + b"".join(snapshots).lower()
        assert_told(redacted.garden, after, report)
        known = (CARD, PERSON, LINE) if before < first else (CARD,)
        assert [one for value in known for one in encodings(value) if one in after] == [], before


def test_every_field_has_a_line_in_the_tables() -> None:
    for table, kinds in ((EVENTS, ev.EVENT_IDS), (EFFECTS, ef.EFFECT_IDS)):
        for kind in kinds:
            fields: tuple[Any, ...] = kind._fields  # type: ignore[attr-defined]  # records are NamedTuples
            assert set(table[kind]) == set(fields) - {"wall_us", "mono_us"}, kind
    assert len(TREATMENTS) == 256
    assert STAYING


def test_addresses_are_gone_on_request(tmp_path: Path) -> None:
    run = Run(b'zone 0.10.in-addr.arpa. { primary 10.0.0.9; }\noption domain-name "17.7.0.10.in-addr.arpa";\n'
              b"ping-check false; subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.7.17; option routers 10.0.7.1; }",
              b'lease 10.0.7.17 { binding state free; set ddns-rev-name = "17.7.0.10.in-addr.arpa."; }')  # fmt: skip
    run.packet(1, 1)
    with open_tape(record(tmp_path / "trace", *run.pairs)) as tape:
        redact(tape, str(tmp_path / "out"), b"key", addresses=True)
    after = everything(tmp_path / "out")
    for written in (b"10.0.7.17", b".7.0.10.", b".0.10.in-addr", ADDRESS.to_bytes(4, "big"), b"10.0.0.9"):
        assert written in everything(tmp_path / "trace")
        assert written not in after
    assert play_file(str(tmp_path / "out"), None).status is Status.SAME
