"""What a tape says beside the run: when events were handled and stored, and what it holds in all."""

from __future__ import annotations

import os
import random
import zlib

import pytest

from dhcpd.trace import Entry, Handled, Stored, TapeWriter, open_tape
from dhcpd.trace import format as tape_format
from dhcpd.trace import writer as tape_writer
from dhcpd.trace.codec import BadRecord, pack, unpack
from dhcpd.trace.events import EVENT_IDS, Packet, Timer
from dhcpd.trace.index import ClientCount, tallied_of

START = 1_795_494_666_000_000


def packet(at, client=1):
    return Packet(START + at, at, "eth0", 1, 68, bytes(28) + client.to_bytes(6) + os.urandom(10) + bytes(200))


def test_notes_stand_where_they_were_made_and_nobody_else_meets_them(tmp_path):
    with TapeWriter.create(tmp_path / "t", version="1") as tape:
        tape.write_effects(tape.write_events([packet(10), packet(10)]), [(), ()], 35)
        tape.write_effects(tape.write_events([packet(50)]), [()], 55)
        tape.write_stored(2, 60, 72)
        tape.write_effects(tape.write_events([packet(90)]), [()], 91)
        tape.write_stored(4, 95, None)
    with open_tape(tmp_path / "t") as tape:
        found = list(tape.iterate_noted())
        assert [one.seq if isinstance(one, Entry) else one for one in found] == [
            1, 2, Handled(2, 35), 3, Handled(3, 55), Stored(2, 60, 72), 4, Handled(4, 91), Stored(4, 95, None),
        ]  # fmt: skip
        assert list(tape.iterate()) == [one for one in found if isinstance(one, Entry)]


def test_a_note_of_storage_makes_no_write_of_its_own(tmp_path):
    with TapeWriter.create(tmp_path / "t", version="1") as tape:
        tape.write_effects(tape.write_events([packet(10)]), [()], 12)
        tape.flush()
        octets = tape.octets
        tape.write_stored(1, 20, 22)
        tape.flush()
        assert tape.octets == octets
        tape.write_events([packet(30)])
        assert tape.octets > octets


def test_notes_cost_a_few_octets(tmp_path):
    sizes = []
    for noted in (False, True):
        with TapeWriter.create(tmp_path / f"{noted}", version="1", codec="stored") as tape:
            before = tape.octets
            tape.write_effects(tape.write_events([packet(10)]), [()], 150 if noted else None)
            if noted:
                tape.write_stored(1, 400, 450)
            tape.write_events([packet(5000)])
            sizes.append(tape.octets - before)
    assert sizes[1] - sizes[0] <= 16


def test_the_tally_counts_what_the_file_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(tape_writer, "SEGMENT_RAW_BYTES", 256 << 10)
    path, dice = tmp_path / "t", random.Random(1)
    clients = [dice.randrange(4000) for _ in range(6000)]
    with TapeWriter.create(path, version="1") as tape:
        for number, client in enumerate(clients):
            events = [packet(number, client), Timer(START + number, number)]
            tape.write_effects(tape.write_events(events), [(), ()])
    with open_tape(path) as tape:
        found = tape.tally()
        assert found.events == {EVENT_IDS[Packet]: 6000, EVENT_IDS[Timer]: 6000}
        assert found.next_seq == 12_001
        assert abs(found.clients - len(set(clients))) <= len(set(clients)) / 300
        assert len(tape.index().segments) > 2
    data = path.read_bytes()
    (tmp_path / "killed").write_bytes(data[: len(data) - tape_format.SEGMENT_HEADER_BYTES])
    with open_tape(tmp_path / "killed") as tape:
        assert not tape.complete
        assert tape.tally() == found


def test_a_tape_without_an_index_has_no_tally(tmp_path):
    with TapeWriter.create(tmp_path / "t", version="1") as tape:
        tape.write_events([packet(1)])
        with open_tape(tmp_path / "t") as reader:
            assert reader.tally() is None


@pytest.mark.parametrize(
    "record",
    [
        (tape_format.TALLY, 1, 2, 3),
        (tape_format.TALLY, 1, 2, 3, -4, ()),
        (tape_format.TALLY, 1, 2, 3, "4", ()),
        (tape_format.TALLY, 1, 2, 3, 4, (9, 1)),
        (tape_format.TALLY, 1, 2, 3, 4, ((9, 1, 1),)),
        (tape_format.TALLY, 1, 2, 3, 4, ((9, -1),)),
        (tape_format.TALLY, 1, 2, 3, 4, None),
    ],
)
def test_a_strangers_tally_is_not_believed(record):
    with pytest.raises(BadRecord):
        tallied_of(unpack(pack(record)))


def test_many_clients_are_counted_in_fixed_memory():
    found = ClientCount()
    found.update(zlib.crc32(number.to_bytes(6)) for number in range(300_000))
    assert abs(len(found) - 300_000) < 1_000
