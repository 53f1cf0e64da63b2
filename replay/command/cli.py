"""`dhcpd-trace`: questions to a recording, for people (tables, progress) and for programs (`--json`).

The table VERBS names every question; the module of that name in verbs/ is imported only when it is asked, so that
none pays for what another needs. No verb changes the recording that it reads. Exit statuses are those of
verdict.Status; a wrong command line is 2 by click's custom, which is why a tape that cannot be read at all says so on
stderr in one line. ^C is 130 and a reader that went away (`| head`) 141, both in silence, so that neither is taken for
a verdict; nor is a defect of the verbs themselves, which is 125 with its traceback.
"""

from __future__ import annotations

import os
import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import click

from ..playing.verdict import INTERRUPTED, NO_READER, Status

# In the order in which the help should list them: from looking to asking, judging, and making something of it.
VERBS: Final[dict[str, str]] = {
    "info": "What a recording is: who wrote it, when, how many events of which kind, and whether it is whole.",
    "show": "The events of a recording, and what the server did about each.",
    "stats": "Packets, answers, silences and pool use over the time of a recording.",
    "metrics": "What the server's /metrics said when the recording ended.",
    "at": "The leases, pools and any other state at one moment of a recording.",
    "history": "Every holder and change of an address, or every address and message of a client.",
    "diff": "What became of the leases between two moments of a recording.",
    "pair": "Both ends of a failover pair on one timeline, what never came, and their leases side by side.",
    "explain": "Why the server did what it did: network, classes, pools, leases, times, options.",
    "whatif": "What another configuration would have answered the recorded clients.",
    "report": "A recording as one HTML file: what happened, and every client's story.",
    "verify": "Play recordings and compare every effect.",
    "bisect": "Which event two configurations, or two versions, are the first to answer otherwise.",
    "slice": "A piece of a recording, by events, time or client, as a recording that plays alone.",
    "shrink": "The smallest recording that still shows a fault.",
    "redact": "The same recording under pseudonyms, to be shown to others.",
    "simulate": "Failover servers in a hostile world, from seeds: what fails is kept as recordings.",
    "import-isc": "Play a trace file of ISC dhcpd, and make a recording of it.",
    "import-pcap": "Tell this server what the clients in a capture said, and make a recording of it.",
    "export": "The packets of a recording as a capture for Wireshark, with the decisions as comments.",
}
# The help's headings, each before the verb that it begins with.
SECTIONS: Final[dict[str, str]] = {
    "info": "Look into a recording",
    "explain": "Ask why, and what if",
    "verify": "Hold it against this version, or another",
    "slice": "Make another recording of it",
    "simulate": "Look for what nobody has recorded yet",
    "import-isc": "From and to other programs",
}
# What stands at the end of each verb's help.
EXAMPLES: Final[dict[str, str]] = {
    "info": "dhcpd-trace info today.trace",
    "show": "dhcpd-trace show today.trace --client 00:11:22:33:44:55 --since 14:05:00 --full",
    "stats": "dhcpd-trace stats today.trace --every 1h",
    "metrics": "dhcpd-trace metrics today.trace",
    "at": "dhcpd-trace at today.trace 14:05:00 --leases",
    "history": "dhcpd-trace history today.trace 10.0.0.17",
    "diff": "dhcpd-trace diff today.trace 14:05:00 14:35:00",
    "pair": "dhcpd-trace pair primary.trace secondary.trace --lost",
    "explain": "dhcpd-trace explain today.trace --client 00:11:22:33:44:55",
    "whatif": "dhcpd-trace whatif today.trace -cf new.conf --fail-on lost-service",
    "verify": "dhcpd-trace verify corpus/ --jobs 4 --junit verdicts.xml",
    "bisect": "dhcpd-trace bisect today.trace --other /opt/dhcpd-next/bin/dhcpd",
    "slice": "dhcpd-trace slice today.trace --since 14:05:00 --until 14:10:00 -o piece.trace",
    "shrink": "dhcpd-trace shrink today.trace --until-differs -o small.trace",
    "redact": "dhcpd-trace redact small.trace -o shown.trace",
    "simulate": "dhcpd-trace simulate --seeds 1..1000 --jobs 2",
    "import-isc": "dhcpd-trace import-isc isc.trace -o today.trace",
    "import-pcap": "dhcpd-trace import-pcap today.pcap -cf dhcpd.conf -o today.trace",
    "export": "dhcpd-trace export today.trace --pcapng today.pcapng",
    "report": "dhcpd-trace report today.trace -o report.html",
}


class Verbs(click.Group):
    """A group that imports a verb when it is asked for."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; what ends every verb alike ends here."""
        try:
            found = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            # What is still to be written, at the end of the process at the latest, goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(NO_READER)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; a verb that is mistyped gets the one that was meant."""
        meant = [] if not args or args[0] in VERBS else get_close_matches(args[0], VERBS, 1)
        if meant and not args[0].startswith("-"):
            ctx.fail(f"There is no verb '{args[0]}': did you mean '{meant[0]}'?")
        return super().resolve_command(ctx, args)

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
        command: click.Command = getattr(import_module(f"..verbs.{name}", __package__), name)
        command.epilog = command.epilog or f"Example: {EXAMPLES[cmd_name]}"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with their sentences under their headings, without importing any."""
        del ctx
        width = max(map(len, VERBS))
        rows: dict[str, list[tuple[str, str]]] = {}
        heading = ""
        for verb, sentence in VERBS.items():
            heading = SECTIONS.get(verb, heading)
            rows.setdefault(heading, []).append((f"{verb:<{width}}", sentence))
        for heading, verbs in rows.items():
            with formatter.section(heading):
                formatter.write_dl(verbs)


@click.group(
    cls=Verbs,
    subcommand_metavar="VERB [WORDS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="dhcpd")
def cli() -> None:
    """Question the recordings that `dhcpd -tf` makes: dhcpd-trace VERB --help tells how.

    Times are in UTC. Exit status: 0 yes or the same, 1 different, 2 the file is damaged, no recording, or the command
    line is wrong, 125 it cannot be judged, 130 interrupted.
    """


def main() -> None:
    """The console script."""
    try:
        cli(prog_name="dhcpd-trace")
    except Exception:  # noqa: BLE001 - the interpreter's status for it would be that of a difference
        traceback.print_exc()
        click.echo("dhcpd-trace: this is a defect of dhcpd-trace; please report it with the lines above", err=True)
        sys.exit(Status.UNJUDGED)
