"""The name that DNS has for a lease's address, where the configuration wants it (`get-lease-hostnames`).

A packet that needs a name which is not known yet waits for it, and is received again when the answer is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR, ReverseLookup
from ...agenda import Owner
from ...conf.running import parameters as par
from ...wire.codes import HOST_NAME
from ...wire.text import dotted
from ..waiting import UnnamedPacket

if TYPE_CHECKING:
    from ...model.configuration import Host
    from ...model.context import Message, OptionSet
    from ...model.lease import Lease
    from ..server import Server

# The resolver has answered by then, or is taken to have no answer.
NAME_WAIT_US: Final = 5_000_000


def must_ask_name(server: Server, options: OptionSet, lease: Lease, host: Host | None, packet: Message) -> bool:
    """Whether the packet must wait for the name of its address (`get-lease-hostnames`); has asked for it."""
    if lease.address in server.names or HOST_NAME in options.dhcp:
        return False
    if host is not None and options.server.get(par.USE_HOST_DECL_NAMES) == b"\x01":
        return False
    again = UnnamedPacket(packet.interface, packet.source, packet.source_port, packet.payload, server.event)
    if lease.pool is not None:
        server.database.keep(lease)
    server.unnamed[lease.address] = again
    server.agenda.set(Owner.REVERSE_LOOKUP, lease.address, server.now_us + NAME_WAIT_US)
    server.effects.append(ReverseLookup(lease.address))
    return True


def reverse_name(server: Server, address: int) -> bytes | None:
    """The name that was found for an address; a failure is logged."""
    name = server.names.get(address)
    if not name:
        server.log(ERROR, f"No hostname for {dotted(address)}")
        return None
    return name + b"\x00"
