"""A name server in this process: it holds zones, carries out updates as RFC 2136 says, and refuses what a test wants.

It reads with dnspython, and so by another hand than the engine's. `answer` takes a message and gives its answer, so
that it can stand for a server in a simulated world (`world.dns_servers`), too.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANY = dns.rdatatype.ANY


class NameServer:
    """See the module. `asked` holds every message as it was read; `rcode` what is answered to all, None for the truth.

    `silent`: nothing is answered, and nothing done. `change` may spoil an answer's octets. `keys` sign, by the server's
    own `clock`, or so many seconds late.
    """

    def __init__(self, *zones: str, keys: dict[str, tuple[str, bytes]] | None = None) -> None:
        self.zones = [dns.name.from_text(zone) for zone in zones]
        self.records: dict[tuple[dns.name.Name, int], dict[bytes, int]] = {}
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
        answer = dns.message.make_response(message)
        rcode = self.rcode(message)
        if rcode is not None:
            answer.set_rcode(dns.rcode.Rcode(rcode))
        elif isinstance(message, dns.update.UpdateMessage):
            answer.set_rcode(dns.rcode.Rcode(self._update(message)))
        else:
            self._look_up(message, answer)
        return answer

    def _look_up(self, message: dns.message.Message, answer: dns.message.Message) -> None:
        asked = message.question[0]
        found = self.records.get((asked.name, asked.rdtype), {})
        for data, ttl in found.items():
            rdata = dns.rdata.from_wire(dns.rdataclass.IN, asked.rdtype, data, 0, len(data))
            answer.answer.append(dns.rrset.from_rdata(asked.name, ttl, rdata))
        if not found:
            answer.set_rcode(dns.rcode.NXDOMAIN)

    def _update(self, message: dns.update.UpdateMessage) -> int:
        zone = message.zone[0].name
        if zone not in self.zones:
            return int(dns.rcode.NOTAUTH)
        for rrset in message.prerequisite:
            failed = self._fails(rrset)
            if failed:
                return failed
        for rrset in message.update:
            if not rrset.name.is_subdomain(zone):
                return int(dns.rcode.NOTZONE)
            self._change(rrset)
        return 0

    def _fails(self, rrset: dns.rrset.RRset) -> int:
        """RFC 2136, 3.2.5."""
        name, kind, class_ = rrset.name, rrset.rdtype, rrset.deleting or rrset.rdclass
        there = any(owner == name for owner, _ in self.records) if kind == ANY else (name, kind) in self.records
        if class_ == dns.rdataclass.NONE:
            if there:
                return int(dns.rcode.YXDOMAIN if kind == ANY else dns.rcode.YXRRSET)
        elif class_ == dns.rdataclass.ANY:
            if not there:
                return int(dns.rcode.NXDOMAIN if kind == ANY else dns.rcode.NXRRSET)
        elif {one.to_wire() for one in rrset} != set(self.records.get((name, kind), {})):
            return int(dns.rcode.NXRRSET)
        return 0

    def _change(self, rrset: dns.rrset.RRset) -> None:
        """RFC 2136, 3.4.2."""
        key = (rrset.name, int(rrset.rdtype))
        if rrset.deleting == dns.rdataclass.ANY:
            self.records.pop(key, None)
        elif rrset.deleting == dns.rdataclass.NONE:
            for one in rrset:
                self.records.get(key, {}).pop(one.to_wire(), None)
            if not self.records.get(key, {True: 0}):
                del self.records[key]
        else:
            for one in rrset:
                self.records.setdefault(key, {})[one.to_wire()] = rrset.ttl

    def table(self) -> list[str]:
        """What the zones hold, in words."""
        rows = []
        for (name, kind), found in self.records.items():
            for data in found:
                rdata = dns.rdata.from_wire(dns.rdataclass.IN, kind, data, 0, len(data))
                rows.append(f"{name} {dns.rdatatype.to_text(dns.rdatatype.RdataType(kind))} {rdata}")
        return sorted(rows)
