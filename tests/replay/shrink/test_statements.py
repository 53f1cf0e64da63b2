from __future__ import annotations

from dhcpd.replay.shrink.statements import levels_of, statements_of, without
from tests.replay.engine_runs import CONFIGURATION, LEASES_FOUND

TEXT = b"""# a comment; with { signs }
option x "a;b}"; if known { one; } elsif exists host-name { two; } else { three; }
option s.r code 2 = { integer 8, text };
key k { algorithm a; };
subnet 10.0.0.0 netmask 255.0.0.0 { # here, too;
  range 10.0.0.1 10.0.0.2; pool { allow members of "a"; }
}
"""


def spelled(text: bytes, *path: int) -> list[bytes]:
    level = statements_of(text)
    for number in path:
        level = level[number].inner
    return [text[one.start : one.end] for one in level]


def test_statements_end_where_the_parser_ends_them() -> None:
    outer = spelled(TEXT)
    assert [one.split()[0] for one in outer] == [b"option", b"if", b"option", b"key", b"subnet"]
    assert outer[0] == b'option x "a;b}";'
    assert outer[1].endswith(b"else { three; }")
    assert outer[2] == b"option s.r code 2 = { integer 8, text };"
    assert outer[3].endswith(b"};")
    assert spelled(TEXT, 1) == [b"one;", b"two;", b"three;"]
    assert spelled(TEXT, 4) == [b"range 10.0.0.1 10.0.0.2;", b'pool { allow members of "a"; }']


def test_what_is_taken_out_is_gone_and_nothing_else() -> None:
    outer = statements_of(TEXT)
    left = without(TEXT, [outer[0], outer[1], *outer[4].inner[:1]])
    assert spelled(left) == [one.replace(b"  range 10.0.0.1 10.0.0.2; pool", b"   pool") for one in spelled(TEXT)[2:]]
    assert len(statements_of(without(CONFIGURATION, []))) == len(statements_of(CONFIGURATION))
    assert without(TEXT, outer) == b"# a comment; with { signs }\n"


def test_lease_files_are_read_too() -> None:
    leases = statements_of(LEASES_FOUND)
    assert len(leases) == 3
    assert len(levels_of(leases)) == 7 + 8 + 3


def test_text_that_ends_too_early_or_too_late_is_no_trouble() -> None:
    assert spelled(b"a; } b; { c") == [b"a;", b"b;"]
    assert spelled(b'a "unended') == []
