"""What a server has let out must be on its disk: looked at when it starts again.

A reply promises a lease, a BNDUPD tells of one, and a BNDACK says that one was taken. A server that is killed, or whose
power fails, must know behind its next start what it had let out; what it had stored and not let out it may know or not.
So of each lease are kept what was let out last, and all that was stored since; the lease file must have one of them.

A file that was lost with its disk is excused: that is its own fault, and the partner has what was acknowledged.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from ....engine.model.change import Cause, LeaseImage
from ....engine.model.lease import ACTIVE, STATE_NAMES
from .promises import Violated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....engine.machine import Machine
    from ....engine.model.change import Change

# These stay in memory.
_UNSTORED: Final = frozenset({Cause.OFFER, Cause.CONFIRM})


class Stored:
    """What one server has stored and let out of its leases, by address."""

    def __init__(self) -> None:
        """Nothing."""
        self._images: dict[int, list[LeaseImage]] = {}

    def changed(self, changes: Sequence[Change]) -> None:
        """The server has stored changes."""
        for change in changes:
            if change.cause not in _UNSTORED:
                # Till it is let out, what was there before may be what is found: also behind a first change.
                self._images.setdefault(change.after.address, [change.before]).append(change.after)

    def let_out(self, address: int) -> None:
        """The server has told somebody of a lease as it is now."""
        images = self._images.get(address)
        if images is not None and len(images) > 1:
            del images[:-1]

    def lost(self) -> None:
        """The lease file is gone."""
        self._images.clear()

    def started(self, machine: Machine, who: str) -> None:
        """The server has read its lease file, in the event that was told last. Raises Violated."""
        server = machine.server
        assert server is not None, "who reads its leases has a configuration"
        read = {change.before.address: change.before for change in reversed(machine.changes)}
        for address, images in self._images.items():
            lease = server.database.find(address)
            if lease is None:
                continue
            found = read.get(address) or LeaseImage.of(lease)
            if not any(_same(image, found) for image in images):
                raise Violated("stored", _what(who, images, found))
            self._images[address] = [found]


def _same(stored: LeaseImage, found: LeaseImage) -> bool:
    """Whether what was read is what was stored; an offer may have come in between, and a rewrite with it.

    What the partner knows of the client before is nothing to whom it was offered then.
    """
    if (stored.state, stored.flags) != (found.state, found.flags):
        return False
    holder = (stored.hardware, stored.uid) == (found.hardware, found.uid)
    if stored.tsfp != found.tsfp and (holder or found.tsfp):
        return False
    return stored.state != ACTIVE or (holder and stored.ends <= found.ends)


def _what(who: str, images: list[LeaseImage], found: LeaseImage) -> str:
    told = " or ".join(_words(image) for image in images)
    return f"{who} has let out that {IPv4Address(found.address)} is {told}, and starts with {_words(found)}"


def _words(image: LeaseImage) -> str:
    holder = image.hardware[1:].hex(":") or "nobody"
    return f"{STATE_NAMES[image.state]} for {holder} until {image.ends}, tsfp {image.tsfp}"
