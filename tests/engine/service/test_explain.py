"""Decisions that explain themselves: the reasons a user reads, and that asking for them changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.conf.running.scopes import run_scopes
from dhcpd.engine.model.context import Context, OptionSet
from dhcpd.engine.service.explain import watch_scopes
from dhcpd.engine.wire.encode import evaluate
from dhcpd.engine.wire.packet import parse_packet
from dhcpd.trace import events as ev

sys.path.insert(0, str(Path(__file__).parents[1]))
from test_machine import CONFIGURATIONS, MESSAGES, NETWORKS, World, message

EXPLAINED = b"""authoritative; ping-check off;
option domain-name "outer";
default-lease-time 600; max-lease-time 400;
class "phones" { match if option vendor-class-identifier = "phone"; option domain-name "phones"; }
class "others" { match if not (option vendor-class-identifier = "phone"); }
subnet 10.0.0.0 netmask 255.255.0.0 {
  option routers 10.0.0.1;
  default option-never-there 1;
  default domain-name "late";
  if exists host-name { append domain-name ".named"; }
  pool { allow members of "phones"; deny unknown-clients;
    range 10.0.1.1 10.0.1.9; }
  pool { allow members of "others";
    range 10.0.2.1; }
  on commit { option root-path "/committed"; }
}
""".replace(b"  default option-never-there 1;\n", b"")
WISHES = b"\x37\x05\x01\x03\x0f\x11\x2b"


def world(configuration: bytes = EXPLAINED) -> World:
    return World(configuration)


def explained(here: World, payload: bytes) -> dict[str, list[tuple[str, str, str]]]:
    """Step -> (subject, verdict, place) of each reason."""
    _effects, reasons = here.machine.explain(ev.Packet(here.now_us, 0, "eth0", 0, 68, payload))
    found: dict[str, list[tuple[str, str, str]]] = {}
    for one in reasons:
        found.setdefault(one.step, []).append((one.subject, one.verdict, str(one.place or "")))
    return found


def test_discover_tells_every_step():
    told = explained(world(), message(1, 9, options=WISHES + b"\x3c\x05other\x0c\x01h"))
    assert told["network"] == [("eth0", "10.0.0.0/16", "c:6")]
    assert told["class"] == [("phones", "no member", "c:4"), ("others", "member", "c:5")]
    assert told["pool"] == [
        ("10.0.1.1-10.0.1.9", "not permitted", "c:10"),
        ("10.0.2.1-10.0.2.1", "permitted", "c:12"),
    ]
    assert told["candidate"] == [("10.0.2.1", "chosen", "c:12")]
    assert told["time"] == [("default-lease-time", "600 s", "c:3"), ("max-lease-time", "400 s", "c:3")]
    assert ("domain-name", '"outer.named"', "c:9") in told["option"]
    assert ("routers", "10.0.0.1", "c:7") in told["option"]
    assert ("subnet-mask", "255.255.0.0", "") in told["option"]
    assert told["verdict"] == [("10.0.2.1", "DHCPOFFER", "")]


def test_commit_and_class_are_named():
    here = world(EXPLAINED.replace(b"deny unknown-clients;", b""))
    told = explained(here, message(1, 9, options=WISHES + b"\x3c\x05phone"))
    assert ("domain-name", '"phones"', "c:4") in told["option"]
    told = explained(here, message(3, 9, options=WISHES + b"\x3c\x05phone\x32\x04\x0a\x00\x01\x09"))
    assert ("root-path", '"/committed"', "c:14") in told["option"]


def test_option_that_is_not_asked_for_says_so():
    told = explained(world(), message(1, 9, options=b"\x37\x01\x01"))
    assert ("routers", "not sent", "c:7") in told["option"]


def test_candidates_that_are_passed_over():
    here = world(b"ping-check off; subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.1 10.0.1.9; }")
    one = message(1, 1, options=b"\x3d\x03\x00aa")
    offered = explained(here, one)["verdict"][0][0]
    number = int.from_bytes(bytes(int(part) for part in offered.split(".")), "big")
    explained(here, message(3, 1, options=b"\x3d\x03\x00aa\x32\x04" + number.to_bytes(4, "big")))
    told = explained(here, message(1, 1, options=b"\x3d\x03\x00bb"))
    assert (offered, "passed over", "") in told["candidate"]


def test_a_reservation_on_another_network_says_why_it_was_not_used():
    here = world(
        b"ping-check off; subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.1 10.0.1.9; }\n"
        b"subnet 10.9.0.0 netmask 255.255.0.0 { }\n"
        b"host printer { hardware ethernet 02:00:00:00:00:09; fixed-address 10.9.0.7; }"
    )
    _effects, reasons = here.machine.explain(ev.Packet(here.now_us, 0, "eth0", 0, 68, message(1, 9)))
    (unused,) = [one for one in reasons if one.subject == "10.9.0.7"]
    assert (unused.step, unused.verdict, str(unused.place)) == ("candidate", "passed over", "c:3")
    assert unused.why == "fixed-address of host printer, on no subnet of the client's network 10.0.0.0/16"


def test_silence_is_explained_by_the_log():
    told = explained(world(), message(3, 9, options=b"\x32\x04\x0b\x00\x00\x01"))
    assert told["verdict"]


@pytest.mark.parametrize("configuration", [*CONFIGURATIONS, EXPLAINED])
@given(payloads=st.lists(MESSAGES, max_size=6))
def test_asking_changes_nothing(configuration: bytes, payloads: list[bytes]):
    plain, asked = world(configuration), world(configuration)
    for payload in payloads:
        event = ev.Packet(plain.now_us, 0, "eth0", 0, 68, payload)
        assert plain.machine.apply(event) == asked.machine.explain(event)[0]
    assert msgpack.packb(plain.machine.snapshot()) == msgpack.packb(asked.machine.snapshot())


@given(payload=MESSAGES)
def test_statement_by_statement_gives_the_same_options(payload: bytes):
    for text in (NETWORKS, EXPLAINED):
        server = world(text).machine.server
        assert server is not None
        packet = parse_packet(payload, "eth0", 0, 68, server.configuration.registry)
        for scopes in ([scope] for scope in server.configuration.scopes):
            settings, watched = watch_scopes(server, packet, None, scopes, {})
            context = Context(server, server.now, packet, None, OptionSet(), {})
            run_scopes(scopes, context)
            assert context.reply is not None
            assert {key: list(values) for key, values in context.reply.spaces.items()} == {
                key: list(values) for key, values in watched.spaces.items()
            }
            for space, values in context.reply.spaces.items():
                for code, value in values.items():
                    assert evaluate(value, context) == evaluate(watched.spaces[space][code], context)
                    assert (space, code) in settings
