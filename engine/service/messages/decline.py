"""DHCPDECLINE (RFC 2131 section 4.3.3): never answered; the address is left alone for a day.

Whose address it is is not asked, as ISC does not: any client can take any dynamic address out of use.

See docs/behaviour/decisions.md#dhcpdecline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....trace.effects import INFO
from ...conf.running import parameters as par
from ...conf.running.scopes import run_scopes, running_order
from ...model.context import OptionSet
from ...wire.text import decline_line
from ..lifecycle import abandon
from .partner import ignores

if TYPE_CHECKING:
    from ...model.configuration import SharedNetwork
    from ...model.context import Context, Message
    from ...model.lease import Lease
    from ..server import Server


def decline(
    server: Server, context: Context, packet: Message, _network: SharedNetwork | None
) -> None:
    """Abandon the address of option 50."""
    if packet.requested_address is None:
        return
    lease = server.database.find(packet.requested_address)
    uid, name = (None, None) if lease is None else (lease.uid, lease.hostname)
    line = decline_line(packet, uid, name)
    verdict = _verdict(server, context, packet, lease)
    if verdict == par.IGNORE:
        return
    if verdict == par.DENY:
        server.log(INFO, f"{line}: ignored")
        return
    if lease is None:
        server.log(INFO, f"{line}: not found")
        return
    if ignores(server, lease):
        return
    abandon(server, lease, "declined.")
    server.log(INFO, f"{line}: abandoned")


def _verdict(server: Server, context: Context, packet: Message, lease: Lease | None) -> int:
    """The parameter `declines` of the lease's subnet and the packet's classes."""
    options = context.reply = OptionSet()
    context.bindings = server.global_bindings
    if lease is not None and lease.subnet is not None:
        run_scopes(running_order(lease.subnet, None, packet.classes, None), context)
    else:
        for member in reversed(packet.classes):
            run_scopes(member.scope.chain(), context)
    return par.choice(context, options, par.DECLINES, par.ALLOW)
