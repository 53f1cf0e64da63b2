"""`at`, `history` and `diff` against what the run itself did."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dhcpd.engine.machine import Machine
from dhcpd.replay.command.cli import cli
from dhcpd.replay.playing.leases import lease_file_of
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Send
from tests.replay.engine_runs import CONFIGURATION, LEASES_FOUND, SERVER, Run
from tests.replay.tapes import record

IDENTIFIER = bytes([54, 4]) + SERVER.to_bytes(4, "big")


class Story:
    """A run in which each kind of change happens once between events `before` and `after`."""

    def __init__(self) -> None:
        run = self.run = Run(leases=LEASES_FOUND)
        self.renewing, self.releasing, self.expiring, self.declining = (run.exchange(client) for client in range(4))
        self.before = len(run.pairs)
        run.now_us += 400_000_000
        run.packet(0, 3, ciaddr=self.renewing)
        run.packet(1, 7, IDENTIFIER, ciaddr=self.releasing)
        run.packet(3, 4, bytes([50, 4]) + self.declining.to_bytes(4, "big") + IDENTIFIER)
        self.granted = run.exchange(4)
        run.now_us += 300_000_000
        run.tell(ev.Timer(*run.now))
        self.after = len(run.pairs)


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


@pytest.fixture(scope="module")
def trace(story: Story, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(record(tmp_path_factory.mktemp("looking") / "t", *story.run.pairs))


def ask(*words: str) -> Result:
    result = CliRunner().invoke(cli, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def objects(*words: str) -> list[dict[str, Any]]:
    result = ask(*words, "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def text(address: int) -> str:
    return str(IPv4Address(address))


def test_diff_names_each_change_once(story: Story, trace: str) -> None:
    (found,) = objects("diff", trace, str(story.before), str(story.after))
    assert {one["address"]: one["change"] for one in found["changes"]} == {
        text(story.renewing): "renewed",
        text(story.releasing): "released",
        text(story.expiring): "expired",
        text(story.declining): "abandoned",
        text(story.granted): "granted",
    }
    assert sum(pool["abandoned"] for pool in found["pools_after"]) == 1 + sum(
        pool["abandoned"] for pool in found["pools_before"]
    )


def test_diff_of_a_moment_with_itself_is_empty(story: Story, trace: str) -> None:
    assert "no lease changed" in ask("diff", trace, str(story.after), str(story.after)).stdout
    assert ask("diff", trace, "20", "10").exit_code == 2


def test_diff_of_a_lease_released_granted_again_and_run_out(tmp_path: Path) -> None:
    run = Run()
    address = run.exchange(0)
    before = len(run.pairs)
    run.packet(0, 7, IDENTIFIER, ciaddr=address)
    released = len(run.pairs)
    assert run.exchange(0) == address
    run.now_us += 900_000_000
    run.tell(ev.Timer(*run.now))
    path = str(record(tmp_path / "t", *run.pairs))
    for last, word in ((released, "released"), (len(run.pairs), "expired")):
        (found,) = objects("diff", path, str(before), str(last))
        assert [one["change"] for one in found["changes"]] == [word]


def test_history_begins_where_it_is_told(story: Story, trace: str) -> None:
    lines = objects("history", trace, text(story.releasing), "--since", str(story.before), "--until", str(story.after))
    assert lines[0]["reason"] == f"after event {story.before}"
    assert lines[0]["after"]["state"] == "active"
    assert all(story.before < line["seq"] <= story.after for line in lines[1:])
    assert lines[-1]["after"]["state"] == "free"
    assert ask("history", trace, "10.0.1.6", "--since", "soon").exit_code == 2


def test_history_by_hardware_address_whatever_its_type(tmp_path: Path) -> None:
    leases = b"lease 10.0.1.9 { starts 1 2026/09/21 13:00:00; ends 1 2026/09/21 23:10:00; binding state active; "
    run = Run(leases=leases + b"hardware token-ring 02:00:00:00:00:31; }")
    offered = run.packet(0x30, 1, hardware_type=6)
    (sent,) = [effect for effect in offered if isinstance(effect, Send)]
    path = str(record(tmp_path / "t", *run.pairs))
    (change,) = objects("history", path, "02:00:00:00:00:30", "--changes")
    assert change["after"]["address"] == text(int.from_bytes(sent.payload[16:20], "big"))
    (known,) = objects("history", path, "02:00:00:00:00:31", "--changes")
    assert known["after"]["address"] == "10.0.1.9"


def test_at_counts_and_lists_what_the_machine_holds(story: Story, trace: str) -> None:
    (found,) = objects("at", trace, str(story.before))
    assert found["active"] == 4 + 1  # and the one of the lease file that is still running
    rows = objects("at", trace, str(story.before), "--leases")
    assert {row["address"] for row in rows if row["state"] == "active"} == {
        "10.0.1.6", *map(text, (story.renewing, story.releasing, story.expiring, story.declining))
    }  # fmt: skip
    (row,) = objects("at", trace, str(story.before), "--lease", "10.0.1.6")
    assert row["hostname"] == "six"


def test_at_gives_the_lease_file_that_a_rewrite_would(story: Story, trace: str) -> None:
    machine = Machine()
    for event, _effects in story.run.pairs[: story.before]:
        machine.apply(event)
    wanted = b"".join(lease_file_of(machine, story.run.pairs[story.before - 1][0].wall_us // 1_000_000))
    assert ask("at", trace, str(story.before), "--lease-file").stdout_bytes == wanted


def test_at_gives_any_part_of_the_state(trace: str) -> None:
    result = ask("at", trace, "20", "--state", "serving")
    assert result.stdout == "true\n"
    missing = ask("at", trace, "20", "--state", "database.nothing")
    assert missing.exit_code == 125
    assert "in_place" in missing.stderr


def test_history_of_an_address_tells_holder_and_end(story: Story, trace: str) -> None:
    lines = objects("history", trace, text(story.releasing), "--changes")
    assert [(line["after"]["state"], line["text"].split(" ", 1)[1].split(",")[0]) for line in lines] == [
        ("free", "offered to 02:00:00:00:00:01"),
        ("active", "free -> active"),
        ("free", "active -> free"),
    ]


def test_history_begins_with_what_the_lease_file_said(trace: str) -> None:
    first, *_ = objects("history", trace, "10.0.1.6", "--changes")
    assert first["reason"] == "the lease file at the start"
    assert first["after"]["hardware"] == "02:00:00:00:01:06"


def test_history_tells_why_a_lease_is_kept_for_a_partner_that_lost_its_file() -> None:
    trace = Path(__file__).resolve().parents[3] / "fixtures/failover/lost-database.primary.trace"
    lines = objects("history", str(trace), "10.44.0.110", "--changes")
    assert [line["reason"] for line in lines if line["reason"].startswith("the failover partner")] == [
        "the failover partner says so",
        "the failover partner has lost its lease file, and may have promised as much",
    ]


def test_history_of_a_client_has_its_messages_and_the_expiry(story: Story, trace: str) -> None:
    lines = objects("history", trace, "02:00:00:00:00:02")
    messages = [line["text"].split(" ", 1)[0] for line in lines if line["what"] == "message"]
    assert messages == ["DHCPDISCOVER", "DHCPREQUEST"]
    assert lines[-1]["reason"] == "its time is over"
    assert lines[-1]["after"]["address"] == text(story.expiring)
    assert ask("history", trace, "02:00:00:00:00:99").exit_code == 125


def test_what_promises_nothing_is_no_renewal(tmp_path: Path) -> None:
    """A holder's DISCOVER is answered by an OFFER; a REQUEST within the cache threshold by the lease as it was."""
    run = Run()
    address = run.exchange(0)
    run.now_us += 20_000_000
    run.packet(0, 3, ciaddr=address)
    acknowledged = len(run.pairs)
    run.now_us += 200_000_000
    run.packet(0, 1)
    offered = len(run.pairs)
    run.packet(0, 3, ciaddr=address)
    renewed = len(run.pairs)
    lines = objects("history", str(record(tmp_path / "t", *run.pairs)), str(IPv4Address(address)), "--changes")
    told = {line["seq"]: line["text"] for line in lines}
    assert "renewed" not in told.get(acknowledged, "")
    assert "renewed" not in told.get(offered, "")
    assert "renewed, until" in told[renewed]


