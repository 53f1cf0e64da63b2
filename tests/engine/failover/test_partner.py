"""A partner that is another program, at the octets of one connection: what it may say, how much, and how often.

Whatever it says is answered or ends its connection; it raises nothing, and costs nobody else more than a moment.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine.failover import messages as msg
from dhcpd.engine.failover.rules import patience, states
from dhcpd.engine.failover.wire import HEADER_OCTETS, MESSAGE_OCTETS_MAX, Splitter
from dhcpd.engine.model.lease import ACTIVE, EXPIRED
from dhcpd.replay.world.host import SECOND_US, Host
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import events as ev
from tests.engine.failover.pair import SUBNET, configuration
from tests.engine.service.desk import DISCOVER, REQUEST, Reply, dotted, mac, message, number

if TYPE_CHECKING:
    from dhcpd.engine.failover.endpoint import Endpoint
    from dhcpd.engine.model.lease import Lease
    from dhcpd.trace import effects as ef

ACK = 5
BUCKETS = b"\xff" * 16 + bytes(16)
CLIENT = b"\1\2\0\0\0\0\1"
NORMAL, RECOVER, REC_DONE = (int(one) for one in (states.NORMAL, states.RECOVER, states.REC_DONE))
HERE, THERE = number("10.45.0.1"), number("10.45.0.2")


class Server(Host):
    """A server of ours, and what a script says to it in its partner's place, over the connection `stream`."""

    def __init__(self, side: str, text: str = "", leases: bytes = b"") -> None:
        super().__init__()
        self.primary = side == "primary"
        self.stream = 0
        self.said = b""
        self.ended_streams: list[int] = []
        self.replies: list[Reply] = []
        self.lines: list[str] = []
        links = (ethernet("eth0", 2, b"\2\0\0\0\0\xfe", (number("10.44.0.1"), 24)),)
        files = [SourceFile("c", (text or configuration(side)).encode(), "")]
        self.start(Beginning(files, [leases] if leases else [], links, words=("-pf", "/p", "-p", "67"), seed=b"seed"))
        assert self.machine.serving

    def log(self, effect: ef.Log) -> None:
        self.lines.append(effect.text)

    def stream_send(self, effect: ef.StreamSend) -> None:
        self.said += effect.data

    def stream_close(self, effect: ef.StreamClose) -> None:
        self.ended_streams.append(effect.stream)
        self.answer(ev.StreamClosed(0, 0, effect.stream, ""))

    def send(self, effect: ef.Send) -> None:
        self.replies.append(Reply(effect))

    @property
    def now(self) -> int:
        return self.now_us // SECOND_US

    @property
    def endpoint(self) -> Endpoint:
        assert self.machine.failover is not None
        return self.machine.failover.endpoints["fo"]

    def lease(self, address: str) -> Lease:
        assert self.machine.server is not None
        found = self.machine.server.database.find(number(address))
        assert found is not None
        return found

    def reload(self, text: str) -> None:
        """Read another configuration."""
        self.tell(ev.ConfigurationFile(0, 0, "c", text.encode(), ""))
        self.tell(ev.ConfigurationEnd(0, 0, "c", reload=True))

    def call(self) -> None:
        """Open a connection."""
        self.stream += 2
        local, port, peer = (HERE, 647, THERE) if self.primary else (THERE, 847, HERE)
        self.tell(ev.StreamOpened(0, 0, self.stream, "failover", local, port, peer, 40_000))

    def hear(self, *said: msg.Message | bytes) -> list[msg.Message]:
        """Hear all of it in one piece; what the server says to it."""
        octets = b"".join(one if isinstance(one, bytes) else msg.octets(one) for one in said)
        self.tell(ev.StreamData(0, 0, self.stream, octets))
        return self.told_partner()

    def told_partner(self) -> list[msg.Message]:
        """What the server has said since this was asked last."""
        said, self.said = self.said, b""
        found = [msg.message_of(frame) for frame in Splitter().feed(said)]
        return [one for one in found if one is not None]

    def acknowledge(self, said: list[msg.Message]) -> list[msg.Message]:
        """Acknowledge all updates among what was said, and those that follow; everything that was said."""
        found = list(said)
        while updates := [one for one in said if isinstance(one, msg.BindingUpdate)]:
            said = self.hear(*[msg.BindingAck(self.now, one.xid, one.address) for one in updates])
            found += said
        return found

    def greet(self, name: bytes = b"fo") -> list[msg.Message]:
        """The partner's part of the handshake, on a new connection."""
        self.call()
        if self.primary:
            return self.hear(msg.ConnectAck(self.now, 0, name, 10, 20))
        return self.hear(msg.Connect(self.now, 0, name, 10, 20, mclt=60, hba=BUCKETS))

    def meet(self) -> None:
        """A first start of both, till both are in NORMAL."""
        self.greet()
        self.acknowledge(self.hear(msg.StateMessage(self.now, 1, RECOVER), msg.UpdateRequestAll(self.now, 2)))
        self.acknowledge(self.hear(msg.UpdateDone(self.now, 2), msg.StateMessage(self.now, 3, REC_DONE)))
        self.acknowledge(self.hear(msg.StateMessage(self.now, 4, NORMAL)))
        assert self.endpoint.state is states.NORMAL

    def bind(self, **more: object) -> str:
        """A client gets an address."""
        self.tell(ev.Packet(0, 0, "eth0", 0, 68, message(DISCOVER, mac(1), secs=9, **more)))
        address, server = self.replies[-1].address, "10.44.0.1"
        self.tell(ev.Packet(0, 0, "eth0", 0, 68, message(REQUEST, mac(1), requested=address, server=server, **more)))
        assert self.replies[-1].kind == ACK
        return address


