"""What operators have changed: requests as commands for the engine, and what it answers as HTTP has it."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final

from ..trace.effects import ConfigurationRefused, Log
from .answers.status import recording_object
from .problems import Problem
from .routes import Change, Reload

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from ..trace.effects import CommandAnswer, Effect
    from .shapes import Done, Recording, Reloaded
    from .site import Site

# A command's result -> HTTP's status, and what may be done about it.
REFUSALS: Final = {
    "invalid": (400, "see docs/ask-the-running-server.md for what is wanted"),
    "not-found": (404, "GET /v1/pools and GET /v1/hosts tell what there is"),
    "conflict": (409, "GET /v1/leases and GET /v1/hosts tell what there is"),
    "failed": (503, "ask again when the server serves"),
}


def _command(name: str, arguments: list[tuple[str, str]]) -> Generator[Change, CommandAnswer, Done]:
    answer = yield Change(name, tuple(arguments))
    if answer.result != "done":
        status, advice = REFUSALS[answer.result]
        raise Problem(status, answer.text, advice)
    return {"done": answer.text}


def lease_command(name: str) -> Callable[[Site, Mapping[str, Any]], Generator[Change, CommandAnswer, Done]]:
    """A command about the lease of an address."""

    def run(_site: Site, values: Mapping[str, Any]) -> Generator[Change, CommandAnswer, Done]:
        return _command(name, [("address", str(IPv4Address(values["address"])))])

    return run


def add_host(_site: Site, values: Mapping[str, Any]) -> Generator[Change, CommandAnswer, Done]:
    """Declare a host."""
    hardware, identifier, address = values["hardware"], values["client_id"], values["address"]
    if hardware is None and identifier is None:
        raise Problem(400, "nothing tells this host's client", "give hardware or client_id")
    arguments = [("name", values["name"])]
    if hardware is not None:
        arguments += [("hardware-type", str(values["hardware_type"])), ("hardware-address", hardware.hex(":"))]
    if identifier is not None:
        arguments.append(("dhcp-client-identifier", identifier.hex(":")))
    if address is not None:
        arguments.append(("ip-address", str(IPv4Address(address))))
    arguments += [(name, values[name]) for name in ("group", "statements") if values[name] is not None]
    return _command("host-add", arguments)


def remove_host(_site: Site, values: Mapping[str, Any]) -> Generator[Change, CommandAnswer, Done]:
    """Remove a host declaration."""
    return _command("host-remove", [("name", values["name"])])


def outcome(effects: Sequence[Effect], *, waits: bool) -> Reloaded:
    """What became of a reload, by the effects of its event; `waits`: host names are being looked up first."""
    lines = [effect.text for effect in effects if isinstance(effect, Log)]
    if any(isinstance(effect, ConfigurationRefused) for effect in effects):
        return {"result": "refused", "lines": lines}
    return {"result": "waits" if waits else "in force", "lines": lines}


def reload(_site: Site, _values: Mapping[str, Any]) -> Generator[Reload, Reloaded, Reloaded]:
    """Read the configuration again, as SIGHUP has it."""
    outcome = yield Reload()
    if outcome["result"] == "refused":
        raise Problem(409, "the configuration is refused, and the old one stays in force", "\n".join(outcome["lines"]))
    return outcome


def rotate(site: Site, _values: Mapping[str, Any]) -> Recording:
    """Begin a new file of the recording, as SIGUSR2 has it; it is there in a moment."""
    site.recording.want_segment()
    return recording_object(site.recording)
