"""DHCPRELEASE (RFC 2131 section 4.3.4): never answered; the lease goes back if it is the sender's.

See docs/behaviour/decisions.md#dhcprelease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....trace.effects import INFO
from ...wire.codes import CLIENT_IDENTIFIER
from ...wire.text import hardware_text, release_line
from .partner import ignores

if TYPE_CHECKING:
    from ...model.configuration import SharedNetwork
    from ...model.context import Context, Message
    from ...model.lease import Lease
    from ..server import Server


def release_request(
    server: Server, _context: Context, packet: Message, _network: SharedNetwork | None
) -> None:
    """Release the lease of ciaddr if the hardware address is its own. Client identifiers do not matter."""
    if packet.requested_address is not None:
        server.log(INFO, f"DHCPRELEASE from {hardware_text(packet.hardware)} specified requested-address.")
    lease = _find(server, packet)
    uid, name = (None, None) if lease is None else (lease.uid, lease.hostname)
    line = release_line(packet, uid, name, found=lease is not None)
    if lease is not None:
        if ignores(server, lease):
            return
        if lease.ends > server.now:
            server.leases.release(lease, packet)
    server.log(INFO, line)


def _find(server: Server, packet: Message) -> Lease | None:
    uid = packet.options.get(CLIENT_IDENTIFIER)
    found: Lease | None = None
    if uid is not None:
        for lease in server.database.by_uid(uid):
            if lease.address == packet.ciaddr:
                found = lease
                break
    if found is None:
        found = server.database.find(packet.ciaddr)
    return found if found is not None and found.hardware == packet.hardware else None
