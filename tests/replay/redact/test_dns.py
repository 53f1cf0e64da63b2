"""Recordings with dynamic DNS under pseudonyms: the same updates of nobody's names, believed for the same reasons."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import dns.name
import dns.rdata
import dns.rdatatype
import pytest

from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.redact import redact
from dhcpd.replay.redact.protocols.dns import Walk
from dhcpd.trace import Entry, open_tape
from dhcpd.trace import effects as ef
from dhcpd.trace import events as ev
from tests.engine.ddns.site import Site
from tests.replay.redact.test_redact import everything, flight_recorder_s
from tests.replay.tapes import record

if TYPE_CHECKING:
    from dhcpd.replay.redact.redact import Report

DDNS = sorted((Path(__file__).parents[3] / "fixtures" / "ddns").glob("*.trace"))
# What every zone, and every name in it, is made of; and words that a line of
# the log has, and texts that an expression gives a name.
PUBLIC = {b"example", b"test", b"arpa", b"in-addr", b"name", b"fallback", b"vendor"}
LETTERS_MIN = 4
RECORDS = [
    ("NS", "ns.qnszxjvk."), ("CNAME", "qcnamezxjvk.example."), ("PTR", "qptrzxjvk.example."),
    ("MX", "10 qmxzxjvk.example."), ("SRV", "1 2 3 qsrvzxjvk.example."), ("DNAME", "qdnamezxjvk.example."),
    ("SOA", "qsoazxjvk.example. qmailzxjvk.example. 1 2 3 4 5"), ("TXT", '"qtxtzxjvk" "qmorezxjvk"'),
    ("DHCID", "cWRoY2lkenhqdms="), ("A", "10.0.0.9"), ("AAAA", "2001:db8::9"), ("HINFO", "qhinfozxjvk unix"),
]  # fmt: skip


class Told(Site):
    """A site that remembers what its machine was told, and what it did."""

    def __init__(self, *words: str, leases: str = "") -> None:
        self.pairs: list[tuple[ev.Event, list[ef.Effect]]] = []
        super().__init__(*words, leases=leases)

    def told(self, event: ev.Event, effects: list[ef.Effect]) -> None:
        self.pairs.append((event, effects))
        super().told(event, effects)


def pairs_of(path: Path) -> list[tuple[ev.Event, list[ef.Effect]]]:
    with open_tape(path) as tape:
        return [(entry.event, list(entry.effects or ())) for entry in tape.iterate() if isinstance(entry, Entry)]


def words_of(octets: bytes) -> set[bytes]:
    return set(re.findall(rb"[a-z0-9_-]+", octets.lower()))


def names_in(pairs: list[tuple[ev.Event, list[ef.Effect]]]) -> set[bytes]:
    """The labels of everything that the server has asked, or said, a name server; and the guards."""
    found: set[bytes] = set()
    for _event, effects in pairs:
        for effect in effects:
            if isinstance(effect, ef.DnsSend):
                walk = Walk(effect.payload)
                found |= {label.lower() for labels in walk.names for label in labels}
                found |= {effect.payload[one.data_at + 1 :][: one.octets - 1] for one in walk.records if one.kind == 16}
    words = {word for label in found for word in words_of(label) if not word.isdigit() and len(word) >= LETTERS_MIN}
    return words - PUBLIC


def redacted(path: Path, out: Path, *, addresses: bool = False) -> Report:
    with open_tape(path) as tape:
        report = redact(tape, str(out), b"key", addresses=addresses)
    assert play_file(str(out), None).status is play_file(str(path), None).status is Status.SAME
    assert report.showing == ()
    return report


@pytest.mark.parametrize("path", DDNS, ids=lambda path: path.stem)
def test_every_recording_with_dynamic_dns(path: Path, tmp_path: Path) -> None:
    pairs = pairs_of(path)
    names = names_in(pairs)
    report = redacted(path, tmp_path / "out")
    assert report.spared == {}
    assert names & words_of(everything(tmp_path / "out")) == set()
    # What nobody is named by stays: which messages, with which records, of which types, to whom.
    for (_event, effects), (_other, made) in zip(pairs, pairs_of(tmp_path / "out"), strict=True):
        for one, other in zip(effects, made, strict=True):
            if isinstance(one, ef.DnsSend):
                assert isinstance(other, ef.DnsSend)
                ours, theirs = Walk(one.payload), Walk(other.payload)
                assert one[:-1] == other[:-1]
                assert [record[2:] for record in ours.records] == [record[2:] for record in theirs.records]


@pytest.mark.parametrize("name", ["interim-life-1", "names-from-expressions-1", "discovery-1", "tsig-algorithms-1"])
def test_their_addresses_are_gone_on_request(name: str, tmp_path: Path) -> None:
    path = next(path for path in DDNS if path.stem == name)
    report = redacted(path, tmp_path / "out", addresses=True)
    assert report.spared == {}
    before, after = (everything(one) for one in (path, tmp_path / "out"))
    for written in (b"10.53.0.53", b"\x0a\x35\0\x35", b"0.10.in-addr.arpa", b"\x0210\x07in-addr"):
        assert written not in after
        assert written in before or name != "discovery-1"


@pytest.mark.parametrize(
    "name", ["standard-life-1", "discovery-1", "tsig-algorithms-1", "timeouts-all-1", "conflict-standard-1"]
)
def test_a_flight_recorder_s_file_that_begins_in_the_middle_of_an_update(name: str, tmp_path: Path) -> None:
    path = next(path for path in DDNS if path.stem == name)
    pairs = pairs_of(path)
    names = names_in(pairs)
    moments = [number for number, (event, _) in enumerate(pairs, 1) if isinstance(event, ev.DnsAnswer | ev.Timer)]
    for before in moments[:8]:
        late = flight_recorder_s(tmp_path / f"{before}", pairs, before)
        report = redacted(late, tmp_path / f"{before}.out")
        assert report.spared == {}
        assert names & words_of(everything(tmp_path / f"{before}.out")) == set(), before


def test_what_is_owed_is_owed_to_the_pseudonym(tmp_path: Path) -> None:
    """The variable of the lease file, with its names and guards, and the machine that reads it anew."""
    guard = "316f6f2f0d2b7f4c9e2d3b1e6a40d6b0f1"
    owed = f"3 remove wilhelmina.example.org txt {guard} 100.0.77.10.in-addr.arpa. 300"
    lease = f"""lease 10.77.0.100 {{ binding state active; ends never; hardware ethernet 02:00:00:00:00:07;
    uid "tellington"; set ddns-fwd-name = "wilhelmina.example.org"; set ddns-txt = "{guard}";
    set ddns-owed = "{owed}"; }}\n"""
    run = Told("key k { algorithm hmac-md5; secret c2VjcmV0; }\n", leases=lease)
    run.rest(700)
    assert any(octets for _server, octets in run.sent)
    redacted(record(tmp_path / "trace", *run.pairs), tmp_path / "out")
    after = everything(tmp_path / "out").lower()
    assert [word for word in (b"wilhelmina", b"tellington", guard.encode()) if word in after] == []
    assert b"3 remove " in after


def answer_of(octets: bytes) -> bytes:
    """An answer with records of every type of which something is known, each with somebody's name."""
    owner = dns.name.from_text("qownerzxjvk.example.").to_wire()
    assert owner is not None
    count = int.from_bytes(octets[10:12], "big") + len(RECORDS)
    made = octets[:10] + count.to_bytes(2, "big") + octets[12:]
    for kind, text in RECORDS:
        data = dns.rdata.from_text("IN", kind, text).to_wire()
        assert data is not None
        head = struct.pack("!HHIH", dns.rdatatype.from_text(kind), 1, 60, len(data))
        made += owner + head + data
    return made


