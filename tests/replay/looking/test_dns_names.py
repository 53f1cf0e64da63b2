"""`at --leases` says what name a lease has in DNS, what is owed and what was refused, and why."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from dhcpd.replay.command.cli import cli

RECORDED = Path(__file__).resolve().parents[3] / "fixtures"


def printed(*words: str) -> list[str]:
    done = CliRunner().invoke(cli, ["at", *words], catch_exceptions=False, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def in_dns(*words: str) -> dict[str, str]:
    """By address, the last column."""
    head, *rows = printed(*words)
    at = head.index("in DNS")
    return {row.split()[0]: row[at:].strip() for row in rows}


def test_names_refusals_and_debts_have_a_column() -> None:
    refused = "(Has an address record but no DHCID, not mine.)"
    assert in_dns(str(RECORDED / "ddns/conflict-standard-1.trace"), "+5s", "--leases") == {
        "10.0.0.100": "",
        "10.0.0.101": "alpha.example.org",
        "10.0.0.102": f"refused: static.example.org {refused}",
        "10.0.0.103": f"refused: alias.example.org {refused}",
        "10.0.0.104": "",
    }
    owed = in_dns(str(RECORDED / "ddns/tsig-answers-1.trace"), "+10s", "--lease", "10.0.0.103")
    assert owed == {"10.0.0.103": "owed, to add: n4.example.org (tsig verify failure)"}


def test_json_has_the_same() -> None:
    words = (str(RECORDED / "ddns/conflict-standard-1.trace"), "+5s", "--leases", "--json")
    rows = {one["address"]: one["dns"] for one in map(json.loads, printed(*words))}
    why = "Has an address record but no DHCID, not mine."
    assert rows["10.0.0.101"] == {"name": "alpha.example.org", "reverse": "101.0.0.10.in-addr.arpa.", "missing": []}
    assert rows["10.0.0.102"]["missing"] == [{"how": "refused", "name": "static.example.org", "why": why}]


def test_without_dynamic_dns_there_is_no_column() -> None:
    words = (str(RECORDED / "dhcrelay/trace.bin"), "13", "--leases")
    assert "in DNS" not in printed(*words)[0]
    assert "dns" not in json.loads(printed(*words, "--json")[0])
