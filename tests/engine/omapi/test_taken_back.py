"""A change that the disk refuses is taken back: nobody finds what nobody was told, or a restart would not know."""

from __future__ import annotations

import pytest

from dhcpd.engine.model.change import Reversal
from dhcpd.engine.omapi.unsure import Unsure
from dhcpd.engine.omapi.wire import DELETE, OPEN, UPDATE, integer
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Log
from tests.engine.omapi.shell import CONFIGURATION, Client, Server, octets

HARDWARE = b"\2\0\0\0\0\x55"
ADDRESS = 0x0A00C855
HOST = octets({"name": b"alpha", "hardware_address": HARDWARE, "hardware_type": 1, "ip_address": ADDRESS})
CREATE = {b"create": integer(1), b"exclusive": integer(1)}
# A made host, one of dhcpd.conf, a group and a class of the same kinds.
BEFORE = b"""
host made { dynamic; hardware ethernet 02:00:00:00:00:56; fixed-address 10.0.200.86; supersede host-name = "m"; }
group late { dynamic; supersede domain-name = "late.example"; }
"""
FOUND = [("host", b"alpha"), ("host", b"made"), ("host", b"configured"), ("group", b"late"), ("group", b"office"),
         ("group", b"g"), ("class", b"c"), ("class", b"known")]  # fmt: skip


class Failing(Server):
    """A server whose disk refuses records, and whose program ends the connections that wait for them."""

    def stream_lost(self, stream: int) -> None:
        self.clients[stream].closed = "storage"
        self.answer(ev.StreamClosed(0, 0, stream, "storage"))

    def stream_send(self, effect) -> None:
        if not self.clients[effect.stream].closed:
            super().stream_send(effect)

    def refuse(self, octets_: bytes, client: Client) -> list[str]:
        """Have a client say something whose records are refused; what is logged."""
        self.disk.failing.add("append")
        first = len(self.pairs)
        client.send(octets_)
        self.disk.failing.clear()
        assert client.closed == "storage"
        told = [one for _event, effects in self.pairs[first:] for one in effects]
        return [one.text for one in told if isinstance(one, Log)]


def seen(server: Server) -> dict:
    """What a client finds of everything, and what the service gives."""
    client = server.connect()
    found = {}
    for kind, name in FOUND:
        code, answer = client.open(kind, name=name)
        found[kind, name] = code, answer.object
    code, answer = client.open("subclass", name=b"known", hashstring=b"\1" + HARDWARE)
    found["subclass"] = code, answer.object
    return found


def handle(client: Client, kind: str, name: bytes) -> int:
    return client.open(kind, name=name)[1].handle


