"""A tape gives back what was written, however it was cut into batches, and finds its way about in itself."""

from __future__ import annotations

import os
import stat
from itertools import pairwise
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.trace import (
    CodecMissing,
    Entry,
    SnapshotEntry,
    TapeWriteFailed,
    TapeWriter,
    UnrecordableValue,
    compression,
    open_tape,
    reader,
)
from dhcpd.trace import format as tape_format
from dhcpd.trace import writer as tape_writer
from dhcpd.trace.codec import record_table
from dhcpd.trace.compression import CODEC_IDS, ZSTD, available
from dhcpd.trace.effects import EFFECT_IDS, Execute, Log, RewritePart, Send, Store
from dhcpd.trace.events import (
    EVENT_IDS,
    Boot,
    ConfigurationFile,
    End,
    Interfaces,
    Link,
    Packet,
    Signal,
    Timer,
)

FORMAT_PAGE = Path(__file__).parents[2] / "docs/trace-format.md"
WALL = 1_795_494_666_000_000


def value_of(hint):
    """A strategy for what may stand in a field annotated with `hint`."""
    if hint is int:
        return st.integers(-(2**63) // 4, 2**63 // 4)
    if hint is str:
        return st.text(st.characters(), max_size=40)
    if hint is bytes:
        return st.binary(max_size=80) | st.just(b"\xc1" * 5)
    if hint is bool:
        return st.booleans()
    if hasattr(hint, "_fields"):
        return record_of(hint)
    assert get_origin(hint) is tuple
    inner = get_args(hint)
    if inner[-1] is Ellipsis:
        return st.lists(value_of(inner[0]), max_size=3).map(tuple)
    return st.tuples(*map(value_of, inner))


def record_of(cls):
    """A strategy for any record of the class."""
    return st.tuples(*map(value_of, get_type_hints(cls).values())).map(cls._make)


ANY_EVENT = st.one_of([record_of(cls) for cls in EVENT_IDS])
ANY_EFFECT = st.one_of([record_of(cls) for cls in EFFECT_IDS])
BATCHES = st.lists(st.lists(st.tuples(ANY_EVENT, st.lists(ANY_EFFECT, max_size=3)), max_size=4), max_size=6)


def packet(number: int, *, chaddr: bytes = b"\x00\x0c\x01\x02\x03\x04", wall_us: int | None = None) -> Packet:
    payload = b"\x01\x01\x06\x00" + number.to_bytes(4) + bytes(20) + chaddr + bytes(228)
    return Packet(WALL + number if wall_us is None else wall_us, number, "eth0", 0x0A000001, 67, payload)


def effects_of(number: int) -> tuple:
    return Log(6, f"line {number}"), Store(b"lease %d" % number), Send("", False, 1, 67, b"", 0, True, "", bytes(300))


def write(path: Path, count: int, *, batch: int = 8, **options) -> list[Entry]:
    """Write `count` packets with their effects; return what a reader must find."""
    entries = [Entry(n, packet(n, chaddr=n.to_bytes(6)), effects_of(n)) for n in range(1, count + 1)]
    with TapeWriter.create(path, version="1", **options) as tape:
        for start in range(0, count, batch):
            part = entries[start : start + batch]
            first = tape.write_events([entry.event for entry in part])
            tape.write_effects(first, [entry.effects for entry in part])
    return entries


def exact(value):
    """A value with the types of everything in it, so that True differs from 1 and a Link from a tuple."""
    return (type(value), tuple(map(exact, value))) if isinstance(value, tuple) else (type(value), value)


@settings(max_examples=40, deadline=None)
@given(batches=BATCHES, codec=st.sampled_from(["zlib", "stored", "zstd"]))
def test_everything_comes_back_exactly(batches, codec, tmp_path_factory):
    if not available(CODEC_IDS[codec]):
        pytest.skip(f"{codec} is not installed")
    path = tmp_path_factory.mktemp("tape") / "t"
    with TapeWriter.create(path, version="1", codec=codec) as tape:
        for batch in batches:
            first = tape.write_events([event for event, _ in batch])
            tape.write_effects(first, [effects for _, effects in batch])
    expected = [(event, tuple(effects)) for batch in batches for event, effects in batch]
    with open_tape(path) as tape:
        found = [(entry.event, entry.effects) for entry in tape.iterate()]
        assert tape.complete
        assert tape.torn_bytes == 0
    assert found == expected
    assert list(map(exact, found)) == list(map(exact, expected))


def test_without_the_library_of_zstandard_recordings_are_made_by_deflate(tmp_path, monkeypatch):
    monkeypatch.setattr(compression, "available", lambda codec: codec != ZSTD)
    TapeWriter.create(tmp_path / "t", version="1").close()
    with open_tape(tmp_path / "t") as tape:
        assert tape.complete
    assert reader.codec_of((tmp_path / "t").read_bytes()[16:]) == CODEC_IDS["zlib"]


def test_without_the_library_of_zstandard_it_is_said_what_to_install(tmp_path, monkeypatch):
    if not available(ZSTD):
        pytest.skip("zstd is not installed")
    TapeWriter.create(tmp_path / "t", version="1").close()
    monkeypatch.setattr(reader, "available", lambda codec: codec != ZSTD)
    with pytest.raises(CodecMissing, match=r"t: compressed with Zstandard.*: install backports\.zstd$"):
        open_tape(tmp_path / "t")


def test_what_was_handed_over_is_read_while_the_tape_is_written(tmp_path):
    tape = TapeWriter.create(tmp_path / "t", version="1")
    with open_tape(tmp_path / "t") as reader:
        steps = iter(range(1, 4))

        def wait() -> bool:
            number = next(steps, None)
            if number is not None:
                tape.write_effects(tape.write_events([packet(number)]), [effects_of(number)])
                tape.flush()
            return number is not None

        assert [entry.seq for entry in reader.iterate(wait=wait)] == [1, 2, 3]
        assert not reader.complete
    tape.close()


def test_events_are_with_the_kernel_when_write_events_returns(tmp_path):
    tape = TapeWriter.create(tmp_path / "t", version="1")
    tape.write_events([packet(1), packet(2)])
    with open_tape(tmp_path / "t") as reader:
        assert list(reader.iterate()) == [Entry(1, packet(1), None), Entry(2, packet(2), None)]
    tape.close()


def test_one_write_hands_over_a_batch(tmp_path, monkeypatch):
    tape = TapeWriter.create(tmp_path / "t", version="1")
    sizes = []
    monkeypatch.setattr(tape_writer.os, "write", lambda _, data: sizes.append(len(data)) or len(data))
    tape.write_effects(tape.write_events([packet(n) for n in range(64)]), [effects_of(n) for n in range(64)])
    tape.write_events([packet(n) for n in range(64)])
    assert len(sizes) == 2
    monkeypatch.undo()
    tape.close()


def test_an_existing_file_is_moved_aside_to_a_free_name(tmp_path):
    (tmp_path / "t").write_text("old")
    (tmp_path / "t.1").write_text("older")
    tape = TapeWriter.create(tmp_path / "t", version="1")
    tape.close()
    assert tape.moved_to == str(tmp_path / "t.2")
    assert (tmp_path / "t.2").read_text() == "old"
    assert (tmp_path / "t.1").read_text() == "older"


def test_only_the_owner_reads_a_tape(tmp_path):
    old = os.umask(0)
    try:
        TapeWriter.create(tmp_path / "t", version="1").close()
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "t").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", [".", "none/t"])
def test_a_place_that_cannot_be_written_is_a_typed_error(tmp_path, name):
    with pytest.raises(TapeWriteFailed, match="create"):
        TapeWriter.create(tmp_path / name, version="1")


