"""Values as text, domain names, regular expressions of POSIX."""

from __future__ import annotations

import contextlib
import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.conf.domain_names import BadNameError, compress, label_text, name_text, read_names
from dhcpd.engine.conf.regex import automaton as regex_automaton
from dhcpd.engine.conf.running.expressions_regex import compiled, matches
from dhcpd.engine.conf.writing import values
from dhcpd.engine.model.spaces import OptionDefinition


def text_of(option_format, value):
    lines = []
    definition = OptionDefinition("agent", "agent-id", 3, option_format)
    words = {"styles": {1: "one"}}
    return values.text_of(definition, value, lambda level, text: lines.append((level, text)), words), lines


@pytest.mark.parametrize(
    ("option_format", "value", "expected"),
    [
        # Seen in the lease file of ISC dhcpd: docs/behaviour/packets.md#values-as-text.
        ("X", b"hello", '"hello"'),
        ("X", b"a\"b'c$d`e\\f", '"a\\"b\\\'c\\$d\\`e\\\\f"'),
        ("X", b"a|b&;", '"a\\|b\\&;"'),
        ("X", b"\0\1\xab\x0f", "0:1:ab:f"),
        ("X", b"\xc3\xa9", "c3:a9"),
        ("X", b"ab\0", '"ab"'),
        ("X", b"\0", '""'),
        ("X", b"a\0b", "61:0:62"),
        ("I", b"\1\2\3\4", "1.2.3.4"),
        ("L", b"\0\0\1\0", "256"),
        ("Z", b"", ""),
        # The other letters.
        ("t", b"a\n\0", '"a\\012"'),
        ("l", b"\xff\xff\xff\xff", "-1"),
        ("s", b"\xff\xfe", "-2"),
        ("B", b"\xff", "255"),
        ("f", b"\2", "true"),
        ("T", b"\xff\xff\xff\xff", "infinite"),
        ("Nstyles.", b"\1", "one"),
        ("Nstyles.", b"\7", "7"),
        ("6", bytes(15) + b"\1", "::1"),
        ("d", b"\1a\1b\0", "a.b."),
        ("Dc", b"\1a\1b\0\1c\xc0\2", '"a.b.", "c.b."'),
        ("D", b"\5a", "<error>"),
        ("IA", bytes(8), "0.0.0.0,0.0.0.0"),
        ("IIA", bytes(range(16)), "0.1.2.3 4.5.6.7,8.9.10.11 12.13.14.15"),
        ("fIa", b"\1\1\1\1\1\2\2\2\2", "true 1.1.1.1,2.2.2.2"),
        ("fto", b"\1", 'true ""'),
        ("BB6Ia", bytes(18), "0 0 ::"),
        ("Eagent.", b"\1\2", "1:2"),
    ],
)
def test_pretty_printing(option_format, value, expected):
    assert text_of(option_format, value) == (expected, [])


def test_too_few_and_too_many():
    assert text_of("I", b"\1\2\3") == ("<error>", [(3, "agent-id: expecting at least 4 bytes; got 3")])
    assert text_of("I", b"\1\2\3\4\5") == ("1.2.3.4", [(3, "agent-id: 1 extra bytes")])
    assert text_of("SA", b"\0\1\2") == ("1", [(3, "agent-id: 1 extra bytes at end of array")])
    assert text_of("X", b"a" * 40_000)[0] == "<error>"


@given(st.sampled_from(["X", "t", "I", "IA", "fIa", "Dc", "d", "BBS", "6", "Nx.", "fto", "Z", "", "Ex."]), st.binary())
def test_printing_never_raises(option_format, value):
    assert isinstance(text_of(option_format, value)[0], str)


def test_lease_file_and_log_forms():
    assert values.quoted(b'a"\\ \0\xff') == '"a\\"\\\\ \\000\\377"'
    assert values.hex_pairs(b"\0\xab") == "00:ab"
    assert values.identifier_text(b"abc") == '"abc"'
    assert values.identifier_text(b"a" * 60 + b"\0") == '"' + "a" * 57 + '"'
    assert values.identifier_text(b"\1\2") == "01:02"
    assert values.identifier_text(b"\1" * 20) == ":".join(["01"] * 20)
    assert values.identifier_text(b"\1" * 21) == ""
    assert values.shown(b"a\xc3\xbc\xff\0b") == "a\xc3\xbc\xff"


