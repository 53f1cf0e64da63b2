"""Who asks slowly, much, half or nonsense gets an answer or an end, and others are answered all the while."""

from __future__ import annotations

import gc
import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpd.admin.http import server as admin_server
from dhcpd.admin.http.connection import BODY_OCTETS_MAXIMUM, HEAD_OCTETS_MAXIMUM, Connection, Request
from dhcpd.admin.problems import Problem
from tests.dhcpd.admin.office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOOD = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
PIECES = [
    GOOD, GOOD.replace(b"GET", b"HEAD"), b"GET /v1/leases?limit=2 HTTP/1.1\r\n", b"Host: x\r\n", b"\r\n",
    b"POST /v1/reload HTTP/1.1\r\n", b"Content-Length: 5\r\n", b"Content-Length: 999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n", b"ffffffff\r\n", b"0\r\n\r\n", b"{}", b'{"name": "a"}',
    b"\0", b"\xff" * 40, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"Expect: 100-continue\r\n",
    b"Content-Type: application/json\r\n", b"Origin: http://evil\r\n", b"A" * 5000,
    b"GET http://x/v1/status HTTP/1.1\r\n", b"DELETE /v1/hosts/%00 HTTP/1.1\r\n", b"Connection: close\r\n",
    b"HTTP/1.0",
]  # fmt: skip
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.close()


@SLOW
@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=200), max_size=12))
def test_no_octets_stop_the_server(busy: Office, pieces: list[bytes]) -> None:
    peer = busy.connect()
    for piece in pieces:
        busy.send(peer, piece)
    busy.settle(peer)
    peer.close()
    busy.turn()
    assert busy.get("/v1/status")["version"]
    assert not busy.admin._peers or all(one.work is None for one in busy.admin._peers.values())


@SLOW
@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=200), max_size=12), st.integers(1, 64))
def test_a_connection_says_the_same_however_its_octets_are_cut(pieces: list[bytes], size: int) -> None:
    def requests(data: list[bytes]) -> list[Request | str]:
        connection, found = Connection(), list[Request | str]()
        for one in data:
            connection.receive(one)
            try:
                while (request := connection.next_request()) is not None:
                    found.append(request)
                    connection.answer(200, "text/plain", b"")
            except Problem as problem:
                # Of two things that are wrong with a line h11 names the one that it sees first.
                found.append(str(problem.status))
                break
        return found

    whole = b"".join(pieces)
    cut = [whole[at : at + size] for at in range(0, len(whole), size)]
    # Where a head that is too long is refused hangs on how much has come of it.
    if len(whole) < HEAD_OCTETS_MAXIMUM:
        assert requests([whole] if whole else []) == requests(cut)


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET /" + b"a" * HEAD_OCTETS_MAXIMUM, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"b" * HEAD_OCTETS_MAXIMUM, 431),
        (b"nonsense\r\n\r\n", 400),
        (b"POST /v1/hosts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n"
         + b" " * (BODY_OCTETS_MAXIMUM + 1), 413),
        (b"POST /v1/hosts HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 415),
        (b"POST /v1/hosts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]", 400),
        (b"GET /v1/status HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\n\r\n", 403),
        (b"PUT /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /v1/leases?limit=1&limit=2 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v1/leases?" + b"&".join(b"a%d=1" % one for one in range(99)) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ],
    ids=["line", "head", "nonsense", "body", "type", "list", "origin", "method", "twice", "many"],
)  # fmt: skip
def test_what_is_too_much_or_wrong_is_answered(office: Office, octets: bytes, status: int) -> None:
    peer = office.connect()
    got = office.send(peer, octets) + office.settle(peer)
    assert got.startswith(b"HTTP/1.1 %d " % status), got
    assert json.loads(got.partition(b"\r\n\r\n")[2])["status"] == status
    peer.close()


