"""What waits for an answer of the world, while nobody else gets its lease: an OFFER for its ping, a packet for a name.

Plain data, so that it survives a snapshot. Until when it waits stands in the machine's agenda; what happens when the
answer comes, or does not, is not here: granting/ping.py and dispatch.py.
"""

from __future__ import annotations

from typing import NamedTuple

from ...trace.effects import Send


class Offer(NamedTuple):
    """An OFFER that leaves, with its line in the log, when nothing has answered the ping of its address.

    `event` is the number of the event that it answers.
    """

    line: str
    sent: Send
    event: int


class UnnamedPacket(NamedTuple):
    """A packet that is received again when the name of the address is known, or is known not to come.

    The fields are those of the event `Packet`; `event` is its number.
    """

    interface: str
    source: int
    source_port: int
    payload: bytes
    event: int
