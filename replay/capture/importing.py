"""A capture as a run of our server: the clients' packets in it are told to a machine with a configuration of one's own.

What another server answered in the capture is held against ours by what a client would see first: the kind of
message and the address. The two servers' configurations are their own, so that a difference is a finding and no
fault; the exit status says nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ...engine.wire.codes import ADDRESS_OCTETS, SERVER_IDENTIFIER
from ...engine.wire.packet import FIXED_OCTETS
from ...trace import events as ev
from ..showing.decode import hardware_of_payload, message_name, options_of
from ..world.feeding import Feeder
from ..world.host import SECOND_US
from ..world.starting import Beginning
from .reading import CaptureError, datagrams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from ...disk.configuration import SourceFile
    from ...trace import effects as ef
    from ...trace.effects import Effect
    from ...trace.events import Event
    from .reading import Datagram

_REQUEST, _REPLY = 1, 2
_XID: Final = slice(4, 8)
_YIADDR: Final = slice(16, 20)
_ECHO_REPLY: Final = 0
_BROADCAST: Final = 0xFFFFFFFF
_ANSWERS_MAX: Final = 1 << 16
_LOOK_AHEAD: Final = 10_000

_Question: TypeAlias = tuple[bytes, bytes, str]


class NotImported(Exception):
    """The capture gives nothing to import; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Imported:
    """`packets` were told; of the capture's `answers` ours were the `same` by kind and address; `left`: passed over."""

    events: int
    packets: int
    answers: int
    same: int
    left: tuple[tuple[str, int], ...]
    damage: str


class _Listener(Feeder):
    """Hears the clients; pairs our answers with the capture's own."""

    def __init__(self, pass_on: Callable[[Event, list[Effect]], None], version: str) -> None:
        super().__init__(pass_on, version)
        self.packets = self.answers = self.same = 0
        self._ours: dict[_Question, int] = {}
        self._theirs: dict[_Question, int] = {}

    def hear(self, one: Datagram) -> None:
        """A client's packet, or a relay's."""
        self.go_to(one.wall_us)
        self.packets += 1
        self.tell(ev.Packet(0, 0, one.interface, one.source, one.source_port, one.payload))

    def compare(self, one: Datagram) -> None:
        """What the capture's server answered."""
        self.go_to(one.wall_us)
        self.answers += 1
        self._pair(one.payload, self._theirs, self._ours)

    def _pair(self, payload: bytes, own: dict[_Question, int], other: dict[_Question, int]) -> None:
        """Compare an answer with the other server's, or keep it until that one comes: a ping may hold up either."""
        question = payload[_XID], hardware_of_payload(payload), message_name(payload)
        address = int.from_bytes(payload[_YIADDR], "big")
        if question in other:
            self.same += other.pop(question) == address
            return
        if len(own) >= _ANSWERS_MAX:
            own.pop(next(iter(own)))
        own[question] = address

    def go_to(self, at_us: int) -> None:
        """Time goes on; what the capture has out of order comes at once."""
        self.until(at_us)
        self.now_us = max(self.now_us, at_us)

    def send(self, effect: ef.Send) -> None:
        """Compare a packet that our machine sends with the answer in the capture."""
        self._pair(effect.payload, self._ours, self._theirs)


class Capture:
    """The DHCP messages of a capture, for the server's `port`; `left` counts what was passed over, `error` its end."""

    def __init__(self, file: BinaryIO, path: str, port: int) -> None:
        """Reads `file`, whose name is `path`."""
        self.path = path
        self.left: dict[str, int] = {}
        self.error: CaptureError | None = None
        self._found = datagrams(file, path, self.pass_over)
        self._port = port
        self._ahead: list[Datagram] = []

    def pass_over(self, what: str) -> None:
        """Count a frame that is passed over."""
        self.left[what] = self.left.get(what, 0) + 1

    def server(self) -> int:
        """The address of the server that answers in the capture's beginning, 0 where none does."""
        for one in self._messages():
            self._ahead.append(one)
            if one.port >= 0 and one.payload[0] == _REPLY:
                identifier = options_of(one.payload).get(SERVER_IDENTIFIER, b"")
                if len(identifier) == ADDRESS_OCTETS:
                    return int.from_bytes(identifier, "big")
            if len(self._ahead) > _LOOK_AHEAD:
                break
        return 0

    def messages(self) -> Iterator[Datagram]:
        """All messages, and ICMP echo replies, in order."""
        ahead, self._ahead = self._ahead, []
        yield from ahead
        yield from self._messages()

    def _messages(self) -> Iterator[Datagram]:
        try:
            for one in self._found:
                if one.port < 0:
                    if one.payload[:1] == bytes([_ECHO_REPLY]):
                        yield one
                elif self._port not in (one.port, one.source_port):
                    self.pass_over("datagrams of other ports")
                elif len(one.payload) < FIXED_OCTETS or one.payload[0] not in (_REQUEST, _REPLY):
                    self.pass_over("datagrams that are no DHCP message")
                else:
                    yield one
        except CaptureError as error:
            self.error = error


def import_pcap(
    capture: Capture,
    files: Sequence[SourceFile],
    leases: Iterable[bytes],
    address: int,
    tell: Callable[[Event, list[Effect]], None],
    *,
    version: str = "",
) -> Imported:
    """Tell a machine with the configuration `files` (the main one first) and the lease file `leases` what is captured.

    `address` is the server's on the captured network, 0: the one that answers in the capture. `tell` is called with
    each event and its effects. Raises NotImported where nothing can be told.
    """
    address = address or capture.server()
    messages = capture.messages()
    first = next(messages, None)
    if first is None:
        raise NotImported(str(capture.error or f"{capture.path}: it holds no DHCP message"))
    if not address:
        raise NotImported(f"{capture.path}: no answer in it tells the server's address: give it with --address")
    listener = _Listener(tell, version)
    hardware = b"\1\2\0" + address.to_bytes(4, "big")
    begin = Beginning(files, list(leases), lease_file="dhcpd.leases")
    listener.begin(begin, [(first.interface, address, hardware)], first.wall_us - SECOND_US)
    if not listener.machine.serving:
        raise NotImported("the server does not start with this configuration")
    _hear(listener, capture, first, messages, address)
    listener.finish("end of the capture")
    left = {**capture.left}
    for what, count in listener.left.items():
        left[what] = left.get(what, 0) + count
    damage = "" if capture.error is None else str(capture.error)
    return Imported(
        listener.events, listener.packets, listener.answers, listener.same, tuple(sorted(left.items())), damage
    )


def _hear(listener: _Listener, capture: Capture, first: Datagram, rest: Iterator[Datagram], address: int) -> None:
    interface = first.interface
    one: Datagram | None = first
    while one is not None and not listener.ended:
        if one.port < 0:
            listener.go_to(one.wall_us)
            listener.tell(ev.PingReply(0, 0, one.source))
        elif one.payload[0] == _REPLY:
            listener.compare(one)
        elif one.destination not in (address, _BROADCAST) and not _is_network_broadcast(listener, one.destination):
            capture.pass_over("packets for other servers")
        else:
            listener.hear(one._replace(interface=interface))
        one = next(rest, None)


def _is_network_broadcast(listener: _Listener, address: int) -> bool:
    configuration = listener.machine.configuration
    subnet = None if configuration is None else configuration.find_subnet(address)
    return subnet is not None and address == subnet.number | ~subnet.netmask & _BROADCAST
