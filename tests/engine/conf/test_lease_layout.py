"""Statements as ISC's server writes them into its lease file: what it wrote of each of these is recorded.

They were given to hosts by OMAPI. Left out is where ISC's text would not read back: quotes and backslashes within
strings, and parentheses that matter.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.conf.writing.lease_layout import print_statements

RECORDED = json.loads((Path(__file__).parent / "recorded" / "layout.json").read_text())
OPTIONS = 'option conf-file code 209 = text;\noption bar-opt code 222 = array of ip-address;\nclass "a class" { }\n'
INDENT = 8


def read(text: str):
    parsed = parse({"dhcpd.conf": (OPTIONS + text).encode("latin-1")}, "dhcpd.conf", default_registry())
    assert not parsed.failed, parsed.lines
    return parsed.block[3:]


def test_lines_are_broken_where_isc_breaks_them():
    differing = [(text, written, printed) for text, written in RECORDED
                 if (printed := print_statements(read(text), INDENT)) != written]  # fmt: skip
    assert not differing


@pytest.mark.parametrize("text", [
    'set x = "a\\"b\\\\c";',
    'if not (known and static) { log (info, "a"); }',
    'if option host-name ~~ "^a" or (known and exists host-name) { log (info, "a"); }',
    'if exists host-name and (substring (option host-name, 0, 3) = "abc" or option host-name = "d") { set x = "1"; }',
    "set y = (extract-int (option host-name, 8) + 1) * 5;",
    'switch (option host-name) { case (00:01): set x = "1"; break; default: set x = "2"; }',
    "define f (a, b) { return concat (a, b); }",
    'add "a class";',
    'on commit { if known { unset x; } elsif static { log (info, "a"); } else { set x = concat (hardware, "b"); } }',
])  # fmt: skip
def test_what_isc_would_not_read_back_is_the_same_tree_again(text):
    assert read(print_statements(read(text), INDENT)) == read(text)


def test_all_that_is_written_reads_back():
    for text, _written in RECORDED:
        once = print_statements(read(text), INDENT)
        assert print_statements(read(once), INDENT) == once
