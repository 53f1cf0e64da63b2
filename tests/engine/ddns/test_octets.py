"""The short way to an update's octets is the long one's, whatever the names are; and dnspython reads what they say."""

from __future__ import annotations

import dns.message
import dns.name
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dhcpd.engine.ddns.records import Names
from dhcpd.engine.ddns.rules import MESSAGES, Manner, Step
from dhcpd.engine.ddns.wire import update as module
from dhcpd.engine.ddns.wire.message import BadName

ZONES = [b"example.org.", b"Example.ORG", b"org.", b"a.a.", b"1.10.in-addr.arpa.", b"@.", b"x\\.y.org.", b".", b"a..b"]
LABELS = st.sampled_from(
    [b"a", b"A", b"b", b"", b".", b"@", b"\\.", b"\\", b"\\100", b"\xff", b"x" * 63, b"y" * 64, b"org"]
)
TEXTS = st.lists(LABELS, max_size=5).map(b".".join)


def made(zone: bytes, owner: bytes, step: Step, names: Names) -> bytes | str:
    """The octets, or the mistake."""
    try:
        return module.update(zone, owner, MESSAGES[step, Manner()], names, 0x0A4D0064)
    except BadName as bad:
        return f"{type(bad).__name__} {bad.reason}"


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ZONES), TEXTS, TEXTS, st.booleans(), st.sampled_from([Step.ADD_1, Step.ADD_PTR, Step.REM_2]))
@example(b"example.org.", b".example.org", b"", False, Step.ADD_1)
@example(b"example.org.", b"example.org", b"", False, Step.ADD_1)
@example(b"a.a.", b"a.a.a.a", b"b.a", False, Step.ADD_PTR)
@example(b"example.org.", b".".join([b"x" * 49] * 5), b"", True, Step.ADD_1)
@example(b"example.org.", b".".join([b"x" * 48, *[b"x" * 49] * 4]), b"", True, Step.ADD_1)
def test_names_of_every_kind_come_to_the_same_octets(
    zone: bytes, front: bytes, target: bytes, inside: bool, step: Step
) -> None:
    owner = front + b"." * bool(front) + zone if inside else front
    names = Names(target or b"alpha.example.org", 16, b"00d5", owner, 300)
    short = made(zone, owner, step, names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_plain_front", lambda _owner, _place: None)
        assert made(zone, owner, step, names) == short


@given(st.sampled_from([b"pc", b"a.b", b"PC.Example.org", b"x" * 63]), st.sampled_from(ZONES[:3]))
def test_dnspython_reads_the_names_that_were_meant(front: bytes, zone: bytes) -> None:
    owner = front + b"." + zone
    names = Names(owner, 16, b"00d5", b"", 300)
    octets = made(zone, owner, Step.ADD_1, names)
    assert isinstance(octets, bytes)
    read = dns.message.from_wire(octets)
    assert [one.name for one in read.sections[2]] == [dns.name.from_text(owner)] * 2
    assert read.sections[0][0].name == dns.name.from_text(zone)
