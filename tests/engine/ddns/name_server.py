"""A name server in this process: it holds zones, carries out updates as RFC 2136 says, and refuses what a test wants.

It reads with dnspython, and so by another hand than the engine's. `answer` takes a message and gives its answer, so
that it can stand for a server in a simulated world (`world.dns_servers`), too.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import dns.message
import dns.name
import dns.rcode
import dns.tsig

from dhcpd.replay.world.simulated.name_server import Zones

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class NameServer(Zones):
    """See the module. `asked` holds every message as it was read; `rcode` what is answered to all, None for the truth.

    `silent`: nothing is answered, and nothing done. `change` may spoil an answer's octets. `keys` sign, by the server's
    own `clock`, or so many seconds late.
    """

    def __init__(self, *zones: str, keys: dict[str, tuple[str, bytes]] | None = None) -> None:
        super().__init__(*zones)
        self.asked: list[dns.message.Message] = []
        self.rcode: Callable[[dns.message.Message], int | None] = lambda _message: None
        self.silent = False
        self.clock: Callable[[], float] = time.time
        self.signs_late_s = 0
        self.change: Callable[[bytes], bytes | None] = lambda octets: octets
        self.keyring = {
            dns.name.from_text(name): dns.tsig.Key(name, secret, algorithm)
            for name, (algorithm, secret) in (keys or {}).items()
        }

    def answer(self, payload: bytes) -> bytes | None:
        """What is answered to a message, None for nothing."""
        if self.silent:
            return None
        with self._clock_turned(0):
            message = dns.message.from_wire(payload, keyring=self.keyring)
        self.asked.append(message)
        with self._clock_turned(self.signs_late_s):
            return self.change(self._answered(message).to_wire())

    @contextmanager
    def _clock_turned(self, late_s: int) -> Iterator[None]:
        """dnspython looks at the clock of this process to sign and to check."""
        clock = SimpleNamespace(time=lambda: self.clock() - late_s)
        before, dns.message.time = dns.message.time, clock  # type: ignore[attr-defined]
        try:
            yield
        finally:
            dns.message.time = before  # type: ignore[attr-defined]

    def _answered(self, message: dns.message.Message) -> dns.message.Message:
        rcode = self.rcode(message)
        if rcode is None:
            return self.carry_out(message)
        answer = dns.message.make_response(message)
        answer.set_rcode(dns.rcode.Rcode(rcode))
        return answer