def raw(kind: int, now: int, xid: int, *options: tuple[int, bytes]) -> bytes:
    """A message with any options, in any order, that may be longer than the server's own."""
    body = b"".join(struct.pack(">HH", code, len(data)) + data for code, data in options)
    return struct.pack(">HBBII", 12 + len(body), kind, 12, now, xid) + body


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


# Rows of the limits that are more than octets


@pytest.mark.parametrize("octets", [raw(0, 0, 9), raw(200, 0, 9)], ids=["type 0", "type 200"])
def test_a_message_of_no_type_is_a_sign_of_life(octets: bytes) -> None:
    server = Server("primary")
    server.meet()
    server.wait(15)
    assert all(isinstance(one, msg.Contact) for one in server.hear(octets))
    server.wait(15)
    assert server.endpoint.state is states.NORMAL
    server.wait(10)
    assert server.endpoint.state is states.COMM_INT


def test_a_message_whose_rest_never_comes_ends_the_link_by_silence() -> None:
    server = Server("primary")
    server.meet()
    server.wait(15)
    server.hear(b"\0")
    assert server.ended_streams == []
    server.wait(25)
    assert server.ended_streams == [2]


def test_a_state_that_is_none_is_a_state_and_raises_nothing() -> None:
    server = Server("primary")
    server.meet()
    server.hear(raw(10, server.now, 9, (24, b"\x63"), (23, b"\0"), (25, u32(server.now))))
    assert server.endpoint.state is states.SHUTDOWN


@pytest.mark.parametrize("receive_timer", [0, 1, 2, (1 << 32) - 1])
def test_no_receive_timer_makes_a_flood(receive_timer: int) -> None:
    server = Server("secondary")
    server.call()
    server.hear(msg.Connect(server.now, 0, b"fo", 10, receive_timer, mclt=60, hba=BUCKETS))
    server.wait(10)
    contacts = [one for one in server.told_partner() if isinstance(one, msg.Contact)]
    assert len(contacts) <= 10


def test_a_partners_line_feed_begins_no_line() -> None:
    server = Server("primary")
    server.meet()
    server.bind()
    (update,) = (one for one in server.told_partner() if isinstance(one, msg.BindingUpdate))
    server.hear(msg.BindingAck(server.now, update.xid, update.address, reject=254, message=b"a\nb"))
    assert [line for line in server.lines if "rejected: a" in line] == [
        f"bind update on {dotted(update.address)} from fo rejected: a\\012b"
    ]


ACTIVE_CLIENT = [(3, b"\2"), (5, CLIENT)]


