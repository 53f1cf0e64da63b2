"""Most hosts that OMAPI makes are put in force without reading the record that says so: it must make no difference."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.engine.omapi.objects.host_fields import Fields
from dhcpd.engine.omapi.wire import integer
from tests.engine.omapi.shell import Server, octets, status

NAMES = st.sampled_from([
    b"a", b"A-1", b"7", b"0x12", b"00-80-c7", b"zfe", b"group", b"host", b"if", b"never", b"ethernet", b"unknown-3",
    b"a.b.example", b"a..b", b"a.", b".a", b"-a", b"_a", b"a b", b"a_b", b"10.0.0.5", b"caf\xc3\xa9", b"a;",
    b"configured", b"w" * 300, b"",
])  # fmt: skip
VALUES = st.fixed_dictionaries({}, optional={
    "name": NAMES,
    "hardware_address": st.binary(max_size=21),
    "hardware_type": st.sampled_from([0, 1, 6, 7, 8, 32, 255]),
    "dhcp_client_identifier": st.one_of(st.binary(max_size=12), st.sampled_from([b"text", b'"', b"a\\", b"x" * 1600])),
    "ip_address": st.lists(st.integers(0, 0xFFFFFFFF).map(integer), max_size=3).map(b"".join),
    "group": st.sampled_from([b"office", b"other"]),
    "statements": st.lists(st.sampled_from([
        b" ", b'option host-name "x";', b"default-lease-time 60;", b'filename "a\\000\\"b"; next-server 10.0.0.1;',
        b"next-server = 0a:00:00:01;", b"option routers 10.0.0.1, 10.0.0.2;", b'option domain-search "a.b", "c";',
        b'if exists host-name { filename "z"; }', b'option dhcp-client-identifier "abc";', b"deny booting;",
        b'append domain-name "x";', b'option host-name = concat("a", "b");', b"next-server name.example;",
        b'option root-path "%b";' % (b"r" * 255), b'option root-path = "%b";' % (b"r" * 300),
        b"option option-250 = 00:01;", b"option time-offset -1; option boot-size 7; always-broadcast on;",
        b'option agent.circuit-id "c";', b'set a = "b";', b'option nds-servers; option host-name "";',
        b'option mine 5; option yours { 1, "t" };', b"option host-name = bad(;", b"subnet 1.2.3.4;",
    ]), max_size=3).map(b" ".join),
})  # fmt: skip
CHANGES = st.lists(st.tuples(st.booleans(), VALUES), max_size=5)


def outcome(changes: list[tuple[bool, dict[str, Any]]]) -> list[object]:
    """What a server answers, stores, and knows: at once, after a snapshot, and after a restart."""
    server = Server()
    client = server.connect()
    said: list[object] = []
    handles: list[int] = []
    for anew, values in changes:
        if anew or not handles:
            code, answer = client.open("host", "create exclusive", **values)
            said += (code, answer.object)
            handles += [answer.handle] if code == 0 else []
        else:
            said.append(client.update(handles[-1], **values))
    said.append(server.stored())
    for known in (server, Server(leases=server.stored())):
        said += _known(known)
        known.restore()
        said += _known(known)
    return said


def _known(server: Server) -> list[object]:
    machine = server.machine
    assert machine.server is not None
    hosts = machine.server.generation.declared.hosts
    fields = [
        (one.name, one.place, one.scope.kind, one.scope.number, [*one.scope.statements], one.hardware, one.uid,
         one.fixed_addresses, one.group, one.dynamic) for one in hosts.everyone()
    ]  # fmt: skip
    client = server.connect()
    names = [one.name.encode("utf-8", "surrogateescape") for one in hosts.everyone()]
    shown = [client.open("host", name=name)[1].object for name in names]
    return [fields, hosts.count, [*machine.server.database.declarations.texts()], machine.snapshot(), shown]


@given(changes=CHANGES)
@settings(max_examples=60, deadline=None)
def test_a_host_that_is_not_read_is_the_one_that_would_have_been(changes: list[tuple[bool, dict[str, Any]]]) -> None:
    nothing = lambda _fields, _declared: None  # noqa: E731
    with patch.object(Fields, "plain_host", nothing), patch.object(Fields, "plain_node", nothing):
        read = outcome(changes)
    assert outcome(changes) == read


def test_what_most_clients_send_is_not_read() -> None:
    client = Server().connect()
    with patch("dhcpd.engine.omapi.objects.host.checked", side_effect=AssertionError("read")):
        values = {"name": b"new-1.example", "hardware_address": b"\2\0\0\0\0\1", "hardware_type": 1, "group": b"office",
                  "dhcp_client_identifier": b"\1\2\0\0\0\0\1", "ip_address": integer(0x0A00C801)}  # fmt: skip
        code, _answer = client.open("host", "create", **values)
        assert code == 0
        statements = b'filename "pxelinux.0"; next-server = 0a:00:00:01; option host-name "new-2";'
        values = {"name": b"new-2.example", "hardware_address": b"\2\0\0\0\0\2", "hardware_type": 1,
                  "statements": statements}  # fmt: skip
        code, _answer = client.open("host", "create", **values)
    assert code == 0
    assert status(client.ask(1, message={b"type": b"host"}, values=octets({"name": b"new-1.example"}))) == 0
