"""Times on dhcpd-admin's command line."""

from __future__ import annotations

import pytest

from dhcpd.adminctl.moments import seconds_of
from dhcpd.replay.showing.times import NoMoment

# 2026-11-24 12:00:00 UTC
NOW = 1_795_521_600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1795521600", NOW),
        ("+2h", NOW + 7_200),
        ("-1h30m", NOW - 5_400),
        ("11:00:00", NOW - 3_600),
        ("11:00", NOW - 3_600 + 59),
        ("12:30:00", NOW + 1_800 - 86_400),
        ("03:12", NOW - 31_680 + 59),
        ("2026-11-24T12:30", NOW + 1_800 + 59),
        ("2026-11-25T12:00:00", NOW + 86_400),
    ],
)
def test_a_time_of_day_is_the_last_one_and_a_minute_is_meant_to_its_end(text: str, seconds: int) -> None:
    assert seconds_of(text, NOW) == seconds


@pytest.mark.parametrize("text", ["", "noon", "25:00", "-", "+", "2026-13-01T00:00", "½h"])
def test_what_is_no_time_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(NoMoment):
        seconds_of(text, NOW)
