"""Answers as tables for people. What strangers have called themselves is made safe for the terminal first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from ..replay.showing.terminal import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

_NEVER: Final = (1 << 32) - 1
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


def moment(seconds: int) -> str:
    """A time as people read it, in UTC; empty for none."""
    if seconds >= _NEVER:
        return "never"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)) if seconds else ""


def span(seconds: int) -> str:
    """How long: `3 d 4 h`, `12 min`, `7 s`."""
    for unit, name, below, small in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min"), (_MINUTE, "min", 1, "s")):
        if seconds >= unit:
            whole, rest = divmod(seconds, unit)
            return f"{whole} {name} {rest // below} {small}"
    return f"{seconds} s"


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> RenderableType:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        made.add_column(heading, justify="right" if heading.isupper() else "left", no_wrap=True)
    count = 0
    for row in rows:
        count += 1
        made.add_row(*(Text(safe(str(cell))) for cell in row))
    return made if count else Text("none")


def status(answer: Any) -> RenderableType:
    """The server as a whole."""
    recording = answer["recording"]
    rows = [
        ("dhcpd", f"{answer['version']} (as {answer['compatible_with']}), process {answer['pid']}"),
        ("started", f"{moment(answer['started'])} UTC, {span(answer['uptime_s'])} ago"),
        ("configuration", answer["configuration_file"]),
        ("lease file", f"{answer['lease_file']}{', being rewritten' if answer['rewriting'] else ''}"),
        ("interfaces", " ".join(answer["interfaces"]) or "none"),
        ("leases", f"{answer['leases']:,} addresses used so far, in {answer['pools']} pools"),
        ("hosts", f"{answer['hosts']:,}"),
        ("events", f"{answer['events']:,}"),
        ("recording", "none" if recording is None else _recording_text(recording)),
    ]
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, text in rows:
        made.add_row(Text(name, style="bold"), Text(safe(text)))
    return made


def _recording_text(recording: Any) -> str:
    paused = ", PAUSED: no room on the disk" if recording["paused"] else ""
    return f"{recording['file']}, {len(recording['older_files'])} older files{paused}"


def leases(answer: Any) -> RenderableType:
    """Leases, a line each."""
    headings = ("Address", "State", "Hardware", "Client", "Name", "Ends (UTC)", "Network")
    return _table(headings, (_lease_row(one) for one in answer["leases"]))


def _lease_row(one: Any) -> tuple[str, ...]:
    state = f"{one['state']}, reserved" if one["reserved"] else one["state"]
    client = one["client_id"] or one["host"]
    return (one["address"], state, one["hardware"], client, one["hostname"], moment(one["ends"]), one["network"])


def lease(answer: Any) -> RenderableType:
    """One lease."""
    return leases({"leases": [answer]})


def pools(answer: Any) -> RenderableType:
    """Pools, a line each."""
    headings = ("Pool", "Network", "Ranges", "TOTAL", "ACTIVE", "FREE", "EXPIRED", "ABANDONED", "BACKUP", "Used")
    return _table((*headings, "Full in"), (_pool_row(one) for one in answer["pools"]))


def _pool_row(one: Any) -> tuple[object, ...]:
    used = f"{100 * one['active'] // one['total']} %" if one["total"] else ""
    counts = (one[name] for name in ("total", "active", "free", "expired", "abandoned", "backup"))
    left = "" if one["full_in_s"] is None else span(one["full_in_s"])
    return (one["pool"], one["network"], " ".join(one["ranges"]), *counts, used, left)


def permits(answer: Any) -> RenderableType:
    """Pools, a line for each permit."""
    rows = (
        (one["pool"], one["network"], " ".join(one["ranges"]), permit, one["place"])
        for one in answer["pools"]
        for permit in one["permits"] or ["everybody"]
    )
    return _table(("Pool", "Network", "Ranges", "Who", "Declared at"), rows)


def hosts(answer: Any) -> RenderableType:
    """Host declarations, a line each."""
    headings = ("Name", "Hardware", "Client", "Addresses", "Group", "Declared at")
    rows = (
        (one["name"], one["hardware"], one["client_id"], " ".join(one["addresses"]), one["group"],
         "run time" if one["dynamic"] else one["place"])
        for one in answer["hosts"]
    )  # fmt: skip
    return _table(headings, rows)


def classes(answer: Any) -> RenderableType:
    """Classes, a line each."""
    rows = (
        (one["name"], one["charged"], one["limit"] or "", one["subclasses"], one["place"]) for one in answer["classes"]
    )
    return _table(("Class", "CHARGED", "LIMIT", "SUBCLASSES", "Declared at"), rows)


def client(answer: Any) -> RenderableType:
    """A client's leases, then its declarations."""
    from rich.console import Group  # noqa: PLC0415 - for this answer alone

    parts: list[RenderableType] = []
    if answer["leases"]:
        parts.append(leases(answer))
    if answer["hosts"]:
        parts.append(hosts(answer))
    return Group(*parts)


