"""The machine's random numbers: those of a seed and a counter, whoever asks, and evenly spread."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from dhcpd.engine.draws import Draws


def test_the_octets_are_the_hashes_of_seed_and_counter():
    draws = Draws(b"seed")
    first = sha256(b"seed" + (1).to_bytes(8, "big")).digest()
    second = sha256(b"seed" + (2).to_bytes(8, "big")).digest()
    third = sha256(b"seed" + (3).to_bytes(8, "big")).digest()
    assert draws.octets(4) == first[:4]
    assert draws.octets(40) == (second + third)[:40]
    assert draws.octets(0) == b""
    assert draws.drawn == 3


def test_a_generator_goes_on_from_its_counter_alone():
    draws = Draws(b"seed")
    draws.octets(100)
    again = Draws(b"seed", draws.drawn)
    assert [again.below(1000) for _ in range(10)] == [draws.below(1000) for _ in range(10)]


def test_numbers_are_below_the_limit_and_evenly_spread():
    draws = Draws(b"another")
    assert [draws.below(1) for _ in range(3)] == [0, 0, 0]
    counted = Counter(draws.below(10) for _ in range(5_000))
    assert sorted(counted) == list(range(10))
    # Six times the standard deviation of 5,000 draws.
    assert all(abs(count - 500) < 130 for count in counted.values())
