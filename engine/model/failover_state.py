"""What the lease file says of a failover relationship. Data only.

See docs/behaviour/lease-file.md#failover-state-record.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class FailoverState:
    """What the lease file says of a failover relationship: states by their words, times in seconds.

    `mclt` is None where the record had none. `needs_all`: RECOVER was left before the partner had told everything, as
    by an operator's word.

    See docs/behaviour/lease-file.md#failover-state-record.
    """

    my_state: str
    my_since: int
    partner_state: str
    partner_since: int
    mclt: int | None = None
    needs_all: bool = False
