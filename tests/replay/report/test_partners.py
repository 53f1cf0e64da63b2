"""The report's section on failover: every change of state with its reason, and where the relationship stood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.replay.playing.seek import last_seq, machine_at
from dhcpd.replay.report import partners as section
from dhcpd.replay.report.partners import partners
from dhcpd.trace import open_tape

if TYPE_CHECKING:
    import pytest

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
REJOIN = FIXTURES / "failover/partner-down-rejoin.primary.trace"


def page(trace: Path, folder: Path) -> str:
    out = folder / "page.html"
    result = CliRunner().invoke(cli, ["report", str(trace), "-o", str(out)])
    assert result.exit_code == 0, result.output
    return out.read_text("utf-8")


def test_the_page_of_a_pair_tells_its_changes_of_state(tmp_path: Path):
    text = page(REJOIN, tmp_path)
    section = text[text.index('<section id="failover">') :].partition("</section>")[0]
    assert "this server is the primary" in section
    for words in ("communications-interrupted", "an operator set it", "the partner went from recover to recover-done"):
        assert words in section
    assert '<a href="#failover">' in text


def test_a_pair_that_is_not_in_normal_is_what_is_wrong(tmp_path: Path):
    piece = tmp_path / "piece.trace"
    result = CliRunner().invoke(cli, ["slice", str(REJOIN), "--to", "40", "-o", str(piece)])
    assert result.exit_code == 0, result.output
    head = '<section id="wrong">'
    wrong = [page(one, tmp_path).partition(head)[2].partition("</section>")[0] for one in (piece, REJOIN)]
    assert "1 failover relationship is not in normal service" in wrong[0]
    assert "fo: partner-down because an operator set it" in wrong[0]
    assert "not in normal" not in wrong[1]


def test_what_is_the_partner_s_to_answer_is_no_trouble(tmp_path: Path):
    """Eight clients of fifteen are the partner's by the load balancing; each has its address, from there."""
    trace = FIXTURES / "failover/normal-service.primary.trace"
    text = page(trace, tmp_path)
    wrong = text[text.index('<section id="wrong">') :].partition("</section>")[0]
    assert "no address" not in wrong
    assert "without an answer" not in wrong
    assert "18 messages were left to the failover partner" in wrong
    result = CliRunner().invoke(cli, ["stats", str(trace), "--json"])
    totals = json.loads(result.output.splitlines()[-1])
    assert (totals["unanswered"], totals["left_to_partner"]) == ({}, 18)


def test_the_page_of_a_server_alone_has_no_such_section(tmp_path: Path):
    assert "failover" not in page(FIXTURES / "dhclient/trace.bin", tmp_path).lower()


def test_a_pair_that_flaps_does_not_fill_the_page(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(section, "CHANGES_MAXIMUM", 2)
    with open_tape(str(REJOIN)) as tape:
        (found,) = partners(tape, machine_at(tape, last_seq(tape)))
    assert (len(found.changes), found.left_out) == (2, 3)
    assert found.standing.state.word == "normal"
