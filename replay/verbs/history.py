"""`dhcpd-trace history`: every holder of an address, or everything about a client."""

from __future__ import annotations

import sys
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

import click

from ..command.console import JSON, TAPE, complain, opened, print_json, print_lines, seq_of_moment
from ..command.progress import reading
from ..looking.history import Line
from ..looking.history import history as lines_of
from ..looking.leasetable import lease_object
from ..playing.verdict import Status
from ..showing.describe import moment

if TYPE_CHECKING:
    from collections.abc import Callable


@click.command()
@TAPE
@click.argument("subject", metavar="ADDRESS|CLIENT")
@click.option("--changes", is_flag=True, help="Only changes of leases, no messages.")
@click.option("--since", metavar="TIME|EVENT", help="Begin with the state at this moment, written as for `at`.")
@click.option("--until", metavar="TIME|EVENT", help="End at this moment.")
@JSON
def history(
    trace: str, *, subject: str, changes: bool, since: str | None, until: str | None, as_json: bool
) -> None:
    """Every holder and change of an address, or every address and message of a client.

    A client is named by its hardware address, its identifier or its host name.

    The whole recording is played, or from the snapshot before --since. Exit status 125: it knows nothing of this
    address or client.
    """
    printer = _Lines(_print_json if as_json else _Columns())
    with opened(trace) as tape:
        after = None if since is None else seq_of_moment(tape, since, "--since")
        end = None if until is None else seq_of_moment(tape, until, "--until")
        with reading(tape, as_json=as_json, until=end or 0) as progress:
            for line in lines_of(tape, subject, after=after, until=end, progress=progress.at):
                if not (changes and line.what == "message"):
                    progress.clear()
                    printer.take(line)
    if not printer.found:
        complain(f"{trace}: nothing of {subject}")
        sys.exit(Status.UNJUDGED)


class _Lines:
    """Lines on their way to `show`: what was done to the server waits for the first line of the subject's own."""

    def __init__(self, show: Callable[[Line], None]) -> None:
        self.found = False
        self._show = show
        self._waiting: list[Line] = []

    def take(self, line: Line) -> None:
        """The next line."""
        own = line.what in ("message", "lease", "dns")
        if not (own or self.found):
            self._waiting.append(line)
            return
        for before in self._waiting:
            self._show(before)
        self._waiting.clear()
        self.found = True
        self._show(line)


class _Columns:
    """Lines for people: an event's number and time stand once, and what its message says is not said again."""

    def __init__(self) -> None:
        self._seq = -1
        self._said = ""

    def __call__(self, line: Line) -> None:
        again = line.seq == self._seq
        when = moment(line.wall_us).removesuffix(" UTC") if line.wall_us and not again else ""
        text = self._rest(line) if again and line.what == "lease" else line.text
        reason = f"  [{line.reason}]" if line.reason else ""
        seq = "" if again else str(line.seq)
        print_lines(f"{seq:>8}  {when:<26} {_MARKS.get(line.what, '+')} {text}{reason}")
        self._seq = line.seq
        self._said = line.text if line.what == "message" else self._said if again else ""

    def _rest(self, line: Line) -> str:
        """A change of a lease without the address and the client that the message of the same event has named."""
        row = line.after or line.before
        assert row is not None, "a change has a side"
        text, address = line.text, str(IPv4Address(row.address))
        if address in self._said.split():
            text = text.removeprefix(f"{address} ")
            text = text.replace(f"offered to {row.who}", "offered", 1)
        return text


# What stands before a line: a change of a lease, a message, its name in DNS; `+` is what was done to the server.
_MARKS: Final = {"lease": "*", "message": " ", "dns": "@"}


def _print_json(line: Line) -> None:
    before, after = (None if row is None else lease_object(row) for row in (line.before, line.after))
    print_json({**line._asdict(), "before": before, "after": after})
