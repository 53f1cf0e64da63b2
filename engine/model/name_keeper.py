"""Who keeps the names of leases in DNS, as lease/commit.py sees them: told when a client leaves its lease.

A server without dynamic DNS has NO_NAMES, so that nobody asks whether there is any. Nothing here decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from .lease import Lease


class NameKeeper(Protocol):
    """Dynamic DNS, or its absence."""

    def left(self, lease: Lease) -> None:
        """The client has the lease no longer. Its variables still stand, and may go at once after this."""

    def given(self, lease: Lease) -> None:
        """A partner has given the lease to its client, and sees to the name."""


class _NoNames:
    """Nobody: a lease has no name in DNS."""

    def left(self, lease: Lease) -> None:
        """Nothing is to be removed."""

    def given(self, lease: Lease) -> None:
        """Nothing is removed."""


NO_NAMES: Final[NameKeeper] = _NoNames()