CHANGES = {
    "a host is made": lambda client: client.request(OPEN, 0, {b"type": b"host"} | CREATE, HOST),
    "a host with statements is made": lambda client: client.request(
        OPEN, 0, {b"type": b"host"} | CREATE, HOST | {b"statements": b'option host-name "x";'}
    ),
    "a host is moved": lambda client: client.request(
        UPDATE, handle(client, "host", b"made"), {}, {b"ip-address": integer(ADDRESS)}
    ),
    "a host of dhcpd.conf is moved": lambda client: client.request(
        UPDATE, handle(client, "host", b"configured"), {}, {b"ip-address": integer(ADDRESS)}
    ),
    "a host is removed": lambda client: client.request(DELETE, handle(client, "host", b"made")),
    "a host of dhcpd.conf is removed": lambda client: client.request(DELETE, handle(client, "host", b"configured")),
    "a group is made": lambda client: client.request(
        OPEN, 0, {b"type": b"group"} | CREATE, {b"name": b"g", b"statements": b'option domain-name "g";'}
    ),
    "a group is removed": lambda client: client.request(DELETE, handle(client, "group", b"late")),
    "a group of dhcpd.conf is removed": lambda client: client.request(DELETE, handle(client, "group", b"office")),
    "a class is made": lambda client: client.request(
        OPEN, 0, {b"type": b"class"} | CREATE, {b"name": b"c", b"match": b"hardware"}
    ),
    "a subclass is made": lambda client: client.request(
        OPEN, 0, {b"type": b"subclass"} | CREATE, {b"name": b"known", b"hashstring": b"\1" + HARDWARE}
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_the_disk_refuses_is_as_it_was(what: str) -> None:
    server = Failing(leases=BEFORE)
    before = seen(server)
    client = server.connect()
    said = server.refuse(CHANGES[what](client), client)
    assert [line for line in said if line.startswith("OMAPI: ") and "as it was before" in line], said
    assert seen(server) == before
    # The disk works again, and the same change can be made.
    again = server.connect()
    again.send(CHANGES[what](again))
    answer = again.answer()
    assert answer is not None
    assert (again.closed, answer.message.get(b"result", integer(0))) == ("", integer(0))


@pytest.mark.parametrize("what", CHANGES)
def test_a_restart_knows_no_more_and_complains_of_nothing(what: str) -> None:
    server = Failing(leases=BEFORE)
    before = seen(server)
    client = server.connect()
    server.refuse(CHANGES[what](client), client)
    restarted = Server(leases=bytes(server.disk.content))
    assert seen(restarted) == before
    fresh = Server(leases=BEFORE)
    assert lines(restarted) == lines(fresh)


def lines(server: Server) -> list[str]:
    return [one.text for _event, effects in server.pairs for one in effects if isinstance(one, Log)]


def test_a_new_lease_file_that_is_being_written_keeps_nothing_of_it() -> None:
    server = Failing(leases=BEFORE)
    client = server.connect()
    server.slices_at_once = False
    server.tell(ev.StorageFailed(*server.now, "lost", "/l", "gone"))
    assert server.machine.rewriting
    client.send(client.request(OPEN, 0, {b"type": b"host"} | CREATE, HOST))
    server.tell(ev.RewriteContinue(*server.now))
    server.tell(ev.StreamClosed(*server.now, client.stream, "storage"))
    while server.machine.rewriting:
        server.tell(ev.RewriteContinue(*server.now))
    assert Server(leases=bytes(server.disk.content)).connect().open("host", name=b"alpha")[0] != 0


def test_a_snapshot_knows_what_may_be_taken_back() -> None:
    server = Failing()
    client = server.connect()
    client.send(client.request(OPEN, 0, {b"type": b"host"} | CREATE, HOST))
    server.restore()
    server.tell(ev.StreamClosed(*server.now, client.stream, "storage"))
    assert server.connect().open("host", name=b"alpha")[0] != 0


def test_who_was_answered_keeps_what_he_made() -> None:
    server = Failing()
    client = server.connect()
    assert client.open("host", "create exclusive", name=b"alpha", hardware_address=HARDWARE, hardware_type=1)[0] == 0
    beta = octets({"name": b"beta", "hardware_address": b"\2beta\0", "hardware_type": 1})
    server.refuse(client.request(OPEN, 0, {b"type": b"host"} | CREATE, beta), client)
    again = server.connect()
    assert again.open("host", name=b"alpha")[0] == 0
    assert again.open("host", name=b"beta")[0] != 0


def test_what_a_reload_has_taken_from_a_host_does_not_keep_it_from_coming_back() -> None:
    server = Failing(b"option acme-place code 200 = text;\n" + CONFIGURATION)
    client = server.connect()
    made = HOST | {b"statements": b'option acme-place "x"; option host-name "y";'}
    assert client.ask(OPEN, 0, {b"type": b"host"} | CREATE, made).op == UPDATE
    moved = {b"ip-address": integer(ADDRESS + 1)}
    client.send(client.request(UPDATE, handle(client, "host", b"alpha"), {}, moved))
    server.tell(ev.ConfigurationFile(*server.now, "/etc/dhcpd.conf", CONFIGURATION, ""))
    server.tell(ev.ConfigurationEnd(*server.now, "/etc/dhcpd.conf", reload=True))
    server.tell(ev.StreamClosed(*server.now, client.stream, "storage"))
    code, answer = server.connect().open("host", name=b"alpha")
    assert (code, answer.object.get(b"ip-address")) == (0, integer(ADDRESS))


# Of several connections


def reversal(name: str, record: bytes) -> Reversal:
    return Reversal(("host", name, b""), record)


def test_changes_of_one_object_are_taken_back_from_the_last_to_the_first() -> None:
    unsure = Unsure()
    for stream, record in ((2, b"made"), (4, b"moved"), (6, b"removed")):
        unsure.note(stream, [reversal("a", record)])
    unsure.note(2, [reversal("b", b"other")])
    unsure.refuse(2)
    assert [one.deletion for one in unsure.due()] == [b"other"]
    unsure.refuse(4)
    assert not unsure.due()
    unsure.refuse(6)
    assert [one.deletion for one in unsure.due()] == [b"removed", b"moved", b"made"]
    assert not unsure.due()


def test_a_later_change_that_was_answered_stands() -> None:
    unsure = Unsure()
    unsure.note(2, [reversal("a", b"made")])
    unsure.note(4, [reversal("a", b"moved")])
    unsure.refuse(2)
    assert not unsure.due()
    unsure.settle(4)
    assert not unsure.due()
    unsure.refuse(4)
    assert not unsure.due()
