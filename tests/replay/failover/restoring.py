"""Play recordings with a machine that is restored from its snapshot after every event: `restoring.py TRACE...`

Prints, for each, whether all effects were the recorded ones, and a digest of them and of the last snapshot: the same
under every hash seed. A program of its own, since a hash seed is a process's.
"""

from __future__ import annotations

import hashlib
import sys

from dhcpd.engine.machine import Machine
from dhcpd.replay.playing.compare import same
from dhcpd.replay.playing.resume import beginning
from dhcpd.trace import Entry, open_tape


def play(path: str) -> tuple[int, str]:
    """How many events had other effects, and the digest."""
    digest, differ = hashlib.sha256(), 0
    with open_tape(path) as tape:
        start = beginning(tape)
        machine = start.machine
        for entry in tape.iterate(from_seq=start.from_seq):
            if not isinstance(entry, Entry):
                continue
            effects = machine.apply(entry.event)
            differ += entry.effects is not None and not same(entry.effects, effects)
            digest.update(repr(effects).encode())
            if machine.server is not None and machine.serving and not machine.rewriting:
                machine = Machine.restore(machine.snapshot())
        digest.update(repr(machine.snapshot()).encode())
    return differ, digest.hexdigest()[:16]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, *play(name))
