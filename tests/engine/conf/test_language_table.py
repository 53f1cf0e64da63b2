"""docs/language.md names every word that the parser knows, no other, and for each a test that exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading import (
    parse_expressions,
    parse_keys,
    parse_networks,
    parse_statements,
    parse_values,
    parser,
)

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "language.md"
ROW = re.compile(r"^\| `(?P<word>(?:\\\||[^`])+)` \|.*\| `(?P<test>[^`]+\])` \|$", re.MULTILINE)
REGISTRY = default_registry()


def sections() -> dict[str, dict[str, str]]:
    """Heading -> word -> test."""
    found: dict[str, dict[str, str]] = {}
    for part in PAGE.read_text("utf-8").split("\n## ")[1:]:
        head, _, body = part.partition("\n")
        rows = {match["word"].replace("\\|", "|"): match["test"] for match in ROW.finditer(body)}
        assert len(rows) == body.count("\n| `"), f"a row of {head} that cannot be read"
        found[head] = rows
    return found


SECTIONS = sections()


def words(heading: str) -> set[str]:
    return {word for head, rows in SECTIONS.items() if head.startswith(heading) for word in rows}


def statements() -> set[str]:
    declared = {word for readers in parser._BLOCK_READERS.values() for word in readers}
    # `static;` is a mark that ISC's server writes into lease files only.
    return (declared | set(parse_statements._READERS) | {"case", "default"}) - {"static"}


def permits() -> set[str]:
    clients = {f"{word} clients" for word in parse_networks._CLIENT_PERMITS}
    return clients | {"known-clients", "unknown-clients", "dynamic bootp clients", "members of STRING", "after DATE"}


def expressions() -> set[str]:
    tables = (
        parse_expressions._FUNCTIONS, parse_expressions._BARE_WORDS, parse_expressions._CODE_WORDS,
        parse_expressions._SIMPLE_OPERATORS, parse_expressions._SPECIAL,
    )  # fmt: skip
    return {word for table in tables for word in table} | {"!=", "~=", "~~"}


def options() -> set[str]:
    spaces = (space for space in REGISTRY.spaces.values() if space.name != "server")
    return {f"{space.name}.{name}" for space in spaces for name in space.by_name}


def types() -> set[str]:
    return set(parse_values._SIMPLE_TYPES) | {
        "integer", "signed", "unsigned", "domain-list", "compressed", "zerolen", "encapsulate", "array", "record",
        "array of record", "space",
    }  # fmt: skip


def peer_settings() -> set[str]:
    others = {"primary", "secondary", "address", "hba", "load balance max seconds"}
    return others | parse_keys._PEER_NUMBERS | parse_keys._PEER_WORDS


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("Statements", statements()),
        ("Permits", permits()),
        ("Flags", set(parse_statements._FLAG_PARAMETERS)),
        ("Server parameters", set(REGISTRY.spaces["server"].by_name)),
        ("Option definitions", types()),
        ("Options of the space", options()),
        ("Settings of a failover peer", peer_settings()),
        ("Settings of a zone", {"primary", "secondary", "primary6", "secondary6", "key"}),
        ("Settings of a key", {"algorithm", "secret"}),
    ],
)
def test_the_page_names_what_the_parser_knows(heading, known):
    assert words(heading) == known


def test_the_page_names_every_expression():
    assert words("Data expr") | words("Boolean expr") | words("Numeric expr") == expressions()


def test_every_option_of_the_sheet_is_named():
    """The names that ISC's server knows by default, whichever way they are grouped."""
    assert len(words("Options of the space")) > 200


def test_every_named_test_exists():
    named = {test for rows in SECTIONS.values() for test in rows.values()}
    files = sorted({test.partition("::")[0] for test in named})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *files]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert named <= set(listed.splitlines())
