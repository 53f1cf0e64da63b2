"""What the flight recorder knows: why a client was answered as it was in the last hours, and the report of a file.

Playing a recording takes seconds, so that each answer is made by a process of its own (`Errand`). It reads the files as
anybody would: what has been recorded up to the question is in them.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from ...replay.looking.explain import as_object
from ...replay.looking.explain import explain as explanations
from ...replay.looking.naming import client_test
from ...replay.report.findings import collect
from ...replay.report.page import render
from ...trace import Entry, TapeError, open_tape
from ..problems import Problem
from ..routes import JSON, Errand, Text

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from ..site import Site

HTML: Final = "text/html; charset=utf-8"
_HOUR_US: Final = 3_600_000_000
_MICROSECONDS: Final = 1_000_000


def explain(site: Site, values: Mapping[str, Any]) -> Generator[Errand, bytes, Text]:
    """Why the server did what it did about a client's last messages."""
    recorder = site.recording
    recorder.flush()
    files = [*recorder.older_files, recorder.path]
    since_us = site.now_us() - values["hours"] * _HOUR_US
    client, count = values["client"], values["count"]
    return Text(JSON, (yield Errand(lambda: explained(files, client, count, since_us))))


def explained(files: Sequence[str], client: str, count: int, since_us: int) -> bytes:
    """The explanations of a client's last `count` messages since a moment, the oldest first, out of files in order."""
    rows: dict[int, dict[str, object]] = {}
    unread: list[str] = []
    for path in reversed(files):
        if len(rows) >= count or _ended_us(path) < since_us:
            break
        try:
            with open_tape(path) as tape:
                wanted = client_test(client, tape)
                found = [
                    entry.seq for entry in tape.iterate()
                    if isinstance(entry, Entry) and entry.event.wall_us >= since_us and wanted(entry)
                ]  # fmt: skip
                # Two files hold what came while the later one was begun.
                numbers = [seq for seq in found if seq not in rows][-(count - len(rows)) :]
                rows |= {one.seq: as_object(one) for one in explanations(tape, numbers)}
        except TapeError as error:
            unread.append(f"{path}: {error}")
    answer = {"explanations": [rows[seq] for seq in sorted(rows)], "unread": unread}
    return json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _ended_us(path: str) -> int:
    try:
        return int(os.stat(path).st_mtime * _MICROSECONDS)  # noqa: PTH116 - a name
    except OSError:
        return 0


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
