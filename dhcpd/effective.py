"""What dhcpd.conf comes to for a subnet, a pool, a host or a class, with the place of each value: `--dump-config`.

Scopes are gone through from the outermost to the innermost, as a message's are, and what a later one says goes before
what an earlier one said. What depends on the message (conditions, handlers) is shown as it stands, in its place.

See docs/behaviour/configuration.md#order-of-evaluation.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, NamedTuple

from .engine.conf.writing.printing import print_block
from .engine.model import syntax
from .engine.wire.text import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .engine.model.configuration import Configuration, Host, Pool, Scope, Subnet
    from .engine.model.syntax import Node, Place


class Receiver(NamedTuple):
    """Who or what gets something: a title for people, and the scopes in the order in which they are run."""

    title: str
    scopes: tuple[Scope, ...]


class Statement(NamedTuple):
    """One statement in force, as text, and where it stands."""

    text: str
    place: Place


class NobodyOfThatName(ValueError):
    """Nothing in the configuration is called so."""


def receivers(configuration: Configuration, what: str) -> list[Receiver]:
    """Those that `what` names: `all`, an address, a subnet (10.0.0.0/24), or a host's or class's name.

    Raises NobodyOfThatName.
    """
    found = list(everybody(configuration)) if what == "all" else _named(configuration, what)
    if not found:
        raise NobodyOfThatName(what)
    return found


def _named(configuration: Configuration, what: str) -> list[Receiver]:
    try:
        wanted = IPv4Network(what, strict=False)
    except ValueError:
        return [
            *(_host(configuration, host) for host in configuration.hosts if host.name.lower() == what.lower()),
            *(receiver for receiver in _classes(configuration) if receiver.title == f"class {what}"),
        ]
    first, last = int(wanted.network_address), int(wanted.broadcast_address)
    if first == last:
        return _of_address(configuration, first)
    return [one for subnet in configuration.subnets if first <= subnet.number <= last for one in _of_subnet(subnet)]


def _of_address(configuration: Configuration, address: int) -> list[Receiver]:
    """The host with this fixed address, else the pool, else the subnet."""
    hosts = [_host(configuration, host) for host in configuration.hosts if address in host.fixed_addresses]
    subnet, found = configuration.find_subnet(address), configuration.find_range(address)
    if hosts or subnet is None:
        return hosts
    return [_of_pool(found[0], found[1]) if found is not None else Receiver(_name(subnet), _chain(subnet.scope))]


def everybody(configuration: Configuration) -> Iterator[Receiver]:
    """All pools, subnets without a pool, classes and hosts."""
    for subnet in configuration.subnets:
        yield from _of_subnet(subnet)
    yield from _classes(configuration)
    for host in configuration.hosts:
        yield _host(configuration, host)


def _of_subnet(subnet: Subnet) -> Iterator[Receiver]:
    """A subnet's pools, or itself where it has none: its hosts' addresses."""
    pools = [pool for pool in subnet.network.pools if subnet in pool.range_subnets]
    if not pools:
        yield Receiver(_name(subnet), _chain(subnet.scope))
    for pool in pools:
        yield _of_pool(pool, subnet)


def _of_pool(pool: Pool, subnet: Subnet) -> Receiver:
    ranges = ", ".join(dotted(low) if low == high else f"{dotted(low)} - {dotted(high)}" for low, high in pool.ranges)
    own = tuple(pool.scope.chain(subnet.scope)) if not pool.implicit else ()
    return Receiver(f"{_name(subnet)}, pool of {ranges}", (*_chain(subnet.scope), *own))


def _host(configuration: Configuration, host: Host) -> Receiver:
    """A host where its first fixed address is; where it has none, what is its own."""
    for address in host.fixed_addresses:
        subnet = configuration.find_subnet(address) if isinstance(address, int) else None
        if subnet is not None:
            own = host.scope.chain(subnet.scope)
            return Receiver(f"host {host.name}, in {_name(subnet)}", (*_chain(subnet.scope), *own))
    return Receiver(f"host {host.name}", _chain(host.scope))


def _classes(configuration: Configuration) -> Iterator[Receiver]:
    for one in configuration.classes:
        yield Receiver(f"class {one.name}", _chain(one.scope))


def _name(subnet: Subnet) -> str:
    name = f"subnet {IPv4Address(subnet.number)}/{subnet.prefix_length}"
    return name if subnet.network.implicit else f"{name} of shared-network {subnet.network.name}"


def _chain(scope: Scope) -> tuple[Scope, ...]:
    return tuple(scope.chain())


def in_force(scopes: Iterable[Scope]) -> list[Statement]:
    """What counts when these scopes are run one after the other, in order of the last change."""
    found: dict[object, Statement] = {}
    for scope in scopes:
        for statement in scope.statements:
            if statement.place.line:  # what is built in is no statement of the file
                _run(statement, found)
    return list(found.values())


def _run(statement: Node, found: dict[object, Statement]) -> None:
    # Parameters are options of the space `server` to the language alone (docs/language.md).
    text = re.sub(r"^(option|supersede) server\.", "", print_block([statement]).rstrip("\n"))
    shown = Statement(text, statement.place)
    if not isinstance(statement, syntax.OptionStatement):
        found[id(statement)] = shown
    elif statement.operator == "supersede":
        found.pop(statement.option.full_name, None)
        found[statement.option.full_name] = shown
    elif statement.operator != "default" or statement.option.full_name not in found:
        # `append` and `prepend` change what is there, and both are in force.
        found[statement.option.full_name if statement.operator == "default" else id(statement)] = shown


def lines(chosen: Sequence[Receiver]) -> Iterator[str]:
    """All of it for people: a title, then a statement a line with its place as a comment, as a configuration has it."""
    for receiver in chosen:
        yield f"# {receiver.title}"
        for text, place in in_force(receiver.scopes):
            first, *others = text.split("\n")
            yield f"{first:<56}  # {place.file} line {place.line}"
            yield from others
        yield ""