def test_names_in_records_of_every_type_are_gone_or_told(tmp_path: Path) -> None:
    run = Told()
    run.dns.change = answer_of
    run.bind(bytes.fromhex("020000000007"), name=b"qclientzxjvk")
    trace = record(tmp_path / "trace", *run.pairs)
    assert len(re.findall(rb"q[a-z]+zxjvk", everything(trace))) > 13
    report = redacted(trace, tmp_path / "out")
    after = everything(tmp_path / "out")
    assert set(re.findall(rb"q[a-z]+zxjvk", after)) == {b"qhinfozxjvk"}
    assert report.left["other records in DNS messages"] >= 1
    assert report.left["IPv6 addresses in DNS messages"] >= 1


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_an_answer_that_is_cut_anywhere(cut: int, tmp_path: Path) -> None:
    run = Told()
    run.dns.change = lambda octets: answer_of(octets)[:cut]
    run.bind(bytes.fromhex("020000000007"), name=b"qclientzxjvk")
    run.rest(20)
    redacted(record(tmp_path / "trace", *run.pairs), tmp_path / "out")
    assert b"qclientzxjvk" not in everything(tmp_path / "out")


def test_a_machine_restored_in_the_middle_of_a_search_goes_on(tmp_path: Path) -> None:
    """As one that has read its snapshot from a file, in which a list is a list no longer."""
    path = next(path for path in DDNS if path.stem == "discovery-1")
    pairs = pairs_of(path)
    searching = [number for number, (event, _) in enumerate(pairs, 1) if isinstance(event, ev.DnsAnswer)]
    for before in searching[:6]:
        late = flight_recorder_s(tmp_path / f"{before}", pairs, before)
        assert play_file(str(late), None).status is Status.SAME