def failover(answer: Any) -> RenderableType:
    """Failover relationships, a line each; then why each is so, what it waits for, and what an operator may do."""
    from rich.console import Group  # noqa: PLC0415 - as in `client`

    rows = (
        (one["name"], one["role"], one["state"], moment(one["since"]), one["partner_state"],
         "connected" if one["connected"] else "no connection", one["unacked_updates"] + one["waiting_updates"])
        for one in answer["relationships"]
    )  # fmt: skip
    heads = ("Peer", "Role", "State", "Since (UTC)", "Partner's state", "Link", "UPDATES OWED")
    found = answer["relationships"]
    return Group(_table(heads, rows), *(Text(safe(line)) for one in found for line in _standing(one)))


def _standing(one: Any) -> Iterator[str]:
    yield f"{one['name']}: {one['state']} because {one['why']}"
    for each in one["awaited"]:
        yield f"  waits for  {each['what']}" + ("" if each["until"] is None else f": {moment(each['until'])}")
    for each in one["choices"]:
        state = each["local_state"]
        yield f"  you may    {each['what']}" + ("" if state is None else f" (omshell: set local-state = {state})")


def explanations(answer: Any) -> RenderableType:
    """Messages with what was decided about them."""
    from rich.console import Group  # noqa: PLC0415 - as in `client`

    parts: list[RenderableType] = [Text(safe(line)) for line in _unread(answer)]
    if not answer["explanations"]:
        parts.append(Text("nothing was heard of this client"))
    for one in answer["explanations"]:
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(one["wall_us"] // 1_000_000))
        parts.append(Text(f"event {one['seq']:,}  {when}", style="bold"))
        parts.append(Text(safe(f"  {one['description']}")))
        parts.append(Text(safe(f"  -> {one['answer']}")))
        rows = [
            (f"  {row['step']}", row["subject"], row["verdict"], row["why"], row["place"] or "")
            for row in one["reasons"]
        ]
        rows += [("  lease", *_change_cells(row), "") for row in one["changes"]]
        parts.append(_table(("  Step", "About", "Came to", "Why", "Place"), rows))
        parts.append(Text(""))
    return Group(*parts)


def reloads(answer: Any) -> RenderableType:
    """Reloads, each with what the log says of it and who is served otherwise since."""
    lines = _unread(answer)
    if not answer["reloads"]:
        lines.append("no configuration was read again")
    for one in answer["reloads"]:
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(one["wall_us"] // 1_000_000))
        lines.append(f"event {one['seq']:,}  {when}  {one['result']}")
        lines += [f"  {line}" for line in one["lines"]]
        lines += [f"  {line}" for line in one["changes"] or ["nobody is served otherwise"]]
    return Text("\n".join(safe(line) for line in lines))


def _unread(answer: Any) -> list[str]:
    """What was asked and could not answer."""
    return [f"not read: {one}" for one in answer["unread"]]


def _change_cells(change: Any) -> tuple[str, str, str]:
    old, new = change["before"], change["after"]
    states = new["state"] if old["state"] == new["state"] else f"{old['state']} -> {new['state']}"
    until = moment(new["ends"])
    return new["address"], f"{states} until {until}" if until else states, change["cause"]


def effective(answer: Any) -> RenderableType:
    """Statements as a configuration has them, their places as comments."""
    lines: list[str] = []
    for receiver in answer["receivers"]:
        lines.append(f"# {receiver['title']}")
        for one in receiver["statements"]:
            first, *others = one["text"].split("\n")
            lines += [f"{first:<56}  # {one['place']}", *others]
        lines.append("")
    return Text("\n".join(safe(line) for line in lines).rstrip())


def dns(answer: Any) -> RenderableType:
    """What name servers have missed, a line each."""
    if not answer["debts"]:
        return Text(f"nothing is owed; {answer['under_way']} updates are under way")
    rows = (
        (one["address"], one["add"], one["remove"], one["tries"], one["zone"], one["why"]) for one in answer["debts"]
    )
    return _table(("Address", "To add", "To remove", "TRIES", "Zone", "Why"), rows)


def done(answer: Any) -> RenderableType:
    """What was done."""
    return Text(safe(answer["done"]))


def recording(answer: Any) -> RenderableType:
    """The recording."""
    return Text(safe(_recording_text(answer)))


def reloaded(answer: Any) -> RenderableType:
    """What became of a reload."""
    return Text("\n".join(safe(line) for line in (answer["result"], *answer["lines"])))


