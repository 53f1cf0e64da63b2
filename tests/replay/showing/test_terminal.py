"""Whatever strangers put into a recording, no verb prints a character that a terminal would obey."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.replay.command.cli import cli
from dhcpd.replay.playing.play import play_file, report
from dhcpd.replay.showing.terminal import safe, safe_lines
from dhcpd.trace import effects as fx
from dhcpd.trace import events as ev
from tests.replay.engine_runs import Run
from tests.replay.tapes import record

if TYPE_CHECKING:
    from pathlib import Path

# Erase the screen, ring, begin the line again, end the text, CSI of eight bits, turn round, isolate, a mark, a line's
# end as Unicode has it; each where it can stand.
EVIL = "a\x1b[2J\x07\r\nevent 1: forged\x00\x9b1m\u202eb\u2066\u200f\u2028"
WISH = EVIL.encode()
CLIENT = "02:00:00:00:00:00"


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run whose client names itself so, in options, sname and file; a log line besides that has all of it."""
    run = Run()
    options = bytes([12, len(WISH)]) + WISH + bytes([61, len(WISH) + 1, 0]) + WISH + bytes([60, len(WISH)]) + WISH
    address = run.exchange(0)
    run.packet(0, 3, options, ciaddr=address)
    event, effects = run.pairs[-1]
    assert isinstance(event, ev.Packet)
    packet = event.payload[:44] + WISH.ljust(64, b"\0") + WISH.ljust(128, b"\0") + event.payload[236:]
    run.pairs[-1] = (event._replace(payload=packet), [*effects, fx.Log(fx.INFO, EVIL)])
    return str(record(tmp_path_factory.mktemp("terminal") / "t", *run.pairs))


def is_safe(text: str) -> bool:
    """By the classes of Unicode: nothing that controls, formats, stands alone for half a character, or ends a line."""
    return not any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in text.replace("\n", ""))


@pytest.mark.parametrize(
    "words",
    [
        ["show"], ["show", "--full"], ["show", "--client", CLIENT], ["explain", "--client", CLIENT], ["stats"],
        ["history", CLIENT], ["history", "10.0.0.10"], ["at", "10000", "--leases"], ["at", "10000"],
        ["diff", "1", "10000"], ["info"], ["verify"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_verb_prints_what_a_terminal_would_obey(trace: str, words: list[str]) -> None:
    result = CliRunner().invoke(cli, [words[0], trace, *words[1:]])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.output, result
    assert is_safe(result.output), [line for line in result.output.splitlines() if not is_safe(line)]
    assert "\nevent 1: forged" not in result.output


def test_the_card_of_a_playback_is_safe(trace: str, tmp_path: Path) -> None:
    verdict = play_file(trace, str(tmp_path / "leases"))
    assert verdict.difference is not None, "the log line was never the engine's"
    lines = report(verdict)
    assert all(is_safe(line) and "\n" not in line for line in lines)
    assert any("\\x1b[2J" in line and "\\u202e" in line for line in lines), lines


@given(st.text())
def test_text_is_safe_on_one_line_and_stays_when_made_safe_again(text: str) -> None:
    shown = safe(text)
    assert is_safe(shown)
    assert "\n" not in shown
    assert safe(shown) == shown
    assert safe_lines(text).count("\n") == text.count("\n")


def test_what_is_no_control_stays() -> None:
    assert safe("Büro-07 \u65e5\u672c <tag> \\x") == "Büro-07 \u65e5\u672c <tag> \\x"
    assert safe("\x1b\u202e\U000e0001\ud800") == r"\x1b\u202e\U000e0001\ud800"
