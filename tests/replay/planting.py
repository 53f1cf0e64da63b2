"""Recordings with a planted fault: the engine's own effects, but for one wrong option in one client's reply.

`plant` is what the promise of the workbench is measured with: a fault among hundreds of clients that must be found,
named and shrunk. It is a tool for any test; nothing here asserts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dhcpd.trace import TapeWriter
from dhcpd.trace.effects import Send
from tests.replay.engine_runs import CONFIGURATION, Run

if TYPE_CHECKING:
    from pathlib import Path

    from dhcpd.trace.effects import Effect
    from dhcpd.trace.events import Event

# What engine_runs.CONFIGURATION gives as `option routers`, and what the faulty server is to have given.
RIGHT = bytes([3, 4, 10, 0, 0, 1])
WRONG = bytes([3, 4, 10, 0, 0, 99])
# The same network with nothing else in it.
PLAIN = b"""
authoritative; ping-check false;
subnet 10.0.0.0 netmask 255.255.0.0 { option routers 10.0.0.1; range 10.0.1.0 10.0.8.255; }
"""
# A DISCOVER and a REQUEST that ask for the routers and the name server's domain.
WANTED = bytes([55, 3, 1, 3, 15])


class Planted(NamedTuple):
    """The recording, and where its fault is: event number, client's hardware address as text."""

    path: Path
    seq: int
    client: str


def busy_run(clients: int, packets: int, configuration: bytes = CONFIGURATION) -> Run:
    """`clients` clients that get an address, and renew it in turn until about `packets` packets have come."""
    run = Run(configuration)
    addresses = []
    for client in range(clients):
        offered = int.from_bytes(sent(run.packet(client, 1, WANTED)).payload[16:20], "big")
        chosen = bytes([50, 4]) + offered.to_bytes(4, "big") + bytes([54, 4, 10, 0, 0, 1])
        run.packet(client, 3, chosen + WANTED)
        addresses.append(offered)
    for number in range(packets - 2 * clients):
        run.now_us += 100_000
        client = number % clients
        run.packet(client, 3, WANTED, ciaddr=addresses[client])
    return run


def sent(effects: list[Effect]) -> Send:
    """The one reply among the effects."""
    (found,) = [effect for effect in effects if isinstance(effect, Send)]
    return found


def record_run(path: Path, run: Run, snapshot_every: int = 0) -> Path:
    """The run's tape, in batches; with a snapshot behind every so many events."""
    again = Run().machine.__class__() if snapshot_every else None
    with TapeWriter.create(path, version="0.0.test", host="test", created_us=run.pairs[0][0].wall_us) as writer:
        batch: list[tuple[Event, list[Effect]]] = []
        for number, (event, effects) in enumerate(run.pairs, 1):
            batch.append((event, effects))
            if again is not None:
                again.apply(event)
            due = snapshot_every and number % snapshot_every == 0
            if due or len(batch) == 32 or number == len(run.pairs):
                first = writer.write_events([one for one, _ in batch])
                writer.write_effects(first, [one for _, one in batch])
                batch = []
            if due and again is not None:
                writer.write_snapshot(number, again.snapshot())
    return path


def plant(
    path: Path,
    clients: int = 500,
    packets: int = 10_000,
    client: int = 321,
    *,
    snapshot_every: int = 0,
    configuration: bytes = CONFIGURATION,
) -> Planted:
    """A recording of a busy run in which one renewal of `client` was answered with a wrong router."""
    run = busy_run(clients, packets, configuration)
    hardware = b"\x02\0" + client.to_bytes(4, "big")
    found = [at for at, (event, effects) in enumerate(run.pairs)
             if getattr(event, "payload", b"")[28:34] == hardware
             and any(RIGHT in getattr(effect, "payload", b"") for effect in effects)]  # fmt: skip
    at = found[len(found) // 2]
    event, effects = run.pairs[at]
    run.pairs[at] = (event, [faulty(effect) for effect in effects])
    return Planted(record_run(path, run, snapshot_every), at + 1, hardware.hex(":"))


def faulty(effect: Effect) -> Effect:
    """The same, with the wrong router where it was a reply."""
    if not isinstance(effect, Send):
        return effect
    assert effect.payload.count(RIGHT) == 1, "the fault is planted in one place"
    return effect._replace(payload=effect.payload.replace(RIGHT, WRONG))
