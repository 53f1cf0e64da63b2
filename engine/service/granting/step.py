"""One run of the granting procedure, as the steps hand it on: who asks for which lease, and what was decided so far.

Data and its refusals only; the order of the steps is grant.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....trace.effects import INFO
from ...wire.text import dotted
from ..reasons import Reason, Settings

if TYPE_CHECKING:
    from ...model.configuration import Host
    from ...model.context import Context, Message, OptionSet
    from ...model.lease import Lease
    from ..plan import Plan, Terms
    from ..server import Server


class Grant:
    """One run of the procedure.

    `attached` is the host that hung on the lease before. `shared`: `options` is a plan's, and must be copied before it
    is changed. `handled`: `on commit` has run, and may have changed more of them. `forbidden`: the lease must not be
    reused unaltered. `expiry` is what the client is told, `hold` until when an OFFER keeps the lease back (both in
    seconds since 1970); `seconds` is the time that it would get of a server without a partner, None for BOOTP.
    `settings` are there where reasons are wanted. `relay_options` are those that a relay has put into this very packet,
    None where it has none or was given its lease's. What is to be written on the lease is the packet's, `uid`, `host`,
    `flags` and `relay` (lease/commit.py, Holder).
    """

    __slots__ = (
        "attached", "context", "expiry", "flags", "forbidden", "handled", "hold", "host", "kind", "lease", "line",
        "old_cltt", "options", "packet", "plan", "relay", "relay_options", "reused", "same_client", "seconds", "server",
        "settings", "shared", "terms", "uid",
    )  # fmt: skip

    def __init__(
        self, server: Server, context: Context, packet: Message, lease: Lease, kind: int, line: str, hold: int
    ) -> None:
        self.server = server
        self.context = context
        self.packet = packet
        self.lease = lease
        self.kind = kind
        self.line = line
        self.hold = hold
        self.shared = True
        self.handled = False
        self.forbidden = False
        self.reused = False
        self.old_cltt = lease.cltt
        rare = lease.rare
        name = None if rare is None else rare.host
        self.attached: Host | None = None if name is None else server.host_named(name)
        self.host: Host | None = self.attached
        self.plan: Plan | None = None
        self.relay: tuple[tuple[int, bytes], ...] | None = None
        self.relay_options = packet.agent if packet.spaces and not packet.stashed else None
        self.flags = 0
        # What a step decides, in their order.
        self.settings: Settings
        self.options: OptionSet
        self.terms: Terms
        self.uid: bytes
        self.seconds: int | None
        self.expiry: int
        self.same_client: bool

    def own_options(self) -> OptionSet:
        """The option set, as one that may be changed."""
        if self.shared:
            self.options = self.context.reply = self.options.copy()
            self.shared = False
        return self.options

    def reject(self, why: str) -> bool:
        """Say why there is no reply."""
        self.server.log(INFO, f"{self.line}: {why}")
        self.note("refused", why)
        return False

    def note(self, verdict: str, why: str) -> None:
        """A reason, if anybody wants it."""
        if self.server.reasons is not None:
            self.server.reasons.append(Reason("verdict", dotted(self.lease.address), verdict, why))