def told_of(server: Server, *options: tuple[int, bytes], xid: int = 70) -> list[int]:
    """The reasons of refusal, of an update of 10.44.0.100."""
    said = server.hear(raw(3, server.now, xid, (2, u32(number("10.44.0.100"))), *options))
    server.wait(3)
    return [one.reject or 0 for one in [*said, *server.told_partner()] if isinstance(one, msg.BindingAck)]


def test_a_client_of_no_octets_is_refused() -> None:
    server = Server("secondary")
    server.meet()
    assert told_of(server, (3, b"\2"), (5, b"")) == [3]
    assert told_of(server, (3, b"\2"), (5, b"\1"), xid=71) == [6]


@pytest.mark.parametrize("state", [0, 8, 255])
@pytest.mark.parametrize("side", ["primary", "secondary"])
def test_a_binding_status_that_is_none_is_refused(side: str, state: int) -> None:
    server = Server(side)
    server.meet()
    assert told_of(server, (3, bytes([state])), (5, CLIENT)) == [2]


def test_an_active_lease_without_a_date_is_taken() -> None:
    server = Server("primary")
    server.meet()
    assert told_of(server, *ACTIVE_CLIENT) == [0]


def test_a_lease_that_ended_long_ago_is_taken_and_ends() -> None:
    server = Server("primary")
    server.meet()
    assert told_of(server, *ACTIVE_CLIENT, (13, u32(server.now - 9000)), (18, u32(server.now - 9000))) == [0]
    assert server.lease("10.44.0.100").state == EXPIRED


@pytest.mark.parametrize("date", [(1 << 31) - 1, (1 << 32) - 1])
def test_the_latest_dates_are_taken_and_kept(date: int) -> None:
    server = Server("secondary")
    server.meet()
    assert told_of(server, *ACTIVE_CLIENT, (13, u32(date)), (18, u32(date)), (25, u32(date)), (6, u32(date))) == [0]
    server.wait(60)
    lease = server.lease("10.44.0.100")
    assert (lease.state, lease.ends) == (ACTIVE, date)


# What is too long to be said


@pytest.mark.parametrize("octets", [256, 1965, 2032])
def test_a_name_that_is_not_known_is_refused_however_long_it_is(octets: int) -> None:
    server = Server("secondary")
    server.call()
    told = server.hear(raw(5, server.now, 0, (22, b"n" * octets)))
    assert [type(one) for one in told] == [msg.ConnectAck]
    assert told[0].reject == 8
    assert server.ended_streams == [2]


@pytest.mark.parametrize("octets", [256, 1900, 2032])
def test_a_secondary_of_another_name_is_refused_however_long_that_is(octets: int) -> None:
    server = Server("primary")
    server.call()
    told = server.hear(raw(6, server.now, 0, (22, b"\n" * octets)))
    assert [type(one) for one in told] == [msg.Connect, msg.Disconnect]
    assert server.ended_streams == [2]


def test_a_client_whose_identifier_fits_no_update_is_told_without_it() -> None:
    server = Server("primary")
    server.meet()
    address = server.bind(uid=b"i" * 2100)
    update = server.told_partner()[-1]
    assert isinstance(update, msg.BindingUpdate)
    assert (update.address, update.uid, update.hardware) == (number(address), None, b"\1" + mac(1))
    assert len(server.lease(address).uid) == 2100


def test_the_longest_update_that_is_taken_can_be_told_again() -> None:
    server = Server("secondary")
    server.meet()
    flags = (12, b"\0\3")
    times = [(code, u32(server.now + 300)) for code in (13, 18)]
    for xid, size in ((70, 1900), (71, 1901)):
        who = [(2, u32(number("10.44.0.100"))), (3, b"\2"), (4, b"i" * size), (5, b"\1" + bytes(20))]
        told = server.hear(raw(3, server.now, xid, *who, *times, *([flags] if xid == 70 else [])))
        assert [one.reject for one in told if isinstance(one, msg.BindingAck)] == ([6] if xid == 71 else [])
    server.lease("10.44.0.100").cltt = server.now
    told = server.acknowledge(server.hear(msg.UpdateRequestAll(server.now, 80)))
    whole = next(one for one in told if isinstance(one, msg.BindingUpdate) and one.uid)
    assert len(msg.octets(whole)) <= MESSAGE_OCTETS_MAX
    assert whole.cltt == server.now


