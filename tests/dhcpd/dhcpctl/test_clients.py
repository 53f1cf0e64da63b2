"""The library against the machine, over real sockets: objects, statuses, ends of connections, many at once."""

from __future__ import annotations

import struct

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from dhcpd import dhcpctl
from dhcpd.engine.omapi.wire import GREETING
from tests.dhcpd.dhcpctl.loopback import ADDRESS, Loopback, answering

KEY = dhcpctl.key_from_base64("omapi_key", "AAECAwQFBgcICQoLDA0ODw==")


@pytest.fixture
def server():
    with Loopback() as made:
        yield made


def new_host(number: int) -> dhcpctl.Object:
    hardware = bytes([2, 0, 0, 0, 9, number])
    return dhcpctl.Object("host", {"name": f"made-{number}", "hardware-address": hardware, "hardware-type": 1})


def test_a_host_from_creation_to_removal(server):
    with dhcpctl.connect(ADDRESS, server.port, KEY, timeout_s=30) as client:
        host = new_host(1)
        client.open(host, create=True, exclusive=True)
        host["ip-address"] = bytes([10, 0, 200, 5])
        client.update(host)
        found = dhcpctl.Object("host", {"name": "made-1"})
        client.open(found)
        assert found.data("ip-address") == bytes([10, 0, 200, 5])
        assert found.integer("hardware-type") == 1
        assert found.text("name") == "made-1"
        client.remove(found)
        with pytest.raises(dhcpctl.Refused) as refused:
            client.refresh(host)
        assert (refused.value.code, refused.value.text) == (23, "not found")


def test_a_refusal_carries_code_text_and_the_servers_words(server):
    with dhcpctl.connect(ADDRESS, server.port, KEY) as client:
        with pytest.raises(dhcpctl.Refused) as refused:
            client.open(dhcpctl.Object("host", {"name": "nobody"}))
        error = refused.value
        assert (error.code, error.text) == (23, "not found")
        assert error.message == "no object matches specification"
        client.open(dhcpctl.Object("host", {"name": "configured"}))


def test_many_requests_under_way(server):
    ended = []
    with dhcpctl.connect(ADDRESS, server.port, KEY) as client:
        requests = [client.send_open(new_host(number), create=True) for number in range(1, 41)]
        for request in requests:
            request.then(ended.append)
        client.wait(requests[-1])
        assert [request.code for request in requests] == [0] * 40
        assert ended == requests


def test_a_key_that_is_not_the_servers(server):
    for key, code in [
        (dhcpctl.key_from_base64("nobody", "AAAA"), 23),
        (dhcpctl.key_from_base64("omapi_key", "AAAA", "hmac-sha256"), 23),
    ]:
        with pytest.raises(dhcpctl.CannotConnect) as refused:
            dhcpctl.connect(ADDRESS, server.port, key)
        assert refused.value.code == code


def test_a_wrong_secret_ends_the_connection(server):
    with dhcpctl.connect(ADDRESS, server.port, dhcpctl.key_from_base64("omapi_key", "AAAA")) as client:
        for _ in range(2):
            with pytest.raises(dhcpctl.ConnectionLost) as lost:
                client.open(dhcpctl.Object("host", {"name": "configured"}))
            assert lost.value.text == "connection reset by peer"
        assert client.lost


@pytest.mark.parametrize("answers", [(None,), (struct.pack(">II", 99, 24),), (GREETING, None), (GREETING, b"x" * 28)])
def test_who_speaks_no_omapi(answers):
    with answering(*answers) as port, pytest.raises(dhcpctl.CannotConnect) as refused:
        dhcpctl.connect(ADDRESS, port, KEY)
    assert refused.value.text == "no more"


def test_nobody_there():
    with pytest.raises(dhcpctl.CannotConnect) as unknown:
        dhcpctl.connect("no-such-host.invalid")
    assert unknown.value.text == "host unknown"


def test_an_answer_that_does_not_come_can_be_waited_for_again():
    with answering(GREETING, b"", b"") as port, dhcpctl.connect(ADDRESS, port) as client:
        request = client.send_open(dhcpctl.Object("host"))
        for _ in range(2):
            with pytest.raises(dhcpctl.TimedOut):
                client.wait(request, timeout_s=0.01)
        assert request.code is None


async def test_tasks_share_a_connection_of_trio(server):
    async def make(number: int) -> None:
        host = new_host(number)
        await client.open(host, create=True)
        assert host.handle
        host["ip-address"] = bytes([10, 0, 200, number])
        await client.update(host)
        await client.refresh(host)
        assert host.data("ip-address")[3] == number
        await client.remove(host)

    with trio.fail_after(60):
        async with dhcpctl.connect_trio(ADDRESS, server.port, KEY) as client:
            async with trio.open_nursery() as nursery:
                for number in range(1, 21):
                    nursery.start_soon(make, number)
            with pytest.raises(dhcpctl.Refused):
                await client.open(dhcpctl.Object("host", {"name": "made-1"}))


async def test_trio_says_what_went_wrong(server):
    with pytest.raises(dhcpctl.CannotConnect) as refused:
        async with dhcpctl.connect_trio(ADDRESS, server.port, dhcpctl.key_from_base64("nobody", "AAAA")):
            pytest.fail("the key is not known")
    assert refused.value.code == 23
    with answering(GREETING, None) as port:
        async with dhcpctl.connect_trio(ADDRESS, port) as client:
            with pytest.raises(dhcpctl.ConnectionLost):
                await client.open(dhcpctl.Object("host"))


@given(st.lists(st.binary(max_size=120) | st.just(GREETING) | st.just(bytes(28)), max_size=6), st.booleans())
def test_whatever_a_server_sends_a_request_ends_with_the_connection(pieces, signed):
    session = dhcpctl.Session(KEY if signed else None)
    session.receive(GREETING)
    ended = []
    session.open(dhcpctl.Object("host")).then(ended.append)
    for piece in pieces:
        session.receive(piece)
    session.receive(b"")
    assert session.state is dhcpctl.State.LOST
    assert len(ended) == 1


def test_keys_from_files(tmp_path):
    path = tmp_path / "omapi.key"
    path.write_text('# made by tsig-keygen\nkey "omapi_key" {\n\talgorithm hmac-sha256;\n\tsecret "AAEC";\n};\n')
    key = dhcpctl.key_from_file(path)
    assert (key.name, key.algorithm.lower(), key.secret) == ("omapi_key", "hmac-sha256.sig-alg.reg.int.", b"\0\1\2")
    path.write_text("AAEC\n")
    assert dhcpctl.key_from_file(path, "k").secret == b"\0\1\2"
    for text, name in [("AAEC", ""), ("no base64!", "k"), ("key k { algorithm hmac-md5; };", ""), ("", "")]:
        path.write_text(text)
        with pytest.raises(dhcpctl.BadKey):
            dhcpctl.key_from_file(path, name)


def test_what_is_changed_goes_again_until_the_server_has_told_the_object():
    host = dhcpctl.Object("host", {"name": "x"})
    host.take({b"name": b"x", b"gone": b""}, 7)
    assert (dict(host), host.changed(), host.handle) == ({"name": b"x"}, {}, 7)
    host["known"] = 1
    host["name"] = None
    assert host.changed() == {b"name": b"", b"known": b"\0\0\0\1"}
    host["remote-handle"] = 9
    assert host.handle == 9
    assert "remote-handle" not in host
