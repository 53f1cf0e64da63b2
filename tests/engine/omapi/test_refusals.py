"""What a client may not say, one row each: the bounds of values, and everything that ends ISC dhcpd's life.

See docs/behaviour/omapi.md#configuration-and-operation for the latter.
"""

from __future__ import annotations

import pytest

from dhcpd.engine.omapi.requests import RESERVED
from dhcpd.engine.omapi.wire import OPEN, integer
from tests.engine.omapi.shell import CONFIGURATION, Server

INVALID, EXISTS, NOT_FOUND, UNKNOWN, DENIED = 0x60003, 18, 23, 0x60020, 6
HARDWARE = b"\2\0\0\0\0\x55"
RANGE = b"range 10.0.1.0 10.0.1.31;"
FAILOVER = b'failover peer "fo" { primary; mclt 60; split 128; address 10.0.0.1; peer address 10.0.0.2; }\n'
SHARED = FAILOVER + CONFIGURATION.replace(RANGE, b'pool { failover peer "fo"; ' + RANGE + b" }")
HOST = {"hardware_address": HARDWARE, "hardware_type": 1}

MADE = [
    ("host", HOST | {"name": b""}, INVALID),
    ("host", HOST | {"name": b"a\nb"}, INVALID),
    ("host", HOST | {"name": b'a"b'}, INVALID),
    ("host", HOST | {"group": b""}, INVALID),
    ("host", HOST | {"group": b"nowhere"}, NOT_FOUND),
    ("host", HOST | {"statements": b""}, INVALID),
    ("host", HOST | {"ip_address": b"\x0a\0\0"}, INVALID),
    ("host", HOST | {"ip_address": b"\x0a\0\0\1\2"}, INVALID),
    ("host", HOST | {"colour": b"red"}, UNKNOWN),
    ("host", HOST | {"dhcp_client_identifier": b"x", "statements": b"option nosuch 1;"}, 0x60008),
    ("host", {"name": b"nobody"}, INVALID),
    ("host", {"name": b"long", "hardware_address": bytes(21), "hardware_type": 1}, INVALID),
    ("host", {"name": b"short", "hardware_address": HARDWARE, "hardware_type": b"\1"}, INVALID),
    ("group", {"name": b"g", "statements": b""}, INVALID),
    ("group", {"name": b"g"}, INVALID),
    ("group", {"name": b"g", "statements": b" ", "colour": b"red"}, NOT_FOUND),
    ("class", {"name": b"c", "match": b""}, INVALID),
    ("class", {"name": b"c", "match": b"option"}, INVALID),
    ("class", {"name": b"c", "lease_limit": 5}, UNKNOWN),
    ("subclass", {"name": b"known", "hashstring": b""}, INVALID),
    ("subclass", {"name": b"nowhere", "hashstring": b"x"}, NOT_FOUND),
    ("subclass", {"hashstring": b"x"}, INVALID),
]


@pytest.mark.parametrize(("kind", "values", "code"), MADE)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(kind: str, values: dict, code: int) -> None:
    server = Server()
    client = server.connect()
    assert client.open(kind, "create exclusive", **values)[0] == code
    assert not server.stored()
    assert client.open("host", name=b"configured")[0] == 0


WRITTEN = [
    *(("state", value, INVALID) for value in (b"", b"\1", 0, 8, 9, 0xFFFFFFFF)),
    *(("ends", value, INVALID) for value in (b"", b"\0\0\0", bytes(5))),
    *(("flags", value, INVALID) for value in (b"", bytes(2), bytes(5))),
    *((name, 1, DENIED) for name in ("ip_address", "pool", "starts", "tstp", "tsfp", "atsfp", "cltt", "known")),
    ("subnet", 1, INVALID),
    ("nothing", b"", UNKNOWN),
    ("no name", b"x", INVALID),
]


@pytest.mark.parametrize(("name", "value", "code"), WRITTEN)
def test_what_a_lease_does_not_take(name: str, value: object, code: int) -> None:
    server = Server()
    address = server.exchange(1)
    client = server.connect()
    _, lease = client.open("lease", ip_address=integer(address))
    before = len(server.stored())
    assert client.update(lease.handle, **{name: value}) == code
    assert client.refresh(lease.handle)[1].object[b"state"] == integer(2)
    assert len(server.stored()) == before


@pytest.mark.parametrize("value", [b"", b"\2", 0, 1, 3, 99])
def test_the_control_object_knows_one_state(value: object) -> None:
    client = Server().connect()
    _, control = client.open("control")
    assert client.update(control.handle, state=value) == INVALID


@pytest.mark.parametrize("value", [b"", b"\4", 99, 0xFFFFFFFF])
def test_states_of_failover_that_there_are_not(value: object) -> None:
    client = Server(SHARED).connect()
    _, state = client.open("failover-state", name=b"fo")
    assert client.update(state.handle, local_state=value) == INVALID
    assert client.refresh(state.handle)[1].object[b"local-state"] == integer(1)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_names_end_the_connection(name: bytes) -> None:
    server = Server()
    client, other = server.connect(), server.connect()
    for value in (b"", b"\0\0\0\1"):
        client.send(client.request(OPEN, message={b"type": b"host", name: value}, values={b"name": b"configured"}))
        assert client.closed == "discard"
        client = server.connect()
    assert other.open("host", name=b"configured")[0] == 0


@pytest.mark.parametrize("flag", [b"create", b"update", b"exclusive"])
def test_a_flag_is_a_number(flag: bytes) -> None:
    client = Server().connect()
    asked = client.ask(OPEN, message={b"type": b"host", flag: b"\1"}, values={b"name": b"configured"})
    assert asked.message[b"message"] == b"invalid %s flag value" % flag
    # One of no octets is none.
    assert client.ask(OPEN, message={b"type": b"host", flag: b""}, values={b"name": b"configured"}).object


def test_long_names_and_values_of_who_is_known_are_taken_and_mean_nothing() -> None:
    client = Server().connect()
    client.open("control")
    assert client.open("host", **{"x" * 65_000: bytes(100_000), "name": b"configured"})[0] == 0
