"""Asking whether an address is in use before it is offered (RFC 2131 section 2.2).

An offer that waits is kept as the packet and the line that will be sent, so that it survives a snapshot. While it
waits, nobody is given its lease. Sending the echo request is the program's.

See docs/behaviour/decisions.md#ping-check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....trace.effects import DEBUG, ERROR, INFO, Answers, Log, Ping
from ...agenda import Owner
from ...model.lease import ABANDONED
from ...wire.text import dotted
from ..lifecycle import abandon
from ..waiting import Offer

if TYPE_CHECKING:
    from ....trace.effects import Send
    from ..server import Server
    from .step import Grant


def wants_ping(step: Grant) -> bool:
    """Whether a lease that is not in use must be probed: not for a client that was here just now."""
    if not step.same_client or not step.old_cltt or step.lease.state == ABANDONED:
        return True
    return step.server.now - step.old_cltt >= step.terms.ping_cltt_s


def begin_ping(server: Server, address: int, timeout_us: int, line: str, sent: Send) -> None:
    """Probe an address; the OFFER leaves when nothing answers for `timeout_us`."""
    server.effects.append(Ping(address, address & 0xFFFF))
    server.offers[address] = Offer(line, sent, server.event)
    server.agenda.set(Owner.PING, address, server.now_us + timeout_us)


def unanswered(server: Server, address: int) -> Send:
    """Nothing answered in time: the OFFER leaves, and is returned."""
    line, sent, event = server.offers.pop(address)
    server.effects.append(Answers(event))
    server.effects.append(Log(INFO, line))
    server.effects.append(sent)
    return sent


def answered(server: Server, source: int) -> None:
    """An echo reply came. Only the source address counts, and only while a ping is out."""
    if not server.offers:
        return
    lease = server.database.find(source)
    if lease is None:
        server.log(DEBUG, f"unexpected ICMP Echo Reply from {dotted(source)}")
        return
    if source not in server.offers:
        server.log(DEBUG, f"ICMP Echo Reply for {dotted(source)} late or spurious.")
        return
    if lease.ends > server.now:
        server.log(DEBUG, f"ICMP Echo reply while lease {dotted(source)} valid.")
    server.effects.append(Answers(server.offers.pop(source).event))
    server.agenda.cancel(Owner.PING, source)
    abandon(server, lease, "pinged before offer")


def failed(server: Server, address: int, error: str) -> None:
    """The echo request could not be sent: the wait goes on all the same."""
    if error:
        server.log(ERROR, f"icmp_echorequest {dotted(address)}: {error}")
