"""What the lease file says of a failover relationship (spec leases-file 8). Data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class FailoverState:
    """What the lease file says of a failover relationship (leases-file 8): states by their words, times in seconds.

    `mclt` is None where the record had none.
    """

    my_state: str
    my_since: int
    partner_state: str
    partner_since: int
    mclt: int | None = None
