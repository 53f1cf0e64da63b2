"""Every seed of the fuzzer once through its door (docs/testing.md): what was found stays mended."""

from __future__ import annotations

import pytest

from tests.fuzz.doors import DOORS, SEEDS, knock


@pytest.mark.parametrize("door", DOORS)
def test_every_seed_is_dealt_with_within_a_second(door: str) -> None:
    seeds = sorted((SEEDS / door).iterdir())
    assert len(seeds) > 20
    for seed in seeds:
        try:
            knock(door, seed.read_bytes())
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise


DEEP = [
    (b"if ", b"(", b"known", b")", b" { }"),
    (b"if ", b"not ", b"known", b"", b" { }"),
    (b"set a = ", b'concat ("a", ', b'"b"', b")", b";"),
    (b"set a = ", b'pick-first-value ("a", ', b'"b"', b")", b";"),
    (b"define twist (what) { return what; } set a = ", b"twist (", b'"b"', b")", b";"),
    (b"set a = encode-int (", b"1 + ", b"1", b"", b", 32);"),
    (b"if ", b"known and ", b"known", b"", b" { }"),
    (b"", b"if known { ", b"", b"} ", b""),
    (b"if known { } ", b"elsif known { } ", b"", b"", b""),
    (b"", b"group { ", b"", b"} ", b""),
    (b"", b"define f () { ", b"", b"} ", b""),
    (b"", b"on commit { ", b"", b"} ", b""),
    (b"", b"switch (1) { case 1: ", b"", b"} ", b""),
]


@pytest.mark.parametrize("pieces", DEEP, ids=lambda pieces: pieces[1].decode())
def test_nesting_is_bounded_with_a_clear_message(pieces: tuple[bytes, ...]) -> None:
    from dhcpd.engine.conf.options import default_registry
    from dhcpd.engine.conf.reading.parser import parse

    before, opening, middle, closing, behind = pieces
    for depth, refused in ((70, False), (20_000, True)):
        text = before + opening * depth + middle + closing * depth + behind
        knock("configuration", text)
        parsed = parse({"c": text}, "c", default_registry())
        assert (parsed.fatal is not None) == refused, parsed.lines[:1]
        assert not refused or "c line 1: more than" in parsed.fatal


def test_a_file_that_includes_itself_is_refused_at_once() -> None:
    from dhcpd.engine.conf.options import default_registry
    from dhcpd.engine.conf.reading.parser import parse

    files = {"a": b'include "b";\n' * 50, "b": b'include "a";\n' * 50}
    assert parse(files, "a", default_registry()).fatal == "a: includes itself"
