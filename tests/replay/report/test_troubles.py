"""A report opens with what is wrong: who has no address and why, full pools, lost relays, refusals by reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dhcpd.replay.report import collect, render
from dhcpd.replay.report.clients import circuits_of
from dhcpd.trace import events as ev
from dhcpd.trace import open_tape
from tests.replay.engine_runs import SERVER, Run
from tests.replay.planting import PLAIN, record_run
from tests.replay.report.site import DENIED, FULL, LOST, REFUSED, Morning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dhcpd.replay.report import Findings
    from dhcpd.replay.report.troubles import Trouble

RECORDED = Path(__file__).resolve().parents[3] / "fixtures/ddns"


@pytest.fixture(scope="module")
def morning() -> Morning:
    return Morning()


@pytest.fixture(scope="module")
def findings(morning: Morning, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    with open_tape(record_run(tmp_path_factory.mktemp("morning") / "t", morning)) as tape:
        return collect(tape)


def kind(findings: Findings, name: str) -> Trouble:
    (found,) = [one for one in findings.troubles if one.kind == name]
    return found


def hardware(clients: Iterable[int]) -> set[bytes]:
    return {b"\x02\0" + client.to_bytes(4, "big") for client in clients}


def members(trouble: Trouble) -> dict[str, set[bytes]]:
    return {part.text: {client.hardware for client in part.clients} for part in trouble.parts}


def test_clients_without_an_address_stand_under_their_reasons(findings: Findings) -> None:
    found = kind(findings, "no-address")
    assert found.title == f"{len(FULL) + len(DENIED) + len(LOST) + len(REFUSED) + 1} clients have no address"
    assert members(found) == {
        "network 10.0.0.0/16: no free leases": hardware(FULL),
        "no pool permits it: 10.1.1.1-10.1.1.20 has deny unknown": hardware(DENIED),
        "unknown network segment": hardware(LOST),
        "wrong network": hardware(REFUSED),
        "it declined what it got: somebody else has that address": hardware([3]),
    }
    assert findings.troubles[0].kind == "no-address"


def test_a_full_pool_says_since_when(findings: Findings, morning: Morning) -> None:
    (part,) = kind(findings, "full").parts
    assert part.text == "10.0.0.0/16: 10.0.1.1-10.0.1.8 is full"
    assert part.since_us == morning.full_us


def test_a_pool_that_was_full_for_a_while_says_so(tmp_path: Path) -> None:
    run = Run(b"ping-check false; subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.0.9; }")
    for client in (1, 2):
        address = run.exchange(client)
        run.packet(client, 7, bytes([54, 4]) + SERVER.to_bytes(4, "big"), ciaddr=address)
    with open_tape(record_run(tmp_path / "t", run)) as tape:
        found = kind(collect(tape), "full")
    assert found.title == "1 pool was full for a while"
    assert found.parts[0].text == "10.0.0.0/16: 10.0.0.9-10.0.0.9 was full 2 times, first"


def test_relays_refusals_and_silences_name_their_clients(findings: Findings) -> None:
    assert members(kind(findings, "relay")) == {"relay 10.99.0.1": hardware(LOST)}
    assert members(kind(findings, "refused")) == {"DHCPREQUEST: wrong network": hardware(REFUSED)}
    silent = members(kind(findings, "no-answer"))
    assert silent["DHCPDISCOVER: network 10.0.0.0/16: no free leases"] == hardware(FULL)
    assert silent["DHCPDISCOVER: unknown network segment"] == hardware(LOST)
    assert kind(findings, "abandoned").title.startswith("1 address is abandoned")


def test_what_the_disk_refused_is_told(tmp_path: Path) -> None:
    run = Run(PLAIN)
    run.exchange(1)
    run.tell(ev.StorageFailed(*run.now, "append", "/leases", "No space left on device"))
    with open_tape(record_run(tmp_path / "t", run)) as tape:
        (part,) = kind(collect(tape), "failures").parts
    assert (part.text, part.times) == ("writes of the lease file failed", 1)


def test_reasons_are_whole_whatever_colons_are_in_them(tmp_path: Path) -> None:
    text = b"""ping-check false; class "ports" { match if hardware = 1:2:0:0:0:0:1 or exists host-name; lease limit 1; }
    subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.0.1 10.0.0.9; }"""
    run = Run(text)
    run.exchange(1)
    run.packet(2, 1, bytes([12, 1]) + b"a")
    with open_tape(record_run(tmp_path / "t", run)) as tape:
        texts = [part.text for one in collect(tape).troubles for part in one.parts]
    assert any("no available billing: lease limit reached in all matching classes (last: 'ports')" in one
               for one in texts), texts  # fmt: skip


def test_all_is_well_where_it_is(tmp_path: Path) -> None:
    run = Run(PLAIN)
    run.exchange(1)
    run.exchange(2)
    with open_tape(record_run(tmp_path / "t", run)) as tape:
        found = collect(tape)
    assert found.troubles == []
    page = render(found)
    assert "Nothing: nobody was refused" in page
    assert "Refused and unanswered" not in page, "a chart without anything in it"


def test_a_client_that_holds_its_lease_is_not_without_an_address(tmp_path: Path) -> None:
    run = Run(PLAIN)
    address = run.exchange(1)
    run.packet(1, 3, bytes([50, 4, 192, 0, 2, 1]))
    run.packet(1, 1)
    with open_tape(record_run(tmp_path / "t", run)) as tape:
        found = collect(tape)
    assert found.listed[0].addresses == [address]
    assert [one.kind for one in found.troubles] == ["refused"]


def test_what_was_done_to_the_server_is_on_the_page(findings: Findings) -> None:
    (one,) = findings.operations
    assert (one.kind, one.who, one.what) == ("reload", "SIGHUP", "/etc/dhcpd.conf: 1 line new, 0 gone: in force")
    assert "/etc/dhcpd.conf: 1 line new, 0 gone: in force" in render(findings)


def test_circuits_as_text_or_hex_and_whatever_is_cut_off() -> None:
    assert circuits_of(b"\1\4eth1\2\3\0\6\xff") == ["circuit eth1", "remote 00:06:ff"]
    assert circuits_of(b"\1\0\x09\2ab\1\xffx") == ["circuit x"]
    assert circuits_of(b"\1") == []


def test_names_that_dns_has_not_stand_under_their_reasons_with_their_clients() -> None:
    with open_tape(RECORDED / "tsig-answers-1.trace") as tape:
        found = kind(collect(tape), "names")
    assert found.title == "10 names are not in DNS as they should be"
    assert found.parts[0].text == (
        "owed, and tried again: expected a TSIG or SIG(0): n1.example.org, n2.example.org, n3.example.org"
    )
    assert [client.host_name for client in found.parts[0].clients] == [b"n1", b"n2", b"n3"]
    with open_tape(RECORDED / "conflict-standard-1.trace") as tape:
        (part,) = kind(collect(tape), "names").parts
    assert part.text.startswith("refused: Has an address record but no DHCID, not mine.: static.example.org")
    with open_tape(RECORDED / "standard-life-1.trace") as tape:
        assert all(one.kind != "names" for one in collect(tape).troubles)