# A reload while something is under way


def with_range(side: str, first: int, last: int) -> str:
    """A configuration with other addresses."""
    return configuration(side, subnet=SUBNET.replace("100 10.44.0.119", f"{first} 10.44.0.{last}"))


def test_an_update_is_acknowledged_though_its_address_leaves_with_the_configuration() -> None:
    server = Server("secondary")
    server.meet()
    times = {"ends": server.now + 300, "potential": server.now + 300, "starts": server.now}
    assert not server.hear(msg.BindingUpdate(server.now, 70, number("10.44.0.100"), 2, hardware=CLIENT, **times))
    server.reload(with_range("secondary", 110, 119))
    server.wait(3)
    assert [(one.xid, one.reject) for one in server.told_partner() if isinstance(one, msg.BindingAck)] == [(70, None)]


def test_a_request_is_answered_though_all_that_it_waits_for_leaves_with_the_configuration() -> None:
    server = Server("primary")
    server.meet()
    told = server.hear(msg.UpdateRequestAll(server.now, 80))
    assert {type(one) for one in told} == {msg.BindingUpdate}
    server.reload(with_range("primary", 200, 209))
    told = server.told_partner()
    assert [one.xid for one in told if isinstance(one, msg.UpdateDone)] == [80]


def test_what_waits_behind_updates_of_addresses_that_leave_is_told() -> None:
    server = Server("primary")
    server.meet()
    server.hear(msg.UpdateRequestAll(server.now, 80))
    server.reload(with_range("primary", 100, 109))
    told = server.told_partner()
    assert {one.address for one in told if isinstance(one, msg.BindingUpdate)} == {
        number(f"10.44.0.{last}") for last in range(100, 110)
    }
    assert [one.xid for one in server.acknowledge(told) if isinstance(one, msg.UpdateDone)] == [80]


# More than can be done


@pytest.mark.parametrize(
    "kind", [msg.UpdateRequestAll, msg.UpdateRequest, msg.UpdateDone, msg.PoolRequest, msg.StateMessage]
)
def test_a_partner_that_asks_without_end_is_heeded_now_and_then(kind: type[msg.Message]) -> None:
    server = Server("primary")
    server.meet()
    server.wait(10)
    asked = [kind(server.now, xid) for xid in range(300)]
    before = server.machine.events
    server.hear(*asked)
    assert 300 - _waiting(server) <= patience.AT_ONCE_MAX
    server.wait(15)
    assert 70 <= 300 - _waiting(server) <= 80
    # A turn for each, and a few for all else.
    assert server.machine.events - before < 100
    server.bind()
    for _ in range(6):
        server.hear(msg.Contact(server.now, 300))
        server.wait(15)
    assert not _waiting(server)


def _waiting(server: Server) -> int:
    """How many messages without options wait."""
    assert server.endpoint.link is not None
    return len(server.endpoint.link.splitter.rest) // HEADER_OCTETS


def test_what_waits_of_a_partner_is_kept_by_a_snapshot_and_heeded_in_order() -> None:
    server = Server("primary")
    server.meet()
    server.wait(10)
    server.hear(*[msg.UpdateRequest(server.now, xid) for xid in range(100, 140)], msg.Contact(server.now, 140))
    other = server.restored()
    for one in (server, other):
        one.said = b""
        one.wait(30)
    assert server.said == other.said
    assert [one.xid for one in server.told_partner() if isinstance(one, msg.UpdateDone)][-1] == 139


def test_a_partner_that_goes_on_with_it_loses_its_connection() -> None:
    server = Server("secondary")
    server.meet()
    storm = msg.octets(msg.UpdateRequestAll(server.now, 1)) * 340
    for _ in range(100):
        if not server.ended_streams:
            server.hear(storm)
    assert server.ended_streams == [server.stream]
    assert server.endpoint.state is states.COMM_INT
    server.wait(1)


def test_who_asks_as_often_as_a_pair_does_never_waits() -> None:
    server = Server("primary")
    for _ in range(3):
        server.meet()
        assert not _waiting(server)
        server.tell(ev.StreamHalfClosed(0, 0, server.stream))
        server.wait(30)
