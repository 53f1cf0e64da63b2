"""The payloads of ISC trace records, for what playback needs: files, interfaces, packets, pings, the seed.

The layout hangs on the release that wrote the file (a hardware address takes 18 octets through 4.2.4, 22 from 4.2.5
on) and, for addresses of what went out, on the byte order of its machine; both are found in the file. Octets that
ISC's programs leave uninitialised are not looked at. Failover and DNS records are counted, not read.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from .format import RawRecord

_HARDWARE_BYTES: Final = {44: 18, 48: 22}
_NAME_BYTES: Final = 16
_ADDRESS_BYTES: Final = 20
_IN_FIXED: Final = 27
_OUT_FIXED: Final = 47


class File(NamedTuple):
    """A configuration file, or the lease file where `leases`."""

    when: int
    name: str
    content: bytes
    leases: bool


class Interface(NamedTuple):
    """An interface that was served; `hardware` is type octet and address, empty for `fallback`."""

    when: int
    number: int
    name: str
    address: int
    hardware: bytes


class Received(NamedTuple):
    """A packet that came in."""

    when: int
    offset: int
    interface: int
    source: int
    port: int
    payload: bytes


class Sent(NamedTuple):
    """A packet that went out, as ISC's server built it."""

    when: int
    offset: int
    interface: int
    destination: int
    port: int
    payload: bytes


class Pinged(NamedTuple):
    """An ICMP echo request to `address`."""

    when: int
    address: int


class Echo(NamedTuple):
    """An ICMP echo reply from `address`."""

    when: int
    address: int


class Seed(NamedTuple):
    """The seed of random numbers."""

    when: int
    value: bytes


class Accepted(NamedTuple):
    """Somebody has called at `port`."""

    when: int
    peer: int
    peer_port: int
    port: int


class Octets(NamedTuple):
    """Octets that came on a connection; which one, the file does not say."""

    when: int
    data: bytes


class HungUp(NamedTuple):
    """A connection ended; which one, the file does not say."""

    when: int


class Nothing(NamedTuple):
    """A record that says what others say, too, or nothing but zeros."""

    when: int


class Other(NamedTuple):
    """A record of a part that cannot be played (`what`: OMAPI, failover, DNS), or one that makes no sense."""

    when: int
    what: str


Record = File | Interface | Received | Sent | Pinged | Echo | Seed | Accepted | Octets | HungUp | Nothing | Other

CONNECTIONS: Final = "OMAPI and failover"
_DNS: Final = "DNS updates"
_NOT_PLAYED: Final = {
    "connection-output": CONNECTIONS, "ddns-output": _DNS, "ddns-input": _DNS,
    "mr-randomid": _DNS, "mr-statp": _DNS, "mr-input": _DNS, "mr-output": _DNS,
}  # fmt: skip


class Reader:
    """Reads records; remembers what an interface record says of the layout. `byte_order` of the recording machine."""

    def __init__(self) -> None:
        self._hardware_bytes = _HARDWARE_BYTES[48]
        self.byte_order = "little"

    def read(self, raw: RawRecord) -> Record:
        """What a record says; Other where it says nothing that can be used."""
        reader = _READERS.get(raw.type)
        if reader is None:
            return Other(raw.when, _NOT_PLAYED.get(raw.type, f"records of type {raw.type}"))
        try:
            return reader(self, raw)
        except (struct.error, IndexError, ValueError):
            return Other(raw.when, f"{raw.type} records of the wrong length")

    def _file(self, raw: RawRecord) -> Record:
        name, end, content = raw.payload.partition(b"\0")
        if not end:
            raise ValueError(raw.type)
        return File(raw.when, name.decode("utf-8", "surrogateescape"), content, raw.type == "readleases")

    def _interface(self, raw: RawRecord) -> Record:
        self._hardware_bytes = _HARDWARE_BYTES.get(len(raw.payload), 0)
        if not self._hardware_bytes:
            raise ValueError(raw.type)
        address, index = struct.unpack_from(">Ii", raw.payload)
        name_at = 8 + self._hardware_bytes
        name = raw.payload[name_at : name_at + _NAME_BYTES].partition(b"\0")[0]
        return Interface(raw.when, index, name.decode("utf-8", "replace"), address, self._hardware(raw.payload, 8))

    def _hardware(self, payload: bytes, at: int) -> bytes:
        length = min(payload[at], self._hardware_bytes - 1)
        return payload[at + 1 : at + 1 + length]

    def _received(self, raw: RawRecord) -> Record:
        start = -(-(_IN_FIXED + self._hardware_bytes) // 4) * 4
        index, _length, source = struct.unpack_from(">iI4s", raw.payload)
        (port,) = struct.unpack_from(">H", raw.payload, 24)
        _check(raw, start)
        return Received(raw.when, raw.offset, index, int.from_bytes(source, "big"), port, raw.payload[start:])

    def _sent(self, raw: RawRecord) -> Record:
        start = -(-(_OUT_FIXED + self._hardware_bytes) // 4) * 4
        (index,) = struct.unpack_from(">i", raw.payload)
        if raw.payload[4:8] == b"\0\0\0\4":
            self.byte_order = "big"
        destination = int.from_bytes(raw.payload[28:32], "big")
        (port,) = struct.unpack_from(">H", raw.payload, 44)
        _check(raw, start)
        return Sent(raw.when, raw.offset, index, destination, port, raw.payload[start:])

    def _pinged(self, raw: RawRecord) -> Record:
        _check(raw, _ADDRESS_BYTES)
        return Pinged(raw.when, int.from_bytes(raw.payload[4:8], "big"))

    def _echo(self, raw: RawRecord) -> Record:
        _check(raw, _ADDRESS_BYTES)
        return Echo(raw.when, int.from_bytes(raw.payload[4:8], "big"))

    def _accepted(self, raw: RawRecord) -> Record:
        peer_port, peer, port = struct.unpack_from(">HIH", raw.payload)
        return Accepted(raw.when, peer, peer_port, port)

    def _connect(self, raw: RawRecord) -> Record:
        (listener,) = struct.unpack_from(">i", raw.payload, 4)
        # Of what was accepted there is a record already; what this server has called is a failover partner.
        return Other(raw.when, CONNECTIONS) if listener < 0 else Nothing(raw.when)

    def _octets(self, raw: RawRecord) -> Record:
        data = raw.payload[4:]
        # What went out stands here, too, as zeros.
        return Octets(raw.when, data) if any(data) else Nothing(raw.when)

    def _hung_up(self, raw: RawRecord) -> Record:
        return HungUp(raw.when)

    def _seed(self, raw: RawRecord) -> Record:
        return Seed(raw.when, raw.payload[:8])


def _check(raw: RawRecord, octets_min: int) -> None:
    if len(raw.payload) < octets_min:
        raise ValueError(raw.type)


_READERS: Final[dict[str, Callable[[Reader, RawRecord], Record]]] = {
    "readconf": Reader._file,
    "readleases": Reader._file,
    "interface": Reader._interface,
    "inpacket": Reader._received,
    "outpacket": Reader._sent,
    "icmp-output": Reader._pinged,
    "icmp-input": Reader._echo,
    "random-seed": Reader._seed,
    "listener-accept": Reader._accepted,
    "connect": Reader._connect,
    "connection-input": Reader._octets,
    "disconnect": Reader._hung_up,
}
