"""Option areas where no recording covers them: sizes, kinds of reply, sub-spaces, expressions, lines.

See docs/behaviour/packets.md#size-of-the-option-area, docs/behaviour/packets.md#what-differs-by-kind-of-reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.model.context import Context, OptionSet
from dhcpd.engine.model.spaces import OptionSpace, Registry
from dhcpd.engine.wire.candidates import bucket_order
from dhcpd.engine.wire.encode import (
    DYNAMIC_BOOTP,
    INFORM,
    LEASEQUERY,
    NAK,
    OFFER_OR_ACK,
    STATIC_BOOTP,
    Encoder,
    Layout,
    UnknownSpaceError,
)
from dhcpd.engine.wire.placement import Area, Item, place_options
from dhcpd.engine.wire.reply import compose, compose_leasequery, compose_nak, compose_static_plain, truncation_lines

from .sample import packet, registry

if TYPE_CHECKING:
    from dhcpd.engine.model.context import Message


class Host:
    """Keeps what was logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, _level: int, text: str) -> None:
        self.lines.append(text)


def encode(
    values: dict[int, Any],
    request: Message,
    layout: Layout = OFFER_OR_ACK,
    known: Registry | None = None,
    **spaces: dict[int, Any],
) -> tuple[Area, list[str]]:
    options = OptionSet()
    options.dhcp.update(values)
    for name, members in spaces.items():
        options.spaces.setdefault(name, {}).update(members)
    host = Host()
    context = Context(host, 0, request, None, options, {})  # type: ignore[arg-type]
    encoder = Encoder(known or registry())
    site = encoder.site(layout, options, context)
    encoder.warn_of(site, context)
    first = encoder.area(layout, request, options, context, None, None, site)
    lines = list(host.lines)
    encoder.warn_of(site, context)
    assert encoder.area(layout, request, options, context, None, None, site) == first  # the tables cannot be seen
    return first, lines


def codes(area: Area) -> list[int]:
    found: list[int] = []
    place = 4
    while place < len(area.main) and area.main[place] != 255:
        found.append(area.main[place])
        place += 2 + area.main[place + 1]
    return found


