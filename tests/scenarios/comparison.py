"""When two servers' answers to a scenario count as the same: the rules of ../shared/oracle, `--log` included.

Kept here because the oracle is not part of the tree. What may differ is what a clock decides: seconds in replies by
two, times in the lease file by four, counted from the server's start. The layout of lease records may differ where it
has no meaning. Everything else is compared.
"""

from __future__ import annotations

import calendar
import difflib
import re
import time
from typing import Any, Final

_TIMES: Final = {51, 58, 59, 91}
_SLACK_S: Final = 2
_LEASE_SLACK_S: Final = 4
_CALM_EXITS: Final = (0, -15)


def differences(scenario: dict[str, Any], ours: dict[str, Any], isc: dict[str, Any]) -> list[str]:
    """What differs, in lines for the reader; empty where nothing does."""
    found = _logs(scenario, ours["log"], isc["log"])
    if (ours["exit"] in _CALM_EXITS) != (isc["exit"] in _CALM_EXITS):
        found.append(f"exit status: {ours['exit']}, ISC {isc['exit']}")
    apart = isc["began"] - ours["began"]
    for mine, yours in zip(ours["steps"], isc["steps"], strict=True):
        found += _step(mine, yours, apart, output=scenario.get("compare_output", True))
    if scenario.get("compare_leases", True):
        found += _leases(ours, isc)
    return found


def _step(mine: dict[str, Any], yours: dict[str, Any], apart: float, *, output: bool) -> list[str]:
    first, second, name = mine.get("replies", []), yours.get("replies", []), mine["step"]
    found = []
    if len(first) != len(second):
        heard, expected = (", ".join(reply["message"] for reply in replies) for replies in (first, second))
        found.append(f"step {name}: {len(first)} replies ({heard}), ISC {len(second)} ({expected})")
    else:
        for one, two in zip(first, second, strict=True):
            if not _near(one, two, apart):
                found += [f"step {name}:", *_changes(_rows(two), _rows(one))]
    if output and mine.get("output") != yours.get("output"):
        printed, expected = (mine.get("output") or "").splitlines(), (yours.get("output") or "").splitlines()
        found += [f"step {name} prints:", *_changes(expected, printed)]
    return found


def _near(ours: dict[str, Any], isc: dict[str, Any], apart: float) -> bool:
    """The same reply but for a second's difference in what counts seconds; `apart` is that of the two starts."""
    if {**ours, "options": 0} != {**isc, "options": 0} or len(ours["options"]) != len(isc["options"]):
        return False
    for (code, data), (other, expected) in zip(ours["options"], isc["options"], strict=True):
        if code != other:
            return False
        if data != expected:
            if code not in _TIMES or len(data) != 8 or len(expected) != 8:
                return False
            more = int(data, 16) - int(expected, 16)
            if abs(more) > _SLACK_S and abs(more - apart) > _SLACK_S:
                return False
    return True


def _rows(reply: dict[str, Any]) -> list[str]:
    rows = [f"{key}: {content}" for key, content in reply.items() if key != "options"]
    return rows + [f"option {code}: {data}" for code, data in reply["options"]]


def _changes(expected: list[str], found: list[str]) -> list[str]:
    """`-` what ISC says, `+` what we say."""
    rows = difflib.unified_diff(expected, found, lineterm="", n=0)
    return [f"    {row}" for row in rows if not row.startswith(("---", "+++", "@@"))]


# The log


def _logs(scenario: dict[str, Any], ours: list[str], isc: list[str]) -> list[str]:
    pairs = [("log", _spoken(isc), _spoken(ours))]
    if pattern := scenario.get("log_lines"):
        chosen = [[line for line in lines if re.search(pattern, line)] for lines in (isc, ours)]
        pairs.append((f"log lines with {pattern}", chosen[0], chosen[1]))
    found = []
    for what, expected, said in pairs:
        if changes := _changes(expected, said):
            found += [f"{what}:", *changes]
    return found


def _spoken(lines: list[str]) -> list[str]:
    """The lines that users' log parsers read: what was asked, what was answered."""
    pattern = r"\b(DHCP[A-Z]+ .*|BOOT(REQUEST|REPLY) .*|reuse_lease: .*|Abandoning .*|Reclaiming .*|no free .*)"
    found = [match[1] for line in lines if (match := re.search(pattern, line))]
    return [re.sub(r"age \d+", "age N", text) for text in found]


# The lease file


def _leases(ours: dict[str, Any], isc: dict[str, Any]) -> list[str]:
    first, second = (_last_records("\n".join(run["leases"]) + "\n") for run in (ours, isc))
    found = []
    for key in sorted(set(first) | set(second)):
        if first.get(key) != second.get(key):
            absent = ["(absent)"]
            found += [f"lease file, {key}:", *_changes(second.get(key, absent), first.get(key, absent))]
    return found + _late(ours, isc)


def _last_records(text: str) -> dict[str, list[str]]:
    """Each object's last word, its clock readings struck out."""
    last: dict[str, list[str]] = {}
    records = r"^(lease \S+|host \S+|group \S+|failover peer \S+ state) \{\n(.*?)^\}"
    for match in re.finditer(records, text, re.MULTILINE | re.DOTALL):
        struck = re.sub(r"(\d \d{4}/\d\d/\d\d \d\d:\d\d:\d\d|epoch \d+; # .*)", "TIME", match[2])
        last[match[1]] = _plain(struck.splitlines())
    return last


def _plain(rows: list[str]) -> list[str]:
    """A record's lines without what has no meaning: the order of `set`, the layout of `on` blocks."""
    out: list[str] = []
    depth = 0
    for row in rows:
        text = row.strip()
        if depth:
            out[-1] = re.sub(r"\s+(?=[;,)])|(?<=\()\s+", "", f"{out[-1]} {text}")
        else:
            out.append(text)
        if depth or text.startswith("on "):
            depth += text.count("{") - text.count("}")
    first = next((at for at, row in enumerate(out) if row.startswith("set ")), 0)
    sets = sorted(row for row in out if row.startswith("set "))
    out = [row for row in out if not row.startswith("set ")]
    return out[:first] + sets + out[first:]


def _late(ours: dict[str, Any], isc: dict[str, Any]) -> list[str]:
    """The times that differ by more than the two runs do."""
    first, second = (_times("\n".join(run["leases"]) + "\n", run["began"]) for run in (ours, isc))
    found = []
    for key, rows in sorted(first.items()):
        for name, (absolute, since) in sorted(rows.items()):
            other = second.get(key, {}).get(name, (absolute, since))
            if absolute != other[0] and abs(since - other[1]) > _LEASE_SLACK_S:
                found.append(f"lease file, {key}: {name} {since:+} s from the start, ISC {other[1]:+} s")
    return found


def _times(text: str, began: float) -> dict[str, dict[str, tuple[int, int]]]:
    """Each lease's times, as seconds since 1970 and since the server's start."""
    last = {}
    for match in re.finditer(r"^(lease \S+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        rows = {}
        dates = r"^ +(\w+) (?:\d (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)|epoch (\d+));"
        for name, date, epoch in re.findall(dates, match[2], re.MULTILINE):
            at = int(epoch) if epoch else calendar.timegm(time.strptime(date, "%Y/%m/%d %H:%M:%S"))
            rows[name] = at, round(at - began)
        last[match[1]] = rows
    return last
