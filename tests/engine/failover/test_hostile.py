"""Seeds of the hostile world (hostile.py): nobody's address is given away, and the pair finds back."""

from __future__ import annotations

import pytest

from tests.engine.failover.hostile import World


@pytest.mark.parametrize("seed", range(40))
def test_no_address_is_given_to_two_and_the_pair_finds_back(seed: int) -> None:
    World(seed).run(120)


@pytest.mark.parametrize("seed", [3, 8])
def test_machines_that_are_restored_after_every_event_do_the_same(seed: int) -> None:
    restored, lived = World(seed, snapshots=True), World(seed)
    for world in (restored, lived):
        world.run(40)
    assert restored.met == lived.met
    assert [node.lines for node in restored.pair.nodes] == [node.lines for node in lived.pair.nodes]
    assert [node.leases for node in restored.pair.nodes] == [node.leases for node in lived.pair.nodes]
