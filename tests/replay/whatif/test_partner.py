"""The model of a failover partner: an unchanged configuration meets the recorded pair, another one is acknowledged."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dhcpd.disk.configuration import SourceFile
from dhcpd.replay.command.cli import cli
from dhcpd.replay.whatif.driver import Driver
from dhcpd.trace import Entry, open_tape
from dhcpd.trace.events import ConfigurationFile

RECORDINGS = Path(__file__).resolve().parents[3] / "fixtures/failover"
# A pair that loses its link, one half that is down, conflicts, small windows: both roles.
NAMES = (
    "interrupted-and-back.primary", "interrupted-and-back.secondary", "normal-service.primary",
    "normal-service.secondary", "max-unacked.primary", "max-unacked.secondary", "pool-rebalance.primary",
    "release-expire-decline.secondary", "partner-down-rejoin.primary", "partner-down-rejoin.secondary-2",
    "potential-conflict.primary", "mclt-renewals.primary",
)  # fmt: skip


def configuration(name: str) -> bytes:
    with open_tape(str(RECORDINGS / f"{name}.trace")) as tape:
        return next(
            entry.event.content for entry in tape.iterate()
            if isinstance(entry, Entry) and isinstance(entry.event, ConfigurationFile)
        )  # fmt: skip


def driven(name: str, text: bytes) -> Driver:
    driver = Driver([SourceFile("new.conf", text, "")])
    with open_tape(str(RECORDINGS / f"{name}.trace")) as tape:
        for _step in driver.steps(tape):
            pass
    return driver


@pytest.mark.parametrize("name", NAMES)
def test_an_unchanged_configuration_meets_the_recorded_pair(name: str, tmp_path: Path):
    (tmp_path / "same.conf").write_bytes(configuration(name))
    words = ["whatif", str(RECORDINGS / f"{name}.trace"), "-cf", str(tmp_path / "same.conf")]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    assert "0 differences, 0 clients" in result.output
    assert "the failover partner is played by a model" in result.output


@pytest.mark.parametrize("name", NAMES)
def test_the_pair_comes_to_the_recorded_states(name: str):
    """Without a model it would stay in recover, or in communications-interrupted."""
    from dhcpd.replay.failover.side import read_side

    with open_tape(str(RECORDINGS / f"{name}.trace")) as tape:
        side = read_side(tape)
    driver = driven(name, configuration(name))
    assert driver.machine.failover is not None
    assert driver.machine.failover.endpoints["fo"].state.word == side.changes[-1].new
    assert driver.partner.played >= 1


def test_what_another_configuration_says_is_acknowledged():
    """Every lease is granted anew, for another time: of none of these updates the recording has an answer."""
    name = "normal-service.primary"
    text = configuration(name)
    assert b"default-lease-time 300" in text
    driver = driven(name, text.replace(b"default-lease-time 300", b"default-lease-time 200"))
    assert driver.machine.failover is not None
    endpoint = driver.machine.failover.endpoints["fo"]
    assert endpoint.state.word == "normal"
    assert len(endpoint.updates.unacked) <= 1, "but for what was said in the last five seconds"


def test_a_configuration_without_the_relationship_has_no_partner():
    name = "normal-service.primary"
    text = configuration(name).replace(b'failover peer "fo";', b"")
    start = text.index(b'failover peer "fo" {')
    depth = text.index(b"}", start) + 1
    driver = driven(name, text[:start] + text[depth:])
    assert driver.machine.failover is None
    assert driver.partner.played == 0
