"""Which interfaces are served, and to which network each belongs: interface discovery as ISC dhcpd does it.

Works on the list of links that the `Interfaces` event brought, and on what the command line and the configuration
named. It opens nothing; it says what to open, and the lines to log.

See docs/behaviour/packets.md#interfaces-at-the-start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..trace.effects import ERROR, INFO, Log
from ..trace.events import Interfaces, Link
from .model.configuration import SharedNetwork
from .wire.text import dotted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..trace.effects import Effect
    from ..trace.events import SendFailed
    from .model.configuration import Configuration, Subnet

# The kernel's flags of an interface (IFF_UP and its like).
_UP: Final = 0x1
_BROADCAST: Final = 0x2
_LOOPBACK: Final = 0x8
_POINT_TO_POINT: Final = 0x10

# The kernel's hardware types with which DHCP frames can be made: Ethernet, token ring (two numbers), FDDI.
_SERVABLE: Final = frozenset({1, 6, 800, 774})
# Not ISC's: on the loopback a server is tried out, by `make demo` and the tests.
_LOOPBACK_TYPE: Final = 772
# What the system says of an interface that does not exist (ENODEV).
_ABSENT: Final = "No such device"
_FIRST_UNPRIVILEGED_PORT: Final = 1025


@dataclass
class Attachment:
    """An interface as the server sees it. `address`: its first IPv4 address, 0 for none; `network` None: not served."""

    name: str
    hardware: bytes = b""
    hardware_type: int = 0
    address: int = 0
    network: SharedNetwork | None = None
    requested: bool = False


@dataclass
class Discovery:
    """What became of the interfaces: `served` in ISC's order, `lines` to log before (`warnings`) and after opening.

    `fatal` is the text that ends the server instead, empty for none.
    """

    served: list[Attachment] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)
    lines: list[tuple[int, str, Attachment | None]] = field(default_factory=list)
    fatal: str = ""


def discover(configuration: Configuration, links: Sequence[Link], named: Sequence[str], port: int) -> Discovery:
    """Choose and attach the interfaces; `named` are those of the command line, `port` the server's."""
    found = Discovery()
    attachments = _candidates(links, [*named, *configuration.requested_interfaces])
    _attach(configuration, links, attachments, found)
    if not found.fatal:
        _register(attachments, port, found)
    return found


def _candidates(links: Sequence[Link], named: list[str]) -> list[Attachment]:
    """Every interface in ISC's list order (newly seen ones in front), each marked whether it is requested."""
    order: list[Attachment] = []
    for name in named:
        order.insert(0, Attachment(name, requested=True))
    known = {attachment.name: attachment for attachment in reversed(order)}  # named twice: the first in the list serves
    for link in links:
        attachment = known.get(link.name)
        if attachment is not None:
            attachment.hardware, attachment.hardware_type = link.hardware, link.hardware_type
        if not _usable(link, named=link.name in named):
            continue
        if attachment is None:
            attachment = known[link.name] = Attachment(link.name, requested=not named)
            order.insert(0, attachment)
        _learn(attachment, link)
    return order


def _usable(link: Link, *, named: bool) -> bool:
    """Whether ISC would look at the interface at all: those that are named may be loopback or point-to-point."""
    if not link.flags & _UP:
        return False
    return named or bool(link.flags & _BROADCAST and not link.flags & (_LOOPBACK | _POINT_TO_POINT))


def _learn(attachment: Attachment, link: Link) -> None:
    attachment.hardware = link.hardware
    attachment.hardware_type = link.hardware_type
    if link.addresses and not attachment.address:
        attachment.address = link.addresses[0][0]


def _attach(
    configuration: Configuration, links: Sequence[Link], attachments: list[Attachment], found: Discovery
) -> None:
    """Give each interface the network of its addresses, or that whose `interface` statement names it."""
    by_name = {attachment.name: attachment for attachment in reversed(attachments)}
    subnet_claims: dict[tuple[int, int], str] = {}
    network_claims: dict[int, str] = {}
    for network in configuration.networks:
        if network.interface is not None:
            network_claims[network.number] = network.interface
            if network.interface in by_name:
                by_name[network.interface].network = network
    for link in links:
        # The addresses of an interface that is down are as good as none.
        attachment = by_name.get(link.name) if link.flags & _UP else None
        for address, _length in link.addresses if attachment is not None else ():
            subnet = configuration.find_subnet(address)
            if subnet is not None and attachment is not None and not found.fatal:
                _claim(attachment, subnet, subnet_claims, network_claims, found)


