"""What clients have made over OMAPI, when a reload takes away what it was made of."""

from __future__ import annotations

import pytest

from dhcpd.engine.omapi.wire import integer
from dhcpd.trace import events as ev
from tests.engine.omapi.shell import CONFIGURATION, Client, Server

HARDWARE = b"\2\0\0\0\0\x55"
GROUP = b'group office { option domain-name "office.example"; }\n'
OPTION = b"option acme-place code 200 = text;\n"


def reload(server: Server, text: bytes) -> None:
    server.tell(ev.ConfigurationFile(*server.now, "/etc/dhcpd.conf", text, ""))
    server.tell(ev.ConfigurationEnd(*server.now, "/etc/dhcpd.conf", reload=True))


def made(values: dict[str, bytes]) -> tuple[Server, Client]:
    """A server with the host alpha, and then without the group and the option that it was made of."""
    server = Server(OPTION + CONFIGURATION)
    client = server.connect()
    host = {"name": b"alpha", "hardware_address": HARDWARE, "hardware_type": 1, **values}
    assert client.open("host", "create exclusive", **host)[0] == 0
    assert GROUP in CONFIGURATION
    reload(server, CONFIGURATION.replace(GROUP, b""))
    return server, client


def test_a_host_whose_group_is_gone_can_be_changed() -> None:
    server, client = made({"group": b"office"})
    assert client.update(client.open("host", name=b"alpha")[1].handle, ip_address=0x0A00C901) == 0
    for one in (server, Server(leases=bytes(server.disk.content))):
        code, answer = one.connect().open("host", name=b"alpha")
        assert (code, answer.object[b"ip-address"]) == (0, integer(0x0A00C901))


@pytest.mark.parametrize("values", [
    {"statements": b'option acme-place "x"; option host-name "y";'}, {"group": b"office"},
])  # fmt: skip
def test_a_change_that_is_refused_leaves_the_host(values: dict[str, bytes]) -> None:
    server, client = made(values)
    handle = client.open("host", name=b"alpha")[1].handle
    client.update(handle, ip_address=0x0A00C901, group=b"nowhere")
    client.update(handle, ip_address=0x0A00C902, colour=b"red")
    client.update(handle, ip_address=0x0A00C903)
    assert client.open("host", name=b"alpha")[0] == 0
    # Both are there again with the next reload, and the host with them.
    reload(server, OPTION + CONFIGURATION)
    assert client.open("host", name=b"alpha")[0] == 0
    assert Server(OPTION + CONFIGURATION, bytes(server.disk.content)).connect().open("host", name=b"alpha")[0] == 0


def test_a_subclass_whose_class_is_gone_is_there_again_with_it() -> None:
    server = Server()
    client = server.connect()
    key = b"\1" + HARDWARE
    assert client.open("subclass", "create exclusive", name=b"known", hashstring=key)[0] == 0
    without = CONFIGURATION.replace(b'class "known" { match hardware; lease limit 2; }', b"")
    assert without != CONFIGURATION
    for _time in range(2):
        reload(server, without)
        server.restore()
        assert client.open("subclass", name=b"known", hashstring=key)[0] != 0
    reload(server, CONFIGURATION)
    assert client.open("subclass", name=b"known", hashstring=key)[0] == 0
    again = Server(leases=bytes(server.disk.content)).connect()
    assert again.open("subclass", name=b"known", hashstring=key)[0] == 0
