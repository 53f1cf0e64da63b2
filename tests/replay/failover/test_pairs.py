"""`dhcpd-trace pair`: two recordings of a pair by message identity on one timeline, and the leases side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.failover import wire
from dhcpd.engine.failover.messages import Contact, octets
from dhcpd.replay.command.cli import cli
from dhcpd.replay.failover.matching import _passages, check_pair, join, measure
from dhcpd.replay.failover.side import Message, read_side
from dhcpd.replay.failover.timeline import Pair, timeline
from dhcpd.trace import open_tape
from tests.replay.pairs import RecordedPair, with_a_cut
from tests.replay.test_every_verb import whole

if TYPE_CHECKING:
    from pathlib import Path

SECOND_US = 1_000_000


def both(first: Path, second: Path) -> Pair:
    sides = []
    for path in (first, second):
        with open_tape(str(path)) as tape:
            sides.append(read_side(tape))
    one, other = sides
    return Pair((one, other), check_pair(one, other), tuple(join(one, other)))


def ask(*words: object) -> Result:
    result = CliRunner().invoke(cli, ["pair", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def rows_of(*words: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ask(*words, "--json").stdout.splitlines()]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("pair")
    with_a_cut(folder)
    return folder / "primary.trace", folder / "secondary.trace"


def test_every_message_is_found_at_both_ends_or_named(traces: tuple[Path, Path]):
    pair = both(*traces)
    for side in (0, 1):
        said = [message for one in pair.sides[side].connections for message in one.said]
        heard = [message for one in pair.sides[1 - side].connections for message in one.heard]
        passages = [one for joined in pair.joined for one in joined.passages if one.sender == side]
        assert sorted(one.said for one in passages if one.said) == sorted(said)
        assert sorted(one.heard for one in passages if one.heard) == sorted(heard)
        assert all(one.said for one in passages), "both recordings have the whole of both lives"


def test_what_a_cut_has_swallowed_is_named(traces: tuple[Path, Path]):
    lost = [row for row in rows_of(*traces, "--lost") if row["kind"] == "lost"]
    kinds = [message["message"] for row in lost for message in row["messages"]]
    assert set(kinds) == {"CONTACT"}
    assert all(message["heard"] is None for row in lost for message in row["messages"])
    assert "CONTACT: NEVER CAME" in ask(*traces).stdout


def test_no_row_stands_before_what_it_follows_from(traces: tuple[Path, Path]):
    pair = both(*traces)
    rows = timeline(pair)
    said_at = {id(one): place for place, row in enumerate(rows) for one in row.passages if one.said}
    for joined in pair.joined:
        for passage in joined.passages:
            if passage.said is None or passage.heard is None:
                continue
            heard = passage.heard.seq
            after = [place for place, row in enumerate(rows) if row.side != passage.sender and row.seq >= heard]
            assert all(place > said_at[id(passage)] for place in after)
    for side in (0, 1):
        seqs = [row.seq for row in rows if row.side == side]
        assert seqs == sorted(seqs)


def test_states_stand_with_their_reasons_where_they_happened(traces: tuple[Path, Path]):
    states = [(row["side"], row["text"]) for row in rows_of(*traces) if row["kind"] == "state"]
    assert states[0] == ("primary", "fo: recover -> startup: the server starts")
    assert ("secondary", "fo: recover-done -> normal: the partner went from recover to recover-done") in states
    assert states[-1][1].startswith("fo: communications-interrupted -> normal: ")


def test_the_order_of_the_two_does_not_matter(traces: tuple[Path, Path]):
    there = sorted((row["side"], row["seq"], row["kind"]) for row in rows_of(*traces) if row["kind"] != "clocks")
    back = sorted((row["side"], row["seq"], row["kind"]) for row in rows_of(*traces[::-1]) if row["kind"] != "clocks")
    assert there == back


# Clocks


def test_clocks_are_measured_and_the_timeline_is_on_the_first(tmp_path: Path):
    pair = RecordedPair(tmp_path)
    with pair:
        pair.start()
        pair.until("normal")
        pair.server("secondary").set_clock(7 * SECOND_US)
        pair.cut()
        pair.until("communications-interrupted")
        pair.heal()
        pair.until("normal")
        pair.server("secondary").set_clock(-3 * SECOND_US)
        pair.cut()
        pair.until("communications-interrupted", within_s=300)
        pair.heal()
        pair.until("normal")
    found = both(tmp_path / "primary.trace", tmp_path / "secondary.trace")
    skews = [one.skew for one in found.joined if one.skew is not None and one.skew.measured_both_ways]
    ahead = [round(one.ahead_us / SECOND_US) for one in skews]
    assert (ahead[0], ahead[-1]) == (0, -3)
    assert 7 in ahead
    last = next(one for one in reversed(skews))
    assert abs(last.ahead_us + 3 * SECOND_US) <= last.within_us <= 1000
    rows = timeline(found)
    linked = [row.at_us for row in rows if row.kind == "message" and "CONNECTACK" in row.text]
    called = [row.at_us for row in rows if row.kind == "message" and "CONNECT " in row.text]
    assert linked
    assert all(min(abs(one - other) for other in called) < 2 * SECOND_US for one in linked)


def messages(*times: int) -> list[Message]:
    return [Message(number, time, octets(Contact(0, number))) for number, time in enumerate(times, 1)]


def test_one_way_is_a_bound_and_no_measure():
    passages = list(_passages(0, messages(100, 200), messages(150, 230)))
    skew = measure(passages)
    assert skew is not None
    assert (skew.ahead_us, skew.measured_both_ways) == (30, False)
    assert measure([]) is None


LATE = st.lists(st.integers(0, 5000), min_size=1)


@given(st.integers(-(10**9), 10**9), LATE, LATE)
def test_the_difference_is_within_what_is_said(ahead: int, there: list[int], back: list[int]):
    said = [10**12 + 10_000 * number for number in range(len(there))]
    answered = [10**12 + 10_000 * number + 5000 for number in range(len(back))]
    heard = [at + late + ahead for at, late in zip(said, there, strict=True)]
    heard_back = [at + late for at, late in zip(answered, back, strict=True)]
    way = [
        *_passages(0, messages(*said), messages(*heard)),
        *_passages(1, messages(*(at + ahead for at in answered)), messages(*heard_back)),
    ]
    skew = measure(way)
    assert skew is not None
    assert abs(skew.ahead_us - ahead) <= skew.within_us + 1


# What is not whole


def piece(trace: Path, out: Path, *words: str) -> Path:
    result = CliRunner().invoke(cli, ["slice", str(trace), *words, "-o", str(out)])
    assert result.exit_code == 0, result.output
    return out


def test_a_recording_that_begins_later_is_joined_by_its_messages(traces: tuple[Path, Path], tmp_path: Path):
    later = piece(traces[1], tmp_path / "later.trace", "--from", "19")
    pair = both(traces[0], later)
    assert any(None not in one.ends and one.ends[1].opened is None for one in pair.joined if one.ends[1] is not None)
    rows = timeline(pair)
    assert any(row.kind == "unrecorded" and "CONNECTACK" not in row.text for row in rows)
    lost = {wire.KIND_NAMES[one.message.kind] for row in rows if row.kind == "lost" for one in row.passages}
    assert lost == {"CONTACT"}


def test_what_came_when_the_other_recorded_no_more_is_not_lost(traces: tuple[Path, Path], tmp_path: Path):
    shorter = piece(traces[1], tmp_path / "shorter.trace", "--to", "30")
    rows = timeline(both(traces[0], shorter))
    late = [row for row in rows if row.side == 0 and row.seq > 40 and row.passages]
    assert late
    assert {row.kind for row in late} == {"unrecorded"}


# The leases


def test_leases_are_held_side_by_side(traces: tuple[Path, Path]):
    result = ask(*traces, "--at", "+40s")
    assert result.exit_code == 1
    assert "3 of 20 leases differ" in result.stdout
    assert "primary: to be told" in result.stdout
    rows = rows_of(*traces, "--at", "+40s")
    assert [row["address"] for row in rows] == ["10.44.0.111", "10.44.0.112", "10.44.0.113"]
    assert rows[0]["primary"]["state"] == "active"
    assert rows[0]["secondary"]["state"] == "free"
    assert rows[0]["primary"]["pending"] == "to be told"


def test_leases_on_which_both_agree_are_status_0(traces: tuple[Path, Path]):
    result = ask(*traces, "--at", "+10s", "--all")
    assert result.exit_code == 0, result.output
    assert "0 of 20 leases differ" in result.stdout
    assert result.stdout.count("10.44.0.") >= 20


def test_a_lease_of_which_nobody_tells_any_more_is_pointed_out(tmp_path: Path):
    """The second recording is of another life, in which nobody was granted anything."""
    pair = RecordedPair(tmp_path)
    with pair:
        pair.start()
        pair.until("normal")
        made = [pair.client(number) for number in (1, 2)]
        for client in made:
            client.bind()
        pair.world.wait(seconds=5)
    other = RecordedPair(tmp_path / "other")
    (tmp_path / "other").mkdir()
    with other:
        other.start()
        other.until("normal")
    result = ask(tmp_path / "primary.trace", tmp_path / "other/secondary.trace", "--at", "+4s")
    assert result.exit_code == 1
    assert "NOTHING IS UNDER WAY" in result.stdout


# What is no pair


def test_two_primaries_are_no_pair(traces: tuple[Path, Path]):
    result = ask(traces[0], traces[0])
    assert result.exit_code == 125
    assert "both recordings are of a primary of fo" in result.stderr


def test_a_server_without_a_partner_is_no_pair(traces: tuple[Path, Path], tmp_path: Path):
    whole(tmp_path / "alone")
    result = ask(traces[0], tmp_path / "alone")
    assert result.exit_code == 125
    assert "names no failover relationship" in result.stderr
