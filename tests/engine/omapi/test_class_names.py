"""Names of classes are any octets: each is written so that its reader takes it as it was given."""

from __future__ import annotations

import pytest

from tests.engine.omapi.shell import CONFIGURATION, Server


@pytest.mark.parametrize(
    "name", [b"plain", b'a"b', b"a\\b", b"caf\xc3\xa9", b"\xff", b"a\0b", b"a\nb", b'x" { deleted; } class "y', b" "]
)
def test_a_class_is_what_its_name_says_whatever_octets_it_has(name):
    server = Server()
    client = server.connect()
    assert client.open("class", "create exclusive", name=name, match=b"hardware")[0] == 0
    assert client.open("subclass", "create exclusive", name=name, hashstring=b"\1abc")[0] == 0

    def known(server):
        client = server.connect()
        return client.open("class", name=name)[0], client.open("subclass", name=name, hashstring=b"\1abc")[0]

    again = Server(leases=server.stored())
    assert (known(server), known(again)) == ((0, 0), (0, 0))
    again.restore()
    assert known(again) == (0, 0)
    client = again.connect()
    assert client.delete(client.open("class", name=name)[1].handle) == 0
    assert known(again) == (23, 23)


def test_a_class_of_the_configuration_is_found_by_the_octets_of_its_name():
    client = Server(CONFIGURATION + b'class "caf\xc3\xa9" { match hardware; }\n').connect()
    code, answer = client.open("class", name=b"caf\xc3\xa9")
    assert code == 0
    assert client.delete(answer.handle) == 0
