"""Why a client has a name in DNS or none, as `explain` and `history` tell it from recordings."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.replay.looking.explain import explain
from dhcpd.replay.looking.history import Line, history
from dhcpd.trace import Entry, open_tape
from dhcpd.trace.events import DnsAnswer, Timer

FIXTURES = Path(__file__).parents[3] / "fixtures/ddns"


def trace(name: str) -> str:
    return str(FIXTURES / f"{name}-1.trace")


def reasons(name: str, kind: type[DnsAnswer | Timer]) -> list[tuple[str, str, str]]:
    """Subject, verdict and why of each reason about DNS, at the events of a kind."""
    with open_tape(trace(name)) as tape:
        numbers = [one.seq for one in tape.iterate() if isinstance(one, Entry) and isinstance(one.event, kind)]
        told = list(explain(tape, numbers))
    assert not any(one.differs for one in told)
    return [(one[1], one[2], one[3]) for each in told for one in each.reasons if one.step == "dns"]


def names(name: str, subject: str) -> list[Line]:
    with open_tape(trace(name)) as tape:
        return [line for line in history(tape, subject) if line.what == "dns"]


def test_an_answer_is_explained_by_what_it_came_to():
    told = reasons("rcodes", DnsAnswer)
    assert ("10.0.0.101", "forward map not added", "add-1 of n2.example.org: SERVFAIL at 10.53.0.54") in told
    owed = "add n2.example.org (forward map not added, SERVFAIL), not tried again yet"
    assert ("10.0.0.101", "owed", owed) in told


def test_a_timer_that_gives_up_says_so():
    told = reasons("timeouts-all", Timer)
    assert ("10.0.0.101", "forward map not added", "add-1 of alpha.example.org: timed out at 10.53.0.54") in told


def test_the_changed_lease_is_shown_with_its_cause():
    shown = CliRunner().invoke(cli, ["explain", trace("standard-life"), "--event", "13"])
    assert shown.exception is None
    assert "DNS holds a name for it" in shown.output
    assert "forward map added" in shown.output
    assert "no reply" not in shown.output


@pytest.mark.parametrize("subject", ["10.0.0.100", "02:00:00:00:aa:01"])
def test_the_history_of_an_address_and_of_its_client_has_the_names(subject: str):
    assert [line.text for line in names("standard-life", subject)][:5] == [
        "10.0.0.100 forward map added",
        "10.0.0.100 reverse map added",
        "10.0.0.100 forward map removed",
        "10.0.0.100 name removed",
        "10.0.0.100 reverse map removed",
    ]


def test_a_name_that_another_has_is_told_as_refused_and_not_as_owed():
    told = [(line.text, line.reason) for line in names("rename", "10.0.0.100")]
    verdict = "10.0.0.100 Has an address record but no DHCID, not mine."
    assert (verdict, "add-2 of other.example.org: NXRRSET at 10.53.0.53") in told
    assert not any("owed" in text for text, _reason in told)


def test_what_is_owed_is_told_and_what_is_paid():
    told = [line.text for line in names("timeouts-all", "10.0.0.101")]
    assert told[-2:] == ["10.0.0.101 forward map not added", "10.0.0.101 owed"]
