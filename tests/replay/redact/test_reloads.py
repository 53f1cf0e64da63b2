"""Recordings with reloads under pseudonyms: every configuration counts, not only the one of the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.omapi.status import INVALID_KEY
from dhcpd.engine.omapi.wire import REFRESH, UPDATE, integer
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.redact import redact
from dhcpd.trace import effects as ef
from dhcpd.trace import events as ev
from dhcpd.trace import open_tape
from tests.engine.ddns.name_server import NameServer
from tests.engine.ddns.site import ZONES
from tests.engine.ddns.test_signing import SECRET, configuration
from tests.engine.ddns.test_updates import reload
from tests.engine.omapi.shell import CONFIGURATION, KEY, Client, Server
from tests.replay.engine_runs import Run
from tests.replay.redact.test_dns import Told, redacted
from tests.replay.redact.test_redact import everything, flight_recorder_s, option
from tests.replay.tapes import record

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = b"AAECAwQFBgcICQoLDA0ODw==", b"b3RoZXJvdGhlcm90aGVy"


def take_over(run: Run, content: bytes) -> None:
    run.tell(ev.ConfigurationFile(*run.now, "/etc/dhcpd.conf", content, ""))
    run.tell(ev.ConfigurationEnd(*run.now, "/etc/dhcpd.conf", reload=True))


def refreshed(client: Client) -> dict[bytes, bytes] | None:
    """What the server's answer says; None for an answer that has what was asked for."""
    client.send(client.request(REFRESH, 1))
    message = client.reader.next_message()
    assert message is not None
    return None if message.op == UPDATE else message.message


def with_two_secrets() -> Server:
    """A connection whose messages are signed with a secret that is in force only between two reloads."""
    server = Server()
    client = server.connect()
    client.key = KEY._replace(secret=b"otherotherother")
    refused = {b"result": integer(INVALID_KEY)}
    assert refreshed(client) == refused
    take_over(server, CONFIGURATION.replace(OLD, NEW))
    assert refreshed(client) is None
    take_over(server, CONFIGURATION)
    assert refreshed(client) == refused
    return server


def test_a_connection_goes_on_with_the_key_that_a_reload_brings(tmp_path: Path) -> None:
    server = with_two_secrets()
    report = redacted(record(tmp_path / "trace", *server.pairs), tmp_path / "out")
    assert report.spared == {}
    after = everything(tmp_path / "out")
    assert [secret for secret in (OLD, NEW) if secret in after] == []


def test_so_it_does_in_every_file_of_the_flight_recorder(tmp_path: Path) -> None:
    pairs = with_two_secrets().pairs
    for before in range(len(pairs) - 12, len(pairs)):
        late = flight_recorder_s(tmp_path / f"{before}", pairs, before)
        assert redacted(late, tmp_path / f"{before}.out").spared == {}


BY_NAME = b"""authoritative; ping-check off; class "a" { match if %s; }
subnet 10.0.0.0 netmask 255.255.0.0 {
pool { allow members of "a"; range 10.0.1.0 10.0.1.31; } pool { deny members of "a"; range 10.0.2.0 10.0.2.9; } }
"""


def with_another_condition() -> Run:
    """A condition that cuts a word out of names is in force between two others."""
    run = Run(BY_NAME % b"exists agent.circuit-id", b"")
    take_over(run, BY_NAME % b'substring(option host-name, 0, 4) = "acct"')
    for client in range(1, 6):
        run.packet(client, 1, option(12, b"acctwilhelm%d" % client))
    take_over(run, BY_NAME % b"exists user-class")
    run.packet(7, 1, option(12, b"other"))
    return run


def test_conditions_of_every_configuration_are_met_by_pseudonyms(tmp_path: Path) -> None:
    report = redacted(record(tmp_path / "trace", *with_another_condition().pairs), tmp_path / "out")
    assert report.spared == {}
    assert b"wilhelm" not in everything(tmp_path / "out")


def test_so_are_those_of_a_snapshot(tmp_path: Path) -> None:
    pairs = with_another_condition().pairs
    before = next(number for number, (event, _) in enumerate(pairs, 1) if isinstance(event, ev.Packet)) - 1
    report = redacted(flight_recorder_s(tmp_path / "late", pairs, before), tmp_path / "out")
    assert report.spared == {}


def test_an_update_of_dns_that_is_signed_before_a_reload_is_sent_again_behind_it(tmp_path: Path) -> None:
    site = Told(configuration("hmac-sha256"), "standard")
    keys = {"the-key.": ("hmac-sha256", SECRET)}
    site.dns = site.servers["192.0.2.53"] = NameServer(*ZONES, keys=keys)
    site.dns.clock = lambda: site.now_us // 1_000_000
    site.delayed = True
    site.bind(name=b"alpha")
    said = site.sent[-1][1].payload
    reload(site, site.text.replace("secret MDEy", "secret ZZZy"))
    site.rest(2)
    assert site.sent[-1][1].payload == said, "sent again with the signature of before"
    reload(site, site.text)
    site.delayed = False
    site.rest(5)
    assert site.dns.table(), "believed with the secret that is back"
    redacted(record(tmp_path / "trace", *site.pairs), tmp_path / "out")
    assert SECRET not in everything(tmp_path / "out")


@pytest.mark.parametrize("behind", [ev.ConfigurationFile, ev.ConfigurationEnd])
def test_a_file_that_begins_before_a_configuration_is_taken_over(behind: type, tmp_path: Path) -> None:
    """Its snapshot holds what no event brings any more: files that were read, a candidate that waits for an address."""
    server = Server()
    client = server.connect()
    client.key = KEY._replace(secret=b"otherotherother")
    content = CONFIGURATION.replace(OLD, NEW)
    content += b"host wilhelmina { hardware ethernet 2:0:0:0:0:9; fixed-address ns.tellington.com; "
    content += b'ddns-hostname "grandpa"; }'
    take_over(server, content)
    server.tell(ev.HostAnswer(*server.now, "ns.tellington.com", (0x0A000009,), ""))
    assert refreshed(client) is None
    pairs = server.pairs
    before = max(number for number, (event, _) in enumerate(pairs, 1) if isinstance(event, behind))
    assert any(isinstance(effect, ef.StreamSend) for _event, effects in pairs[before:] for effect in effects)
    late = flight_recorder_s(tmp_path / "late", pairs, before)
    with open_tape(late) as tape:
        redact(tape, str(tmp_path / "out"), b"key")
    assert play_file(str(tmp_path / "out"), None).status is Status.SAME
    after = (tmp_path / "out").read_bytes() + everything(tmp_path / "out")
    assert [word for word in (b"wilhelmina", b"tellington", b"grandpa", NEW) if word in after] == []
