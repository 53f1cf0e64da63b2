"""Real clients get, renew and release addresses, on the wire and through a relay."""

import re

import pytest

from fixtures.network import Client, Server, wait_for

KINDS = [
    pytest.param(kind, marks=pytest.mark.peer("busybox" if kind == "udhcpc" else kind))
    for kind in ("dhclient", "udhcpc", "dhcpcd")
]


def records(server, address):
    """The binding states that the lease file gives an address, in order."""
    pattern = re.compile(rf"^lease {re.escape(address)} \{{(.*?)^\}}", re.MULTILINE | re.DOTALL)
    found = pattern.findall(server.leases.read_text())
    return [re.search(r"^  binding state (\w+);", record, re.MULTILINE)[1] for record in found]


def life(network, server, kind):
    """Get an address, renew it, give it back."""
    client = Client(network, kind)
    client.start()
    wait_for("an address", lambda: client.address() != "")
    address = client.address()
    before = "\n".join(server.lines()).count(f"DHCPACK on {address}")
    client.renew()
    wait_for("a renewal", lambda: server.seen(f"DHCPACK on {address}", before + 1))
    assert client.address() == address
    client.release()
    wait_for("the release", lambda: server.seen(f"DHCPRELEASE of {address}"))
    wait_for("its record", lambda: records(server, address)[-1] == "free")
    assert records(server, address)[0] == "active"
    return address


@pytest.mark.parametrize("kind", KINDS)
def test_on_the_wire(network, configuration, kind):
    if kind == "dhclient":  # renews when half of its lease time is over
        configuration = configuration.replace("600", "6")
    server = Server(network, configuration).start()
    assert life(network, server, kind).startswith("10.66.1.")


@pytest.mark.peer("dhcrelay")
@pytest.mark.parametrize("kind", KINDS)
def test_through_a_relay(relayed, configuration, kind):
    if kind == "dhclient":
        configuration = configuration.replace("600", "6")
    relayed.start("relay", ["dhcrelay", "-d", "-4", "-a", "-iu", "up0", "-id", "down0", "10.66.0.1"])
    server = Server(relayed, configuration).start()
    assert life(relayed, server, kind).startswith("10.77.1.")