def test_info_and_the_record_table_stand_in_the_tape(tmp_path):
    TapeWriter.create(tmp_path / "t", version="1.2", host="ns1", created_us=5).close()
    with open_tape(tmp_path / "t") as tape:
        assert tape.info[:2] == ("1.2", "ns1")
        assert tape.info.created_us == 5
        assert tape.info.records[EVENT_IDS[Packet]] == ("Packet", Packet._fields)
        assert set(tape.info.records) == {*EVENT_IDS.values(), *EFFECT_IDS.values(), *tape_format.TAPE_RECORDS}


def test_records_bigger_than_a_batch_come_back(tmp_path):
    content = os.urandom(3 << 20)
    event = ConfigurationFile(WALL, 1, "/etc/dhcp/dhcpd.conf", content, "")
    effects = (RewritePart(content), Log(6, "x"))
    with TapeWriter.create(tmp_path / "t", version="1") as tape:
        tape.write_effects(tape.write_events([packet(1), event, packet(3)]), [(), effects, ()])
        tape.write_snapshot(3, {"leases": content * 2, 5: (1, None, 2.5)})
        tape.write_effects(tape.write_events([packet(4)]), [effects_of(4)])
    with open_tape(tmp_path / "t") as reader:
        *entries, snapshot, last = reader.iterate()
        assert entries == [Entry(1, packet(1), ()), Entry(2, event, effects), Entry(3, packet(3), ())]
        assert isinstance(snapshot, SnapshotEntry)
        assert snapshot.data == {"leases": content * 2, 5: (1, None, 2.5)}
        assert last == Entry(4, packet(4), effects_of(4))


