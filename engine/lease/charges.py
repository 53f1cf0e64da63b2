"""What leases are charged to classes, and the subclasses that clients made: the state that classes have in a run.

By the class's name and key, and never in the class itself, which belongs to a configuration that others share and that
a reload replaces. A charge outlives both; what it is worth is decided by the limit of the class in force. Whether a
lease is to be charged is the service's question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..model.configuration import Class

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.configuration import ClassName
    from ..model.lease import Lease

# A class that spawns may have this many subclasses before those that hold nothing are forgotten.
SPAWNED_MAX: Final = 1 << 16


class _Spawned:
    """The subclasses that one class has spawned; when there are `sweep_at`, those that hold no lease are forgotten."""

    __slots__ = ("members", "parent", "sweep_at")

    def __init__(self, parent: Class) -> None:
        self.parent = parent
        self.members: dict[bytes, Class] = {}
        self.sweep_at = SPAWNED_MAX


class Charges:
    """How many leases are charged to each class and subclass, and the subclasses spawned so far."""

    __slots__ = ("_counts", "_spawned")

    def __init__(self) -> None:
        """Nothing is charged."""
        self._counts: dict[ClassName, int] = {}
        self._spawned: dict[str, _Spawned] = {}

    def count(self, name: ClassName) -> int:
        """How many leases are charged to a class or subclass."""
        return self._counts.get(name, 0)

    def charge(self, lease: Lease, member: Class) -> bool:
        """Charge a lease; False where the class has no room."""
        name = member.full_name
        if self._counts.get(name, 0) >= member.limit:
            return False
        self.enter(lease, name)
        return True

    def enter(self, lease: Lease, name: ClassName) -> None:
        """Charge a lease, without a question."""
        self._counts[name] = self._counts.get(name, 0) + 1
        lease.rarely().billing = name

    def take_back(self, lease: Lease) -> None:
        """Take back the charge of a lease, if it has one."""
        rare = lease.rare
        if rare is None or rare.billing is None:
            return
        left = self._counts[rare.billing] - 1
        if left:
            self._counts[rare.billing] = left
        else:
            del self._counts[rare.billing]
        rare.billing = None

    # Subclasses made at run time

    def spawned(self, parent: Class, key: bytes) -> Class | None:
        """The undeclared subclass that `parent` has for a key; where it is missing a class that spawns gets it now."""
        here = self._spawned.get(parent.name)
        if here is None and not parent.spawning:
            return None
        here = self._spawned_of(parent)
        found = here.members.get(key)
        if found is None and parent.spawning:
            if len(here.members) >= here.sweep_at:
                self._sweep(here)
            found = here.members[key] = _spawn(parent, key)
        return found

    def spawn(self, parent: Class, key: bytes) -> None:
        """Make a subclass, whether the class spawns or not: the lease file has a lease that was charged to it."""
        self._spawned_of(parent).members.setdefault(key, _spawn(parent, key))

    def keep_of(self, classes: Iterable[Class]) -> None:
        """Forget what was spawned by classes that are not among `classes`, those in force."""
        if self._spawned:
            names = {one.name for one in classes}
            self._spawned = {name: here for name, here in self._spawned.items() if name in names}

    def _spawned_of(self, parent: Class) -> _Spawned:
        """Those of a class; where it was declared anew, they are made anew, with its scope and limit of now."""
        here = self._spawned.get(parent.name)
        if here is None:
            here = self._spawned[parent.name] = _Spawned(parent)
        elif here.parent is not parent:
            here.parent = parent
            here.members = {key: _spawn(parent, key) for key in here.members}
        return here

    def _sweep(self, here: _Spawned) -> None:
        """Forget the subclasses to which no lease is charged, where there are too many: clients choose the keys.

        They hold nothing, so that the next packet that makes one anew is treated the same. Twice what stays must come
        together before the next sweep, so that it costs a packet little in the mean.
        """
        here.members = {key: one for key, one in here.members.items() if one.full_name in self._counts}
        here.sweep_at = max(SPAWNED_MAX, 2 * len(here.members))

    # Snapshots

    def plain(self) -> list[list[Any]]:
        """The spawned subclasses for a snapshot: what is charged follows from the leases."""
        # Sorted, since the order in which they were spawned decides nothing and is not restored.
        return [[name, sorted(here.members), here.sweep_at] for name, here in sorted(self._spawned.items())]

    def restore(self, data: Any, classes: Iterable[Class]) -> None:
        """Take over a snapshot's; `classes` are those in force."""
        by_name = {one.name: one for one in classes}
        for name, keys, sweep_at in data:
            if name in by_name:
                here = self._spawned_of(by_name[name])
                here.members = {key: _spawn(here.parent, key) for key in keys}
                here.sweep_at = sweep_at


def _spawn(parent: Class, key: bytes) -> Class:
    return Class(parent.name, parent.place, parent.scope, key, limit=parent.limit, spawned=True)
