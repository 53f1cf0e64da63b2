"""`dhcpd-trace`: questions to a recording, for people (tables, progress) and for programs (`--json`).

The table VERBS names every question; the module of that name in verbs/ is imported only when it is asked, so that
none pays for what another needs. No verb changes the recording that it reads. Exit statuses are those of
verdict.Status; a wrong command line is 2 by click's custom, which is why a tape that cannot be read at all says so on
stderr in one line.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

# In the order in which the help should list them: from looking to asking, judging, and making something of it.
VERBS: Final[dict[str, str]] = {
    "info": "What a recording is: who wrote it, when, how many events of which kind, and whether it is whole.",
    "show": "The events of a recording, and what the server did about each.",
    "stats": "Packets, answers, silences and pool use over the time of a recording.",
    "at": "The leases, pools and any other state at one moment of a recording.",
    "history": "Every holder and change of an address, or every address and message of a client.",
    "diff": "What became of the leases between two moments of a recording.",
    "explain": "Why the server did what it did: network, classes, pools, leases, times, options.",
    "whatif": "What another configuration would have answered the recorded clients.",
    "report": "A recording as one HTML file: what happened, and every client's story.",
    "verify": "Play recordings and compare every effect.",
    "bisect": "Which event two configurations, or two versions, are the first to answer otherwise.",
    "slice": "A piece of a recording, by events, time or client, as a recording that plays alone.",
    "shrink": "The smallest recording that still shows a fault.",
    "redact": "The same recording under pseudonyms, to be shown to others.",
    "import-isc": "Play a trace file of ISC dhcpd, and make a recording of it.",
    "import-pcap": "Tell this server what the clients in a capture said, and make a recording of it.",
    "export": "The packets of a recording as a capture for Wireshark, with the decisions as comments.",
}


class Verbs(click.Group):
    """A group that imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the table's order."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb, None where there is none of that name."""
        del ctx
        if cmd_name not in VERBS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f".verbs.{name}", __package__), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with their sentences, without importing any."""
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dhcpd")
def cli() -> None:
    """Question the recordings that `dhcpd -tf` makes."""


def main() -> None:
    """The console script."""
    cli(prog_name="dhcpd-trace")
