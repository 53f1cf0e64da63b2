"""What is remembered of classes is what evaluation gives, for any packets in any order, and stays small."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.conf.running import outcomes
from dhcpd.engine.model.context import Context, OptionSet

CLASSES = """
class "vendor" { match if substring(option vendor-class-identifier, 0, 2) = "ab"; }
class "has" { match if exists user-class and not (option host-name = "a"); }
class "hard" { match if binary-to-ascii(16, 8, ":", hardware) = "1:2:0:0:0:0:7"; }
class "sub" { match option host-name; }
subclass "sub" "a"; subclass "sub" "b";
class "spawn" { match if suffix(hardware, 1) = 07; spawn with option agent.circuit-id; }
class "said" { match if variable = "x" or option host-name = "b"; }
class "width" { match if binary-to-ascii(10, 16, ".", option host-name) = "24930"; }
class "any" { match pick-first-value(lcase(option host-name), hardware); }
subclass "any" "a";
class "number" { match if extract-int(option vendor-class-identifier, 8) = 97; }
class "nothing" { lease limit 4; }
class "behind" { match if substring(option host-name, 1, 2) ~= "a"; }
class "pattern" { match if option host-name ~~ "^A+$" or option host-name ~= "b$"; }
"""


class Host:
    host_name = "server"

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, _level: int, text: str) -> None:
        self.lines.append(text)


def compiled(text: str):
    registry = default_registry()
    parsed = parse({"dhcpd.conf": text.encode()}, "dhcpd.conf", registry)
    assert not parsed.failed, parsed.lines
    return compile_configuration(parsed.block, registry)


@cache
def configuration():
    """Made once: what it remembers is what is tested."""
    return compiled(CLASSES)


texts = st.sampled_from([None, b"", b"a", b"b", b"ab", b"abc", b"A", b"x" * 600])
packets = st.builds(
    lambda name, vendor, user, circuit, last, hlen: SimpleNamespace(
        options={code: value for code, value in ((12, name), (60, vendor), (77, user)) if value is not None},
        spaces={} if circuit is None else {"agent": {1: circuit}},
        hardware=b"\1\2\0\0\0\0" + bytes([last]),
        hlen=hlen,
        classes=[],
    ),
    texts, texts, texts, texts, st.integers(6, 8), st.sampled_from([6, 6, 6, 17]),
)  # fmt: skip


def told(packet, answers):
    host = Host()
    context = Context(host, 0, packet, None, OptionSet(), {"variable": b"y"})
    return [(member.name, key) for member, key in answers(context)], host.lines


@given(st.lists(packets, max_size=12))
def test_remembered_is_evaluated(sent):
    known = configuration()
    for packet in sent:
        live = told(packet, lambda context: outcomes.evaluate(known.classes, context))
        kept = told(packet, lambda context: [one for run in known.class_runs for one in run(context)])
        assert kept == live


def test_what_stands_together_is_remembered_together():
    kinds = [type(run).__name__ for run in configuration().class_runs]
    assert kinds == ["_Remembering", "function", "_Remembering", "function", "_Remembering"], kinds


@pytest.mark.parametrize("octets", [4, outcomes.KEY_OCTETS_MAX + 1])
def test_hostile_clients_do_not_fill_the_memory(monkeypatch, octets):
    monkeypatch.setattr(outcomes, "REMEMBERED_MAX", 50)
    known = compiled('class "c" { match option host-name; } subclass "c" "0000";')
    (run,) = known.class_runs
    for number in range(500):
        packet = SimpleNamespace(options={12: b"%0*d" % (octets, number)}, spaces={}, hardware=b"", hlen=0, classes=[])
        run(Context(Host(), 0, packet, None, OptionSet(), {}))
        assert len(run._known) <= 50
    assert bool(run._known) is (octets == 4)
