"""What the flight recorder knows: why a client was answered as it was in the last hours, and the report of a file.

Playing a recording takes seconds, so that each answer is made by a process of its own (`Errand`). It reads the files as
anybody would: what has been recorded up to the question is in them.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ...against import changed
from ...replay.looking.explain import as_object
from ...replay.looking.explain import explain as explanations
from ...replay.looking.naming import client_test
from ...replay.playing.seek import machine_at
from ...replay.report.findings import collect
from ...replay.report.page import render
from ...trace import Entry, TapeError, open_tape
from ...trace.effects import ConfigurationRefused, Log
from ...trace.events import ConfigurationEnd
from ..problems import Problem
from ..routes import JSON, Errand, Text

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from ...trace import Tape
    from ..shapes import Reload, Reloads
    from ..site import Site

HTML: Final = "text/html; charset=utf-8"
_HOUR_US: Final = 3_600_000_000
_MICROSECONDS: Final = 1_000_000
# When an event was, and its number. Two files hold what came while the later one was begun; each run counts from one.
_Moment: TypeAlias = tuple[int, int]


def explain(site: Site, values: Mapping[str, Any]) -> Generator[Errand, bytes, Text]:
    """Why the server did what it did about a client's last messages."""
    recorder = site.recording
    recorder.flush()
    files = [*recorder.older_files, recorder.path]
    until_us = site.now_us() if values["until"] is None else values["until"] * _MICROSECONDS + _MICROSECONDS - 1
    since_us = until_us - values["hours"] * _HOUR_US
    client, count = values["client"], values["count"]
    return Text(JSON, (yield Errand(lambda: explained(files, client, count, since_us, until_us))))


def explained(files: Sequence[str], client: str, count: int, since_us: int, until_us: int) -> bytes:
    """The explanations of a client's last `count` messages between two moments, the oldest first.

    `files` are those of the recording, in order.
    """
    rows: dict[_Moment, dict[str, object]] = {}
    unread: list[str] = []
    for path in reversed(files):
        if len(rows) >= count or _ended_us(path) < since_us:
            break
        try:
            with open_tape(path) as tape:
                wanted = client_test(client, tape)
                found = [
                    (entry.event.wall_us, entry.seq) for entry in tape.iterate()
                    if isinstance(entry, Entry) and since_us <= entry.event.wall_us <= until_us and wanted(entry)
                ]  # fmt: skip
                numbers = [one[1] for one in found if one not in rows][-(count - len(rows)) :]
                rows |= {(one.event.wall_us, one.seq): as_object(one) for one in explanations(tape, numbers)}
        except TapeError as error:
            unread.append(_told(path, error))
    answer = {"explanations": [rows[moment] for moment in sorted(rows)], "unread": unread}
    return json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _told(path: str, error: TapeError) -> str:
    """Which file could not be read, and why."""
    text = str(error)
    return text if text.startswith(path) else f"{path}: {text}"


def _ended_us(path: str) -> int:
    try:
        return int(os.stat(path).st_mtime * _MICROSECONDS)  # noqa: PTH116 - a name
    except OSError:
        return 0


def reloads(site: Site, values: Mapping[str, Any]) -> Generator[Errand, bytes, Text]:
    """What each reload of the last hours has changed, and for whom."""
    recorder = site.recording
    recorder.flush()
    files = [*recorder.older_files, recorder.path]
    since_us = site.now_us() - values["hours"] * _HOUR_US
    return Text(JSON, (yield Errand(lambda: reloaded(files, since_us))))


def reloaded(files: Sequence[str], since_us: int) -> bytes:
    """The reloads since a moment, by the recording's files in order; each with what the one before it meant."""
    rows: dict[_Moment, Reload] = {}
    unread: list[str] = []
    for path in files:
        if _ended_us(path) < since_us:
            continue
        try:
            with open_tape(path) as tape:
                rows |= {(row["wall_us"], row["seq"]): row for row in _reloads_of(tape, since_us)}
        except TapeError as error:
            unread.append(_told(path, error))
    answer: Reloads = {"reloads": [rows[moment] for moment in sorted(rows)], "unread": unread}
    return json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _reloads_of(tape: Tape, since_us: int) -> Iterator[Reload]:
    wanted = [
        entry for entry in tape.iterate()
        if isinstance(entry, Entry) and isinstance(entry.event, ConfigurationEnd) and entry.event.reload
        and entry.event.wall_us >= since_us
    ]  # fmt: skip
    for entry in wanted:
        before, after = machine_at(tape, entry.seq - 1).configuration, machine_at(tape, entry.seq).configuration
        assert before is not None, "a server that reads its configuration again has one"
        assert after is not None, "and keeps it where the new one is refused"
        effects = entry.effects or ()
        refused = any(isinstance(effect, ConfigurationRefused) for effect in effects)
        result = "refused" if refused else "in force" if after is not before else "waits"
        yield {
            "seq": entry.seq,
            "wall_us": entry.event.wall_us,
            "result": result,
            "lines": [effect.text for effect in effects if isinstance(effect, Log)],
            "changes": [*changed(before, after)],
        }


def report(site: Site, values: Mapping[str, Any]) -> Generator[Errand, bytes, Text]:
    """The report of a file of the recording, the one that is written now unless another is named."""
    recorder = site.recording
    recorder.flush()
    files = {os.path.basename(path): path for path in (*recorder.older_files, recorder.path)}  # noqa: PTH119 - names
    name = values["file"]
    path = recorder.path if name is None else files.get(name)
    if path is None:
        raise Problem(404, f"the recording has no file {name[:80]}", "GET /v1/recording tells those that it has")
    return Text(HTML, (yield Errand(lambda: page(path))))


def page(path: str) -> bytes:
    """The report of a recording."""
    with open_tape(path) as tape:
        return render(collect(tape)).encode()
