"""DNS messages over real sockets on the loopback: what is an answer, what is none, and what TCP can do."""

from __future__ import annotations

import select
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dhcpd.network import dns as dns_module
from dhcpd.network import dns_ports
from dhcpd.network.dns import Dns
from dhcpd.trace.effects import DnsOpen, DnsSend
from dhcpd.trace.events import DnsAnswer, DnsOpened
from tests.dhcpd.network.waiting import PATIENCE_S, Ear

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = bytes([127, 0, 0, 1])
LOOPBACK_6 = bytes(15) + b"\x01"
ANY = bytes(4)
WAIT_US = 12_000_000


def question(number: int) -> bytes:
    return number.to_bytes(2) + b"\x28\x00" + bytes(8) + b"body"


def answer_to(payload: bytes) -> bytes:
    return payload[:2] + b"\xa8\x00" + payload[4:]


class Server:
    """A DNS server that says what it is told to."""

    def __init__(self, family: int = socket.AF_INET, host: str = "127.0.0.1", port: int = 0) -> None:
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.bind((host, port))
        self.udp.settimeout(PATIENCE_S)
        self.port = self.udp.getsockname()[1]


class Site:
    """The client, by a clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self.us = 1
        self.resolv_conf = folder / "resolv.conf"
        self.dns = Dns(lambda: self.us, str(self.resolv_conf))
        self.ear = Ear(self.dns)
        self.server = Server()

    def ask(self, number: int, *, tcp: bool = False, port: int = 0, server: bytes = LOOPBACK) -> None:
        self.dns.send(DnsSend(number, server, port or self.server.port, tcp, WAIT_US, question(number)))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.dns.open(DnsOpen((LOOPBACK,)))
    assert [event[2:] for event in made.dns.take()] == [(b"", ("",))]
    yield made
    made.dns.close()
    made.server.udp.close()


def test_an_answer_is_told_by_the_number_of_its_question(site: Site) -> None:
    site.ask(3)
    site.ask(4)
    for _ in range(2):
        payload, where = site.server.udp.recvfrom(100)
        site.server.udp.sendto(answer_to(payload), where)
    answers = site.ear.of(DnsAnswer, 2)
    assert {one.query: (one.payload, one.error) for one in answers} == {
        3: (answer_to(question(3)), ""),
        4: (answer_to(question(4)), ""),
    }


def test_a_question_that_is_sent_again_has_its_port_and_later_ones_have_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dns_ports, "QUESTIONS_OF_A_PORT_MAXIMUM", 2)
    ports = []
    for number in (1, 1, 2, 3, 4, 5, 6):
        site.ask(number)
        ports.append(site.server.udp.recvfrom(100)[1][1])
    assert ports[0] == ports[1] == ports[2]
    assert ports[3] == ports[4] != ports[5] == ports[6]
    assert len(set(ports)) == 3, "the system draws each"


def test_a_port_is_deaf_for_all_but_its_server(site: Site) -> None:
    """What others send does not even fill the buffer that answers need."""
    site.ask(7)
    payload, where = site.server.udp.recvfrom(100)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect(where)
        for _ in range(2000):
            with suppress(ConnectionRefusedError):
                stranger.send(answer_to(payload) + bytes(400))
    site.server.udp.sendto(answer_to(payload), where)
    (answer,) = site.ear.of(DnsAnswer)
    assert answer.payload == answer_to(payload)


def test_an_answer_to_another_port_of_ours_is_none(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_ports, "QUESTIONS_OF_A_PORT_MAXIMUM", 1)
    asked = []
    for number in (1, 2):
        site.ask(number)
        asked.append(site.server.udp.recvfrom(100))
    (first, port), (second, other) = asked
    site.server.udp.sendto(answer_to(second), port)
    site.server.udp.sendto(answer_to(first), other)
    site.server.udp.sendto(answer_to(first) + b"right", port)
    (answer,) = site.ear.of(DnsAnswer)
    assert (answer.query, answer.payload[-5:]) == (1, b"right")


def test_late_and_huge_datagrams_are_read_and_dropped(site: Site) -> None:
    """Or the descriptor would stay readable for ever, and the loop would never sleep."""
    site.ask(1)
    payload, where = site.server.udp.recvfrom(100)
    site.server.udp.sendto(answer_to(payload) + bytes(20_000), where)
    site.server.udp.sendto(answer_to(payload), where)
    site.ear.of(DnsAnswer)
    site.server.udp.sendto(answer_to(payload) + b"late", where)
    site.ask(2)
    payload, where = site.server.udp.recvfrom(100)
    site.server.udp.sendto(answer_to(payload), where)
    assert [one.payload for one in site.ear.of(DnsAnswer, 2)] == [answer_to(question(1)), answer_to(question(2))]
    assert select.select([site.dns], [], [], 0)[0] == []


def test_open_ports_are_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks many servers that say nothing forgets the oldest, whose question is then sent anew."""
    monkeypatch.setattr(dns_ports, "PORTS_MAXIMUM", 3)
    silent = [Server() for _ in range(6)]
    for number, server in enumerate(silent):
        site.ask(number, port=server.port)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number, server in enumerate(silent):
        site.ask(10 + number, port=server.port)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    payload, where = silent[-1].udp.recvfrom(100)
    payload, where = silent[-1].udp.recvfrom(100)
    silent[-1].udp.sendto(answer_to(payload), where)
    assert [one.query for one in site.ear.of(DnsAnswer)] == [15]
    for server in silent:
        server.udp.close()


