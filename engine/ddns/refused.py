"""Names that clients wanted and were refused, and why: for who asks later why a client has no name.

A refusal leaves nothing in the lease, since the client is asked about anew at its next ACK; until then, or until the
lease is left, this remembers it. Nothing is decided by it. The oldest makes room where there are too many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

REFUSALS_MAXIMUM: Final = 4_096


class Refusal(NamedTuple):
    """The name that `address` has not, and `why`, in the words of the log."""

    address: int
    name: bytes
    why: str


class Refusals:
    """The latest refusal of each address (a number of 32 bits), the oldest first; at most REFUSALS_MAXIMUM."""

    __slots__ = ("_by_address",)

    def __init__(self) -> None:
        """Nothing was refused."""
        self._by_address: dict[int, Refusal] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_address)

    def of(self, address: int) -> Refusal | None:
        """The refusal of an address, None for none."""
        return self._by_address.get(address)

    def everything(self) -> list[Refusal]:
        """All of them, the oldest first."""
        return list(self._by_address.values())

    def note(self, refusal: Refusal) -> None:
        """Remember one, in the place of what the address had."""
        self.forget(refusal.address)
        if len(self._by_address) >= REFUSALS_MAXIMUM:
            del self._by_address[next(iter(self._by_address))]
        self._by_address[refusal.address] = refusal

    def forget(self, address: int) -> None:
        """It is decided anew, or nobody's any more."""
        self._by_address.pop(address, None)

    def snapshot(self) -> list[Refusal]:
        """All of them, as plain data."""
        return self.everything()

    def restore(self, rows: Iterable[tuple[int, bytes, str]]) -> None:
        """Take over a snapshot."""
        self._by_address = {row[0]: Refusal(*row) for row in rows}
