"""What loading costs by how much is loaded, in seconds of processor time: linear, or a large site cannot start.

Three sizes of each, so that a curve shows: subnets with a pool each, the pools of one shared network, leases in a
layout that no server writes, and the restoring of a snapshot. In this process, with the collector of garbage at rest
as it is while the program starts.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Final, TypeVar

import msgpack

from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.reader import load_lease_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhcpd.engine.model.configuration import Configuration

_T = TypeVar("_T")

SUBNETS: Final = (5_000, 10_000, 20_000)
LEASES: Final = (4_000, 8_000, 16_000)
RESTORED: Final = (250_000, 500_000, 1_000_000)
_NOW: Final = 1_795_467_390
_PART_OCTETS: Final = 1 << 20
_WIDE: Final = "subnet 10.0.0.0 netmask 255.0.0.0 { range 10.0.0.0 10.255.255.255; }\n"
_RECORD: Final = b"""lease 10.%d.%d.%d {
  starts 1 2026/11/23 20:56:30;
  ends 1 2026/11/23 21:06:%02d;
  cltt 1 2026/11/23 20:56:30;
%s  binding state active;
  next binding state free;
  hardware ethernet 02:00:00:%02x:%02x:%02x;
}
"""


def figures() -> dict[str, float]:
    """Every figure by its name."""
    found: dict[str, float] = {}
    gc.disable()
    try:
        for count in SUBNETS:
            found[f"loading/subnets/{count}"] = _seconds(lambda text: Database(_configuration(text)), _subnets(count))
            shared = f"shared-network all {{ {_subnets(count)} }}\n"
            found[f"loading/pools/{count}"] = _seconds(lambda text: Database(_configuration(text)), shared)
        for count in LEASES:
            found[f"loading/leases/{count}"] = _seconds(_load, _records(count, b"\n"))
        for count in RESTORED:
            packed = msgpack.packb(_load(_records(count, b"")).snapshot())
            found[f"loading/restored/{count}"] = _seconds(_restore, packed)
    finally:
        gc.enable()
    return found


def _seconds(work: Callable[[_T], object], given: _T) -> float:
    gc.collect()
    before = time.process_time()
    work(given)
    return time.process_time() - before


def _subnets(count: int) -> str:
    names = [f"10.{number >> 8}.{number & 255}" for number in range(count)]
    return "".join([
        f"subnet {name}.0 netmask 255.255.255.0 {{ option routers {name}.1;"
        f' pool {{ range {name}.10 {name}.200; option domain-name "{name}"; }} }}\n'
        for name in names
    ])  # fmt: skip


def _configuration(text: str) -> Configuration:
    registry = default_registry()
    return compile_configuration(parse({"dhcpd.conf": text.encode()}, "dhcpd.conf", registry).block, registry)


def _records(count: int, between: bytes) -> bytes:
    """Leases of one network; `between` stands in every record."""
    made: list[bytes] = []
    for number in range(count):
        place = number >> 16, number >> 8 & 255, number & 255
        made.append(_RECORD % (*place, number % 60, between, *place))
    return b"".join(made)


def _load(text: bytes) -> Database:
    configuration = _configuration(_WIDE)
    database = Database(configuration)
    parts = [text[at : at + _PART_OCTETS] for at in range(0, len(text), _PART_OCTETS)]
    load_lease_file(parts, database, configuration, lambda _level, _line: None, "leases", _NOW)
    return database


def _restore(packed: bytes) -> None:
    Database(_configuration(_WIDE)).restore(msgpack.unpackb(packed))
