"""A snapshot without holding packets up: a child process writes down what the machine is (process/child.py).

Packing 250,000 leases takes a second and more. What the child makes is a whole segment of the tape, which the recorder
takes in when it is done. A child that fails costs its snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..process.child import Child
from ..trace import pack_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..trace import SnapshotPlace


class SnapshotChild(Child):
    """A child at work on the snapshot that belongs to `place`; `octets` is then a segment of the tape.

    `take` gives the plain data, in the child. Raises OSError where there is no process, or no memory, to be had.
    """

    __slots__ = ("place",)

    def __init__(self, place: SnapshotPlace, take: Callable[[], object]) -> None:
        self.place = place
        super().__init__(lambda: pack_snapshot(place, take()))