NOTATIONS = (
    "02:00:00:00:00:05", "2-0-0-0-0-5", "02-00-00-00-00-05", "0200.0000.0005", "0200-0000-0005", "020000000005",
    "Grandpas-Phone", "grandpas-phone.example.org",
)  # fmt: skip


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A recording in which a client says its name in one message of three, and the address that it has."""
    run = Run()
    run.exchange(4)
    address = run.exchange(5)
    name = b"grandpas-phone.example.org"
    run.packet(5, 3, bytes([81, 3 + len(name), 0, 0, 0]) + name, ciaddr=address)
    return str(record(tmp_path_factory.mktemp("phone") / "t", *run.pairs)), str(IPv4Address(address))


@pytest.mark.parametrize("name", NOTATIONS)
def test_a_client_is_named_in_any_notation_or_by_its_host_name(phone: tuple[str, str], name: str) -> None:
    path, address = phone
    shown = objects("show", path, "--client", name)
    assert [one["fields"]["wall_us"] for one in shown] == sorted(one["fields"]["wall_us"] for one in shown)
    assert len(shown) == len(objects("explain", path, "--client", name)) == 3
    told = objects("history", path, name)
    assert [one["what"] for one in told].count("message") == 3
    assert any(line["after"] and line["after"]["address"] == address for line in told)


@pytest.mark.parametrize("name", NOTATIONS)
def test_pieces_captures_and_what_ifs_know_a_client_by_the_same_names(
    phone: tuple[str, str], name: str, tmp_path: Path
) -> None:
    path, address = phone
    (made,) = objects("slice", path, "--client", name, "-o", str(tmp_path / "piece"))
    assert made["events"] == len(objects("show", str(tmp_path / "piece")))
    assert len(objects("show", str(tmp_path / "piece"), "--kind", "packet")) == 3
    (frames,) = objects("export", path, "--client", name, "--pcapng", str(tmp_path / "capture"))
    assert frames["frames"] == 6
    (tmp_path / "new.conf").write_bytes(CONFIGURATION)
    story = ask("whatif", path, "-cf", str(tmp_path / "new.conf"), "--client", name).stdout
    assert story.startswith("client 02:00:00:00:00:05\n")
    assert story.count(f"DHCPACK {address}") == 4


@pytest.mark.parametrize("verb", ["slice", "whatif"])
def test_a_name_that_nobody_has_is_told(phone: tuple[str, str], verb: str, tmp_path: Path) -> None:
    (tmp_path / "new.conf").write_bytes(CONFIGURATION)
    rest = ("-o", str(tmp_path / "piece")) if verb == "slice" else ("-cf", str(tmp_path / "new.conf"))
    result = ask(verb, phone[0], "--client", "nobody", *rest)
    assert result.exit_code == 125
    assert "no client nobody" in result.stderr
    assert not (tmp_path / "piece").exists()
