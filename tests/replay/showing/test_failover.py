"""The failover protocol as `show` and `explain` tell it: recorded octets field by field, wherever they are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.failover import wire
from dhcpd.engine.failover.messages import octets
from dhcpd.replay.command.cli import cli
from dhcpd.replay.looking.explain import explain
from dhcpd.replay.showing.describe import event_line, record_fields
from dhcpd.replay.showing.failover import failover_fields, pieces
from dhcpd.replay.showing.streams import Unfinished, stream_words
from dhcpd.trace import Entry, TapeWriter, open_tape
from dhcpd.trace.events import StreamData, StreamOpened
from tests.engine.failover.test_wire import RECORDED, any_message
from tests.replay.pairs import with_a_cut

if TYPE_CHECKING:
    from pathlib import Path

RAW = [bytes.fromhex(text) for text, _message in RECORDED]


def fields_of(data: bytes) -> list[tuple[str, str]]:
    found = pieces(data)
    assert found is not None
    return [tuple(field) for field in failover_fields(found)]


def recorded(kind: int, *, with_option: int | None = None) -> bytes:
    def has(raw: bytes) -> bool:
        codes = [code for code, _data in wire.options_in(raw[2], raw)]
        return raw[2] == kind and (with_option is None or with_option in codes)

    return next(filter(has, RAW))


def test_a_binding_update_is_told_field_by_field():
    assert fields_of(recorded(wire.BNDUPD, with_option=4)) == [
        ("message", "BNDUPD"),
        ("time", "2026-11-23 21:20:26 UTC"),
        ("xid", "31"),
        ("assigned-IP-address", "10.44.0.108"),
        ("binding-status", "active"),
        ("client-identifier", "01:02:00:00:00:00:03"),
        ("client-hardware-address", "type 1, 02:00:00:00:00:03"),
        ("lease-expiration-time", "2026-11-23 21:21:26 UTC"),
        ("potential-expiration-time", "2026-11-23 21:25:56 UTC"),
        ("start-time-of-state", "2026-11-23 21:20:26 UTC"),
        ("client-last-transaction-time", "2026-11-23 21:20:26 UTC"),
    ]


def test_a_refusal_says_its_reason_and_a_state_its_word():
    text = "incoming update is less critical than outgoing update"
    assert ("reject-reason", "rejected: 16 (Less critical binding information.)") in fields_of(RAW[9])
    assert ("message", f'"{text}"') in fields_of(RAW[9])
    state = fields_of(recorded(wire.STATE))
    assert ("server-state", "recover") in state
    assert ("server-flags", "starting") in state


def test_every_option_of_every_message_is_told():
    """An option of each code in each kind of message, with its name, whether the protocol has a use for it or not."""
    for kind in wire.KIND_NAMES:
        for code, option in wire.OPTIONS.items():
            data = b"\0" * (option.form if option.form > 0 else 3)
            whole = wire.HEADER_OCTETS + 4 + len(data)
            raw = whole.to_bytes(2, "big") + bytes([kind, 12]) + (1 << 30).to_bytes(4, "big") + bytes(4)
            raw += code.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data
            name, value = fields_of(raw)[-1]
            assert name == (option.name if kind in option.kept_in else f"{option.name} (ignored)")
            assert value


def test_what_breaks_off_is_told_as_far_as_it_goes():
    broken = b"\0\x13\x0a\x0c" + RAW[0][4:] + b"\0\x18\0\4\2\3\4"
    assert fields_of(broken)[-1] == ("broken", "FAILOVER: message overflow at data.")


def test_a_line_tells_a_few_messages_and_counts_many():
    assert stream_words(recorded(wire.BNDUPD, with_option=4)) == "failover BNDUPD 10.44.0.108 active"
    assert stream_words(RAW[0] * 2 + RAW[1] * 9) == "failover 2 UPDREQALL; 9 UPDDONE"
    assert stream_words(recorded(wire.POOLREQ)) == "failover POOLREQ"


@pytest.mark.parametrize("cut", range(1, len(RAW[5])))
def test_a_message_in_two_pieces_is_told_with_the_second(cut: int):
    streams = Unfinished()
    first, second = StreamData(1, 1, 2, RAW[0] + RAW[5][:cut]), StreamData(1, 1, 2, RAW[5][cut:] + RAW[1])
    streams.see(first)
    assert event_line(first, streams.rest) == f"StreamData stream 2, failover UPDREQALL; {cut} octets of the next"
    streams.see(StreamData(1, 1, 4, RAW[0]))  # another connection comes between
    streams.see(second)
    assert event_line(second, streams.rest).startswith("StreamData stream 2, failover CONNECT ")
    assert any(field.value == "UPDDONE" for field in record_fields(second, rest=streams.rest))


def test_who_comes_in_the_middle_of_a_message_sees_those_behind_it():
    middle = RAW[5][20:] + RAW[0] + RAW[1]
    assert stream_words(middle) == f"failover {len(RAW[5]) - 20} octets of a message from before; UPDREQALL; UPDDONE"


@given(st.lists(any_message(), min_size=1, max_size=5), st.data())
def test_messages_that_are_sent_are_told_however_they_are_cut(sent, data):
    octets_ = b"".join(map(octets, sent))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(octets_)))))
    streams, told = Unfinished(), []
    streams.see(StreamOpened(1, 1, 2, "failover", 1, 2, 3, 4))
    for start, end in zip([0, *cuts], [*cuts, len(octets_)], strict=True):
        event = StreamData(1, 1, 2, octets_[start:end])
        streams.see(event)
        told += [field.value for field in record_fields(event, rest=streams.rest) if field.name == "message"]
    names = set(wire.KIND_NAMES.values())
    assert [word for word in told if word in names] == [wire.KIND_NAMES[octets(one)[2]] for one in sent]


@given(st.binary(max_size=300), st.binary(max_size=30))
def test_any_octets_can_be_told(data, rest):
    assert stream_words(data, rest)
    record_fields(StreamData(1, 1, 2, data), rest=rest)


# Explanations


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pair")
    with_a_cut(made)
    return made


def test_each_change_of_state_has_its_reason(folder: Path):
    moves = []
    with open_tape(str(folder / "secondary.trace")) as tape:
        numbers = [entry.seq for entry in tape.iterate() if isinstance(entry, Entry)]
        for one in explain(tape, numbers):
            assert not one.differs
            moves += [(reason.verdict, reason.why) for reason in one.reasons if " -> " in reason.verdict]
    assert moves == [
        ("recover -> startup", "the server starts"),
        ("startup -> recover", "the partner is in recover"),
        ("recover -> recover-done", "the partner has told everything"),
        ("recover-done -> normal", "the partner went from recover to recover-done"),
        ("normal -> communications-interrupted", "the partner was silent for longer than max-response-delay"),
        ("communications-interrupted -> normal", "the partner went from normal to communications-interrupted"),
    ]


def test_a_binding_update_is_explained_by_what_became_of_it(folder: Path):
    with open_tape(str(folder / "primary.trace")) as tape:
        numbers = [entry.seq for entry in tape.iterate() if isinstance(entry, Entry)]
        told = {tuple(reason[1:4]) for one in explain(tape, numbers) for reason in one.reasons if reason.step == "peer"}
    assert ("10.44.0.109", "taken", "the partner says active, here it is backup") in told
    assert ("10.44.0.110", "acknowledged", "the partner has taken active") in told
    assert ("10.44.0.100", "refused (16)", "incoming update is less critical than outgoing update") in told


def test_show_tells_them_from_a_file(folder: Path):
    shown = CliRunner().invoke(cli, ["show", str(folder / "secondary.trace")])
    assert "failover STATE recover starting; STATE recover; UPDREQALL" in shown.output
    assert "BNDUPD 10.44.0.110 active" in shown.output
    full = CliRunner().invoke(cli, ["show", str(folder / "secondary.trace"), "--full"])
    assert "binding-status               active" in full.output


def test_show_follows_a_message_over_two_events(tmp_path: Path):
    path = tmp_path / "cut.trace"
    with TapeWriter.create(path, version="1", host="x", created_us=1) as writer:
        writer.write_events([StreamData(1, 1, 2, RAW[5][:30]), StreamData(2, 2, 2, RAW[5][30:])])
    shown = CliRunner().invoke(cli, ["show", str(path)]).output.splitlines()
    assert "failover 30 octets of the next" in shown[0]
    assert 'failover CONNECT "fo"' in shown[1]
