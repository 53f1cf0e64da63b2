"""How events and effects look to people."""

from __future__ import annotations

import pytest

from dhcpd.replay.showing.describe import effect_line
from dhcpd.trace.effects import INFO, Log


@pytest.mark.parametrize(
    ("octets", "shown"),
    [("café".encode(), "café"), (b"caf\xe9", "caf\\xe9"), (b"plain", "plain")],
)
def test_a_log_line_is_text_where_its_octets_are(octets, shown):
    assert effect_line(Log(INFO, octets.decode("latin-1"))) == f"Log {shown}"
