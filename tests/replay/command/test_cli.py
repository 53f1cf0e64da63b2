from __future__ import annotations

import contextlib
import io
import json
import re
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from dhcpd.replay.command.cli import cli
from dhcpd.replay.command.console import print_json, print_table
from dhcpd.trace.events import Timer
from tests.replay.engine_runs import CONFIGURATION, Run
from tests.replay.tapes import record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Run()
    run.serve(5)
    return record(tmp_path_factory.mktemp("run") / "trace", *run.pairs)


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(cli, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_info_counts(trace: Path) -> None:
    result = invoke("info", str(trace))
    assert result.exit_code == 0
    assert "dhcpd 0.0.test" in result.stdout
    assert "whole: the run ended in order" in result.stdout
    numbers = json.loads(invoke("info", str(trace), "--json").stdout)
    assert numbers["counts"]["Boot"] == 1
    assert numbers["complete"] is True
    assert numbers["events"] == sum(numbers["counts"].values()) == numbers["last_seq"]


def test_show_tells_one_clients_life(trace: Path) -> None:
    lines = invoke("show", str(trace), "--client", "02:00:00:00:00:01").stdout.splitlines()
    assert ["DHCPDISCOVER" in lines[0], "DHCPREQUEST" in lines[1]] == [True, True]
    assert "DHCPOFFER 10.0." in lines[0]
    assert len(lines) == 2


def test_show_full_decodes(trace: Path) -> None:
    text = invoke("show", str(trace), "--client", "02-00-00-00-00-01", "--count", "1", "--full").stdout
    assert "option dhcp-message-type" in text
    assert "1 DHCPDISCOVER" in text
    assert '"example.org"' in text or "option routers" in text


def test_show_json_is_one_object_a_line(trace: Path) -> None:
    objects = [json.loads(line) for line in invoke("show", str(trace), "--json").stdout.splitlines()]
    assert [one["seq"] for one in objects] == list(range(1, len(objects) + 1))
    assert objects[0]["event"] == "Boot"


def test_show_by_kind_and_number(trace: Path) -> None:
    lines = invoke("show", str(trace), "--kind", "packet", "--from", "3", "--count", "2").stdout.splitlines()
    assert len(lines) == 2
    assert all("02:00:00:00:00:0" in line for line in lines)


def test_show_has_columns_for_client_way_message_and_answer(tmp_path: Path) -> None:
    run = Run()
    name = b"till-3.example.org"
    address = run.exchange(1)
    run.packet(1, 3, bytes([81, len(name) + 3, 0, 0, 0]) + name, ciaddr=address)
    run.packet(1, 7, bytes([54, 4, 10, 0, 0, 1]), ciaddr=address)
    run.packet(2, 3, bytes([50, 4, 192, 0, 2, 1]))
    run.now_us += 900_000_000
    lines = invoke("show", str(record(tmp_path / "t", *run.pairs)), "--kind", "packet").stdout.splitlines()
    columns = [re.split(" {2,}", line.strip())[2:] for line in lines]
    given, one, relay = str(IPv4Address(address)), "02:00:00:00:00:01", "10.0.0.2"
    assert columns == [
        [one, relay, "DHCPDISCOVER", f"-> DHCPOFFER {given}"],
        [one, relay, f"DHCPREQUEST for {given}", f"-> DHCPACK {given}"],
        [f"{one} till-3.example.org", relay, f"DHCPREQUEST to renew {given}", f"-> DHCPACK {given}"],
        [f"{one} till-3.example.org", relay, f"DHCPRELEASE of {given}", "-> found"],
        ["02:00:00:00:00:02", relay, "DHCPREQUEST for 192.0.2.1", "-> DHCPNAK"],
    ]


def test_show_names_the_client_of_a_late_offer(tmp_path: Path) -> None:
    run = Run(CONFIGURATION.replace(b"ping-check false", b"ping-check true"))
    run.packet(3, 1, bytes([12, 4]) + b"desk")
    run.now_us += 1_100_000
    run.tell(Timer(*run.now))
    asked, answered = invoke("show", str(record(tmp_path / "t", *run.pairs)), "--client", "DESK").stdout.splitlines()
    assert asked.endswith("-> waits for a ping")
    assert "02:00:00:00:00:03 desk" in answered
    assert f"(event {len(run.pairs) - 1})" in answered
    assert "-> DHCPOFFER 10.0." in answered


def test_verify(trace: Path, tmp_path: Path) -> None:
    result = invoke("verify", str(trace), "--lease-file", str(tmp_path / "leases"))
    assert result.exit_code == 0
    assert result.stdout.endswith("0 differences\n")
    assert b"lease 10.0." in (tmp_path / "leases").read_bytes()
    verdict = json.loads(invoke("verify", str(trace), "--json").stdout)
    assert (verdict["status"], verdict["differences"]) == ("same", 0)


def test_verify_shows_the_difference(tmp_path: Path) -> None:
    run = Run()
    run.serve(3)
    at = next(number for number, (_, effects) in enumerate(run.pairs) if any(hasattr(e, "payload") for e in effects))
    event, effects = run.pairs[at]
    run.pairs[at] = (event, [e._replace(port=99) if hasattr(e, "payload") else e for e in effects])
    path = record(tmp_path / "trace", *run.pairs)
    result = invoke("verify", str(path))
    assert result.exit_code == 1
    assert "port" in result.stdout
    assert "99" in result.stdout
    verdict = json.loads(invoke("verify", str(path), "--json").stdout)
    assert verdict["difference"]["seq"] == at + 1


def test_a_client_that_is_not_there_is_said_so(trace: Path) -> None:
    result = invoke("show", str(trace), "--client", "zz")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "no event fits" in result.stderr


def test_files_that_are_no_tape_give_one_line(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"something else entirely")
    for command in ("info", "show", "verify"):
        # A folder is no recording, but `verify` looks for some in it, and finds nothing to judge.
        for name, status in (("other", 2), ("missing", 125), (".", 125 if command == "verify" else 2)):
            result = invoke(command, str(tmp_path / name))
            assert result.exit_code == status, (command, name, result.output)
            assert result.stderr.startswith("dhcpd-trace: ")
            assert len(result.stderr.splitlines()) == 1


def test_a_starting_point_and_a_lease_file_exclude_each_other(trace: Path) -> None:
    result = invoke("verify", str(trace), "--from", "9", "--lease-file", "x")
    assert result.exit_code == 2
    assert "leave out --from" in result.output


@pytest.mark.parametrize(("typed", "meant"), [("verfy", "verify"), ("expain", "explain"), ("what-if", "whatif")])
def test_a_mistyped_verb_gets_the_one_that_was_meant(typed: str, meant: str) -> None:
    result = CliRunner().invoke(cli, [typed, "x.trace"])
    assert result.exit_code == 2
    assert f"There is no verb '{typed}': did you mean '{meant}'?" in result.output


def test_what_is_near_to_nothing_gets_no_guess() -> None:
    result = CliRunner().invoke(cli, ["zzzzzz"])
    assert result.exit_code == 2
    assert "did you mean" not in result.output


def test_a_table_of_many_rows_costs_about_what_they_cost_as_json() -> None:
    """Half of it, when this was written; a library's table cost ten times it. `at --leases` has a row a lease."""
    heads = list("abcdefgh")
    rows = [tuple(f"{number}.{column}" for column in heads) for number in range(4000)]

    def cost(work: Callable[[], object]) -> float:
        found = []
        for _run in range(3):
            before = time.process_time()
            with contextlib.redirect_stdout(io.StringIO()):
                work()
            found.append(time.process_time() - before)
        return min(found)

    table = cost(lambda: print_table(heads, rows))
    assert table < 4 * cost(lambda: [print_json(dict(zip(heads, row, strict=True))) for row in rows])
