"""By which identifier a host is found that is given one, and sets its client another: as ISC dhcpd, in any order."""

from __future__ import annotations

import pytest

from dhcpd.trace.effects import Log
from tests.engine.omapi.shell import Server

SETS = b'option dhcp-client-identifier "cid"; filename "f";'
GIVEN = b"\1\2"


def warned(server: Server) -> list[str]:
    return [one.text for _event, effects in server.pairs for one in effects
            if isinstance(one, Log) and "already has uid" in one.text]  # fmt: skip


@pytest.mark.parametrize("order", [("dhcp_client_identifier", "statements"), ("statements", "dhcp_client_identifier")])
def test_the_given_identifier_counts_wherever_it_stands(order: tuple[str, str]) -> None:
    server = Server()
    client = server.connect()
    both = {"dhcp_client_identifier": GIVEN, "statements": SETS}
    values = {name: both[name] for name in order}
    code, answer = client.open("host", "create", name=b"a", **values)
    assert (code, answer.object[b"dhcp-client-identifier"]) == (0, GIVEN)
    assert client.open("host", dhcp_client_identifier=b"cid")[0] == 23
    text = "Warning, host declaration 'a' already has uid '01:02', ignoring dhcp-client-identifier '\"cid\"'"
    assert warned(server) == [text]
    again = Server(leases=server.stored())
    assert warned(again) == [text]
    assert again.connect().open("host", dhcp_client_identifier=GIVEN)[0] == 0


def test_the_one_that_is_set_counts_where_none_is_given() -> None:
    server = Server()
    client = server.connect()
    hardware = {"hardware_address": b"\2\0\0\0\0\1", "hardware_type": 1}
    assert client.open("host", "create", name=b"a", statements=SETS, **hardware)[0] == 0
    code, made = client.open("host", dhcp_client_identifier=b"cid")
    assert code == 0
    assert client.update(made.handle, dhcp_client_identifier=GIVEN) == 18
    assert not warned(server)
    # It does not make a host that has nothing else to be found by.
    assert client.open("host", "create", name=b"b", statements=SETS)[0] == 0x60003
