"""A stranger's, a torn or a damaged file gives typed errors and what can be had, never a traceback or much memory."""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import tracemalloc
import zlib

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dhcpd.trace import (
    DamagedTape,
    Entry,
    NewerTape,
    NotATape,
    TapeError,
    TapeUnreadable,
    TapeWriter,
    open_tape,
)
from dhcpd.trace import format as tape_format
from dhcpd.trace import writer as tape_writer
from dhcpd.trace.effects import Log
from dhcpd.trace.events import Packet, Remark

COUNT = 120


def event(number: int) -> Packet:
    return Packet(1000 + number, number, "eth0", 1, 67, number.to_bytes(4) * 70)


def effects(number: int) -> tuple[Log, ...]:
    return (Log(6, f"line {number}"),)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a closed tape of several segments."""
    path = tmp_path_factory.mktemp("damage") / "t"
    patch = pytest.MonkeyPatch()
    patch.setattr(tape_writer, "SEGMENT_RAW_BYTES", 4096)
    with TapeWriter.create(path, version="1") as tape:
        for first in range(1, COUNT + 1, 4):
            numbers = range(first, first + 4)
            tape.write_effects(tape.write_events(list(map(event, numbers))), list(map(effects, numbers)))
        tape.write_snapshot(COUNT, {"x": 1})
    patch.undo()
    return path.read_bytes()


def look(path, **options):
    """Everything that a reader may ask of a tape; returns the entries. Only TapeError may come out."""
    with open_tape(path) as tape:
        tape.index()
        entries = [entry for entry in tape.iterate(**options) if isinstance(entry, Entry)]
        return entries, tape


def assert_true_prefixes(entries):
    """What is read is what was written, in order, each at its number."""
    assert [entry.seq for entry in entries] == sorted({entry.seq for entry in entries})
    for entry in entries:
        assert entry.event == event(entry.seq)
        assert entry.effects in (None, effects(entry.seq))


def test_a_cut_anywhere_costs_only_the_tail(whole, tmp_path):
    path = tmp_path / "t"
    last = 0
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        if end < tape_format.FILE_HEADER_BYTES:
            with pytest.raises(NotATape):
                open_tape(path)
            continue
        entries, tape = look(path)
        assert_true_prefixes(entries)
        assert len(entries) >= last
        assert not tape.damage
        last = len(entries)
    assert last == COUNT


def test_a_tail_of_zeros_is_a_torn_tail(whole, tmp_path):
    for end in (len(whole) // 2, len(whole) - 300):
        (tmp_path / "t").write_bytes(whole[:end] + bytes(5000))
        damage: DamagedTape | None = None
        try:
            entries, tape = look(tmp_path / "t")
        except DamagedTape as error:
            damage = error
        if damage is not None:
            assert damage.last_good_seq > 0
            continue
        assert tape.torn_bytes >= 4990, "the first of the zeros may be what a frame ends in"
        assert_true_prefixes(entries)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_never_changes_what_is_read(whole, tmp_path, data):
    bit = data.draw(st.integers(tape_format.FILE_HEADER_BYTES * 8, len(whole) * 8 - 1))
    broken = bytearray(whole)
    broken[bit // 8] ^= 1 << bit % 8
    (tmp_path / "t").write_bytes(broken)
    entries, tape = look(tmp_path / "t", resync=True)
    assert_true_prefixes(entries)
    assert len(entries) == COUNT or tape.damage or tape.torn_bytes
    # A segment holds a dozen of these events: damage costs no more than the rest of one, and what it pairs with.
    assert len(entries) > COUNT - 40


def test_damage_stops_a_strict_reader_after_the_last_good_event(whole, tmp_path):
    # The checksum of a segment's first frame: a flip within compressed data may meet a bit that says nothing.
    at = whole.index(tape_format.SYNC_MARKER, len(whole) // 2) + tape_format.SEGMENT_HEADER_BYTES + 5
    broken = bytearray(whole)
    broken[at] ^= 0x10
    (tmp_path / "t").write_bytes(broken)
    entries = []
    with open_tape(tmp_path / "t") as tape, pytest.raises(DamagedTape) as caught:
        entries.extend(tape.iterate())
    assert_true_prefixes(entries)
    assert [entry.seq for entry in entries] == list(range(1, caught.value.last_good_seq + 1))
    assert 10 < caught.value.last_good_seq < COUNT
    assert 0 <= at - caught.value.offset < 300


def test_resynchronising_reports_what_was_lost(whole, tmp_path):
    middle = len(whole) // 2
    (tmp_path / "t").write_bytes(whole[:middle] + os.urandom(5000) + whole[middle:])
    entries, tape = look(tmp_path / "t", resync=True)
    assert_true_prefixes(entries)
    (damage,) = tape.damage
    seqs = [entry.seq for entry in entries]
    assert damage.last_good_seq in seqs
    assert damage.next_seq in seqs
    assert not set(range(damage.last_good_seq + 1, damage.next_seq)) & set(seqs)
    assert damage.length >= 5000
    assert seqs[-1] == COUNT


def test_a_segment_taken_out_is_noticed(whole, tmp_path):
    starts = [at for at in range(len(whole)) if whole.startswith(tape_format.SYNC_MARKER, at)]
    (tmp_path / "t").write_bytes(whole[: starts[2]] + whole[starts[3] :])
    with pytest.raises(DamagedTape, match="do not follow"):
        look(tmp_path / "t")
    entries, _ = look(tmp_path / "t", resync=True)
    assert_true_prefixes(entries)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1), cut=st.integers(0, 600), junk=st.binary(max_size=300))
def test_any_damage_gives_typed_errors_and_true_entries(whole, tmp_path, at, cut, junk):
    start = int(at * len(whole))
    (tmp_path / "t").write_bytes(whole[:start] + junk + whole[start + cut :])
    for options in ({}, {"resync": True}):
        try:
            entries, _ = look(tmp_path / "t", **options)
        except TapeError as error:
            assert "\n" not in str(error)  # noqa: PT017 - nothing else may come
        else:
            assert_true_prefixes(entries)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", NotATape),
        (b"\x89DHC", NotATape),
        (b"lease 10.0.0.1 {\n}\n" * 10, NotATape),
        (tape_format.FILE_HEADER.pack(tape_format.MAGIC, 2, 0), NewerTape),
        (tape_format.FILE_HEADER.pack(tape_format.MAGIC, 0, 0), NotATape),
    ],
)
def test_what_is_no_tape_is_refused(tmp_path, content, error):
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(error):
        open_tape(tmp_path / "t")


def test_directories_pipes_and_missing_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotATape):
        open_tape(tmp_path)
    with pytest.raises(NotATape):
        open_tape(tmp_path / "pipe")
    with pytest.raises(TapeUnreadable) as caught:
        open_tape(tmp_path / "none")
    assert caught.value.number == 2


def forged(
    path, raw: bytes, *, packed: bytes | None = None, crc: int | None = None, kind: int = 0, codec: int = 1
) -> None:
    """Write a tape of one batch that a stranger made, its checksums in order."""
    head = tape_format.file_header() + tape_format.pack_segment(tape_format.Segment(kind, codec, 1, 1, 0, 0))
    if packed is None:
        stream = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = (stream.compress(raw) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]
    path.write_bytes(head + tape_format.pack_frame(packed, zlib.crc32(raw) if crc is None else crc))


HOSTILE = [
    msgpack.packb(value)
    for value in (
        5, {}, [5], [[]], [[9]], [[9, 0, 0, "eth0", 1, 67, "text"]], [[9, "x", 0, "eth0", 1, 67, b""]],
        [[10, 0, 0, 0]], [[10, 0]], [[b"x"]], [[None]], [[{}]], [[129, []]], [[10, 0, 0], [129, [200]]],
        [[10, 0, 0], [129, [66, 6, b"x"]]], [[10, 0, 0], [129, [[]]]], [[10, 0, 0], [129, 7]], [[129, [66, 6, "x"]]],
        [[130, "x"]], [[131, 1]], [[131, 1, 2]], [[132, 1, True, b""]], [[132, 0, True, b"\x00"]],
        [[132, 0, True, b"\x94\x84\x00\xc3\xc4\x00"]], [[132, 0, False, 5]], [[200]], [[-1]], [[6, 0, 0, [[1]], ""]],
        [[130, 1 << 63], [10, 0, 0]], [[128]], [[128, 1, 2, 3, "x", 5]], [[6, 0, 0, [5], ""]],
    )
]  # fmt: skip


@pytest.mark.parametrize("raw", [*HOSTILE, b"\x91" * 5000, b"\xdd\xff\xff\xff\xff", b"\xc1", b"\xc7\x05\x01abcde", b""])
def test_forged_records_are_damage(tmp_path, raw):
    forged(tmp_path / "t", raw)
    for options in ({}, {"resync": True}):
        try:
            look(tmp_path / "t", **options)
        except DamagedTape as error:
            assert error.last_good_seq in (0, 1)  # noqa: PT017 - nothing else may come


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-5, 140), st.text(max_size=3), st.binary(max_size=9)),
        lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.integers(0, 3), inner, max_size=2),
        max_leaves=25,
    )
)
def test_no_record_however_odd_gives_anything_but_a_typed_error(tmp_path, records):
    forged(tmp_path / "t", msgpack.packb(records))
    with contextlib.suppress(DamagedTape):
        look(tmp_path / "t")


@pytest.mark.parametrize("codec", [1, 2])
def test_a_bomb_is_refused_in_bounded_memory(tmp_path, codec):
    size = 1 << 30
    if codec == 1:
        stream = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = b"".join(stream.compress(bytes(1 << 20)) for _ in range(size >> 20)) + stream.flush(zlib.Z_SYNC_FLUSH)
    else:
        zstd = pytest.importorskip("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
        stream = zstd.ZstdCompressor()
        packed = b"".join(stream.compress(bytes(1 << 20)) for _ in range(size >> 20)) + stream.flush()
    forged(tmp_path / "t", b"", packed=packed, codec=codec)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedTape, match="beyond the limit"):
            look(tmp_path / "t")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_lengths_beyond_the_limit_are_refused_unread(tmp_path):
    forged(tmp_path / "t", b"\x90")
    size = tape_format.BATCH_PACKED_BYTES_MAX + 1
    check = 0x5A ^ (size & 0xFF) ^ (size >> 8 & 0xFF) ^ (size >> 16)
    with (tmp_path / "t").open("ab") as file:
        file.write(struct.pack(">II", size << 8 | check, 0))
    with pytest.raises(DamagedTape, match="beyond the limit"):
        look(tmp_path / "t")


@pytest.mark.parametrize(("kind", "codec"), [(9, 1), (0, 77)])
def test_segments_of_unknown_kind_or_codec_are_damage(tmp_path, kind, codec):
    forged(tmp_path / "t", b"\x90", kind=kind, codec=codec)
    with pytest.raises(DamagedTape):
        look(tmp_path / "t")


def test_an_index_that_points_at_itself_is_rebuilt(whole, tmp_path):
    at = whole.rindex(tape_format.SYNC_MARKER)
    for offset in (0, 5, at, len(whole) * 2, 1 << 63):
        trailer = tape_format.pack_segment(tape_format.Segment(2, 0, COUNT + 1, offset, 0, 0))
        (tmp_path / "t").write_bytes(whole[:at] + trailer)
        with open_tape(tmp_path / "t") as tape:
            assert not tape.index().from_file
            assert tape.index().segment_of(COUNT).first_seq <= COUNT
        entries, _ = look(tmp_path / "t", from_seq=COUNT - 1)
        assert [entry.seq for entry in entries] == [COUNT - 1, COUNT]


class WriterAndReader(RuleBasedStateMachine):
    """Batches, snapshots, flushes and kills in any order; what was handed over is always there, in order."""

    def __init__(self):
        super().__init__()
        self.folder = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"tape-machine-{os.getpid()}")  # noqa: PTH118
        os.makedirs(self.folder, exist_ok=True)  # noqa: PTH103
        self.path = f"{self.folder}/t"
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(tape_writer, "SEGMENT_RAW_BYTES", 700)
        self.patch.setattr(tape_writer, "SEGMENTS_PER_INDEX", 3)
        self.tape = TapeWriter.create(self.path, version="1")
        self.events: list[Remark] = []
        self.effects: dict[int, tuple[Log, ...]] = {}
        self.synced = 0

    @rule(count=st.integers(1, 5), size=st.sampled_from([0, 10, 300]))
    def events_come(self, count, size):
        events = [Remark(len(self.events) + n, 0, 6, "x" * size) for n in range(count)]
        assert self.tape.write_events(events) == len(self.events) + 1
        self.events += events
        self.synced = max(self.effects, default=0)

    @precondition(lambda self: max(self.effects, default=0) < len(self.events))
    @rule(data=st.data())
    def effects_come(self, data):
        first = data.draw(st.integers(max(self.effects, default=0) + 1, len(self.events)))
        last = data.draw(st.integers(first, len(self.events)))
        found = {seq: (Log(6, str(seq)),) * (seq % 3) for seq in range(first, last + 1)}
        self.tape.write_effects(first, list(found.values()))
        self.effects.update(found)

    @rule()
    def idle(self):
        self.tape.flush()
        self.synced = max(self.effects, default=0)

    @rule()
    def snapshot(self):
        self.tape.write_snapshot(len(self.events), [1, 2, 3])
        self.synced = max(self.effects, default=0)

    @rule(tail=st.integers(1, 400))
    def a_killed_copy_is_a_prefix(self, tail):
        with open(self.path, "rb") as file:  # noqa: PTH123
            data = file.read()
        with open(f"{self.path}.cut", "wb") as file:  # noqa: PTH123
            file.write(data[: max(tape_format.FILE_HEADER_BYTES, len(data) - tail)])
        with open_tape(f"{self.path}.cut") as tape:
            entries = [entry for entry in tape.iterate() if isinstance(entry, Entry)]
        assert [entry.event for entry in entries] == self.events[: len(entries)]
        assert all(entry.effects in (None, self.effects.get(entry.seq)) for entry in entries)

    @invariant()
    def what_was_handed_over_is_there(self):
        with open_tape(self.path) as tape:
            entries = [entry for entry in tape.iterate() if isinstance(entry, Entry)]
        assert [entry.event for entry in entries] == self.events
        handed = {seq: found for seq, found in self.effects.items() if seq <= self.synced}
        assert {entry.seq: entry.effects for entry in entries if entry.effects is not None} == handed

    def teardown(self):
        self.tape.close()
        with open_tape(self.path) as tape:
            found = {e.seq: e.effects for e in tape.iterate() if isinstance(e, Entry) and e.effects is not None}
            assert found == self.effects
            assert tape.complete
        self.patch.undo()
        for name in os.listdir(self.folder):  # noqa: PTH208
            os.unlink(f"{self.folder}/{name}")  # noqa: PTH108


WriterAndReader.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestWriterAndReader = WriterAndReader.TestCase
