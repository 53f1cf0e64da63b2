"""The commands of `dhcpd-admin`: what each asks, and how its answer is shown.

Exit status: 0 done, 1 refused by the server, 2 a wrong command line, 3 no server there. Complaints go to standard error
with what to do about them; `--json` prints the server's answer as it came.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click

from ..replay.showing.terminal import safe, safe_lines
from .client import DEFAULT_SOCKET, AskError, Client
from .moments import moment, span

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSED: Final = 1
UNREACHABLE: Final = 3
PAGE_ROWS: Final = 1_000
_STATES: Final = ("free", "active", "expired", "released", "abandoned", "reset", "backup")


class Session:
    """How this run asks and prints."""

    def __init__(self, client: Client, *, as_json: bool) -> None:
        self.client = client
        self.as_json = as_json

    def show(self, answer: Any, table: str) -> None:
        """Print an answer, by the function of this name in tables.py."""
        if self.as_json:
            click.echo(json.dumps(answer, ensure_ascii=False))
            return
        from rich.console import Console  # noqa: PLC0415 - scripts that want JSON print no table

        from . import tables  # noqa: PLC0415 - as above

        # Of tables that are not for a terminal nothing is cut.
        console = Console(highlight=False, width=None if sys.stdout.isatty() else PAGE_ROWS, soft_wrap=False)
        console.print(getattr(tables, table)(answer))

    def get(self, path: str, table: str, query: dict[str, str] | None = None) -> None:
        """Ask, and show."""
        self.show(self.client.ask("GET", path, query), table)

    def post(self, path: str, table: str = "done", body: Any = None, method: str = "POST") -> None:
        """Have something done, and show what was."""
        self.show(self.client.ask(method, path, None, body), table)


# Commands that ask no server, and are imported when they are asked for: what they need is not what the others need.
_OFFLINE: Final = {"convert-kea": ("dhcpd.kea.command", "convert_kea")}


class Commands(click.Group):
    """The commands below, and the table's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help."""
        return sorted([*super().list_commands(ctx), *_OFFLINE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, None where there is none."""
        if cmd_name not in _OFFLINE:
            return super().get_command(ctx, cmd_name)
        module, name = _OFFLINE[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, each with its whole sentence: click would cut it."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help or "") for name, command in commands if command is not None])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--socket", "path", metavar="PATH", default=lambda: os.environ.get("DHCPD_ADMIN", DEFAULT_SOCKET),
              help=f"The server's --admin-socket; without it $DHCPD_ADMIN, or {DEFAULT_SOCKET}.")  # fmt: skip
@click.option("--url", metavar="URL", help="A server elsewhere: http://HOST:PORT, as of an `ssh -L` to its socket.")
@click.option("--json", "as_json", is_flag=True, help="The server's answer as JSON.")
@click.pass_context
def dhcpd_admin(context: click.Context, path: str, url: str | None, *, as_json: bool) -> None:
    """Ask a running dhcpd, and have it change things."""
    context.obj = Session(Client(path, url), as_json=as_json)


def _command(name: str, help_text: str) -> Callable[[Callable[..., None]], click.Command]:
    def make(function: Callable[..., None]) -> click.Command:
        return dhcpd_admin.command(name, help=help_text)(click.pass_obj(function))

    return make


@_command("status", "The server as a whole: since when it runs, what it serves, where it records.")
def status(session: Session) -> None:
    """`dhcpd-admin status`."""
    session.get("/v1/status", "status")


@_command("leases", "Leases, by address; all of them, or those that fit everything that is given.")
@click.option("--state", type=click.Choice(_STATES), help="In this state.")
@click.option("--pool", type=click.IntRange(0), help="Of the pool of this number (see `pools`).")
@click.option("--network", metavar="NAME", help="Of this shared network or subnet.")
@click.option("--hardware", metavar="MAC", help="Of this hardware address.")
@click.option("--client-id", metavar="HEX", help="Of this client identifier.")
@click.option("--hostname", metavar="NAME", help="Of clients that give themselves this name.")
@click.option("--ends-before", metavar="TIME", type=moment, help="That end before this moment: 14:05, +2h, +7d.")
@click.option("--ends-after", metavar="TIME", type=moment, help="That end after this moment.")
@click.option("--reserved", is_flag=True, default=None, help="That are kept for their client.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N.")
def leases(session: Session, *, limit: int | None, **filters: object) -> None:
    """`dhcpd-admin leases`."""
    given = {name: value for name, value in filters.items() if value is not None}
    query = {name: "true" if value is True else str(value) for name, value in given.items()}
    session.show({"leases": _pages(session, "/v1/leases", "leases", query, limit)}, "leases")


def _pages(session: Session, path: str, name: str, query: dict[str, str], limit: int | None) -> list[Any]:
    rows: list[Any] = []
    after: str | None = ""
    while after is not None and (limit is None or len(rows) < limit):
        size = PAGE_ROWS if limit is None else min(PAGE_ROWS, limit - len(rows))
        where = {"limit": str(size), **({"after": after} if after else {})}
        page = session.client.ask("GET", path, {**query, **where})
        rows += page[name]
        after = page["next"]
    return rows


@_command("pools", "Pools, with how many of their addresses are in which state, and when they will be full.")
@click.option("--full-within", metavar="SPAN", type=span, help="Only those that are full in 12h, 7d, if it goes on so.")
@click.option("--permits", is_flag=True, help="Who may use each, instead of how full it is.")
def pools(session: Session, full_within: int | None, *, permits: bool) -> None:
    """`dhcpd-admin pools`."""
    answer = session.client.ask("GET", "/v1/pools")
    if full_within is not None:
        answer["pools"] = [one for one in answer["pools"] if not one["free"] or _is_full_in(one, full_within)]
    session.show(answer, "permits" if permits else "pools")


def _is_full_in(pool: Any, seconds: int) -> bool:
    return pool["full_in_s"] is not None and pool["full_in_s"] <= seconds


@_command("hosts", "Host declarations in force.")
def hosts(session: Session) -> None:
    """`dhcpd-admin hosts`."""
    session.show({"hosts": _pages(session, "/v1/hosts", "hosts", {}, None)}, "hosts")


@_command("classes", "Classes in force, and how many leases are charged to them.")
def classes(session: Session) -> None:
    """`dhcpd-admin classes`."""
    session.get("/v1/classes", "classes")


@_command("client", "The leases and declarations of a client: by address, hardware address, identifier or name.")
@click.argument("client", metavar="MAC|IP|NAME")
def client(session: Session, client: str) -> None:
    """`dhcpd-admin client`."""
    session.get(f"/v1/clients/{quote(client, safe='')}", "client")


@_command("failover", "The failover relationships.")
def failover(session: Session) -> None:
    """`dhcpd-admin failover`."""
    session.get("/v1/failover", "failover")


@_command("metrics", "Counters and states, in the text format of Prometheus: all, or those whose names begin so.")
@click.argument("begin", nargs=-1, metavar="[NAME]...")
def metrics(session: Session, begin: tuple[str, ...]) -> None:
    """`dhcpd-admin metrics`."""
    text = session.client.octets("GET", "/metrics").decode()
    sys.stdout.writelines(line for line in text.splitlines(keepends=True) if not begin or line.startswith(begin))


@_command("explain", "Why a client was answered as it was: its last messages, by the recording.")
@click.argument("client", metavar="MAC|IP|NAME")
@click.option("--hours", type=click.IntRange(1), metavar="N", help="Messages of so many hours; 24 without it.")
@click.option("--count", type=click.IntRange(1, 100), metavar="N", help="At most the last N messages; 4 without it.")
@click.option("--at", "until", type=moment, metavar="TIME", help="The last before this: 03:12, 2026-11-24T03:12, -2h.")
def explain(session: Session, client: str, **limits: int | None) -> None:
    """`dhcpd-admin explain`."""
    query = {name: str(value) for name, value in limits.items() if value is not None}
    session.get("/v1/explain", "explanations", {"client": client, **query})


@_command("reloads", "What each reload has changed, and for whom, by the recording.")
@click.option("--hours", type=click.IntRange(1), metavar="N", help="Reloads of so many hours; 48 without it.")
def reloads(session: Session, hours: int | None) -> None:
    """`dhcpd-admin reloads`."""
    session.get("/v1/reloads", "reloads", None if hours is None else {"hours": str(hours)})


@_command("config", "What an address, subnet, host or class gets by the configuration in force, with file and line.")
@click.argument("what", default="all")
def config(session: Session, what: str) -> None:
    """`dhcpd-admin config`."""
    session.get("/v1/configuration", "effective", {"what": what})


@_command("dns", "Names that name servers have missed, and that will be tried again.")
def dns(session: Session) -> None:
    """`dhcpd-admin dns`."""
    session.get("/v1/dns", "dns", {"limit": str(PAGE_ROWS)})


@_command("report", "A file of the recording as a page to look at: traffic, pools, troubles, every client's story.")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="FILE", help="Write it here.")
@click.option("--file", "name", metavar="NAME", help="This file of the recording; without it, the one written now.")
def report(session: Session, output: str, name: str | None) -> None:
    """`dhcpd-admin report`."""
    page = session.client.octets("GET", "/v1/report", None if name is None else {"file": name})
    try:
        Path(output).write_bytes(page)
    except OSError as error:
        raise click.FileError(output, error.strerror or str(error)) from error


@_command("reload", "Have the configuration read again: all of it is taken over, or nothing.")
def reload(session: Session) -> None:
    """`dhcpd-admin reload`."""
    session.post("/v1/reload", "reloaded")


@_command("rotate", "Begin a new file of the recording.")
def rotate(session: Session) -> None:
    """`dhcpd-admin rotate`."""
    session.post("/v1/recording/rotate", "recording")


def _lease_command(verb: str, help_text: str) -> None:
    @_command(verb, help_text)
    @click.argument("address", metavar="IP")
    def run(session: Session, address: str) -> None:
        session.post(f"/v1/leases/{quote(address, safe='')}/{verb}")


_lease_command("release", "End the use of an address, as if its client had given it back.")
_lease_command("abandon", "Leave an address alone for a time, whoever has it.")
_lease_command("reserve", "Keep an address for the client that has it, or had it last.")
_lease_command("unreserve", "Keep an address for nobody any more.")


@_command("host-add", "Declare a host: it is served from the next packet on, and after a restart.")
@click.argument("name")
@click.option("--hardware", metavar="MAC", help="Its hardware address.")
@click.option("--hardware-type", metavar="N", type=click.IntRange(0, 255), help="The type of it; 1 is Ethernet.")
@click.option("--client-id", metavar="HEX", help="Its identifier.")
@click.option("--address", metavar="IP", help="The address that it always gets.")
@click.option("--group", metavar="NAME", help="The group whose statements are for it.")
@click.option("--statements", metavar="TEXT", help="Statements of dhcpd.conf for it.")
def host_add(session: Session, name: str, **fields: object) -> None:
    """`dhcpd-admin host-add`."""
    given = {key: value for key, value in fields.items() if value is not None}
    session.post("/v1/hosts", body={"name": name, **given})


@_command("host-remove", "Remove a host declaration, for good.")
@click.argument("name")
def host_remove(session: Session, name: str) -> None:
    """`dhcpd-admin host-remove`."""
    session.post(f"/v1/hosts/{quote(name, safe='')}", method="DELETE")


@dhcpd_admin.command("watch", help="Ask again and again: `dhcpd-admin watch pools`.",
                     context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.option("--every", type=click.FloatRange(0.2), default=2.0, show_default=True, metavar="SECONDS")
@click.option("--count", type=click.IntRange(1), metavar="N", help="Stop after so many.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_context
def watch(context: click.Context, *, every: float, count: int | None, command: tuple[str, ...]) -> None:
    """`dhcpd-admin watch`."""
    name, *words = command
    asked = dhcpd_admin.get_command(context, name)
    if asked is None or name == "watch":
        raise click.UsageError(f"there is no command {name!r} to watch")
    number = 0
    while count is None or number < count:
        if number:
            time.sleep(every)
        if sys.stdout.isatty():
            click.clear()
        with asked.make_context(name, [*words], parent=context.parent) as made:
            asked.invoke(made)
        number += 1


def main() -> int:
    """Run with the process's arguments; returns its exit status."""
    try:
        status = dhcpd_admin.main(standalone_mode=False)
    except AskError as error:
        click.echo(f"dhcpd-admin: {safe(error.text)}", err=True)
        if error.advice:
            click.echo(f"  {safe_lines(error.advice)}", err=True)
        return REFUSED if error.status else UNREACHABLE
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    return status if isinstance(status, int) else 0
