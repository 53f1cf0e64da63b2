"""What is to be told to the partner, what was told and not acknowledged, and what is to be acknowledged.

Three queues, in order, of addresses: `waiting` for a BNDUPD, `unacked` (sent; with the xid and the state that was
said), and `to_ack` (the partner's, accepted here). A lease stands in at most one of the first two. Nothing is ever
sent again because of time: an update that the partner does not answer stays in `unacked` until the link goes or the
lease changes. One that it refuses is told again when the pools are balanced (`refused`), lest the two disagree for
ever. An update request of the partner ends with the acknowledgement of the update that was last in `waiting` when the
request came.

Which records are on disk is known from the partner alone, since nothing else tells: an update that left behind the
disk (`Told.proves`) and was answered shows that all which was stored before it is there. So each lease that waits has
the `turn` in which its record was stored last, and a turn ends with an update that proves it.

Plain data: addresses and numbers, no lease and no message. Bounded by the number of leases; `unacked` moreover by the
partner's limit, which the caller heeds.

Source: docs/behaviour/failover.md#binding-updates.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


NO_TURN: Final = -1
NOTHING_TAKEN: Final = (0, -1)


class Told(NamedTuple):
    """An update under way: the xid of its BNDUPD, the binding state that it said, and the turn that its answer proves.

    NO_TURN: it did not wait for the disk, and proves nothing.
    """

    xid: int
    state: int
    proves: int = NO_TURN


class Request(NamedTuple):
    """An update request of the partner: its xid, and the address whose acknowledgement ends it."""

    xid: int
    last: int


class Updates:
    """The three queues of one endpoint, by address (a number of 32 bits), and the update request that ends with one.

    `unacked` has what was told, `to_ack` (address, xid) of the partner's updates, `refused` what is to be told again.
    `request` is the partner's, None where none is open.
    """

    __slots__ = ("_proven", "_turn", "_waiting", "refused", "request", "to_ack", "unacked")

    def __init__(self) -> None:
        """Nothing is to be told."""
        # Address -> the turn in which its record was stored last.
        self._waiting: OrderedDict[int, int] = OrderedDict()
        self._turn, self._proven = 0, NO_TURN
        self.unacked: OrderedDict[int, Told] = OrderedDict()
        self.to_ack: list[tuple[int, int]] = []
        # What the partner did not take for what it knows of the lease: it may when time has gone by.
        self.refused: OrderedDict[int, None] = OrderedDict()
        self.request: Request | None = None

    def __contains__(self, address: int) -> bool:
        """Whether a lease waits for its BNDUPD or for the BNDACK."""
        return address in self._waiting or address in self.unacked

    @property
    def last_taken(self) -> tuple[int, int]:
        """Of the partner's updates that are to be acknowledged the last (address, xid), or NOTHING_TAKEN."""
        return self.to_ack[-1] if self.to_ack else NOTHING_TAKEN

    @property
    def idle(self) -> bool:
        """Whether nothing is to be told, and everything that was told is acknowledged."""
        return not self._waiting and not self.unacked

    @property
    def waiting(self) -> Iterator[int]:
        """The addresses that wait for a BNDUPD, in order."""
        return iter(self._waiting)

    @property
    def waiting_count(self) -> int:
        """How many leases wait for a BNDUPD."""
        return len(self._waiting)

    def queue(self, address: int) -> None:
        """A lease was changed: the partner must hear of it. What it was told before does not count any more."""
        self.unacked.pop(address, None)
        self.refused.pop(address, None)
        self._waiting[address] = self._turn

    def queue_all(self, addresses: Iterable[int]) -> None:
        """Queue those that neither wait nor are under way."""
        for address in addresses:
            if address not in self:
                self._waiting[address] = self._turn

    def stored(self, address: int) -> None:
        """A lease has a new record, of which the partner need not hear."""
        if address in self._waiting:
            self._waiting[address] = self._turn

    def is_on_disk(self, address: int) -> bool:
        """Whether the partner's answers show that the record of a lease that waits is on disk."""
        return self._waiting[address] <= self._proven

    def forget(self, address: int) -> None:
        """The partner's update was better: what mine said does not count."""
        self.unacked.pop(address, None)

    def next(self) -> int | None:
        """The address whose update is to be sent next."""
        return next(iter(self._waiting), None)

    def sent(self, address: int, xid: int, state: int, *, durable: bool) -> None:
        """The update leaves; `durable`: not before everything that was stored up to now is on disk."""
        assert xid, "0 means that nothing is under way"
        del self._waiting[address]
        self.unacked[address] = Told(xid, state, self._turn if durable else NO_TURN)
        self._turn += durable

    def heard(self, told: Told) -> None:
        """The partner has answered an update, under its xid."""
        self._proven = max(self._proven, told.proves)

    def refuse(self, address: int) -> None:
        """The partner has refused the update under way: it is to be told again in a while."""
        if self.unacked.pop(address, None) is not None:
            self.refused[address] = None

    def queue_refused(self) -> None:
        """Queue what was refused."""
        refused, self.refused = self.refused, OrderedDict()
        self.queue_all(refused)

    def resend(self) -> None:
        """What was never acknowledged goes before all that waits, in the order in which it was sent."""
        for address in reversed(self.unacked):
            self._waiting[address] = self._turn
            self._waiting.move_to_end(address, last=False)
        self.unacked.clear()

    def ask(self, xid: int) -> bool:
        """A request of the partner, after the queue was filled for it; False where there is nothing to tell.

        It ends with the last that waits, or else with the last that is under way. A request that was open before is
        not answered any more.
        """
        last = next(reversed(self._waiting), None) or next(reversed(self.unacked), None)
        self.request = None if last is None else Request(xid, last)
        return last is not None

    def answered(self, address: int) -> int | None:
        """An update was acknowledged or refused: the xid of the request that ends with it, None for none.

        One that is to be told anew by now ends nothing.
        """
        request = self.request
        if request is None or request.last != address or address in self:
            return None
        self.request = None
        return request.xid

    def keep(self, known: Callable[[int], bool]) -> int | None:
        """Forget addresses that are not known any more; a request that waits for one of them ends with the others.

        The xid of a request that has ended so, None for none. What was taken of the partner is acknowledged all the
        same: it waits for the answer, and would count it against its window for ever.
        """
        self._waiting = OrderedDict((address, turn) for address, turn in self._waiting.items() if known(address))
        self.unacked = OrderedDict((address, told) for address, told in self.unacked.items() if known(address))
        self.refused = OrderedDict.fromkeys([address for address in self.refused if known(address)])
        xid = None if self.request is None or known(self.request.last) else self.request.xid
        return None if xid is None or self.ask(xid) else xid

    # Snapshots

    def plain(self) -> list[Any]:
        """Everything, as plain data."""
        return [
            [list(one) for one in self._waiting.items()],
            [[address, *told] for address, told in self.unacked.items()],
            [list(one) for one in self.to_ack],
            None if self.request is None else list(self.request),
            list(self.refused),
            self._turn,
            self._proven,
        ]

    def restore(self, data: Iterable[Any]) -> None:
        """Take over what `plain` gave."""
        waiting, unacked, to_ack, request, refused, self._turn, self._proven = data
        self._waiting = OrderedDict((address, turn) for address, turn in waiting)
        self.unacked = OrderedDict((address, Told(*told)) for address, *told in unacked)
        self.to_ack = [(address, xid) for address, xid in to_ack]
        self.request = None if request is None else Request(*request)
        self.refused = OrderedDict.fromkeys(refused)
