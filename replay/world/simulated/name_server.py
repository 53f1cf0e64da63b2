"""A name server of a simulated world: zones that are looked up and updated (RFC 2136), and a server that may fail.

`Zones` is what a name server holds and does. `NameServer` is one that stands in a world: it is down, or fails, or its
clock is wrong, as is wanted. Both read and write with dnspython, and so by another hand than the engine's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.rrset
import dns.tsig
import dns.update

if TYPE_CHECKING:
    from collections.abc import Callable

_ANY: Final = dns.rdatatype.ANY
_FUDGE_S: Final = 300
_BADTIME: Final = 18
_COUNT_AT: Final = 10
_HEADER_OCTETS: Final = 12


class Zones:
    """Names and their records: `records` is (name, type) -> data -> TTL."""

    def __init__(self, *zones: str) -> None:
        """Empty zones of these names."""
        self.zones = [dns.name.from_text(zone) for zone in zones]
        self.records: dict[tuple[dns.name.Name, int], dict[bytes, int]] = {}

    def carry_out(self, message: dns.message.Message) -> dns.message.Message:
        """The answer to a question or an update, which is done."""
        answer = dns.message.make_response(message)
        if isinstance(message, dns.update.UpdateMessage):
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
        there = any(owner == name for owner, _ in self.records) if kind == _ANY else (name, kind) in self.records
        if class_ == dns.rdataclass.NONE:
            if there:
                return int(dns.rcode.YXDOMAIN if kind == _ANY else dns.rcode.YXRRSET)
        elif class_ == dns.rdataclass.ANY:
            if not there:
                return int(dns.rcode.NXDOMAIN if kind == _ANY else dns.rcode.NXRRSET)
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

    def rows(self) -> list[tuple[str, str, str]]:
        """What the zones hold: (name, type, data) in words, sorted."""
        found = []
        for (name, kind), data in self.records.items():
            type_ = dns.rdatatype.RdataType(kind)
            for octets in data:
                rdata = dns.rdata.from_wire(dns.rdataclass.IN, type_, octets, 0, len(octets))
                found.append((str(name), dns.rdatatype.to_text(type_), str(rdata)))
        return sorted(found)

    def table(self) -> list[str]:
        """The same, a row a line."""
        return [" ".join(row) for row in self.rows()]


class NameServer(Zones):
    """A name server in a world. `key` is (name, secret) of HMAC-SHA256: every update must be signed with it.

    `down`: it answers nothing. `fails`: it answers SERVFAIL and does nothing. `late_us`: so long it takes. `ahead_s`:
    its clock is wrong by so much. `now` gives the right time, seconds since 1970.
    """

    def __init__(self, *zones: str, key: tuple[str, bytes], now: Callable[[], int]) -> None:
        """A server that works."""
        super().__init__(*zones)
        self.heal()
        self._key = dns.tsig.Key(key[0], key[1], dns.tsig.HMAC_SHA256)
        self._now = now

    def heal(self) -> None:
        """It works again."""
        self.down = self.fails = False
        self.late_us = self.ahead_s = 0

    def answer(self, payload: bytes) -> bytes | None:
        """What is answered to a message, None for nothing. A signature is not looked at but for its time."""
        if self.down:
            return None
        message = dns.message.from_wire(payload, keyring=False)
        if message.tsig is None:
            return self._refusal(message, dns.rcode.REFUSED).to_wire()
        signed = message.tsig[0]
        now = self._now() + self.ahead_s
        late = abs(signed.time_signed - now) > _FUDGE_S
        if late:
            answer = self._refusal(message, dns.rcode.NOTAUTH)
        elif self.fails:
            answer = self._refusal(message, dns.rcode.SERVFAIL)
        else:
            answer = self.carry_out(message)
        # An answer that says BADTIME is signed by the time of the question (RFC 8945, 5.2.3).
        return self._signed(answer, signed, signed.time_signed if late else now, _BADTIME if late else 0)

    @staticmethod
    def _refusal(message: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
        answer = dns.message.make_response(message)
        answer.set_rcode(rcode)
        return answer

    def _signed(
        self, answer: dns.message.Message, question: dns.rdtypes.ANY.TSIG.TSIG, time_s: int, error: int
    ) -> bytes:
        """An answer's octets with its TSIG record; dnspython's own way looks at the clock of this process."""
        answer.tsig = None
        wire = answer.to_wire()
        other = (self._now() + self.ahead_s).to_bytes(6, "big") if error else b""
        unsigned = dns.rdtypes.ANY.TSIG.TSIG(  # type: ignore[no-untyped-call]  # so shipped
            dns.rdataclass.ANY, dns.rdatatype.TSIG, self._key.algorithm, 0, _FUDGE_S, b"", answer.id, error, other
        )
        record, _context = dns.tsig.sign(  # type: ignore[no-untyped-call]  # so shipped
            wire, self._key, unsigned, time_s, question.mac
        )
        data: bytes = record.to_wire()
        head = self._key.name.to_wire()
        assert head is not None, "a name's octets"
        fixed = int(dns.rdatatype.TSIG).to_bytes(2, "big") + b"\0\xff" + bytes(4) + len(data).to_bytes(2, "big")
        count = int.from_bytes(wire[_COUNT_AT:_HEADER_OCTETS], "big") + 1
        return wire[:_COUNT_AT] + count.to_bytes(2, "big") + wire[_HEADER_OCTETS:] + head + fixed + data
