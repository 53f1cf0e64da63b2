"""The examples of docs/changing-a-running-server.md, run against the configuration that it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.dhcpd.dhcpctl.loopback import ADDRESS, Loopback

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "changing-a-running-server.md").read_text("utf-8")


@pytest.fixture
def shown() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        exec(compile(block, "changing-a-running-server.md", "exec"), names)
    return names


@pytest.fixture
def server():
    (configuration,) = re.findall(r"^```\n# dhcpd.conf\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    with Loopback(b"ping-check off; authoritative;" + configuration.encode()) as made:
        yield made


async def test_the_shown_programs_work(shown, server):
    assert shown["add_printer"](ADDRESS, server.port) > 0
    assert shown["free"](ADDRESS, server.port, bytes([192, 0, 2, 1])) == "not found"
    leased = server.exchange(1).to_bytes(4, "big")
    assert shown["free"](ADDRESS, server.port, leased) == "free"
    found = await shown["names_of"](ADDRESS, server.port, ["printer", "nobody"])
    assert found == {"printer": bytes.fromhex("020000000061")}
