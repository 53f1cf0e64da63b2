from __future__ import annotations

from typing import TYPE_CHECKING

from dhcpd.replay.command.playback import main, refusal_lines
from dhcpd.replay.playing.play import play, report
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import DamagedTape
from dhcpd.trace.effects import INFO, Log, RewritePart, Store, Wake
from dhcpd.trace.events import Timer
from tests.replay.tapes import NOW_US, MemoryTape, Script, packet, send, tape_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TIMER = Timer(NOW_US, 0)


def test_the_same_effects_are_counted() -> None:
    tape = tape_of((packet(0), [Log(INFO, "a"), send()]), (TIMER, []))
    verdict = play(tape, None, lambda: Script([[Log(INFO, "a"), send()], []]))
    assert verdict.status is Status.SAME
    assert verdict.closing_line() == "2 events, 2 effects, 0 differences"


def test_the_first_difference_ends_the_playback() -> None:
    machine = Script([[Wake(1)], [Wake(3)], [Wake(4)]])
    verdict = play(tape_of((TIMER, [Wake(1)]), (TIMER, [Wake(2)]), (TIMER, [Wake(9)])), None, lambda: machine)
    assert verdict.status is Status.DIFFERENT
    assert verdict.difference is not None
    assert verdict.difference.seq == 2
    assert len(machine.events) == 2
    assert verdict.closing_line() == "2 events, 1 effects, 1 difference: at event 2"


def test_no_kind_of_effect_is_left_out_of_the_comparison() -> None:
    for expected, got in ((Wake(1), Wake(2)), (Log(INFO, "a"), Log(INFO, "b")), (Store(b"a"), RewritePart(b"a"))):
        verdict = play(tape_of((TIMER, [expected])), None, lambda got=got: Script([[got]]))
        assert verdict.status is Status.DIFFERENT


def test_the_card_shows_only_the_options_that_differ_and_what_the_client_did_before() -> None:
    tape = tape_of(
        (packet(0, 1, client=1), [send(2, client=1)]),
        (packet(10, 1, client=2), [send(2, client=2)]),
        (packet(20, 3, client=1), [send(5, client=1)]),
    )
    answers = [[send(2, client=1)], [send(2, client=2)], [send(5, client=1, lease_s=60)]]
    verdict = play(tape, None, lambda: Script(answers))
    text = "\n".join(report(verdict))
    assert "Playback left the recording at event 3." in text
    assert "client  02:00:00:00:00:01" in text
    assert "DHCPREQUEST from 10.0.0.17:68 on eth0" in text
    row = next(line for line in text.splitlines() if "dhcp-lease-time" in line)
    assert row.split() == ["option", "dhcp-lease-time", "3600", "60"]
    assert "dhcp-message-type" not in text
    assert "other fields are equal" in text
    history = text[text.index("last events") :]
    assert "DHCPDISCOVER" in history
    assert "DHCPOFFER 10.0.0.17 to 10.0.0.17:68 on eth0" in history
    assert history.count("Packet") == 1  # the other client's is not this client's
    assert text.splitlines()[-1] == "3 events, 2 effects, 1 difference: at event 3"


def test_lease_records_that_differ_are_compared_by_line() -> None:
    expected, got = (b"lease 10.0.0.17 {\n  ends 1 %s;\n}\n" % day for day in (b"a", b"b"))
    verdict = play(tape_of((TIMER, [Store(expected)])), None, lambda: Script([[Store(got)]]))
    lines = [line.strip() for line in report(verdict)]
    assert "-  ends 1 a;" in lines
    assert "+  ends 1 b;" in lines


def test_events_whose_effects_never_reached_the_tape_are_played_not_compared() -> None:
    machine = Script([[Wake(1)], [Wake(2)]])
    verdict = play(tape_of((TIMER, [Wake(1)]), (TIMER, None)), None, lambda: machine)
    assert verdict.status is Status.SAME
    assert verdict.unrecorded == 1
    assert len(machine.events) == 2
    assert "were played, not compared" in " ".join(verdict.notices)


def test_a_damaged_tape_is_played_to_its_last_good_event() -> None:
    tape = tape_of((TIMER, [Wake(1)]))
    tape.broken = DamagedTape(77, "CRC", 1)
    verdict = play(tape, None, lambda: Script([[Wake(1)]]))
    assert verdict.status is Status.DAMAGED
    assert verdict.events == 1
    assert "byte 77" in verdict.closing_line()


def test_a_torn_tail_is_a_note() -> None:
    tape = MemoryTape(tape_of((TIMER, [])).entries, torn_bytes=12)
    verdict = play(tape, None, lambda: Script([[]]))
    assert verdict.status is Status.SAME
    assert "12 bytes" in verdict.notices[0]


def test_an_engine_that_fails_is_a_difference_with_its_place() -> None:
    class Broken:
        def apply(self, _event: object) -> list:
            message = "no such lease"
            raise KeyError(message)

    verdict = play(tape_of((packet(0), [send()])), None, Broken)
    assert verdict.status is Status.DIFFERENT
    text = "\n".join(report(verdict))
    assert "KeyError: 'no such lease'" in text
    assert "Recorded were:" in text


def test_two_effects_in_another_order_are_told_as_that() -> None:
    verdict = play(tape_of((TIMER, [Wake(1), Log(INFO, "a")])), None, lambda: Script([[Log(INFO, "a"), Wake(1)]]))
    text = "\n".join(report(verdict))
    assert "other order" in text
    assert "not recorded" not in text
    assert "got       nothing" not in text


def test_of_a_padding_octet_the_lengths_are_told() -> None:
    longer = send()._replace(payload=send().payload + b"\0")
    for recorded, now in ((send(), longer), (longer, send())):
        text = "\n".join(report(play(tape_of((TIMER, [recorded])), None, lambda now=now: Script([[now]]))))
        assert f"{len(recorded.payload)} octets were recorded, {len(now.payload)} are sent now" in text
        assert f"behind {len(send().payload)}:" in text


def test_playing_from_a_snapshot_begins_at_its_event() -> None:
    machine = Script([[Wake(2)]])
    verdict = play(tape_of((TIMER, [Wake(1)]), (TIMER, [Wake(2)])), None, lambda: machine, from_seq=2)
    assert verdict.status is Status.SAME
    assert verdict.events == 1


def test_without_a_lease_file_iscs_words_refuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("trace", None) == 125
    assert capsys.readouterr().err == "\n".join(refusal_lines()) + "\n"


def test_main_says_why_it_cannot_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(str(tmp_path / "none"), str(tmp_path / "leases")) == 125
    error = capsys.readouterr().err
    assert "No such file or directory" in error
    assert "Traceback" not in error
    assert not (tmp_path / "leases").exists()


def test_quiet_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(str(tmp_path / "none"), str(tmp_path / "leases"), quiet=True) == 125
    assert capsys.readouterr().err == ""
