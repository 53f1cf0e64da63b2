"""`dhcpd-trace redact`: a recording that may be shown to strangers."""

from __future__ import annotations

import secrets

import click

from ...trace import DamagedTape
from ..command.console import (
    JSON,
    TAPE,
    content_of,
    leave,
    opened,
    output,
    output_option,
    print_json,
    print_pairs,
    watching,
)
from ..playing.verdict import Status
from ..redact import NotRedacted, Report
from ..redact import redact as redacted
from ..showing.statusline import Progress

_KEY_OCTETS = 32
_SHOWN_MAX = 10
_LETTERS_MAX = 48
_ALWAYS_LEFT = "times, ports and other numbers, the seed of the random ones, error texts of the system"


@click.command()
@TAPE
@output_option("Write the new recording here.")
@click.option("--addresses", is_flag=True, help="Hide IP addresses too; shared prefixes stay shared.")
@click.option(
    "--key-file",
    metavar="FILE",
    help="Take the key of the pseudonyms from this file: the same key gives the same pseudonyms in every recording. "
    "Without it the key is drawn at random and thrown away.",
)
@JSON
def redact(trace: str, *, out: str, addresses: bool, key_file: str | None, as_json: bool) -> None:
    """The same recording under pseudonyms: who the clients are does not show, what the server decided does.

    Hidden are hardware addresses, client identifiers, host and domain names, circuit and remote ids, comments, and the
    secrets of keys, also in messages of OMAPI, failover and DNS. Both recordings are played side by side: where a
    decision hangs on a name, that name is spared. What is spared, and what is left, is listed.
    """
    key = secrets.token_bytes(_KEY_OCTETS) if key_file is None else content_of(key_file)
    with opened(trace) as tape, watching(Progress, as_json=as_json) as progress, output(out, trace) as name:
        try:
            report = redacted(tape, str(name), key, addresses=addresses, watch=progress)
        except NotRedacted as error:
            leave(f"{trace}: not redacted: {error}", Status.DIFFERENT)
        except DamagedTape as error:
            leave(f"{error}; `dhcpd-trace slice` makes a whole recording of what is before it", Status.DAMAGED)
    _print_report(out, report, as_json=as_json)


def _cut(value: str) -> str:
    return value if len(value) <= _LETTERS_MAX else f"{value[:_LETTERS_MAX]}..."


def _listed(what: str, values: tuple[str, ...]) -> str:
    """The first of the values; `--json` has all of them."""
    shown = ", ".join(_cut(value) for value in values[:_SHOWN_MAX])
    more = len(values) - _SHOWN_MAX
    return f"{len(values):,} {what}: {shown}{f' and {more:,} more' if more > 0 else ''}"


def _print_report(out: str, report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "output": out,
                "events": report.events,
                "hidden": report.hidden,
                "kept": list(report.kept),
                "spared": {kind: list(values) for kind, values in report.spared.items()},
                "left": report.left,
                "carried": report.carried,
                "showing": list(report.showing),
            }
        )
        return
    rows = [("written", out), ("events", f"{report.events:,}, each decided as before")]
    rows += [("hidden", f"{count:,} {what}") for what, count in report.hidden.items() if count]
    rows.append(("removed", "comments of the configuration and the lease file"))
    if report.kept:
        rows.append(("kept", f"pieces of names that the configuration compares with: {', '.join(report.kept)}"))
    rows += [("spared", _listed(f"{kind} that a decision looks at", values)) for kind, values in report.spared.items()]
    rows += [("left", f"{count:,} {what}") for what, count in sorted(report.left.items())]
    rows.append(("left", _ALWAYS_LEFT))
    if report.showing:
        found = ", ".join(report.showing)
        rows.append(
            ("look at", f"event {report.showing_at:,} and others, which may show what was to be hidden: {found}")
        )
    if report.carried:
        rows.append(("carried over", f"recorded effects of {report.carried:,} events that differ from the engine's"))
    print_pairs(rows)
