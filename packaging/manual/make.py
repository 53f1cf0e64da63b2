"""Write the pages of the manual, from what the programs themselves say: `make manual`, and the package's build.

The command lines come from the programs (dhcpd/cli.py, click's commands, omshell's help), the differences from
docs/differences.md, so that no page can tell of an option that is not there.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import roff
import server

from dhcpd import __version__, cli
from dhcpd.adminctl.cli import dhcpd_admin
from dhcpd.omshell.__main__ import HELP
from dhcpd.replay.command import cli as trace

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
ALSO = (
    "dhcpd(8), dhcpd-trace(1), dhcpd-admin(1), omshell(1), dhcpd.conf(5), dhcpd.leases(5), and the documents beside "
    "the program."
)


def main() -> None:
    """Write all pages below the folder that is named, each in its section's."""
    for name, text in pages():
        path = Path(sys.argv[1]) / f"man{name[-1]}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def pages() -> Iterator[tuple[str, str]]:
    """The name of each page's file, and its text."""
    yield "dhcpd.8", _server()
    yield "dhcpd-trace.1", _trace()
    yield "omshell.1", _omshell()
    yield "dhcpd-admin.1", _admin()
    differences = (ROOT / "docs" / "differences.md").read_text("utf-8")
    what = "where dhcpd is knowingly not as ISC dhcpd"
    yield "dhcpd.conf.5", roff.page("dhcpd.conf", 5, what, __version__, roff.from_markdown(differences))


def _server() -> str:
    usage = cli.usage("dhcpd").removeprefix("Usage: ")
    return roff.page("dhcpd", 8, "serve addresses by DHCP", __version__, [
        ("synopsis", roff.literal(re.sub(r"(?m)^ {0,7}", "", usage))),
        ("description", roff.paragraphs(server.DESCRIPTION)),
        ("options", roff.terms(cli.OPTIONS.items())),
        ("signals", roff.terms(server.SIGNALS.items())),
        ("environment", roff.terms(server.ENVIRONMENT.items())),
        ("exit status", roff.terms(server.STATUS.items())),
        ("see also", roff.escaped(ALSO)),
    ])  # fmt: skip


def _trace() -> str:
    context = click.Context(trace.cli, info_name="dhcpd-trace", max_content_width=100)
    parts = [
        ("synopsis", roff.literal("dhcpd-trace VERB [WORDS]...")),
        ("description", roff.paragraphs(trace.cli.help or "")),
        ("verbs", roff.terms(trace.VERBS.items())),
    ]
    for verb in trace.VERBS:
        command = trace.cli.get_command(context, verb)
        assert command is not None, "the table names what there is"
        with click.Context(command, info_name=f"dhcpd-trace {verb}", max_content_width=100) as inner:
            parts.append((verb, roff.literal(command.get_help(inner))))
    return roff.page("dhcpd-trace", 1, "question the recordings of dhcpd", __version__, [
        *parts, ("see also", roff.escaped(ALSO)),
    ])  # fmt: skip


def _admin() -> str:
    parts = [("synopsis", roff.literal("dhcpd-admin [--socket PATH | --url URL] [--json] COMMAND [WORDS]..."))]
    with click.Context(dhcpd_admin, info_name="dhcpd-admin", max_content_width=100) as context:
        parts.append(("description", roff.literal(dhcpd_admin.get_help(context))))
        for name, command in dhcpd_admin.commands.items():
            with click.Context(command, info_name=name, parent=context, max_content_width=100) as inner:
                parts.append((name, roff.literal(command.get_help(inner))))
    return roff.page("dhcpd-admin", 1, "ask a running dhcpd, and have it change things", __version__, [
        *parts, ("see also", roff.escaped(ALSO)),
    ])  # fmt: skip


def _omshell() -> str:
    usage, rest = HELP.removeprefix("Usage: ").split("\n\n", 1)
    description, options = rest.split("\n\n", 1)
    return roff.page("omshell", 1, "look at the objects of a running dhcpd, and change them", __version__, [
        ("synopsis", roff.literal(usage)),
        ("description", roff.paragraphs(description)),
        ("options", roff.literal(options)),
        ("see also", roff.escaped(ALSO)),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
