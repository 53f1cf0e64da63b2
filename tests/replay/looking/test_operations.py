"""What was done to a server is told with its origin: reloads, writes over OMAPI, states of a failover pair."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.trace import events as ev
from tests.replay.engine_runs import Run
from tests.replay.pairs import with_a_cut
from tests.replay.planting import PLAIN
from tests.replay.tapes import record

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
CLIENT = "02:00:00:00:00:01"
NAME = "/etc/dhcpd.conf"


def told(*words: str) -> list[str]:
    """The lines of history without the event's number and time."""
    result = CliRunner().invoke(cli, ["history", *words])
    assert result.exit_code == 0, result.stderr
    return [line[37:] for line in result.stdout.splitlines()]


def reload(run: Run, content: bytes, name: str = NAME) -> None:
    run.tell(ev.Signal(*run.now, 1))
    run.tell(ev.ConfigurationFile(*run.now, name, content, ""))
    run.tell(ev.ConfigurationEnd(*run.now, NAME, reload=True))


@pytest.fixture(scope="module")
def reloaded(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = Run(PLAIN)
    run.exchange(1)
    reload(run, PLAIN + b"\nsubnet 10.1.0.0 netmask 255.255.0.0 { range 10.1.0.1; }\n# ours")
    reload(run, PLAIN + b"\nsubnet 10.1.0.0;")
    run.now_us += 1_000_000
    reload(run, PLAIN + b"\noption domain-name-servers ns.example.org;")
    run.tell(ev.HostAnswer(*run.now, "ns.example.org", (0x0A000035,), ""))
    run.exchange(1)
    return str(record(tmp_path_factory.mktemp("reloads") / "t", *run.pairs))


def test_reloads_stand_in_a_history_with_what_became_of_them(reloaded: str) -> None:
    lines = [line[2:] for line in told(reloaded, CLIENT) if line.startswith("+ ")]
    assert lines[0] == f"SIGHUP: {NAME}: 3 lines new, 0 gone: in force"
    assert lines[1].startswith(f"SIGHUP: {NAME}: 1 line new, 2 gone: not taken over: ")
    assert lines[1].endswith("line 5: Expecting netmask")
    assert lines[2:] == [
        f"SIGHUP: {NAME}: 1 line new, 2 gone: waits for the names of hosts",
        f"SIGHUP: {NAME}: 1 line new, 2 gone: in force",
    ]


def test_a_reload_before_the_first_message_is_context_and_alone_no_answer(reloaded: str) -> None:
    result = CliRunner().invoke(cli, ["history", reloaded, "02:00:00:00:00:99"])
    assert (result.exit_code, result.stdout) == (125, "")


def test_what_was_written_over_omapi_names_client_key_and_object() -> None:
    trace = str(FIXTURES / "omapi" / "lease-writes.trace")
    written = [line for line in told(trace, "10.0.3.1") if "OMAPI client" in line]
    assert written
    assert all(line.startswith("+ OMAPI client 127.0.0.1:") and ", key omapi_key: " in line for line in written)
    assert written[-1].endswith(": update lease 10.0.3.1: state, starts (permission denied)")
    made = told(str(FIXTURES / "omapi" / "host-create.trace"), "02:00:00:00:00:21")
    assert made[0].startswith("+ OMAPI client 127.0.0.1:39210, key omapi_key: open host alpha: name, ")


def test_what_was_written_of_another_lease_is_not_told() -> None:
    trace = str(FIXTURES / "omapi" / "lease-states.trace")
    assert [line for line in told(trace, "10.0.3.1") if "lease 10.0.3.2" in line] == []


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return with_a_cut(tmp_path_factory.mktemp("pair")).trace


def test_states_of_a_pair_stand_in_a_history_with_why(pair: Callable[[str], Path]) -> None:
    lines = [line[2:] for line in told(str(pair("primary")), CLIENT) if line.startswith("+ ")]
    moved = [line for line in lines if line.startswith("relationship fo: ")]
    assert [line.split(": ")[1] for line in moved][-2:] == [
        "normal -> communications-interrupted", "communications-interrupted -> normal",
    ]  # fmt: skip
    assert all(len(line.split(": ", 2)) == 3 for line in moved), "each says why"
    assert any(line.startswith("the partner of fo: ") for line in lines)


def test_an_event_s_number_and_what_its_message_says_stand_once(reloaded: str) -> None:
    result = CliRunner().invoke(cli, ["history", reloaded, "10.0.1.0"])
    discovered, offered, requested, granted = result.stdout.splitlines()[:4]
    assert f"{CLIENT}  DHCPDISCOVER by 10.0.0.2 -> DHCPOFFER 10.0.1.0" in discovered
    assert offered.split() == ["*", "offered,", "until", *offered.split()[-2:]]
    assert "DHCPACK 10.0.1.0" in requested
    assert granted.split()[:4] == ["*", "free", "->", "active,"]
    lines = CliRunner().invoke(cli, ["history", reloaded, "10.0.1.0", "--changes"]).stdout.splitlines()
    assert f"* 10.0.1.0 offered to {CLIENT}, until " in lines[0]