def test_nothing_else_is_an_answer(site: Site) -> None:
    other = Server()
    site.ask(7)
    payload, where = site.server.udp.recvfrom(100)
    for sender, octets in (
        (other.udp, answer_to(payload)),
        (site.server.udp, payload),
        (site.server.udp, answer_to(payload)[:11]),
        (site.server.udp, b""),
        (site.server.udp, answer_to(question(8))),
    ):
        sender.sendto(octets, where)
    site.server.udp.sendto(answer_to(payload) + b"right", where)
    site.server.udp.sendto(answer_to(payload) + b"twice", where)
    (answer,) = site.ear.of(DnsAnswer)
    assert answer.payload.endswith(b"right")
    site.ask(9)
    payload, where = site.server.udp.recvfrom(100)
    site.server.udp.sendto(answer_to(payload), where)
    assert [one.query for one in site.ear.of(DnsAnswer, 2)] == [7, 9], "the second answer to 7 was dropped"
    other.udp.close()


def test_who_asks_again_may_be_answered_again(site: Site) -> None:
    for count in (1, 2):
        site.ask(5)
        payload, where = site.server.udp.recvfrom(100)
        site.server.udp.sendto(answer_to(payload), where)
        site.ear.of(DnsAnswer, count)


def test_a_question_whose_time_is_over_is_forgotten_in_silence(site: Site) -> None:
    site.ask(5)
    assert site.dns.due_us == 1 + WAIT_US
    payload, where = site.server.udp.recvfrom(100)
    site.us = site.dns.due_us
    assert site.dns.take() == []
    assert site.dns.due_us == 0
    site.server.udp.sendto(answer_to(payload), where)
    site.ask(6)
    payload, where = site.server.udp.recvfrom(100)
    site.server.udp.sendto(answer_to(payload), where)
    assert [one.query for one in site.ear.of(DnsAnswer)] == [6]


def test_asked_again_it_waits_from_then_on(site: Site) -> None:
    site.ask(5)
    site.us += WAIT_US // 2
    site.ask(5)
    site.us += WAIT_US // 2
    payload, where = site.server.udp.recvfrom(100)
    assert site.dns.take() == []
    site.server.udp.sendto(answer_to(payload), where)
    site.ear.of(DnsAnswer)


def test_the_oldest_question_makes_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_module, "QUESTIONS_MAXIMUM", 2)
    for number in (1, 2, 3):
        site.ask(number)
    for _ in range(3):
        payload, where = site.server.udp.recvfrom(100)
        site.server.udp.sendto(answer_to(payload), where)
    assert [one.query for one in site.ear.of(DnsAnswer, 2)] == [2, 3]


def test_a_server_that_is_not_there_is_no_answer(site: Site) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    site.ask(1, port=port)
    site.ask(2, server=bytes([240, 0, 0, 1]))
    site.ask(3)
    payload, where = site.server.udp.recvfrom(100)
    site.server.udp.sendto(answer_to(payload), where)
    assert [one.query for one in site.ear.of(DnsAnswer)] == [3]


# Sockets


def test_sources_that_are_not_ours_are_told_and_the_resolver_is_read(site: Site) -> None:
    site.resolv_conf.write_bytes(b"nameserver 192.0.2.1\n")
    site.dns.open(DnsOpen((bytes([192, 0, 2, 1]), bytes(16))))
    (opened,) = site.dns.take()
    assert isinstance(opened, DnsOpened)
    assert opened.resolv_conf == b"nameserver 192.0.2.1\n"
    assert opened.errors == ("EADDRNOTAVAIL", "")
    site.ask(1)
    assert [event[2:] for event in site.dns.take()] == [(1, b"", "EAFNOSUPPORT")]