def test_links_come_back_as_links_and_text_with_lone_surrogates(tmp_path):
    links = (Link("eth0", 2, 1, b"\0" * 6, 4163, ((0x0A000001, 24),)),)
    boot = Boot(WALL, 1, "1", ("-cf", os.fsdecode(b"\xff.conf")), (("TZ", "UTC"),), "h", 1, b"s", 67, "little", 0)
    execute = Execute(1, (b"a", b"\xff"))
    with TapeWriter.create(tmp_path / "t", version="1") as tape:
        tape.write_effects(tape.write_events([boot, Interfaces(WALL, 2, links, "")]), [(execute,), ()])
    with open_tape(tmp_path / "t") as reader:
        first, second = reader.iterate()
    assert first == (1, boot, (execute,))
    assert second.event.links[0].addresses == ((0x0A000001, 24),)


def test_effects_that_are_missing_are_none_and_the_others_stay_with_their_events(tmp_path):
    with TapeWriter.create(tmp_path / "t", version="1") as tape:
        tape.write_events([packet(n) for n in range(1, 6)])
        tape.write_effects(3, [effects_of(3)])
        tape.write_effects(5, [effects_of(5)])
        with pytest.raises(ValueError, match="effects for event 5"):
            tape.write_effects(5, [()])
        with pytest.raises(ValueError, match="effects for event 6"):
            tape.write_effects(6, [()])
    with open_tape(tmp_path / "t") as reader:
        found = {entry.seq: entry.effects for entry in reader.iterate()}
    assert found == {1: None, 2: None, 3: effects_of(3), 4: None, 5: effects_of(5)}


@pytest.mark.parametrize("number", [1 << 70, object()])
def test_a_value_that_cannot_be_recorded_spoils_nothing_that_was_written(tmp_path, number):
    with TapeWriter.create(tmp_path / "t", version="1") as tape:
        tape.write_effects(tape.write_events([packet(1)]), [effects_of(1)])
        with pytest.raises(UnrecordableValue):
            tape.write_events([Signal(WALL, 0, number)])
        tape.write_effects(tape.write_events([packet(2)]), [effects_of(2)])
    with open_tape(tmp_path / "t") as reader:
        assert list(reader.iterate()) == [Entry(1, packet(1), None), Entry(2, packet(2), effects_of(2))]


def test_a_full_disk_ends_the_tape_at_its_last_whole_batch(tmp_path, monkeypatch):
    tape = TapeWriter.create(tmp_path / "t", version="1")
    tape.write_effects(tape.write_events([packet(1)]), [effects_of(1)])
    tape.flush()
    real, calls = os.write, []

    def full(fd: int, data) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(fd, data[:10])

    monkeypatch.setattr(tape_writer.os, "write", full)
    with pytest.raises(TapeWriteFailed, match="No space left") as caught:
        tape.write_events([packet(2)])
    assert caught.value.number == 28
    with pytest.raises(TapeWriteFailed):
        tape.write_events([packet(2)])
    tape.close()
    with open_tape(tmp_path / "t") as reader:
        assert list(reader.iterate()) == [Entry(1, packet(1), effects_of(1))]
        assert reader.torn_bytes == 0