def _claim(
    attachment: Attachment,
    subnet: Subnet,
    subnet_claims: dict[tuple[int, int], str],
    network_claims: dict[int, str],
    found: Discovery,
) -> None:
    """One address of an interface lies in `subnet`: attach, or complain.

    See docs/behaviour/packets.md#attaching-an-interface-to-its-network.
    """
    network, name = subnet.network, attachment.name
    first = subnet_claims.setdefault((subnet.number, subnet.netmask), name)
    if first != name:
        found.warnings.append((ERROR, f"Multiple interfaces match the same subnet: {first} {name}"))
    if attachment.network is not None and attachment.network is not network:
        found.fatal = f"Interface {name} matches multiple shared networks"
        return
    first = network_claims.setdefault(network.number, name)
    if first != name:
        found.warnings.append((ERROR, f"Multiple interfaces match the same shared network: {first} {name}"))
    attachment.network = network


def _register(attachments: list[Attachment], port: int, found: Discovery) -> None:
    """Take up the requested interfaces that have a network; the others get ISC's block of advice."""
    for attachment in attachments:
        if not attachment.requested:
            continue
        if attachment.network is None:
            found.lines += [(ERROR, text, None) for text in _advice(attachment)]
        elif not attachment.hardware_type:
            found.lines.append((ERROR, f"{attachment.name} missing an interface address", None))
            found.fatal = f"Failed to get interface index: {_ABSENT}"
            return
        elif _servable(attachment, port):
            _take(attachment, found)
        else:
            found.fatal = f'Unsupported device type {attachment.hardware_type} for "{attachment.name}"'
            return
    if not found.served:
        found.lines.append((INFO, "", None))
        found.fatal = "Not configured to listen on any interfaces!"


def _servable(attachment: Attachment, port: int) -> bool:
    """Ethernet and its like; on an unprivileged port loopback too, for development and demonstrations."""
    kind = attachment.hardware_type
    return kind in _SERVABLE or (kind == _LOOPBACK_TYPE and port >= _FIRST_UNPRIVILEGED_PORT)


def _take(attachment: Attachment, found: Discovery) -> None:
    if not attachment.address:
        found.lines.append((ERROR, f"{attachment.name} missing an interface address", None))
    found.served.append(attachment)
    found.lines.append((INFO, "", attachment))


def _advice(attachment: Attachment) -> list[str]:
    address = dotted(attachment.address) if attachment.address else "no IPv4 addresses"
    return [
        "",
        f"No subnet declaration for {attachment.name} ({address}).",
        f"** Ignoring requests on {attachment.name}.  If this is not what",
        "   you want, please write a subnet declaration",
        "   in your dhcpd.conf file for the network segment",
        f"   to which interface {attachment.name} is attached. **",
        "",
    ]


def listening_lines(attachment: Attachment, *, plain_udp: bool) -> list[str]:
    """ISC's two lines for a served interface: by packet socket, or by a plain UDP socket."""
    network = attachment.network.name if attachment.network is not None else ""
    if plain_udp:
        return [f"Listening on Socket/{attachment.name}/{network}", f"Sending on   Socket/{attachment.name}/{network}"]
    where = f"LPF/{attachment.name}/{attachment.hardware.hex(':')}/{network}"
    return [f"Listening on {where}", f"Sending on   {where}"]


def plain_interfaces(event: Interfaces) -> list[Any]:
    """What a snapshot keeps of the interfaces' event."""
    return [event.wall_us, event.mono_us, [tuple(link) for link in event.links], event.error]


def interfaces_from(data: Sequence[Any]) -> Interfaces:
    """The event that `plain_interfaces` has kept."""
    event = Interfaces(*data)
    links = (Link(*fields) for fields in event.links)
    return event._replace(
        links=tuple(link._replace(addresses=tuple((a, b) for a, b in link.addresses)) for link in links)
    )


def send_failed_lines(event: SendFailed) -> list[Effect]:
    """What ISC dhcpd says of a datagram that could not be sent."""
    lines: list[Effect] = [Log(ERROR, f"send_packet: {event.error}")]
    if event.unreachable and not event.raw:
        lines.append(Log(ERROR, "send_packet: please consult README file regarding broadcast address."))
    if event.marker:
        where = f"{event.length} byte long packet over {event.interface} interface."
        lines.append(Log(ERROR, f"{event.marker}: Failed to send {where}"))
    return lines