def test_a_resolver_file_that_is_none_is_empty(site: Site) -> None:
    site.resolv_conf.mkdir()
    site.dns.open(DnsOpen(()))
    assert [event[2:] for event in site.dns.take()] == [(b"", ())]


def test_ipv6_servers_are_asked(site: Site) -> None:
    server = Server(socket.AF_INET6, "::1")
    site.dns.open(DnsOpen((ANY, LOOPBACK_6)))
    assert site.dns.take()[0][3] == ("", "")
    site.ask(1, port=server.port, server=LOOPBACK_6)
    payload, where = server.udp.recvfrom(100)
    server.udp.sendto(answer_to(payload), where)
    (answer,) = site.ear.of(DnsAnswer)
    assert answer.payload == answer_to(question(1))
    server.udp.close()


# TCP


def tcp_server(site: Site) -> socket.socket:
    """One that is asked from now on."""
    made = socket.create_server(("127.0.0.1", 0))
    made.settimeout(PATIENCE_S)
    site.server.port = made.getsockname()[1]
    return made


def receive(peer: socket.socket) -> bytes:
    peer.settimeout(PATIENCE_S)
    (octets,) = struct.unpack("!H", peer.recv(2, socket.MSG_WAITALL))
    return peer.recv(octets, socket.MSG_WAITALL)


def framed(payload: bytes) -> bytes:
    return struct.pack("!H", len(payload)) + payload


def accept(site: Site, listener: socket.socket) -> socket.socket:
    """The connection of the question, when it has been asked."""
    peer, _ = listener.accept()
    site.dns.take()
    return peer


def test_over_tcp_an_answer_may_come_in_pieces_behind_others(site: Site) -> None:
    with tcp_server(site) as listener:
        site.ask(9, tcp=True)
        with accept(site, listener) as peer:
            payload = receive(peer)
            assert payload == question(9)
            peer.sendall(framed(answer_to(question(1))) + framed(payload))
            for octet in framed(answer_to(payload) + bytes(5000)):
                peer.send(bytes([octet]))
            (answer,) = site.ear.of(DnsAnswer)
    assert (answer.query, answer.payload[:16], len(answer.payload)) == (9, answer_to(payload), 5016)


@pytest.mark.parametrize(
    ("octets", "error"), [(b"", "end"), (framed(answer_to(question(9)))[:-1], "end"), (b"\0\0", "length")]
)
def test_over_tcp_a_bad_end_is_told(site: Site, octets: bytes, error: str) -> None:
    with tcp_server(site) as listener:
        site.ask(9, tcp=True)
        with accept(site, listener) as peer:
            receive(peer)
            peer.sendall(octets)
            peer.shutdown(socket.SHUT_WR)
            (answer,) = site.ear.of(DnsAnswer)
    assert answer[2:] == (9, b"", error)


def test_over_tcp_who_answers_everything_else_is_left(site: Site) -> None:
    with tcp_server(site) as listener:
        site.ask(9, tcp=True)
        with accept(site, listener) as peer:
            payload = receive(peer)
            peer.sendall(framed(b"\0") * 10_000 + framed(answer_to(payload)))
            (answer,) = site.ear.of(DnsAnswer)
    assert answer[2:] == (9, b"", "length")


@pytest.mark.parametrize("sent", [b"", b"\xff\xff", b"\xff\xff" + bytes(100), b"\0"])
def test_over_tcp_who_announces_and_does_not_send_is_left_when_the_time_is_over(site: Site, sent: bytes) -> None:
    with tcp_server(site) as listener:
        site.ask(9, tcp=True)
        with accept(site, listener) as peer:
            receive(peer)
            peer.sendall(sent)
            site.us = site.dns.due_us - 1
            assert site.dns.take() == []
            site.us += 1
            assert site.dns.take() == []
            with suppress(ConnectionResetError):
                assert peer.recv(1) == b""


def test_over_tcp_nobody_there_is_told(site: Site) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        site.ask(9, tcp=True, port=nobody.getsockname()[1])
        (answer,) = site.ear.of(DnsAnswer)
    assert answer[2:] == (9, b"", "ECONNREFUSED")


def test_over_tcp_who_never_answers_is_left_when_the_time_is_over(site: Site) -> None:
    with tcp_server(site) as listener:
        site.ask(9, tcp=True)
        with accept(site, listener) as peer:
            receive(peer)
            site.us = site.dns.due_us
            assert site.dns.take() == []
            assert peer.recv(1) == b""


def test_over_tcp_there_are_only_so_many_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_module, "CONNECTIONS_MAXIMUM", 1)
    with tcp_server(site):
        site.ask(1, tcp=True)
        site.ask(2, tcp=True)
        assert [event[2:] for event in site.dns.told()] == [(2, b"", "crowded")]
