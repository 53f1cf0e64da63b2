"""A moment is what its text says, in UTC; anything else is refused with the forms."""

from __future__ import annotations

import pytest

from dhcpd.replay.showing.times import NoMoment, span_us, time_us

# 2026-11-24 04:15:42.5 UTC
START_US = 1_795_493_742_500_000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("+90s", START_US + 90_000_000),
        ("+1h30m", START_US + 5_400_000_000),
        ("+1.5s", START_US + 1_500_000),
        ("04:15:42", START_US - 500_000),
        ("04:15", START_US - 42_500_000),
        ("04:15:42.75", START_US + 250_000),
        ("2026-11-24T04:15:42", START_US - 500_000),
        ("2026-11-24 04:15:42.500000 UTC", START_US),
        ("2026-11-24T06:15:42+02:00", START_US - 500_000),
    ],
)
def test_times(text: str, wanted: int) -> None:
    assert time_us(text, START_US) == wanted


@pytest.mark.parametrize("text", ["", "+", "+0s", "+9", "25:00", "yesterday", "+5x", "99999-01-01", "12:60:00", "+ 5s"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(NoMoment):
        time_us(text, START_US)


def test_a_span_is_not_nothing() -> None:
    assert span_us("500ms") == 500_000
    with pytest.raises(NoMoment):
        span_us("")
