"""A server whose files are read again and again keeps one configuration: what was replaced is free at once.

The program collects garbage hardly ever, since that holds packets up, so that nothing of an old configuration may wait
for it: with a hundred thousand hosts each reload would else keep their memory.
"""

from __future__ import annotations

import gc
from collections import Counter

import pytest

from bench.peers import relationship, rich_configuration
from dhcpd.trace import events as ev
from tests.engine.omapi.shell import CONFIGURATION as OMAPI
from tests.engine.omapi.shell import Server
from tests.replay.engine_runs import CONFIGURATION as PLAIN
from tests.replay.engine_runs import Run

EVERYTHING = b"""
option space acme; option acme.place code 1 = text; option acme.list code 2 = array of { ip-address, boolean };
option encap code 220 = encapsulate acme;
define twice (value) { return concat(value, value); }
key k { algorithm hmac-md5; secret AAECAwQFBgcICQoLDA0ODw==; }
zone example.org. { primary 127.0.0.1; key k; }
class "a" { match option vendor-class-identifier; lease limit 3; }
subclass "a" "x" { option root-path "/x"; }
subclass "a" "y";
class "spawned" { spawn with option agent.circuit-id; lease limit 2; }
class "b" { match if exists user-class; if option host-name = "n" { option root-path "/n"; } else { log(info, "no"); } }
shared-network floor {
  subnet 10.1.0.0 netmask 255.255.0.0 { pool { range 10.1.0.1 10.1.0.9; allow members of "a"; deny unknown-clients; } }
  subnet 10.2.0.0 netmask 255.255.0.0 { pool { range 10.2.0.1 10.2.0.9; on commit { set x = twice("v"); } } }
}
group g { option domain-name "g"; host h1 { hardware ethernet 02:00:00:00:00:01; fixed-address 10.1.0.100; } }
host h2 { host-identifier option agent.remote-id "r"; switch (option host-name) { case "q": option root-path "q"; } }
"""
CONFIGURATIONS = {
    "plain": PLAIN,
    "everything": PLAIN + EVERYTHING,
    "large": rich_configuration(200).encode(),
    "pair": relationship("primary").encode() + b'ping-check off; subnet 10.0.0.0 netmask 255.0.0.0 { pool {'
            b' failover peer "fo"; range 10.1.0.0 10.1.0.99; } }',
}  # fmt: skip


def reload(run: Run, text: bytes) -> None:
    run.pairs.clear()
    run.tell(ev.ConfigurationFile(*run.now, "/etc/dhcpd.conf", text, ""))
    run.tell(ev.ConfigurationEnd(*run.now, "/etc/dhcpd.conf", reload=True))
    run.pairs.clear()


def kept_by(run: Run, text: bytes, times: int) -> Counter:
    """The objects of the engine that are more after `times` reloads, while no garbage is collected."""
    reload(run, text)
    gc.collect()
    before = alive()
    gc.disable()
    try:
        for _ in range(times):
            reload(run, text)
        return alive() - before
    finally:
        gc.enable()


def alive() -> Counter:
    return Counter(type(one).__name__ for one in gc.get_objects() if str(type(one).__module__).startswith("dhcpd."))


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_is_replaced_needs_no_collection(name: str) -> None:
    run = Run(CONFIGURATIONS[name])
    assert run.machine.serving
    for client in range(5):
        run.packet(client, 1)
    assert not kept_by(run, CONFIGURATIONS[name], 3)


def test_what_omapi_has_made_does_not_keep_it() -> None:
    server = Server()
    client = server.connect()
    statements = b'option domain-name "x"; if known { option root-path "y"; }'
    values = {"name": b"alpha", "hardware_address": b"\2\0\0\0\0\x77", "hardware_type": 1, "statements": statements}
    assert client.open("host", "create exclusive", **values)[0] == 0
    assert client.open("group", "create exclusive", name=b"g", statements=statements)[0] == 0
    assert client.open("subclass", "create exclusive", name=b"known", hashstring=b"\1\2\0\0\0\0\7")[0] == 0
    assert not kept_by(server, OMAPI, 3)


def test_a_reload_that_is_refused_keeps_nothing() -> None:
    run = Run(PLAIN)
    assert not kept_by(run, PLAIN + b"\noption nosuch 1;\nsubnet 10.3.0.0 netmask 255.255.0.0 { range 10.9.0.1; }", 3)
