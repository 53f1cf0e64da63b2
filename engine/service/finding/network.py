"""Which shared network a packet belongs to (RFC 3527, RFC 3011).

Link selection, subnet selection, the relay's address, the receiving interface: the first that is there decides, and
is not followed by the next where it leads nowhere. ciaddr is no part of this.

See docs/behaviour/decisions.md#the-network-of-a-packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...wire.codes import ADDRESS_OCTETS, SUBNET_SELECTION
from ...wire.text import dotted
from ..reasons import Reason

if TYPE_CHECKING:
    from ...model.configuration import SharedNetwork, Subnet
    from ...model.context import Message
    from ..server import Server

LINK_SELECTION: Final = 5


def selected(packet: Message) -> tuple[bytes, bool] | None:
    """What the relay (True) or the client (False) selected, in octets; None where neither did."""
    agent = packet.agent
    if agent is not None and not packet.stashed and LINK_SELECTION in agent:
        return agent[LINK_SELECTION], True
    value = packet.options.get(SUBNET_SELECTION)
    return None if value is None else (value, False)


def subnet_of(server: Server, value: bytes) -> Subnet | None:
    """The subnet that has a selected address; None for a value of another length."""
    if len(value) != ADDRESS_OCTETS:
        return None
    return server.generation.configuration.find_subnet(int.from_bytes(value, "big"))


def locate(server: Server, packet: Message) -> SharedNetwork | None:
    """The packet's network; None where there is none."""
    subnet: Subnet | None
    if SUBNET_SELECTION in packet.options or packet.spaces:
        choice = selected(packet)
        if choice is not None:
            subnet = subnet_of(server, choice[0])
            found = None if subnet is None else subnet.network
            return _explained(server, found, "link selection" if choice[1] else "subnet selection", choice[0].hex(":"))
    if packet.giaddr:
        subnet = server.generation.configuration.find_subnet(packet.giaddr)
        found = None if subnet is None else subnet.network
        return found if server.reasons is None else _explained(server, found, "giaddr", dotted(packet.giaddr))
    interface = server.generation.interfaces.get(packet.interface)
    found = None if interface is None else interface.network
    return found if server.reasons is None else _explained(server, found, "interface", packet.interface)


def _explained(server: Server, found: SharedNetwork | None, how: str, value: str) -> SharedNetwork | None:
    if server.reasons is not None:
        verdict = "none" if found is None else found.name
        place = None if found is None else found.place
        server.reasons.append(Reason("network", value, verdict, f"the packet's {how}", place))
    return found