@pytest.mark.parametrize(
    ("target", "status"), [(b"/v1/status", 200), (b"/v1/nothing", 404), (b"/v1/status?x=1", 400), (b"nowhere", 400)]
)
def test_of_an_answer_to_head_there_is_no_body(office: Office, target: bytes, status: int) -> None:
    peer = office.connect()
    got = office.send(peer, b"HEAD " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n") + office.settle(peer)
    assert got.startswith(b"HTTP/1.1 %d " % status), got
    assert got.endswith(b"\r\n\r\n")
    assert got.count(b"\r\n\r\n") == 1
    peer.close()


def test_behind_a_head_comes_an_answer_with_a_body(office: Office) -> None:
    peer = office.connect()
    got = office.send(peer, GOOD.replace(b"GET", b"HEAD") + b"nonsense\r\n\r\n") + office.settle(peer)
    assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200", b"400"]
    assert got.endswith(b"}\n")
    peer.close()


def test_nonsense_leaves_nothing_to_the_garbage_collector(office: Office) -> None:
    def say(octets: bytes) -> None:
        peer = office.connect()
        office.send(peer, octets)
        office.settle(peer)
        peer.close()
        office.turn()

    asked = (b"nonsense\r\n\r\n", GOOD, GOOD.replace(b"status", b"nothing"), GOOD.replace(b"Host", b"Host host"))
    for octets in asked:
        say(octets)
    gc.disable()
    try:
        gc.collect()
        for octets in asked:
            say(octets)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_requests_that_come_together_are_answered_in_order(office: Office) -> None:
    peer = office.connect()
    got = office.send(peer, GOOD + b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n" + GOOD) + office.settle(peer)
    assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200", b"404", b"200"]
    peer.close()


def test_a_body_is_asked_for_where_the_client_waits(office: Office) -> None:
    peer = office.connect()
    head = b"POST /v1/hosts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 43\r\n"
    assert office.send(peer, head + b"Expect: 100-continue\r\n\r\n") + office.settle(peer) == b"HTTP/1.1 100 \r\n\r\n"
    got = office.send(peer, b'{"name":"printer","hardware":"02:00:00:01"}') + office.settle(peer)
    assert got.startswith(b"HTTP/1.1 200 "), got
    peer.close()


def test_the_longest_silent_makes_room(office: Office) -> None:
    peers = []
    for _ in range(admin_server.CONNECTIONS_MAXIMUM):
        peers.append(office.connect())
        office.settle(peers[-1])
    assert office.get("/v1/status")["version"]
    assert office.receive(peers[0]) is None
    assert office.receive(peers[1]) == b""
    for peer in peers:
        peer.close()


def test_who_begins_and_does_not_end_has_its_time(tmp_path: Path) -> None:
    office = Office(tmp_path)
    now = [1_000_000]
    office.admin._clock = lambda: now[0]
    slow, idle = office.connect(), office.connect()
    office.settle(idle)
    office.send(slow, b"GET /v1/status HT")
    office.settle(slow)
    assert office.admin.due_us == now[0] + admin_server.REQUEST_US
    now[0] += admin_server.REQUEST_US
    office.turn()
    assert office.receive(slow) is None
    assert office.receive(idle) == b""
    now[0] += admin_server.IDLE_US
    office.turn()
    assert office.receive(idle) is None
    for one in (slow, idle):
        one.close()
    office.close()


def test_who_does_not_take_its_answers_is_not_read_from_and_then_ended(tmp_path: Path) -> None:
    office = Office(tmp_path)
    now = [1_000_000]
    office.admin._clock = lambda: now[0]
    for client in range(300):
        office.run.exchange(client)
    peer = office.connect()
    ask = b"GET /v1/leases?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n"
    sent = 0
    try:
        while sent < 2_000:
            sent += peer.send(ask) > 0
            office.turn()
    except BlockingIOError:
        pass
    assert sent < 2_000
    for _ in range(20):
        office.turn()
    (held,) = office.admin._peers.values()
    assert 0 < held.http.waiting < 1 << 20
    assert office.get("/v1/status")["version"]
    now[0] += admin_server.ANSWER_US
    office.turn()
    assert not office.admin._peers
    peer.close()
    office.close()


def test_who_goes_away_in_the_middle_leaves_nothing(office: Office) -> None:
    for client in range(200):
        office.run.exchange(client)
    for octets in (b"GET /v1/leases?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n", GOOD[:9],
                   b"POST /v1/leases/10.0.1.0/abandon HTTP/1.1\r\nHost: x\r\n\r\n"):  # fmt: skip
        peer = office.connect()
        peer.send(octets)
        office.admin.turn()
        peer.close()
        for _ in range(200):
            office.turn()
        assert not office.admin._peers
        assert not office.admin.busy
