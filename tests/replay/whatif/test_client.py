"""The model of a client: the messages that it changes, those that it withholds, and the octets that it leaves alone."""

from __future__ import annotations

import struct

import pytest

from dhcpd.replay.whatif.client import ALWAYS, HOLDING, TRANSITIONS, Client, Input, Reply, State
from dhcpd.replay.whatif.packets import discover_from, read, renewal_from, request_from
from dhcpd.trace.events import Packet

OLD, NEW, SERVER, OTHER = 0x0A000101, 0x0A000202, 0x0A000001, 0x0A000002
NOW = 1_790_000_000_000_000
MINUTE = 60_000_000


def packet(kind: int, at: int = 0, *, ciaddr: int = 0, requested: int = 0, server: int = 0, giaddr: int = 0) -> Packet:
    data = struct.pack("!BBBBIHHIIII16s192x", 1, 1, 6, 0, 7, 0, 0, ciaddr, 0, 0, giaddr, b"\x02\0\0\0\0\x01")
    data += b"\x63\x82\x53\x63" + bytes([53, 1, kind])
    for code, value in ((50, requested), (54, server)):
        data += bytes([code, 4]) + value.to_bytes(4, "big") if value else b""
    return Packet(NOW + at, at, "eth0", ciaddr, 68, data + bytes([55, 2, 1, 3, 255]))


def say(client: Client, one: Packet) -> Packet | None:
    message = read(one.payload)
    assert message is not None
    return client.adapt(one, message).packet


def reply(kind: int, address: int = 0, lease_s: int = 600, server: int = SERVER) -> Reply:
    return Reply(kind, address, server, lease_s, lease_s // 2, lease_s * 7 // 8)


def parted() -> Client:
    """It has OLD in the recording and NEW now."""
    client = Client("one")
    say(client, packet(1))
    client.hear_recorded(reply(2, OLD), NOW)
    client.hear_new(reply(2, NEW, server=OTHER), NOW)
    taken = say(client, packet(3, requested=OLD, server=SERVER))
    assert taken == packet(3, requested=NEW, server=OTHER)
    client.hear_recorded(reply(5, OLD), NOW)
    client.hear_new(reply(5, NEW, server=OTHER), NOW)
    return client


def test_every_state_is_reached_and_left():
    reached = {*ALWAYS.values(), *TRANSITIONS.values(), State.INIT}
    assert reached == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State)
    assert {what for _, what in TRANSITIONS} | ALWAYS.keys() == set(Input)
    assert {state for (_, what), state in TRANSITIONS.items() if what is Input.ACKED} == {State.BOUND} <= HOLDING


def test_a_client_that_gets_the_same_says_the_same():
    client = Client("one")
    for said, heard in ((packet(1), reply(2, OLD)), (packet(3, requested=OLD, server=SERVER), reply(5, OLD))):
        assert say(client, said) is said
        client.hear_recorded(heard, NOW)
        client.hear_new(heard, NOW)
    renewal = packet(3, 5 * MINUTE, ciaddr=OLD)
    assert say(client, renewal) is renewal


@pytest.mark.parametrize(
    ("recorded", "now"),
    [
        (packet(3, MINUTE, ciaddr=OLD), packet(3, MINUTE, ciaddr=NEW)),
        (packet(3, MINUTE, requested=OLD), packet(3, MINUTE, requested=NEW)),
        (packet(7, MINUTE, ciaddr=OLD, server=SERVER), packet(7, MINUTE, ciaddr=NEW, server=OTHER)),
        (packet(8, MINUTE, ciaddr=OLD), packet(8, MINUTE, ciaddr=NEW)),
        (packet(1, MINUTE, requested=OLD), packet(1, MINUTE, requested=NEW)),
        (packet(3, MINUTE, ciaddr=0x0A000909), packet(3, MINUTE, ciaddr=0x0A000909)),
        (packet(4, MINUTE, requested=OLD, server=SERVER), None),
    ],
    ids=["renewal", "reboot", "release", "inform", "discover", "foreign", "decline"],
)
def test_a_client_that_has_another_address_speaks_of_that_one(recorded: Packet, now: Packet | None):
    assert say(parted(), recorded) == now


def test_no_offer_is_no_request():
    client = Client("one")
    say(client, packet(1))
    client.hear_recorded(reply(2, OLD), NOW)
    assert say(client, packet(3, requested=OLD, server=SERVER)) is None
    # Later it asks again, where it renewed in the recording.
    client.hear_recorded(reply(5, OLD), NOW)
    again = say(client, packet(3, 5 * MINUTE, ciaddr=OLD))
    assert again is not None
    message = read(again.payload)
    assert message is not None
    assert (message.kind, message.ciaddr, message.requested, message.server) == (1, 0, 0, 0)
    taken = client.hear_new(reply(2, NEW, server=OTHER), NOW)
    assert taken is not None
    request = read(taken.payload)
    assert request is not None
    assert (request.kind, request.requested, request.server) == (3, NEW, OTHER)


def test_a_shorter_lease_is_renewed_in_time_while_the_recorded_one_lasts():
    client = Client("one")
    say(client, packet(1))
    client.hear_recorded(reply(2, OLD), NOW)
    client.hear_new(reply(2, OLD, 120), NOW)
    say(client, packet(3, requested=OLD, server=SERVER))
    client.hear_recorded(reply(5, OLD), NOW)
    client.hear_new(reply(5, OLD, 120), NOW)
    assert client.must_renew
    assert client.next_renewal_us(NOW) == NOW + MINUTE
    early = client.renew_early(NOW + MINUTE)
    assert early is not None
    assert early.source == OLD
    assert client.next_renewal_us(NOW + MINUTE) > NOW + MINUTE
    assert client.renew_early(NOW + 10 * MINUTE) is None


def test_an_unanswered_renewal_is_repeated_until_the_lease_ends():
    """RFC 2131 section 4.4.5: half of what is left until T2, at T2 of everybody, half of what is left of the lease."""
    client = Client("one")
    relay = 0x0A090001
    say(client, packet(1, giaddr=relay))
    for kind in (2, 5):
        client.hear_recorded(reply(kind, OLD, 86_400), NOW)
        client.hear_new(reply(kind, OLD, 3_600), NOW)
        if kind == 2:
            say(client, packet(3, requested=OLD, server=SERVER, giaddr=relay))
    asked, now = [], client.next_renewal_us(NOW)
    while (said := client.renew_early(now)) is not None:
        message = read(said.payload)
        assert message is not None
        assert (message.ciaddr, message.requested, message.server) == (OLD, 0, 0)
        asked.append(((now - NOW) // 1_000_000, message.giaddr))
        later = client.next_renewal_us(now)
        assert later >= now + MINUTE or later == client.new.rebind_us
        now = later
    renewing = [(1_800, 0), (2_475, 0), (2_812, 0), (2_981, 0), (3_065, 0), (3_125, 0)]
    rebinding = [(3_150, relay), (3_375, relay), (3_487, relay), (3_547, relay)]
    assert asked == [*renewing, *rebinding]
    assert now >= NOW + 3_600_000_000


def test_what_is_made_keeps_the_client_s_own_options():
    pattern = packet(3, requested=OLD, server=SERVER, giaddr=0x0A090001)
    for made in (discover_from(pattern, b"\0\0\0\x09"), request_from(pattern, b"\0\0\0\x09", NEW, OTHER)):
        assert bytes([55, 2, 1, 3]) in made.payload
        assert made.payload[24:28] == pattern.payload[24:28]
    assert renewal_from(pattern, NEW).payload[24:28] == bytes(4)
