"""Why the server decided as it did, as data for who asks (`dhcpd-trace`): never for a client, never in the hot path.

`Server.reasons` is None while nobody asks. Where it is a list, the steps of a decision append to it. The text of a
reason is for people; `step`, `subject` and `verdict` are for programs. Nothing is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..conf.syntax import Place


class Reason(NamedTuple):
    """One step of a decision.

    `step`: `network`, `class`, `host`, `candidate`, `pool` or `verdict`. `subject`: what was looked at (an address, a
    name). `verdict`: what became of it. `why`: the rule. `place`: where the configuration says so.
    """

    step: str
    subject: str
    verdict: str
    why: str = ""
    place: Place | None = None


Reasons = list[Reason]
