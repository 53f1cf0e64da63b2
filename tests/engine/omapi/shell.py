"""OMAPI clients of a machine in this process: what they send are events, what they get is in the effects."""

from __future__ import annotations

from dhcpd.engine.machine import Machine
from dhcpd.engine.omapi.signing import Key, full_algorithm, is_signed_by, sign
from dhcpd.engine.omapi.wire import (
    DELETE,
    GREETING,
    MESSAGE_OCTETS_MAX,
    OPEN,
    REFRESH,
    STATUS,
    UPDATE,
    Message,
    Reader,
    integer,
)
from dhcpd.trace import events as ev
from dhcpd.trace.codec import pack, unpack
from dhcpd.trace.effects import Send, Store, StreamClose, StreamListen, StreamSend
from tests.replay.engine_runs import LEASES, Run

KEY = Key("omapi_key", full_algorithm("hmac-md5"), bytes(range(16)))
CONFIGURATION = b"""
omapi-port 7911;
key omapi_key { algorithm hmac-md5; secret AAECAwQFBgcICQoLDA0ODw==; };
omapi-key omapi_key;
authoritative;
ping-check off;
default-lease-time 600;
group office { option domain-name "office.example"; }
class "known" { match hardware; lease limit 2; }
host configured { hardware ethernet 02:00:00:00:0f:01; fixed-address 10.0.200.1; }
subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.1.31; }
"""


class Server(Run):
    """A machine with OMAPI, its connections, and the lease file that it has written."""

    def __init__(self, configuration: bytes = CONFIGURATION, leases: bytes = b"", seed: bytes = b"seed" * 4) -> None:
        self.streams = 0
        self.clients: dict[int, Client] = {}
        super().__init__(configuration, leases, seed)
        listening = [one for _event, effects in self.pairs for one in effects if isinstance(one, StreamListen)]
        assert ("omapi", 0) in [(one.service, one.address) for one in listening]

    def connect(self, key: Key | None = KEY) -> Client:
        """A new connection; with a key, it is opened."""
        self.streams += 2
        made = self.clients[self.streams] = Client(self, self.streams)
        made.greet()
        if key is not None:
            made.open_key(key)
        return made

    def stream_send(self, effect: StreamSend) -> None:
        self.clients[effect.stream].reader.feed(effect.data)
        self.clients[effect.stream].durable = effect.durable

    def stream_close(self, effect: StreamClose) -> None:
        self.clients[effect.stream].closed = "flush" if effect.flush else "discard"

    def catch_up(self) -> None:
        """Let everything be done that is due now."""
        while 0 < self.machine.wake_us <= self.now_us + 10:
            self.fire()

    def stored(self) -> bytes:
        """What was appended to the lease file."""
        return b"".join(one.data for _event, effects in self.pairs for one in effects if isinstance(one, Store))

    def restore(self) -> None:
        """Go on with the machine that a snapshot makes."""
        self.machine = Machine.restore(unpack(pack(self.machine.snapshot())))

    def offered(self, client: int) -> int | None:
        """The address that a client is offered, None for none."""
        sent = [one for one in self.packet(client, 1) if isinstance(one, Send)]
        return int.from_bytes(sent[0].payload[16:20], "big") if sent else None


class Client:
    """One connection. Answers are (status or 0, handle, values)."""

    def __init__(self, server: Server, stream: int) -> None:
        self.server = server
        self.stream = stream
        self.reader = Reader(MESSAGE_OCTETS_MAX)
        self.key: Key | None = None
        self.authid = 0
        self.last_id = 0
        self.closed = ""
        self.durable = False

    def greet(self) -> None:
        now = self.server.now
        ours, theirs = (0x7F000001, 7911), (0x7F000001, 40000 + self.stream)
        self.server.tell(ev.StreamOpened(*now, self.stream, "omapi", *ours, *theirs))
        self.send(GREETING)

    def open_key(self, key: Key) -> None:
        values = {b"name": key.name.encode(), b"algorithm": key.algorithm.encode()}
        answer = self.ask(OPEN, message={b"type": b"authenticator"}, values=values)
        assert answer.op == UPDATE
        assert not answer.signature
        self.key, self.authid = key, answer.handle

    def send(self, data: bytes) -> None:
        self.server.tell(ev.StreamData(*self.server.now, self.stream, data))

    def request(self, op: int, handle: int = 0, message=None, values=None) -> bytes:
        self.last_id += 1
        asked = Message(op, handle, self.last_id, 0, message or {}, values or {}, authid=self.authid)
        return sign(asked, self.key)

    def answer(self) -> Message | None:
        message = self.reader.next_message()
        if message is not None and self.key is not None:
            assert is_signed_by(message, self.key)
        return message

    def ask(self, op: int, handle: int = 0, message=None, values=None) -> Message:
        self.send(self.request(op, handle, message, values))
        self.server.catch_up()
        answer = self.answer()
        assert answer is not None
        assert answer.rid == self.last_id
        return answer

    def open(self, kind: str, flags: str = "", **values) -> tuple[int, Message]:
        """(status, answer) of an OPEN."""
        message = {b"type": kind.encode()} | {flag.encode(): integer(1) for flag in flags.split()}
        answer = self.ask(OPEN, message=message, values=octets(values))
        return status(answer), answer

    def update(self, handle: int, **values) -> int:
        return status(self.ask(UPDATE, handle, values=octets(values)))

    def delete(self, handle: int) -> int:
        return status(self.ask(DELETE, handle))

    def refresh(self, handle: int) -> tuple[int, Message]:
        answer = self.ask(REFRESH, handle)
        return status(answer), answer


def octets(values) -> dict[bytes, bytes]:
    """Names with `_` for `-`; numbers as four octets."""
    return {
        name.replace("_", "-").encode(): integer(value) if isinstance(value, int) else value
        for name, value in values.items()
    }


def status(answer: Message) -> int:
    return int.from_bytes(answer.message[b"result"], "big") if answer.op == STATUS else 0


__all__ = ["CONFIGURATION", "KEY", "LEASES", "Client", "Server", "octets", "status"]
