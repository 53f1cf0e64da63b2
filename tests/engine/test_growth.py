"""Loading costs what is loaded: eight times as much in no more than three times eight times the processor time.

Linear growth is 8, growth by the square 64; the room between is for a machine that others use, too. bench/ has figures.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.reader import load_lease_file
from dhcpd.engine.model.lease import FREE
from tests.engine.lease.configurations import configuration

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhcpd.engine.model.configuration import Configuration

TIMES = 8
RATIO_MAX = 3 * TIMES
NOW = 1_795_467_390
PART_OCTETS = 1 << 20
RECORD = b"""lease 10.%d.%d.%d {
  starts 1 2026/11/23 20:56:30;
  ends 1 2026/11/23 21:06:30;
  cltt 1 2026/11/23 20:56:30;
  binding state active;
  next binding state free;
  hardware ethernet 02:00:00:00:00:05;
%s}
"""
ODD = {
    "a line of blanks": b"   \n",
    "a handler": b'  on expiry {\n    set foo = lcase ("x") ;\n  }\n',
    "a handler in another layout": b"  on expiry { }\n",
    "a relay's option": b"  option agent.link-selection 1.2.3.4;\n",
    "a class in another place": b'  billing class "gold";\n',
    "a mistake": b"  nonsense;\n",
}


def processor_s(work: Callable[[], object]) -> float:
    """The least of two runs, the collector of garbage at rest."""
    found = []
    for _run in range(2):
        gc.collect()
        # What it would look through is what all tests before have left.
        gc.disable()
        try:
            before = time.process_time()
            work()
            found.append(time.process_time() - before)
        finally:
            gc.enable()
    return min(found)


def assert_linear(work: Callable[[int], Callable[[], object]], size: int) -> None:
    """`work` prepares what is measured for a size."""
    small, large = processor_s(work(size)), processor_s(work(TIMES * size))
    assert large < RATIO_MAX * small, f"{size}: {small:.3f} s, {TIMES * size}: {large:.3f} s"


@pytest.mark.parametrize("odd", list(ODD))
def test_a_lease_file_in_any_layout(odd: str) -> None:
    def work(count: int) -> Callable[[], None]:
        text = b"".join(RECORD % (one >> 16, one >> 8 & 255, one & 255, ODD[odd]) for one in range(count))

        def load() -> None:
            made = configuration([("10.0.0.0", "10.255.255.255")], classes=(("gold", 1 << 30),))
            parts = [text[at : at + PART_OCTETS] for at in range(0, len(text), PART_OCTETS)]
            load_lease_file(parts, Database(made), made, lambda _level, _line: None, "leases", NOW)

        return load

    assert_linear(work, 100)


def compiled(text: str) -> Configuration:
    registry = default_registry()
    parsed = parse({"dhcpd.conf": text.encode()}, "dhcpd.conf", registry)
    assert not parsed.failed, parsed.lines
    return compile_configuration(parsed.block, registry)


def subnet(number: int, inside: str = "") -> str:
    """A /24 with a pool of nearly all of it."""
    first = f"10.{number >> 8}.{number & 255}"
    pool = f"pool {{ range {first}.10 {first}.200; {inside} }}"
    return f"subnet {first}.0 netmask 255.255.255.0 {{ option routers {first}.1; {pool} }}\n"


def shared(inside: str) -> str:
    return f"shared-network all {{ {inside} }}\n"


SITES = {
    "subnets": lambda count: "".join(map(subnet, range(count))),
    "subnets of a shared network": lambda count: shared("".join(map(subnet, range(count)))),
    "subnets within a wider one": lambda count: (
        "subnet 10.0.0.0 netmask 255.0.0.0 { }\n" + "".join(map(subnet, range(count)))
    ),
    "pools of a shared network, each with an option": lambda count: shared(
        "".join(subnet(one, f'option domain-name "d{one}";') for one in range(count))
    ),
    "pools of a shared network, each with a class": lambda count: "".join(
        f'class "c{one}" {{ match if option host-name = "{one}"; }}\n' for one in range(count)
    )
    + shared("".join(subnet(one, f'allow members of "c{one}";') for one in range(count))),
}


@pytest.mark.parametrize("site", list(SITES))
def test_a_configuration(site: str) -> None:
    def work(count: int) -> Callable[[], object]:
        text = SITES[site](count)
        return lambda: Database(compiled(text))

    assert_linear(work, 300)


def test_pools_of_many_addresses() -> None:
    def work(count: int) -> Callable[[], object]:
        made = configuration(*[[(f"{20 + (one >> 8)}.{one & 255}.0.0", f"{20 + (one >> 8)}.{one & 255}.255.255")]
                               for one in range(count)])  # fmt: skip
        return lambda: [Database(made).head(pool, FREE) for pool in made.pools[:: len(made.pools) - 1]]

    assert_linear(work, 200)