@pytest.fixture(params=["closed", "killed"])
def long_tape(tmp_path, request, monkeypatch):
    """A tape of many small segments and several indexes, with snapshots; the index is there or must be rebuilt."""
    monkeypatch.setattr(tape_writer, "SEGMENT_RAW_BYTES", 4096)
    monkeypatch.setattr(tape_writer, "SEGMENTS_PER_INDEX", 7)
    entries = [
        Entry(n, packet(n, chaddr=(n % 50).to_bytes(6), wall_us=WALL + n * 1000), effects_of(n)) for n in range(1, 1001)
    ]
    with TapeWriter.create(tmp_path / "t", version="1") as tape:
        for n in range(0, 1000, 5):
            batch = entries[n : n + 5]
            tape.write_effects(tape.write_events([e.event for e in batch]), [e.effects for e in batch])
            if n in (100, 500):
                tape.write_snapshot(n + 5, {"after": n + 5})
    if request.param == "killed":
        os.truncate(tmp_path / "t", (tmp_path / "t").stat().st_size - tape_format.SEGMENT_HEADER_BYTES)
    with open_tape(tmp_path / "t") as reader:
        assert reader.complete == (request.param == "closed")
        yield reader, entries


def test_seeking_by_number(long_tape):
    tape, entries = long_tape
    assert len(tape.index().segments) > 30
    for seq in (1, 2, 333, 999, 1000):
        found = [entry for entry in tape.iterate(from_seq=seq) if isinstance(entry, Entry)]
        assert [entry[:2] for entry in found] == [entry[:2] for entry in entries[seq - 1 :]]
        assert found[-1].effects == entries[-1].effects
    assert list(tape.iterate(from_seq=1001)) == []


def test_seeking_by_time(long_tape):
    tape, _ = long_tape
    assert tape.seek_time(0) == 1
    assert tape.seek_time(WALL + 400_000) == 400
    assert tape.seek_time(WALL + 399_001) == 400
    assert tape.seek_time(WALL + 2_000_000) is None


def test_seeking_by_client(long_tape):
    tape, entries = long_tape
    wanted = (7).to_bytes(6)
    expected = [entry for entry in entries if entry.event.payload[28:34] == wanted]
    assert list(tape.client(wanted)) == expected
    assert list(tape.client(wanted, from_seq=500)) == [entry for entry in expected if entry.seq >= 500]
    assert list(tape.client(b"\xaa" * 6)) == []


def test_finding_snapshots(long_tape):
    tape, _ = long_tape
    assert tape.snapshot(104) is None
    assert tape.snapshot(105).data == {"after": 105}
    assert tape.snapshot(504).seq == 105
    assert tape.snapshot(10_000).seq == 505
    assert tape.index().snapshot_before(600) == 505


def test_an_index_found_by_hopping_equals_the_one_in_the_file(tmp_path):
    write(tmp_path / "t", 3000)
    with open_tape(tmp_path / "t") as tape:
        stored = tape.index()
        assert stored.from_file
    os.truncate(tmp_path / "t", (tmp_path / "t").stat().st_size - 1)
    with open_tape(tmp_path / "t") as tape:
        rebuilt = tape.index()
    assert not rebuilt.from_file
    assert [entry[:5] for entry in rebuilt.segments] == [entry[:5] for entry in stored.segments]
    assert all(one.offset < two.offset for one, two in pairwise(stored.segments))


@pytest.mark.parametrize("event", [Timer(1 << 63, 0), Timer(0, -(1 << 63) - 1)])
def test_a_time_beyond_64_bits_is_refused(tmp_path, event):
    with TapeWriter.create(tmp_path / "t", version="1") as tape, pytest.raises(UnrecordableValue):
        tape.write_events([event])


def test_times_may_go_back(tmp_path):
    events = [Timer(WALL, 5), Timer(WALL - 3_600_000_000, 6), End(0, 7, "")]
    with TapeWriter.create(tmp_path / "t", version="1") as tape:
        tape.write_events(events)
    with open_tape(tmp_path / "t") as reader:
        assert [entry.event for entry in reader.iterate()] == events


def test_the_document_of_the_format_has_every_record_and_number():
    text = FORMAT_PAGE.read_text()
    for number, (name, fields) in {**record_table(), **tape_format.TAPE_RECORDS}.items():
        assert f"\n| {number} | {name} | {', '.join(fields)} |\n" in text
    assert tape_format.MAGIC.hex(" ") in text
    assert tape_format.SYNC_MARKER.hex(" ") in text
    assert f"# The trace format, version {tape_format.VERSION}\n" in text
    assert f"the last {tape_format.SEGMENT_HEADER_BYTES} bytes of the file" in text
    assert f"| a record, put together from its parts | {tape_format.RECORD_BYTES_MAX >> 20} MiB |" in text
