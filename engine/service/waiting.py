"""Leases that are deaf while an answer is awaited: an OFFER behind its ping, a packet behind the look-up of a name.

Plain data, so that what waits survives a snapshot. What happens when the answer comes, or does not, is not here:
granting/ping.py and dispatch.py.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...trace.effects import Send


class Waiting(NamedTuple):
    """A lease that is deaf until `at_us`.

    An OFFER behind a ping: `sent` and its `line`. A packet behind the look-up of a name (`sent` None): `event`, to be
    received again.
    """

    at_us: int
    line: str
    sent: Send | None
    event: tuple[str, int, int, bytes] | None


def plain_waiting(address: int, waiting: Waiting) -> list[Any]:
    """The row of a snapshot."""
    sent = None if waiting.sent is None else list(waiting.sent)
    return [address, waiting.at_us, waiting.line, sent, None if waiting.event is None else list(waiting.event)]


def waiting_from(entry: list[Any]) -> Waiting:
    """What such a row was made of."""
    _address, at_us, line, sent, event = entry
    return Waiting(at_us, line, None if sent is None else Send(*sent), None if event is None else tuple(event))
