"""Three clients, packets, a disk that fails, restarts: what was answered with success is kept, and nothing dies.

The model knows for each host what was last answered with success. A change that got no answer (its connection broke
with the disk) has not happened: not in memory, not behind a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dhcpd.engine.omapi.wire import DELETE, OPEN, UPDATE, integer
from dhcpd.trace import events as ev
from tests.engine.omapi.shell import Client, Server, octets, status

if TYPE_CHECKING:
    from dhcpd.trace.effects import StreamSend

NAMES = st.sampled_from([b"a", b"b", b"c"])
CLIENTS = st.integers(0, 2)
ADDRESSES = st.integers(0x0A00C810, 0x0A00C818)


class Breaking(Server):
    """A server whose connections break where the disk fails under what they wait for."""

    def stream_lost(self, stream: int) -> None:
        self.clients[stream].closed = "storage"
        self.answer(ev.StreamClosed(0, 0, stream, "storage"))

    def stream_send(self, effect: StreamSend) -> None:
        if not self.clients[effect.stream].closed:
            super().stream_send(effect)


class Changes(RuleBasedStateMachine):
    """See the module. `known`: name -> address, None for no such host."""

    @initialize()
    def begin(self) -> None:
        self.server = Breaking()
        self.known: dict[bytes, int | None] = dict.fromkeys((b"a", b"b", b"c"))
        self.clients: list[Client] = [self.server.connect() for _ in range(3)]

    def ask(self, number: int, op: int, handle: int = 0, message=None, values=None):
        """An answer, None where the connection broke; a broken one is made anew."""
        client = self.clients[number]
        client.send(client.request(op, handle, message, values))
        if not client.closed:
            self.server.catch_up()
            return client.answer()
        self.server.disk.failing.clear()
        self.clients[number] = self.server.connect()
        return None

    def handle_of(self, number: int, name: bytes) -> int | None:
        answer = self.ask(number, OPEN, message={b"type": b"host"}, values={b"name": name})
        assert answer is not None
        return answer.handle if answer.op == UPDATE else None

    @rule(number=CLIENTS, name=NAMES, address=ADDRESSES)
    def make(self, number: int, name: bytes, address: int) -> None:
        values = octets({"name": name, "hardware_address": b"\2\0\0\0\1" + name, "hardware_type": 1,
                         "ip_address": integer(address)})  # fmt: skip
        message = {b"type": b"host", b"create": integer(1), b"exclusive": integer(1)}
        answer = self.ask(number, OPEN, message=message, values=values)
        if answer is not None and status(answer) == 0:
            assert self.known[name] is None
            self.known[name] = address

    @rule(name=NAMES, address=ADDRESSES)
    def make_by_all_at_once(self, name: bytes, address: int) -> None:
        """All three ask for the same host before any of them hears an answer: one of them makes it, at most."""
        values = octets({"name": name, "hardware_address": b"\2\0\0\0\1" + name, "hardware_type": 1,
                         "ip_address": integer(address)})  # fmt: skip
        message = {b"type": b"host", b"create": integer(1), b"exclusive": integer(1)}
        for client in self.clients:
            client.send(client.request(OPEN, 0, message, values))
        self.server.catch_up()
        answers = [None if client.closed else client.answer() for client in self.clients]
        self.server.disk.failing.clear()
        self.clients = [self.server.connect() if client.closed else client for client in self.clients]
        made = sum(answer is not None and status(answer) == 0 for answer in answers)
        if made:
            assert made == 1
            assert self.known[name] is None
            self.known[name] = address
        else:
            assert None in answers or self.known[name] is not None

    @rule(number=CLIENTS, name=NAMES, address=ADDRESSES)
    def move(self, number: int, name: bytes, address: int) -> None:
        handle = self.handle_of(number, name)
        if handle is not None:
            answer = self.ask(number, UPDATE, handle, values={b"ip-address": integer(address)})
            if answer is not None:
                assert status(answer) == 0
                self.known[name] = address

    @rule(number=CLIENTS, name=NAMES)
    def delete(self, number: int, name: bytes) -> None:
        handle = self.handle_of(number, name)
        if handle is not None:
            answer = self.ask(number, DELETE, handle)
            if answer is not None:
                assert status(answer) == 0
                self.known[name] = None

    @rule(client=st.integers(0, 9))
    def packet(self, client: int) -> None:
        self.server.packet(client, 1)

    @rule(number=CLIENTS, octets_=st.binary(max_size=60))
    def say_nonsense(self, number: int, octets_: bytes) -> None:
        client = self.clients[number]
        client.send(octets_)
        self.server.catch_up()
        self.server.tell(ev.StreamClosed(0, 0, client.stream, ""))
        self.clients[number] = self.server.connect()

    @precondition(lambda self: not self.server.disk.failing)
    @rule(operation=st.sampled_from(["append", "sync"]))
    def disk_fails(self, operation: str) -> None:
        self.server.disk.failing.add(operation)

    @rule()
    def snapshot(self) -> None:
        self.server.restore()

    @rule()
    def restart(self) -> None:
        self.server.disk.lose_power()
        self.server = Breaking(leases=bytes(self.server.disk.content))
        self.clients = [self.server.connect() for _ in range(3)]
        for name, address in self.known.items():
            assert self.found(name) == address

    def found(self, name: bytes) -> int | None:
        answer = self.ask(0, OPEN, message={b"type": b"host"}, values={b"name": name})
        assert answer is not None
        return int.from_bytes(answer.object[b"ip-address"], "big") if answer.op == UPDATE else None

    @invariant()
    def what_was_answered_is_in_force(self) -> None:
        if not self.server.disk.failing:
            for name, address in self.known.items():
                assert self.found(name) == address


TestChanges = Changes.TestCase
TestChanges.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