class TestDomainNames:
    def test_compression_as_isc_does_it(self):
        names = [(b"a", b"b", b"c"), (b"x", b"b", b"c"), (b"b", b"c"), (b"A", b"B", b"C")]
        made = compress(names)
        assert made == bytes.fromhex("016101620163000178c002c002c000")
        assert read_names(made)[:2] == names[:2]

    @given(st.lists(st.lists(st.binary(min_size=1, max_size=9), max_size=6).map(tuple), max_size=20))
    def test_round_trip(self, names):
        folded = [tuple(label.lower() for label in name) for name in names]
        assert [tuple(label.lower() for label in name) for name in read_names(compress(names))] == folded

    @given(st.binary(max_size=60))
    def test_any_octets(self, value):
        with contextlib.suppress(BadNameError):
            assert len(compress(read_names(value))) <= len(value) + 2 * len(value)

    def test_a_loop_is_refused(self):
        with pytest.raises(BadNameError):
            read_names(b"\xc0\0")

    def test_text(self):
        assert name_text(()) == "."
        assert label_text(b"a.b \xff") == "a\\.b\\032\\255"


ATOMS = st.sampled_from(["a", "b", "A", "1", ".", "[ab]", "[^a]", "[a-b_]", r"\b", r"\w", r"\W", r"\s", "^", "$"])
TIMES = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{,2}"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, TIMES).map(lambda pair: f"({pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)


class TestRegularExpressions:
    @pytest.mark.parametrize(
        "bad", [b"(a", b"a{2,1}", b"*a", b"a|*b", b"^*", b"a\\", b"[b", b"[z-a]", b"[[:foo:]]", b"a{", b"\\1", b"a{}"]
    )
    def test_refused(self, bad):
        assert compiled(bad, False) is None
        assert not matches(bad, bad, ignore_case=False)

    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            (b"a++", b"a"),
            (b"[]a]+$", b"]a"),
            (b"[\\]", b"\\"),
            (b"^(ab)\\1$", b"abab"),
            (b"a)", b"a)"),
            (b"^a{,2}$", b"aa"),
            (b"[[:alpha:]-]$", b"-"),
            (b"a.b", b"a\nb"),
            (b"(|a)", b"x"),
        ],
    )
    def test_matches(self, pattern, text):
        assert matches(pattern, text, ignore_case=False)

    @given(st.binary(max_size=20), st.binary(max_size=20))
    def test_any_octets(self, pattern, text):
        assert matches(pattern, text, ignore_case=True) in (True, False)

    @given(PATTERNS, st.text("abAB_ 1", max_size=12), st.booleans())
    def test_as_another_engine(self, pattern, text, ignore_case):
        """Where the dialects agree: Python's `re`, with `$` as the very end."""
        theirs = re.compile(pattern.replace("$", r"\Z"), re.DOTALL | (re.IGNORECASE if ignore_case else 0))
        found = matches(pattern.encode(), text.encode(), ignore_case=ignore_case)
        assert found == (theirs.search(text) is not None)

    @pytest.mark.parametrize("pattern", [b"^([a-z]+)+$", b"(a*)*b", b"(a|aa)*c", b"a*a*a*a*a*a*b", b"(.*.*.*)=$"])
    def test_no_text_of_a_client_keeps_the_server_busy(self, pattern):
        began = time.process_time()
        for letter in (b"a", b"x", b"="):
            assert not matches(pattern, letter * 1400 + b"!", ignore_case=False)
        assert time.process_time() - began < 10

    def test_what_is_remembered_is_bounded(self, monkeypatch):
        monkeypatch.setattr(regex_automaton, "_REMEMBERED_MAX", 8)
        search = compiled(b"(a|b)*a(a|b){6}c", False)
        draw = random.Random(1)
        for _ in range(60):
            text = bytes(draw.choice(b"ab") for _ in range(40))
            assert search(text) is False
            assert search(text[:-7] + b"a" + text[-6:] + b"c") is True
            assert len(search.__self__._states) <= 8

    @pytest.mark.parametrize("pattern", [b"((a{1,300}){1,300}){1,300}", b"(" * 300 + b")" * 300])
    def test_a_pattern_without_bounds_is_refused(self, pattern):
        assert compiled(pattern, False) is None
