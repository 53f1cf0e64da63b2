"""The plugin for pytest: recordings are tests, and each must play to the same effects.

    [tool.pytest.ini_options]
    testpaths = ["recordings"]
    dhcpd_traces = ["*.trace"]          # the names of recordings; this is the default
    dhcpd_leases = "{name}.leases"      # the lease file that a run left, beside its recording; the default

A failure shows the card of the difference. `pytest --trace-update` makes the recordings say what this engine does, and
tells what that changed. Every run of pytest where dhcpd is installed loads this module, so it imports nothing of the
server before there is a recording to play.
"""

from __future__ import annotations

import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _pytest._code.code import TerminalRepr, TracebackStyle

    from .retell.bless import Blessing

_BLESSINGS: Final = pytest.StashKey[list["Blessing"]]()
_LINES_SHOWN: Final = 12


class RecordingFailed(Exception):
    """A recording does not play as it should; the text is the card, or says what else is wrong."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option and the two settings."""
    group = parser.getgroup("dhcpd", "recordings of dhcpd")
    group.addoption(
        "--trace-update",
        action="store_true",
        help="write into the recordings what the engine does now, keep the old ones aside, and tell what changed",
    )
    parser.addini("dhcpd_traces", "names of files that are recordings of dhcpd", type="args", default=["*.trace"])
    parser.addini("dhcpd_leases", "the lease file beside a recording; {name} is its name", default="{name}.leases")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A recording is a file with one test."""
    if any(fnmatch(file_path.name, pattern) for pattern in parent.config.getini("dhcpd_traces")):
        return Recording.from_parent(parent, path=file_path)
    return None


class Recording(pytest.File):
    """The file of a recording."""

    def collect(self) -> Iterator[Playback]:
        """Its one test."""
        yield Playback.from_parent(self, name="plays")


class Playback(pytest.Item):
    """Play it, and compare every effect, and the lease file where there is one."""

    @property
    def obj(self) -> Callable[[], None]:
        """What plays it: some plugins (pytest-trio) look at the function of every test."""
        return self.runtest

    def runtest(self) -> None:
        """Raises RecordingFailed."""
        if self.config.getoption("trace_update"):
            self._bless()
        with tempfile.TemporaryDirectory(prefix="dhcpd-pytest-") as folder:
            played = Path(folder) / "leases"
            self._play(played)
            self._compare(played)

    def _play(self, played: Path) -> None:
        from .playing.play import play_file, report  # noqa: PLC0415 - see the module
        from .playing.verdict import Status  # noqa: PLC0415

        verdict = play_file(str(self.path), str(played))
        if verdict.status is not Status.SAME:
            raise RecordingFailed("\n".join(report(verdict)))

    @property
    def _leases(self) -> Path:
        name: str = self.config.getini("dhcpd_leases")
        return self.path.with_name(name.replace("{name}", self.path.stem))

    def _compare(self, played: Path) -> None:
        if not self._leases.exists():
            return
        from .retell.bless import lease_file_difference  # noqa: PLC0415 - see the module

        found = lease_file_difference(self.path, self._leases.read_bytes(), played.read_bytes())
        if found:
            head = f"The lease file of the playback is not {self._leases.name}:"
            raise RecordingFailed("\n".join([head, *(f"    {line}" for line in found)]))

    def _bless(self) -> None:
        from ..trace import TapeError  # noqa: PLC0415 - see the module
        from .retell.bless import CannotBless, bless  # noqa: PLC0415

        try:
            blessing = bless(self.path, self._leases)
        except (TapeError, CannotBless) as error:
            raise RecordingFailed(f"not updated: {error}") from None
        if blessing.moved:
            self.config.stash.setdefault(_BLESSINGS, []).append(blessing)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: TracebackStyle | None = None
    ) -> str | TerminalRepr:
        """The card without a traceback; anything else is a defect, with one."""
        if isinstance(excinfo.value, RecordingFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test stands."""
        return self.path, None, f"{self.path.name} {self.name}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What `--trace-update` changed."""
    blessings = terminalreporter.config.stash.get(_BLESSINGS, [])
    if not blessings:
        return
    folder = terminalreporter.config.invocation_params.dir
    terminalreporter.section("recordings updated")
    for one in blessings:
        events = "1 event has" if one.events == 1 else f"{one.events:,} events have"
        terminalreporter.line(f"{_shown(one.path, folder)}: {events} other effects")
        for text, count in one.changes.most_common(_LINES_SHOWN):
            terminalreporter.line(f"    {count:>7,} x {text}")
        if len(one.changes) > _LINES_SHOWN:
            terminalreporter.line(f"    and {len(one.changes) - _LINES_SHOWN:,} other kinds of change")
        for name in one.moved:
            terminalreporter.line(f"    kept aside: {_shown(Path(name), folder)}")


def _shown(path: Path, folder: Path) -> Path:
    """The name as seen from `folder`, if it is in there."""
    return path.relative_to(folder) if path.is_relative_to(folder) else path
