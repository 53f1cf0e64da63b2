"""Changes over the socket: commands for the engine, answered when they are on the disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dhcpd.cli import Limits
from dhcpd.recording.recorder import Recorder
from dhcpd.recording.segments import Segments
from dhcpd.trace import TapeWriter
from tests.dhcpd.admin.office import Office

if TYPE_CHECKING:
    from pathlib import Path


def post(office: Office, target: str, body: Any = None, method: str = "POST") -> tuple[int, Any]:
    status, _headers, answer = office.ask(method, target, body)
    return status, json.loads(answer)


def active(office: Office) -> Any:
    return office.get("/v1/leases?state=active&limit=1")["leases"][0]


def test_a_lease_is_released_reserved_and_abandoned(office: Office) -> None:
    office.run.exchange(1)
    address = active(office)["address"]
    lease = f"/v1/leases/{address}"
    assert post(office, f"{lease}/reserve") == (200, {"done": f"lease {address} is reserved"})
    assert (office.get(lease)["reserved"], office.get(lease)["state"]) == (True, "active")
    status, problem = post(office, f"{lease}/reserve")
    assert (status, problem["detail"]) == (409, f"lease {address} is reserved already")
    assert post(office, f"{lease}/unreserve")[0] == 200
    assert post(office, f"{lease}/release") == (200, {"done": f"lease {address} is free"})
    assert post(office, f"{lease}/release")[0] == 409
    assert post(office, f"{lease}/abandon")[0] == 200
    assert office.get(lease)["state"] == "abandoned"
    assert [one.name for one in office.commands] == [
        "lease-reserve", "lease-reserve", "lease-unreserve", "lease-release", "lease-release", "lease-abandon",
    ]  # fmt: skip
    assert all(one.who.startswith("uid ") for one in office.commands)


def test_a_host_serves_the_next_packet_until_it_is_removed(office: Office) -> None:
    host = {"name": "printer", "hardware": "02:00:00:00:00:63", "address": "10.0.200.99",
            "statements": 'option root-path "/printer";'}  # fmt: skip
    assert post(office, "/v1/hosts", host) == (200, {"done": "host printer is declared"})
    assert office.run.exchange(0x63) == 0x0A00C863
    assert post(office, "/v1/hosts", host)[0] == 409
    assert office.get("/v1/hosts/printer")["dynamic"]
    assert post(office, "/v1/hosts/printer", method="DELETE") == (200, {"done": "host printer is removed"})
    assert post(office, "/v1/hosts/printer", method="DELETE")[0] == 404
    assert office.run.exchange(0x63) != 0x0A00C863


@pytest.mark.parametrize(
    ("host", "status", "detail"),
    [
        ({"name": "a"}, 400, "nothing tells this host's client"),
        ({"name": "a", "hardware": "02:00:00:00:00:01", "group": "nosuch"}, 404, "group: not found"),
        ({"name": "a", "hardware": "02:00:00:00:00:01", "statements": "option nosuch 1;"}, 400,
         "statements: parse error(s) occurred; network client line 1: no option named nosuch in space dhcp"),
        ({"name": "a b", "hardware": "02:00:00:00:00:01"}, 400, "host: invalid argument"),
        ({"hardware": "02:00:00:00:00:01"}, 400, "name is missing"),
        ({"name": "a", "colour": "red"}, 400, "unknown parameter 'colour'"),
    ],
)
def test_a_host_that_cannot_be(office: Office, host: dict[str, str], status: int, detail: str) -> None:
    got, answer = post(office, "/v1/hosts", host)
    assert got == status
    assert answer["detail"].startswith(detail)


def test_an_address_of_no_range_is_not_found(office: Office) -> None:
    for verb in ("release", "abandon", "reserve", "unreserve"):
        assert post(office, f"/v1/leases/192.0.2.1/{verb}")[0] == 404


def test_what_is_not_on_the_disk_is_not_promised(office: Office) -> None:
    office.run.exchange(1)
    office.disk_fails = True
    status, problem = post(office, f"/v1/leases/{active(office)['address']}/release")
    assert status == 503
    assert "may be lost" in problem["detail"]


def test_a_reload_is_in_force_or_refused_with_its_mistakes(office: Office) -> None:
    office.configuration = office.configuration.replace(b"example.org", b"example.net")
    status, answer = post(office, "/v1/reload")
    assert (status, answer["result"]) == (200, "in force")
    office.configuration += b"\noption nosuch 1;"
    status, problem = post(office, "/v1/reload")
    assert status == 409
    assert "unknown option dhcp.nosuch" in problem["advice"]


def test_two_who_ask_for_a_reload_get_both_an_answer(office: Office) -> None:
    ask = b"POST /v1/reload HTTP/1.1\r\nHost: x\r\n\r\n"
    first, second = office.connect(), office.connect()
    first.send(ask)
    second.send(ask)
    answers = office.settle(first), office.settle(second)
    assert [one[:15] for one in answers] == [b"HTTP/1.1 200 OK"] * 2
    first.close()
    second.close()


def test_the_recording_is_shown_and_cut(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    recorder = Recorder(
        TapeWriter.create(str(path), version="test"), Segments(str(path)), Limits(), lambda _level, _text: None
    )
    office = Office(tmp_path, recorder=recorder)
    assert office.get("/v1/status")["recording"]["file"] == str(path)
    status, answer = post(office, "/v1/recording/rotate")
    assert (status, answer["file"]) == (200, str(path))
    assert recorder._wanted
    office.close()
    recorder.close()
