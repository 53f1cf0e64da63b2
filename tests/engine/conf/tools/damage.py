"""Damage to a configuration: what people and accidents do to a text that was good."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dhcpd.engine.conf.reading.keywords import KEYWORDS
from tests.engine.conf.tools.asking import NAME

if TYPE_CHECKING:
    from random import Random

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[A-Za-z0-9_-]+|\s+|.', re.DOTALL)
_WORDS = (*sorted(KEYWORDS), "true", "foo", "f1", "abc", "example.org", "unknown-43")
_PIECES = (
    ";", ";", "{", "}", "(", ")", ",", ".", ":", "=", "!", "~", "-", "#", '"', '""', '"x"', "10", "300", "-1", "0x1f",
    "08", "4294967296", "10.0.0.5", "1:2:3", "\\", "\xe9", "\xff", "\t", "\r\n", "\n\n", "# comment\n", "%", "@", "1a",
    "g", "+", "domain-name", "routers", "max-lease-time", "fun-one", "var-one", "hmac-md5", "true", "infinite",
    "x.y", "/24",
)  # fmt: skip
_STATEMENTS = (
    "range 10.0.0.9;", "pool { }", "match hardware;", "match if known;", "lease limit 3;", "fixed-address 10.0.0.3;",
    "hardware ethernet 1:2:3:4:5:6;", "allow known-clients;", 'deny members of "nosuch";', "host hh { }", "group { }",
    "subnet 10.249.0.0 netmask 255.255.0.0 { }", "shared-network xx { }", 'class "cc" { }', 'subclass "cc" "x";',
    "option space zz;", "option zz code 99 = text;", "authoritative;", "case 1:", "default:", "break;",
    "interface eth0;", 'failover peer "pp";', "no failover peer;", 'uid "x";', 'include "other.conf";',
    'include "missing.conf";',
    "key kk { algorithm hmac-md5; secret aaaa; }", "zone a.b { primary 1.2.3.4; }", "};", "dynamic;", "deleted;",
    "range6 1::1 1::2;", "subnet6 1::/64 { }", "fixed-address6 1::1;", "pool6 { }", "prefix6 1:: 2:: /64;",
    "return;", "set x = 1;", "max-lease-time;", "option domain-name;", "option domain-name-servers 1.2.3.4 5.6.7.8;",
    'log(info, "x")', "if { }", "else { }", "on commit", 'switch (option host-name) { case "a": break; default: }',
    'vendor-class "x" { }', "spawn with hardware;", "let x;", "range 10.0.0.1 10.0.0.0;", "min-secs 256;", "execute();",
    "server-duid;", "lease-id-format x;", "db-time-format x;", "not x;", 'add "cc";', "option agent.circuit-id 5;",
)  # fmt: skip


def damaged(random: Random, files: dict[str, bytes]) -> dict[str, bytes]:
    """One to three wounds, most often one; sometimes a part goes to an included file."""
    text = files[NAME]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        text = random.choice(_WOUNDS)(random, text)
    files = files | {NAME: text}
    if b'"other.conf"' in text or random.random() < 0.1:
        files = _split_off(random, files)
    return files


def _tokens(text: bytes) -> list[bytes]:
    return _TOKEN.findall(text)


def _place(random: Random, tokens: list[bytes]) -> int:
    """The index of a token that is no white space."""
    places = [at for at, token in enumerate(tokens) if not token.isspace()]
    return random.choice(places) if places else 0


def _drop(random: Random, text: bytes) -> bytes:
    tokens = _tokens(text)
    at = _place(random, tokens)
    return b"".join(tokens[:at] + tokens[at + 1 :])


def _double(random: Random, text: bytes) -> bytes:
    tokens = _tokens(text)
    at = _place(random, tokens)
    return b"".join([*tokens[: at + 1], b" ", *tokens[at:]])


def _swap(random: Random, text: bytes) -> bytes:
    tokens = _tokens(text)
    one, other = _place(random, tokens), _place(random, tokens)
    if tokens:
        tokens[one], tokens[other] = tokens[other], tokens[one]
    return b"".join(tokens)


def _swap_near(random: Random, text: bytes) -> bytes:
    tokens = _tokens(text)
    places = [at for at, token in enumerate(tokens) if not token.isspace()]
    if len(places) > 1:
        at = random.randrange(len(places) - 1)
        one, other = places[at], places[at + 1]
        tokens[one], tokens[other] = tokens[other], tokens[one]
    return b"".join(tokens)


def _replace(random: Random, text: bytes) -> bytes:
    tokens = _tokens(text)
    if tokens:
        tokens[_place(random, tokens)] = _piece(random)
    return b"".join(tokens)


def _insert(random: Random, text: bytes) -> bytes:
    tokens = _tokens(text)
    at = _place(random, tokens)
    return b"".join([*tokens[:at], _piece(random), random.choice((b" ", b"")), *tokens[at:]])


def _piece(random: Random) -> bytes:
    return random.choice(random.choice((_PIECES, _PIECES, _WORDS))).encode("latin-1")


def _statement(random: Random, text: bytes) -> bytes:
    """A statement where it may not belong."""
    ends = [found.end() for found in re.finditer(rb"[;{}]\n?", text)] or [0]
    at = random.choice(ends)
    return text[:at] + random.choice(_STATEMENTS).encode() + b"\n" + text[at:]


def _cut(random: Random, text: bytes) -> bytes:
    return text[: random.randrange(len(text) + 1)]


def _octet(random: Random, text: bytes) -> bytes:
    at = random.randrange(len(text) + 1)
    return text[:at] + bytes((random.randrange(256),)) + text[at:]


def _drop_line(random: Random, text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    if lines:
        del lines[random.randrange(len(lines))]
    return b"".join(lines)


def _move_line(random: Random, text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    if lines:
        line = lines.pop(random.randrange(len(lines)))
        lines.insert(random.randrange(len(lines) + 1), line)
    return b"".join(lines)


def _join_lines(random: Random, text: bytes) -> bytes:
    return text.replace(b"\n", random.choice((b" ", b"")), random.choice((1, 3, -1)))


def _carriage_returns(random: Random, text: bytes) -> bytes:
    return text.replace(b"\n", random.choice((b"\r\n", b"\n\n", b"\n\t", b" # remark\n")))


def _split_off(random: Random, files: dict[str, bytes]) -> dict[str, bytes]:
    """Put a run of lines into another file, and include that."""
    lines = files[NAME].splitlines(keepends=True)
    at = random.randrange(len(lines) + 1)
    size = random.randint(0, 6)
    other = b"".join(lines[at : at + size])
    lines[at : at + size] = [b'include "other.conf";\n']
    return files | {NAME: b"".join(lines), "other.conf": other.replace(b'"other.conf"', b'"missing.conf"')}


_WOUNDS = (
    _drop, _drop, _double, _swap, _swap_near, _replace, _replace, _insert, _insert, _statement, _statement, _statement,
    _cut, _octet, _drop_line, _move_line, _join_lines, _carriage_returns,
)  # fmt: skip
