"""Replies of ISC dhcpd (replies.json, made by tools/record.py) come out of the same option sets byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dhcpd.engine.model.context import Context, Message, OptionSet
from dhcpd.engine.model.spaces import OptionSpace, Registry
from dhcpd.engine.wire.encode import OFFER_OR_ACK, Encoder
from dhcpd.engine.wire.packet import parse_packet
from dhcpd.engine.wire.reply import compose

from .sample import registry

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("replies.json").read_text())
CONSTANT = {53: b"\2", 54: bytes([10, 0, 0, 1]), 51: (43200).to_bytes(4, "big"), 1: bytes([255, 255, 0, 0])}


class Quiet:
    """A host that must not be asked to log anything."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, _level: int, text: str) -> None:
        self.lines.append(text)


def registry_of(case: dict[str, Any]) -> Registry:
    made = registry()
    for name, tag, length in case["spaces"]:
        made.add(OptionSpace(name, tag, length))
    for space, name, code, format_ in case["formats"]:
        made.spaces[space].define(name, code, format_)
    return made


def option_set(case: dict[str, Any], packet: Message) -> OptionSet:
    made = OptionSet()
    if packet.agent is not None:
        made.spaces["agent"] = dict(packet.agent)
    for space, code, value in case["values"]:
        made.spaces.setdefault(space, {})[code] = bytes.fromhex(value)
    for code, octets in CONSTANT.items():
        made.dhcp[code] = octets
    if 118 in packet.options:
        made.dhcp[118] = packet.options[118]
    if 85 in made.server:
        made.dhcp[61] = packet.options[61]
    return made


@pytest.mark.parametrize("number", range(len(CASES)))
def test_every_recorded_reply(number: int) -> None:
    case = CASES[number]
    known = registry_of(case)
    encoder = Encoder(known)
    filename = case["filename"].encode() or None
    server_name = case["server_name"].encode() or None
    assert case["pairs"]
    for pair in case["pairs"] * 2:  # the second time from the encoder's tables
        packet = parse_packet(bytes.fromhex(pair["request"]), "eth0", 0, 68, known)
        assert isinstance(packet, Message)
        options = option_set(case, packet)
        host = Quiet()
        context = Context(host, 0, packet, None, options, {})  # type: ignore[arg-type]
        site = encoder.site(OFFER_OR_ACK, options, context)
        area = encoder.area(OFFER_OR_ACK, packet, options, context, filename, server_name, site)
        expected = bytes.fromhex(pair["reply"])
        yiaddr = int.from_bytes(expected[16:20], "big")
        made = compose(OFFER_OR_ACK, packet, area, packet.flags, 0, yiaddr, 0, filename, server_name)
        assert made.hex() == expected.hex(), case["conf"]
