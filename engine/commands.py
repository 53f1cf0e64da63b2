"""What an operator has the running server do: leases ended, abandoned and reserved, hosts made and removed.

Each command is a row of COMMANDS. What it does is done where OMAPI and the clients' own messages have it done
(lease/commit.py, service/lifecycle.py, omapi/objects/host.py), so that there is one way in for each change, with one
record in the lease file and one word to a failover partner. Values are texts; who sends them has looked at them, and
what is wrong all the same (a recording may say anything) is refused, never raised.

Other than over OMAPI, where a write of the flags ends a lease that is in use, `lease-reserve` leaves it to its client.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from ..trace.effects import CommandAnswer, Log, Store
from .model import notices
from .model.change import Cause
from .model.lease import ABANDONED, ACTIVE, FREE, RESERVED_FLAG, STATE_NAMES
from .omapi.handles import Handles, Reference
from .omapi.objects.base import Refused
from .omapi.objects.host import HOST, HostObjects
from .omapi.status import ALREADY_EXISTS, NOT_FOUND, text_of
from .service.lifecycle import abandon
from .service.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..trace.events import Command
    from .model.lease import Lease
    from .service.server import Server

DONE: Final = "done"
INVALID: Final = "invalid"
UNKNOWN: Final = "not-found"
CONFLICT: Final = "conflict"
FAILED: Final = "failed"
# What OMAPI's objects refuse with -> a command's result.
_REFUSALS: Final = {ALREADY_EXISTS: CONFLICT, NOT_FOUND: UNKNOWN}
# The arguments of `host-add` that are octets in hexadecimal, and those that are text, by OMAPI's names for them.
_OCTETS: Final = frozenset({"hardware-address", "dhcp-client-identifier"})
_HOST_VALUES: Final = (
    "name", "hardware-type", "hardware-address", "dhcp-client-identifier", "ip-address", "group", "statements",
)  # fmt: skip
_INTEGER_OCTETS: Final = 4


class Result(NamedTuple):
    """What became of a command: one of the five words above, and a sentence about it."""

    word: str
    text: str


def carry_out(server: Server | None, handles: Handles | None, command: Command) -> CommandAnswer:
    """Do what a command says; its effects are appended to the event's, and its answer is returned to be the last.

    `server` is None while none serves, `handles` where nobody holds objects over OMAPI.
    """
    if server is None:
        return CommandAnswer(command.call, FAILED, "the server does not serve now", durable=False)
    step = COMMANDS.get(command.name)
    if step is None:
        result = Result(INVALID, f"there is no command {command.name}")
    else:
        try:
            result = step(_Desk(server, Handles() if handles is None else handles), dict(command.arguments))
        except (ValueError, KeyError, OverflowError) as error:
            result = Result(INVALID, f"an argument is missing or cannot be read: {error}")
    if result.word == DONE:
        server.log(*notices.OPERATOR_CHANGE(what=result.text, who=command.who or "an operator"))
    if server.reasons is not None:
        server.reasons.append(Reason("object", command.name, result.word, f"{command.who}: {result.text}"))
    durable = any(type(effect) is Store for effect in server.effects)
    server.reversals.clear()
    return CommandAnswer(command.call, result.word, result.text, durable)


class _Desk:
    """What a command works on; a method for each."""

    def __init__(self, server: Server, handles: Handles) -> None:
        self._server = server
        self._handles = handles

    def _lease(self, arguments: Mapping[str, str]) -> Lease | None:
        return self._server.database.find(int(IPv4Address(arguments["address"])))

    def release(self, arguments: Mapping[str, str]) -> Result:
        """End the use of an address, as if its client had given it back; one that was abandoned is free, too."""
        lease = self._lease(arguments)
        if lease is None:
            return _no_range(arguments)
        address = arguments["address"]
        if lease.state in (ACTIVE, ABANDONED):
            self._server.leases.release(lease, None, Cause.REVOKE)
        elif lease.state != FREE:
            self._server.leases.write_state(lease, FREE)
        else:
            return Result(CONFLICT, f"lease {address} is free already")
        return Result(DONE, f"lease {address} is {STATE_NAMES[lease.state]}")

    def abandon(self, arguments: Mapping[str, str]) -> Result:
        """Leave an address alone for `abandon-lease-time`, whoever has it."""
        lease = self._lease(arguments)
        if lease is None:
            return _no_range(arguments)
        if lease.state == ABANDONED:
            return Result(CONFLICT, f"lease {arguments['address']} is abandoned already")
        abandon(self._server, lease, "an operator has asked for it.")
        return Result(DONE, f"lease {arguments['address']} is abandoned")

    def reserve(self, arguments: Mapping[str, str]) -> Result:
        """Keep an address for the client that has it or had it last."""
        lease = self._lease(arguments)
        if lease is None:
            return _no_range(arguments)
        if not lease.hardware and not lease.uid:
            return Result(CONFLICT, f"lease {arguments['address']} has had no client that it could be kept for")
        return self._mark(lease, arguments, reserved=True)

    def unreserve(self, arguments: Mapping[str, str]) -> Result:
        """Keep an address for nobody any more."""
        lease = self._lease(arguments)
        return _no_range(arguments) if lease is None else self._mark(lease, arguments, reserved=False)

    def _mark(self, lease: Lease, arguments: Mapping[str, str], *, reserved: bool) -> Result:
        address, word = arguments["address"], "reserved" if reserved else "not reserved"
        if bool(lease.flags & RESERVED_FLAG) == reserved:
            return Result(CONFLICT, f"lease {address} is {word} already")
        self._server.leases.reserve(lease, reserved)
        return Result(DONE, f"lease {address} is {word}")

    def add_host(self, arguments: Mapping[str, str]) -> Result:
        """Declare a host, as OMAPI does; it serves the next packet."""
        change = HostObjects(self._server, self._handles).create()
        given = ""
        try:
            for given in _HOST_VALUES:
                if given in arguments:
                    change.set(given.encode(), _octets_of(given, arguments[given]))
            given = "host"
            made = change.finish()
        except Refused as refused:
            said = [effect.text for effect in self._server.effects if isinstance(effect, Log) and effect.text.strip()]
            return Result(_REFUSALS.get(refused.code, INVALID), "; ".join([f"{given}: {text_of(refused.code)}", *said]))
        return Result(DONE, f"host {made.name} is declared")

    def remove_host(self, arguments: Mapping[str, str]) -> Result:
        """Remove a host declaration for good, also one of dhcpd.conf."""
        objects, reference = HostObjects(self._server, self._handles), Reference(HOST, arguments["name"])
        if not objects.exists(reference):
            return Result(UNKNOWN, f"no host is declared as {arguments['name']}")
        try:
            objects.remove(reference)
        except Refused as refused:
            return Result(_REFUSALS.get(refused.code, INVALID), f"host: {text_of(refused.code)}")
        return Result(DONE, f"host {arguments['name']} is removed")


def _octets_of(name: str, text: str) -> bytes:
    """A value as OMAPI has it; raises ValueError."""
    if name == "ip-address":
        return b"".join(IPv4Address(one).packed for one in text.split(","))
    if name == "hardware-type":
        return int(text).to_bytes(_INTEGER_OCTETS, "big")
    if name in _OCTETS:
        return bytes.fromhex(text.replace(":", ""))
    return text.encode("utf-8", "surrogateescape")


def _no_range(arguments: Mapping[str, str]) -> Result:
    return Result(UNKNOWN, f"{arguments['address']} is in no range")


# What there is: the name of a command -> what it does with its arguments.
COMMANDS: Final[dict[str, Callable[[_Desk, Mapping[str, str]], Result]]] = {
    "lease-release": _Desk.release,
    "lease-abandon": _Desk.abandon,
    "lease-reserve": _Desk.reserve,
    "lease-unreserve": _Desk.unreserve,
    "host-add": _Desk.add_host,
    "host-remove": _Desk.remove_host,
}
