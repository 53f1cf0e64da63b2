"""Hosts that come and go while a new lease file is written: none is lost, none stands there twice."""

from __future__ import annotations

from dhcpd.engine.lease.file.writer import SLICE_DECLARATIONS
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Log
from tests.engine.omapi.shell import Server

COUNT = SLICE_DECLARATIONS + 50
HOSTS = b"".join(
    b"host h%d {\n  dynamic;\n  hardware ethernet 02:00:00:01:%02x:%02x;\n}\n" % (number, number >> 8, number & 255)
    for number in range(COUNT)
)


def rewriting() -> Server:
    """A server with many hosts, in the middle of a rewrite: its first slice is written."""
    server = Server(leases=HOSTS)
    server.slices_at_once = False
    server.tell(ev.StorageFailed(*server.now, "lost", "/l", "gone"))
    server.tell(ev.RewriteContinue(*server.now))
    assert server.machine.rewriting
    return server


def restarted(server: Server) -> Server:
    """The rewrite is finished, and another server begins with its file, of which it has nothing to say."""
    while server.machine.rewriting:
        server.tell(ev.RewriteContinue(*server.now))
    made = Server(leases=bytes(server.disk.content))
    said = [one.text for _event, effects in made.pairs for one in effects if isinstance(one, Log)]
    assert not [line for line in said if "already exists" in line or "deleted or" in line]
    return made


def there(server: Server) -> set[bytes]:
    client = server.connect()
    names = [b"h%d" % number for number in range(COUNT)] + [b"new"]
    return {name for name in names if client.open("host", name=name)[0] == 0}


def test_a_host_that_goes_takes_no_other_with_it() -> None:
    server = rewriting()
    client = server.connect()
    assert client.delete(client.open("host", name=b"h3")[1].handle) == 0
    assert there(restarted(server)) == {b"h%d" % number for number in range(COUNT)} - {b"h3"}


def test_a_host_that_comes_stands_there_once() -> None:
    server = rewriting()
    client = server.connect()
    made = {"name": b"new", "hardware_address": b"\2\0\0\0\0\x55", "hardware_type": 1}
    assert client.open("host", "create exclusive", **made)[0] == 0
    assert client.open("group", "create exclusive", name=b"g", statements=b'option domain-name "g";')[0] == 0
    server.restore()
    again = restarted(server)
    assert there(again) == {b"h%d" % number for number in range(COUNT)} | {b"new"}
    assert bytes(server.disk.content).count(b"host new {") == 1