def option(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


REFERENCE = {
    3: b"\x0a\x09\0\1", 15: b"ex.test", 6: b"\x0a\x09\0\1\x0a\x09\0\2", 42: b"\x0a\x09\0\3", 12: b"cfgname", 17: b"/x",
    72: b"\1\2\3\4", 2: b"\xff\xff\xf1\xf0", 53: b"\2", 54: b"\x0a\x09\0\1", 51: b"\0\0\xa8\xc0", 1: b"\xff\xff\xff\0",
}  # fmt: skip


def test_reference_reply_with_a_list() -> None:
    request = packet(b"\x35\1\1" + option(55, bytes([3, 1, 15, 6, 12, 28, 42])) + option(12, b"cli\0"))
    area, _ = encode(REFERENCE, request)
    assert codes(area) == [53, 54, 51, 1, 3, 15, 6, 12, 42]
    assert option(15, b"ex.test\0") in area.main
    assert option(12, b"cfgname\0") in area.main
    assert len(compose(OFFER_OR_ACK, request, area, 0, 0, 0, 0, None, None)) == 304


def test_reference_reply_without_a_list() -> None:
    order = [53, 54, 51, 1, 3, 6, 12, 17, 2, 72, 42, 15]
    request = packet(b"\x35\1\1")
    area, _ = encode({code: REFERENCE[code] for code in (3, 15, 6, 42, 12, 17, 72, 2, 53, 54, 51, 1)}, request)
    assert codes(area) == order
    assert len(compose(OFFER_OR_ACK, request, area, 0, 0, 0, 0, None, None)) == 318


def test_reference_reply_of_one_large_option() -> None:
    request = packet(b"\x35\1\1" + option(55, b"\xce"))
    values = {206: b"v" * 300, **{code: REFERENCE[code] for code in (53, 54, 51, 1)}}
    area, _ = encode(values, request)
    assert codes(area) == [53, 54, 51, 206, 206, 52]
    assert len(area.main) == 312
    assert area.file == (option(206, b"v" * 14) + option(1, b"\xff\xff\xff\0") + b"\xff").ljust(128, b"\0")
    assert len(compose(OFFER_OR_ACK, request, area, 0, 0, 0, 0, None, None)) == 548


def test_bucket_order_is_iscs() -> None:
    assert bucket_order([42, 12, 17, 72, 2]) == [17, 2, 72, 42, 12]
    assert bucket_order([28, 42, 9, 26]) == [26, 9, 42, 28]


SIZES = [
    (OFFER_OR_ACK, b"", {}, 312),
    (OFFER_OR_ACK, option(57, b"\1\0"), {}, 312),
    (OFFER_OR_ACK, option(57, b"\2\x4e"), {}, 326),
    (OFFER_OR_ACK, option(57, b"\xff\xff"), {}, 1236),
    (OFFER_OR_ACK, option(57, b"\2\x4e\0"), {}, 326),
    (OFFER_OR_ACK, option(57, b"\2"), {57: b"\2\xbc"}, 312),
    (OFFER_OR_ACK, option(57, b"\0\0"), {}, 312),
    (OFFER_OR_ACK, b"", {57: b"\2\xbc"}, 436),
    (INFORM, b"", {57: b"\2\xbc"}, 312),
    (INFORM, option(57, b"\2\xbc"), {}, 436),
    (STATIC_BOOTP, b"", {}, 64),
    (DYNAMIC_BOOTP, b"", {}, 64),
    (STATIC_BOOTP, b"\0" * 100, {}, 104),
    (LEASEQUERY, b"", {}, 312),
]


@pytest.mark.parametrize(("layout", "asked", "values", "octets"), SIZES)
def test_sizes(layout: Layout, asked: bytes, values: dict[int, bytes], octets: int) -> None:
    request = packet(asked)
    encoder = Encoder(registry())
    context = Context(Host(), 0, request, None, OptionSet(), {})  # type: ignore[arg-type]
    assert encoder._size(layout, request, values, context) == octets


def test_no_option_that_fits_the_list_means_no_cookie() -> None:
    request = packet(option(55, b"\xce"))
    area, _ = encode({15: b"ex.test"}, request, DYNAMIC_BOOTP)
    assert area == Area(b"", None, None)
    assert compose(DYNAMIC_BOOTP, request, Area(b"", None, None), 0, 0, 0, 0, None, None)[236:] == b"\0" * 64


def test_nak_and_leasequery_do_not_look_at_the_clients_list() -> None:
    request = packet(b"\x35\1\3" + option(55, b"\x0f"))
    nak, _ = encode({53: b"\6", 56: b"no", 54: b"\1\2\3\4", 61: b"id"}, request, NAK, agent={1: b"a"})
    assert codes(nak) == [53, 54, 56, 61, 82]
    asked, _ = encode({53: b"\x0b", 54: b"\1\2\3\4", 3: b"\1\1\1\1", 55: b"\3"}, request, LEASEQUERY)
    assert codes(asked) == [53, 54, 3]


def test_expressions_are_evaluated_for_candidates_only_and_in_order() -> None:
    seen: list[int] = []

    def value(code: int) -> Any:
        def run(_context: Context) -> bytes | None:
            seen.append(code)
            return None if code == 42 else b"\1\2\3\4"

        return run

    request = packet(b"\x35\1\1" + option(55, b"\x2a\3\1"))
    options = OptionSet()
    options.dhcp.update({code: value(code) for code in (3, 6, 42, 53)})
    context = Context(Host(), 0, request, None, options, {})  # type: ignore[arg-type]
    area = Encoder(registry()).area(OFFER_OR_ACK, request, options, context, None, None)
    assert codes(area) == [53, 3]
    assert seen == [53, 42, 3]


def test_unknown_vendor_option_space_is_a_line_and_no_more() -> None:
    area, lines = encode({53: b"\2"}, packet(b"\x35\1\1"), server={19: b"nowhere"})
    assert codes(area) == [53]
    assert lines == ["option_space_encapsulate: option space 'nowhere' does not exist, but is configured."]


def test_unknown_site_space_is_no_reply() -> None:
    with pytest.raises(UnknownSpaceError, match=r"^unknown option space nowhere\.$"):
        encode({53: b"\2"}, packet(b"\x35\1\1"), server={21: b"nowhere"})


def test_low_site_codes_warn_once_and_never_reach_below_128() -> None:
    known = registry()
    known.add(OptionSpace("loc")).define("low", 100, "t")
    area, lines = encode(
        {53: b"\2", 127: b"a", 128: b"b"},
        packet(b"\x35\1\1"),
        known=known,
        server={21: b"loc"},
        loc={200: b"c", 100: b"d"},
    )
    assert codes(area) == [53, 127, 200]
    assert [line[:47] for line in lines] == ["WARNING: site-local option codes less than 224 "]
    assert lines[0].count("as low as 100.") == 1


def test_relay_block_enlarges_the_area_and_is_lost_whole_where_it_cannot_fit() -> None:
    request = packet(b"\x35\1\1" + option(57, b"\5\xdc"))
    area, lines = encode({53: b"\2", 54: b"\1\2\3\4"}, request, agent=dict.fromkeys((1, 2, 3), b"x" * 200))
    assert (len(area.main), lines) == (4 + 9 + 3 * 202 + 3 * 2 + 1, [])
    area, _ = encode({53: b"\2"}, request, agent=dict.fromkeys(range(1, 6), b"x" * 250))
    assert area.main == b""  # the block alone is the limit: nothing of the rest fits


def test_configured_raw_relay_information_replaces_the_echo() -> None:
    area, _ = encode({53: b"\2", 82: b"\1\1z"}, packet(b"\x35\1\1"), agent={1: b"a"})
    assert area.main.endswith(b"\x52\3\1\1z\xff")


VALUES = st.dictionaries(st.integers(1, 254).filter(lambda code: code != 82), st.binary(max_size=400), max_size=12)


@given(VALUES, st.binary(max_size=40), st.integers(0, 1600), st.booleans(), st.binary(max_size=60))
def test_what_was_placed_can_be_read_again(
    values: dict[int, bytes], wanted: bytes, size: int, broad: bool, agent: bytes
) -> None:
    """Whole options or none: every option in the reply has exactly its value, whatever pieces it came in."""
    request = packet(option(53, b"\1") + option(55, wanted) + option(57, size.to_bytes(2, "big")))
    values = {**values, 53: b"\2"}
    values.pop(52, None)
    values.pop(55, None)
    area, _ = encode(values, request, agent={1: agent})
    made = compose(OFFER_OR_ACK, request, area, 0x8000 * broad, 0, 0, 0, None, None)
    assert len(made) <= max(576, min(size, 1500)) + 64
    assert made[236:240] == b"\x63\x82\x53\x63"
    placed: dict[int, bytes] = {}
    areas = [made[240:], *[field for field in (area.file, area.sname) if field is not None]]
    for octets in areas:
        place = 0
        while place < len(octets) and octets[place] != 255:
            if octets[place]:
                end = place + 2 + octets[place + 1]
                assert end <= len(octets)
                placed[octets[place]] = placed.get(octets[place], b"") + octets[place + 2 : end]
                place = end
            else:
                place += 1
    placed.pop(52, None)
    if placed.pop(82, None) is not None:
        assert agent
    assert all(values[code] == value for code, value in placed.items())


@given(
    st.lists(st.tuples(st.integers(1, 254), st.binary(min_size=1, max_size=600)), max_size=8),
    st.integers(5, 1236),
    st.booleans(),
    st.booleans(),
)
def test_placement_never_overflows(
    items: list[tuple[int, bytes]], size: int, file_free: bool, sname_free: bool
) -> None:
    placed = [Item(code, value, number == len(items) - 1) for number, (code, value) in enumerate(items)]
    area, _ = place_options(placed, size, b"", file_free=file_free, sname_free=sname_free)
    assert len(area.main) <= size
    assert area.file is None or (file_free and len(area.file) == 128)
    assert area.sname is None or (sname_free and len(area.sname) == 64)


def test_headers_of_the_kinds_of_reply() -> None:
    request = packet(b"\x35\1\1\xff", giaddr=0x0A000063, ciaddr=0x0A000009, flags=0x7FFF, file=b"asked", sname=b"name")
    area = Area(b"\x63\x82\x53\x63\x35\1\2\xff", None, None)
    made = compose(OFFER_OR_ACK, request, area, 0x7FFF, 1, 2, 3, b"boot", b"s" * 70)
    assert (
        made[:44]
        == b"\2" + request.payload[1:10] + bytes.fromhex("7fff000000010000000200000003") + request.payload[24:44]
    )
    assert made[44:108] == b"s" * 64
    assert made[108:236] == b"boot".ljust(128, b"\0")
    assert compose(STATIC_BOOTP, request, area, 0, 0, 0, 0, None, None)[108:236] == b"asked".ljust(128, b"\0")
    nak = compose_nak(request, area)
    assert (nak[10:12], nak[12:24]) == (b"\xff\xff", bytes(12))


def test_plain_bootp_gets_its_vendor_area_back() -> None:
    request = packet(b"old stuff" * 20, cookie=b"\0\0\0\0")
    made = compose_static_plain(request, 0, 5, 6, None, None)
    assert made[236:] == request.payload[236:]
    assert len(compose_static_plain(packet(b"", cookie=b""), 0, 5, 6, None, None)) == 300


def test_leasequery_answers_reuse_the_query_and_are_not_padded() -> None:
    request = packet(b"\x35\1\x0a\xff", giaddr=0x0A000063, file=b"asked")
    area = Area(b"\x63\x82\x53\x63\x35\1\x0d\xff", None, None)
    made = compose_leasequery(request, area, 0x0A000009, b"\6\1\2\3\4\5\6\7\x08")
    assert len(made) == 236 + 8
    assert made[:4] == b"\2\6\x08\0"
    assert (made[12:16], made[28:44]) == (b"\x0a\0\0\x09", b"\1\2\3\4\5\6\7\x08".ljust(16, b"\0"))
    assert made[108:113] == b"asked"
    kept = compose_leasequery(request, area, 0, None)
    assert kept[1:3] + kept[28:44] == request.payload[1:3] + request.chaddr


def test_truncation_lines() -> None:
    assert truncation_lines(b"f" * 127, b"s" * 63) == []
    assert truncation_lines(b"f" * 128, b"s" * 64) == [
        f"file name longer than packet field truncated - field: 128 name: 128 {'f' * 128}",
        f"server name longer than packet field truncated - field: 64 name: 64 {'s' * 64}",
    ]
