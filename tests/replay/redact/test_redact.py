"""A redacted recording takes the same decisions, and names nobody: looked at from outside, octet by octet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.machine import Machine
from dhcpd.engine.omapi.status import INVALID_KEY
from dhcpd.engine.omapi.wire import REFRESH, integer
from dhcpd.replay.command.cli import cli
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.redact import NotRedacted, redact
from dhcpd.replay.redact.pseudonyms import Pseudonyms
from dhcpd.replay.world.host import START_US
from dhcpd.trace import Entry, TapeWriter, open_tape
from dhcpd.trace import effects as ef
from dhcpd.trace import events as ev
from tests.engine.omapi.shell import CONFIGURATION as WITH_OMAPI
from tests.engine.omapi.shell import Server
from tests.replay.engine_runs import Run
from tests.replay.tapes import record

CONFIGURATION = b"""
# Hidden: the phone number of Wilhelmina Tellington is 555-0199.
key "update-key" { algorithm hmac-md5; secret "c2VjcmV0LW9mLXRoZS1zaXRl"; }
key other { algorithm hmac-md5; secret pRP5FapFoJ95JEL06sv4PQ==; }
authoritative; ping-check false; default-lease-time 600;
option domain-name "tellington.example.org"; option domain-search "lab.tellington.com", "tellington.com";
option host-name = concat("dyn-", binary-to-ascii(16, 8, "-", suffix(hardware, 2)));
class "vendor" { match if substring(hardware, 1, 3) = 00:1b:63; option root-path "/vendor"; }
class "printers" { match if substring(option host-name, 0, 4) = "prn-"; option root-path "/prn"; }
class "cameras" { match if option host-name ~= "cam[0-9]+$"; option root-path "/cam"; }
class "lines" { match option agent.circuit-id; }
subclass "lines" "dslam7/2:104" { option root-path "/line"; }
class "cards" { match hardware; }
subclass "cards" 1:00:1b:63:84:45:e6 { option tftp-server-name "boot.tellington.example.org"; }
host wilhelmina { hardware ethernet 00:1b:63:84:45:e7; fixed-address 10.0.200.7; option host-name "wilhelmina"; }
host by-id { option dhcp-client-identifier "wilhelminas-laptop"; fixed-address 10.0.200.8; }
subnet 10.0.0.0 netmask 255.255.0.0 {
  option routers 10.0.0.1;
  pool { range 10.0.0.16 10.0.0.23; allow members of "vendor"; }
  pool { range 10.0.1.0 10.0.8.255; }
  if option agent.remote-id = "tellingtons-modem" { option time-servers 10.0.0.9; }
  on commit { set said = concat("name ", option host-name); log(info, concat("commit ", option host-name)); }
}
"""
LEASES_FOUND = b"""
# The lease of Wilhelmina Tellington.
lease 10.0.1.6 {
  starts 1 2026/09/21 13:00:00; ends 1 2026/09/21 23:10:00; cltt 1 2026/09/21 13:00:00;
  binding state active; next binding state free;
  hardware ethernet 00:1b:63:00:01:06; uid "\\001\\000\\033c\\000\\001\\006"; set said = "name oldname-laptop";
  client-hostname "oldname-laptop"; option agent.circuit-id "dslam7/2:104"; option agent.remote-id 1:2:3:aa:bb:cc;
}
"""
# Whom and what nobody may find, in any writing.
PEOPLE = [b"wilhelmin", b"tellington", b"oldname", b"dslam7", b"0199", b"c2vjcmv0", b"prp5fapf", b"grandpa"]
CARDS = ["001b6384", "001b6300", "0200000000aa"]


def option(code: int, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value


def make(path: Path) -> Path:
    run = Run(CONFIGURATION, LEASES_FOUND)
    sent = [
        (b"\0\x1b\x63\x84\x45\xe6", option(12, b"prn-wilhelmina")),
        (b"\0\x1b\x63\x84\x45\xe7", option(12, b"grandpa") + option(61, b"\1\0\x1b\x63\x84\x45\xe7")),
        (b"\2\0\0\0\0\xaa", option(61, b"wilhelminas-laptop") + option(81, b"\0\0\0wilhelminas-laptop.tellington.com")),
        (b"\2\0\0\0\0\xab", option(12, b"tellington-cam7") + option(82, option(1, b"dslam7/2:104"))),
        (b"\2\0\0\0\0\xac", option(82, option(2, b"tellingtons-modem")) + option(77, b"wilhelmina")),
        (b"\2\0\0\0\0\xad", option(81, b"\4\0\0\nwilhelmina\ntellington\3com\0") + option(60, b"MSFT 5.0")),
        (b"\0\x1b\x63\0\1\6", option(97, b"\0grandpas-uuid-001") + option(43, b"\x80\6\0\x1b\x63\0\1\6")),
    ]
    for hardware, options in sent:
        for kind in (1, 3):
            run.now_us += 1_000_000
            head = b"\1\1\6\1" + bytes([kind]) * 4 + bytes(12) + bytes(4) + b"\x0a\0\0\2" + hardware.ljust(16, b"\0")
            body = head + bytes(192) + b"\x63\x82\x53\x63" + option(53, bytes([kind])) + options
            payload = body + option(55, b"\1\3\6\x0c\x0f\x11\x42\x77") + b"\xff"
            run.tell(ev.Packet(*run.now, "eth0", 0x0A000002, 67, payload))
    run.tell(ev.HostAnswer(*run.now, "ns.tellington.com", (0x0A000009,), ""))
    run.now_us += 900_000_000
    run.tell(ev.Timer(*run.now))
    run.tell(ev.End(*run.now, "SIGTERM"))
    return record(path, *run.pairs)


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("run") / "trace")


def everything(path: Path) -> bytes:
    """All octets of all records of a recording, each field behind the other."""
    found = []

    def walk(record: object) -> None:
        if isinstance(record, tuple | dict):
            for part in record.values() if isinstance(record, dict) else record:
                walk(part)
        elif isinstance(record, str | bytes):
            found.append(record.encode() if isinstance(record, str) else record)

    with open_tape(path) as tape:
        for entry in tape.iterate():
            walk((entry.event, entry.effects or ()) if isinstance(entry, Entry) else entry.data)
    return b"\n".join(found)


def cards_in(octets: bytes) -> list[str]:
    """The hardware addresses of CARDS that stand there raw, in hex however separated, or as octal escapes."""
    texts = [octets.hex(), octets.lower().replace(b":", b"").replace(b"-", b"").decode("latin-1")]
    escaped = [f"\\{octet:03o}" for octet in bytes.fromhex(CARDS[0])]
    found = [card for card in CARDS for text in texts if card in text]
    return found + (["octal"] if "".join(escaped) in texts[1] else [])


@pytest.mark.parametrize("addresses", [False, True])
def test_the_same_decisions_for_nobody_known(trace: Path, tmp_path: Path, addresses: bool):
    before = everything(trace)
    assert all(word in before.lower() for word in PEOPLE), "the test must know what to look for"
    assert cards_in(before)
    out = tmp_path / "redacted"
    with open_tape(trace) as tape:
        report = redact(tape, str(out), b"key", addresses=addresses)
    verdict = play_file(str(out), None)
    assert verdict.status is Status.SAME
    after = everything(out)
    assert [word for word in PEOPLE if word in after.lower()] == []
    assert cards_in(after) == []
    assert report.hidden["secrets"] >= 2
    assert (b"10.0.1.6" in after) is not addresses
    paths = [path for path in (b"/vendor", b"/prn", b"/cam", b"/line") if before.count(path) != after.count(path)]
    assert paths == [], "a class was left or entered"
    assert out.stat().st_mode & 0o777 == 0o600


def test_what_the_configuration_compares_with_is_kept_and_told(trace: Path, tmp_path: Path):
    with open_tape(trace) as tape:
        report = redact(tape, str(tmp_path / "redacted"), b"key")
    assert report.kept == ("cam",)
    left = dict(report.left)
    assert left.pop("texts of the configuration and the lease file") > 0
    assert left == {
        "vendor-class-identifier (60)": 2,
        "vendor-encapsulated-options (43)": 2,
        "user-class (77)": 2,
        "names of interfaces": 1,
        "names of classes": 5,
        "texts of log statements": 1,
        "names without quotation marks in the configuration and the lease file": 1,
    }
    assert (report.spared, report.showing) == ({}, ())


def test_the_same_key_gives_the_same_file(trace: Path, tmp_path: Path):
    for name, key in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        with open_tape(trace) as tape:
            redact(tape, str(tmp_path / name), key)
    one, same, other = (everything(tmp_path / name) for name in "abc")
    assert one == same != other


def test_a_recorded_fault_is_still_found(trace: Path, tmp_path: Path):
    faulty = tmp_path / "faulty"
    with open_tape(trace) as tape, TapeWriter.create(faulty, version="test", host="host", created_us=START_US) as out:
        for entry in tape.iterate():
            effects = [
                effect._replace(payload=effect.payload.replace(b"\3\4\x0a\0\0\1", b"\3\4\x0a\0\0\2"))
                if isinstance(effect, ef.Send) and b"\2\0\0\0\0\xac" in effect.payload
                else effect
                for effect in entry.effects
            ]
            out.write_effects(out.write_events([entry.event]), [effects])
    with open_tape(faulty) as tape:
        report = redact(tape, str(tmp_path / "redacted"), b"key")
    assert report.carried == 1
    difference, hidden = (play_file(str(path), None).difference for path in (faulty, tmp_path / "redacted"))
    assert difference is not None
    assert hidden is not None
    assert hidden.seq == difference.seq
    assert hidden.client != difference.client
    assert [word for word in PEOPLE if word in everything(tmp_path / "redacted").lower()] == []


def test_a_recording_that_begins_with_a_snapshot(trace: Path, tmp_path: Path):
    machine = Machine()
    late = tmp_path / "late"
    with open_tape(trace) as tape, TapeWriter.create(late, version="t", host="h", created_us=0, first_seq=18) as out:
        for entry in tape.iterate():
            machine_effects = machine.apply(entry.event)
            if entry.seq in (17, 24):
                out.write_snapshot(entry.seq, machine.snapshot())
            if entry.seq > 17:
                out.write_effects(out.write_events([entry.event]), [machine_effects])
    assert cards_in(everything(late))
    with open_tape(late) as tape:
        redact(tape, str(tmp_path / "redacted"), b"key")
    after = everything(tmp_path / "redacted")
    assert [word for word in PEOPLE if word in after.lower()] == []
    assert cards_in(after) == []
    assert play_file(str(tmp_path / "redacted"), None).status is Status.SAME
    with open_tape(late) as tape, pytest.raises(NotRedacted, match="--addresses"):
        redact(tape, str(tmp_path / "again"), b"key", addresses=True)


def test_what_a_decision_looks_at_is_spared_and_told(tmp_path: Path):
    run = Run(CONFIGURATION.replace(b'option host-name ~= "cam[0-9]+$"', b"suffix(hardware, 1) = ab"))
    for client in (0xAA, 0xAB, 0xAC):
        run.packet(client, 1, option(12, b"grandpas-phone-%d" % client))
    out = tmp_path / "redacted"
    with open_tape(record(tmp_path / "trace", *run.pairs)) as tape:
        report = redact(tape, str(out), b"key")
    assert report.spared == {"words": ("grandpas-phone-171",), "hardware addresses": ("02:00:00:00:00:ab",)}
    assert play_file(str(out), None).status is Status.SAME
    after = everything(out)
    assert (b"grandpas-phone-171" in after, b"grandpas-phone-170" in after) == (True, False)
    assert (bytes.fromhex("0200000000ab") in after, bytes.fromhex("0200000000ac") in after) == (True, False)


def test_where_nothing_helps_nothing_is_written(tmp_path: Path):
    """An address that a condition looks at cannot be spared: it is hidden by request."""
    run = Run(CONFIGURATION.replace(b'option host-name ~= "cam[0-9]+$"', b"packet(24, 4) = 10.0.0.2"))
    run.packet(0xAA, 1)
    out = tmp_path / "redacted"
    out.write_text("older")
    with open_tape(record(tmp_path / "trace", *run.pairs)) as tape, pytest.raises(NotRedacted, match="at event"):
        redact(tape, str(out), b"key", addresses=True)
    assert out.read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["redacted", "trace"]


def test_the_command(trace: Path, tmp_path: Path):
    out = tmp_path / "out"
    result = CliRunner().invoke(cli, ["redact", str(trace), "-o", str(out), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["kept"] == ["cam"]
    assert told["hidden"]["hardware addresses"] >= 7
    again = CliRunner().invoke(cli, ["redact", str(out), "-o", str(out)])
    assert again.exit_code == Status.UNJUDGED
    assert "another name" in again.stderr
    (tmp_path / "junk").write_text("no tape")
    assert CliRunner().invoke(cli, ["redact", str(tmp_path / "junk"), "-o", str(out)]).exit_code == Status.DAMAGED


@given(st.binary(min_size=1, max_size=12), st.binary(max_size=6), st.binary(max_size=6))
def test_pseudonyms_keep_beginnings_and_never_meet(common: bytes, one: bytes, other: bytes):
    hide = Pseudonyms(b"key")
    for of in (hide.octets, hide.word):
        first, second = of(common + one), of(common + other)
        assert first[: len(common)] == second[: len(common)] == of(common)
        assert (first == second) is (one == other)
        assert len(first) == len(common + one)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(8, 32))
def test_addresses_keep_shared_prefixes_and_places(one: int, other: int, length: int):
    hide = Pseudonyms(b"key")
    shared = 32 - (one ^ other).bit_length()
    mapped = 32 - (hide.address(one, length) ^ hide.address(other, length)).bit_length()
    assert mapped == shared or shared < 8
    assert hide.address(one, length) % 2 ** (32 - length) == one % 2 ** (32 - length)


def test_data_of_a_connection_that_is_over_are_no_names(tmp_path: Path):
    run = Run()
    run.tell(ev.StreamData(START_US, 1, 2, b"wilhelmina"))
    with open_tape(record(tmp_path / "trace", *run.pairs)) as tape:
        redact(tape, str(tmp_path / "out"), b"key")
    assert b"wilhelmina" not in everything(tmp_path / "out")


@pytest.mark.parametrize(
    "name", [b"eth0", b"dhcpd", b"DHCPDISCOVER", b"leases", b"lease", b"unknown", b"-cf", b"hmac-md5", b"odd", b"none"]
)
def test_no_client_s_name_keeps_a_recording_from_being_redacted(tmp_path: Path, name: bytes) -> None:
    run = Run(CONFIGURATION, LEASES_FOUND)
    address = run.exchange(3)
    run.packet(3, 3, option(12, name) + option(61, b"\0" + name), ciaddr=address)
    run.packet(4, 1, option(12, b"grandpa-phone"))
    source = record(tmp_path / "a.trace", *run.pairs)
    with open_tape(source) as tape:
        report = redact(tape, str(tmp_path / "out.trace"), b"key")
    assert play_file(str(tmp_path / "out.trace"), None).status is Status.SAME
    assert report.showing == ()
    assert b"grandpa" not in everything(tmp_path / "out.trace").lower()


def flight_recorder_s(path: Path, pairs: list[tuple[ev.Event, list[ef.Effect]]], before: int) -> Path:
    """The file that goes on after event `before`, as the flight recorder would have begun it."""
    machine = Machine()
    with TapeWriter.create(path, version="t", host="h", created_us=0, first_seq=before + 1) as out:
        for seq, (event, _) in enumerate(pairs, 1):
            effects = machine.apply(event)
            if seq == before:
                out.write_snapshot(seq, machine.snapshot())
            elif seq > before:
                out.write_effects(out.write_events([event]), [effects])
    return path


def test_every_file_of_the_flight_recorder(tmp_path: Path):
    """Whatever is under way at its start: an OFFER that waits for its ping, a lease file half read or half written."""
    run = Run(CONFIGURATION.replace(b"ping-check false", b"ping-check true"), LEASES_FOUND)
    for client in range(1, 10):
        # Names that are each other's pseudonyms, as like as not.
        name = b"h%d" % (100 + client * 7 % 10)
        run.packet(client, 1, option(12, name) + (option(61, b"\0" + name) if client % 2 else b""))
        if client % 3 == 0:
            for _ in range(2):
                run.now_us += 600_000
                run.tell(ev.Timer(*run.now))
    run.tell(ev.End(*run.now, "SIGTERM"))
    for before in range(1, len(run.pairs)):
        late = flight_recorder_s(tmp_path / f"{before}", run.pairs, before)
        out = tmp_path / f"{before}.redacted"
        with open_tape(late) as tape:
            report = redact(tape, str(out), b"key")
        assert play_file(str(out), None).status is Status.SAME
        assert (report.spared, report.showing) == ({}, ())
        after = everything(out)
        assert [client for client in range(1, 10) if b"\2\0\0\0\0" + bytes([client]) in after] == []


@pytest.mark.parametrize("part", ["database", "server", "files", "agenda"])
def test_a_snapshot_that_lacks_a_part_is_no_traceback(tmp_path: Path, part: str):
    run = Run(CONFIGURATION, LEASES_FOUND)
    machine = Machine()
    late = tmp_path / "late"
    with TapeWriter.create(late, version="t", host="h", created_us=0, first_seq=9) as out:
        for seq, (event, effects) in enumerate(run.pairs, 1):
            machine.apply(event)
            if seq == 8:
                out.write_snapshot(seq, {name: value for name, value in machine.snapshot().items() if name != part})
            elif seq > 8:
                out.write_effects(out.write_events([event]), [effects])
    result = CliRunner().invoke(cli, ["redact", str(late), "-o", str(tmp_path / "out")])
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code in {Status.DIFFERENT, Status.DAMAGED, Status.UNJUDGED}
    assert not (tmp_path / "out").exists()


def test_a_lease_file_that_ends_the_reading_early(tmp_path: Path):
    """Octet 255, and more white space than the language takes: what is behind is read by nobody, or is read."""
    configuration = CONFIGURATION.replace(b"tellingtons-modem", b"any-modem")  # no client has it: a text of its own
    leases = LEASES_FOUND + b" " * 2000 + b"\xff" + LEASES_FOUND.replace(b"10.0.1.6", b"10.0.1.7") + bytes(200)
    run = Run(configuration, leases + LEASES_FOUND.replace(b"10.0.1.6", b"10.0.1.8"))
    run.packet(3, 1)
    with open_tape(record(tmp_path / "trace", *run.pairs)) as tape:
        report = redact(tape, str(tmp_path / "out"), b"key")
    assert play_file(str(tmp_path / "out"), None).status is Status.SAME
    after = everything(tmp_path / "out").lower()
    assert [word for word in PEOPLE if word in after] == cards_in(after) == []
    assert (report.spared, report.showing) == ({}, ())


OMAPI = sorted((Path(__file__).parents[3] / "fixtures" / "omapi").glob("*.trace"))


@pytest.mark.parametrize("path", OMAPI, ids=lambda path: path.stem)
def test_sessions_of_omapi(path: Path, tmp_path: Path):
    """Signatures that were right are right, wrong ones are wrong, and no answer differs."""
    out = tmp_path / "redacted"
    with open_tape(path) as tape:
        report = redact(tape, str(out), b"key")
    assert play_file(str(out), None).status is play_file(str(path), None).status
    assert (report.spared, report.showing) == ({}, ())
    assert b"omapi_key" not in everything(out)


def test_a_secret_that_a_reload_has_changed_is_another_under_pseudonyms_too(tmp_path: Path):
    secret, other = b"AAECAwQFBgcICQoLDA0ODw==", b"b3RoZXJvdGhlcm90aGVy"
    server = Server()
    client = server.connect()
    content = WITH_OMAPI.replace(secret, other)
    server.tell(ev.ConfigurationFile(*server.now, "/etc/dhcpd.conf", content, ""))
    server.tell(ev.ConfigurationEnd(*server.now, "/etc/dhcpd.conf", reload=True))
    client.send(client.request(REFRESH, 1))
    refused = client.reader.next_message()
    assert refused is not None
    assert refused.message[b"result"] == integer(INVALID_KEY)
    with open_tape(record(tmp_path / "trace", *server.pairs)) as tape:
        redact(tape, str(tmp_path / "out"), b"key")
    assert play_file(str(tmp_path / "out"), None).status is Status.SAME
    after = everything(tmp_path / "out")
    assert secret not in after
    assert other not in after
