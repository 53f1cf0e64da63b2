"""What a request costs does not depend on how many objects there are: as many calls for the 500th host as for the 1st.

Calls are counted, not time, so that the machine that tests run on does not matter.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.omapi.wire import integer
from tests.engine.omapi.shell import CONFIGURATION, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.omapi.shell import Client

MANY = 500
# Caches fill now and then, and heaps are as deep as their logarithm.
MORE_CALLS = 40
CONFIGURED = b"".join(
    b"host c%d { hardware ethernet 02:0c:00:00:%02x:%02x; } group g%d { } " % (one, one >> 8, one & 255, one)
    for one in range(MANY)
)


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, and generators resumed, in Python and C."""
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def make(client: Client, number: int) -> int:
    hardware = b"\x02\0\0\0" + number.to_bytes(2, "big")
    code, answer = client.open("host", "create exclusive", name=b"h%d" % number, hardware_address=hardware,
                               hardware_type=1, ip_address=integer(0x0A00C900 + number))  # fmt: skip
    assert code == 0
    return answer.handle


def costs(client: Client, number: int) -> dict[str, int]:
    """What each kind of request costs with so many hosts made before it."""
    handles: list[int] = []
    name = b"h%d" % number
    return {
        "make": calls(lambda: handles.append(make(client, number))),
        "look up": calls(lambda: client.open("host", name=name)),
        "refresh": calls(lambda: client.refresh(handles[0])),
        "change": calls(lambda: client.update(handles[0], ip_address=integer(0x0A00D000))),
        "group": calls(lambda: client.open("group", "create", name=b"made%d" % number, statements=b" ")),
        "delete": calls(lambda: client.delete(handles[0])),
    }


@pytest.mark.parametrize("configuration", [CONFIGURATION, CONFIGURATION + CONFIGURED], ids=["none", "many"])
def test_the_last_request_costs_what_the_first_does(configuration: bytes) -> None:
    client = Server(configuration).connect()
    costs(client, 1)
    first = costs(client, 2)
    for number in range(10, MANY):
        make(client, number)
    last = costs(client, MANY)
    assert {kind: cost for kind, cost in last.items() if cost > first[kind] + MORE_CALLS} == {}
