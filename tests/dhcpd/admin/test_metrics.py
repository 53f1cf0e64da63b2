"""/metrics on the socket and on a TCP address, where there is nothing else."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dhcpd.admin.http.listening import open_tcp, tcp_address
from dhcpd.admin.http.server import Admin
from dhcpd.admin.table import ROUTES
from tests.dhcpd.admin.office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Office]:
    """An office whose door is a TCP address."""
    made = Office(tmp_path)
    listener = open_tcp("127.0.0.1:0")
    made.admin.close()
    made.admin = Admin(made.admin._site, ROUTES, [listener])

    def connect() -> socket.socket:
        peer = socket.create_connection(listener.socket.getsockname())
        peer.setblocking(False)
        return peer

    made.connect = connect  # type: ignore[method-assign]
    yield made
    made.close()


def test_metrics_are_what_prometheus_reads(office: Office) -> None:
    office.run.exchange(1)
    status, headers, body = office.ask("GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {one.name: one for one in text_string_to_metric_families(body.decode())}
    (up,) = families["dhcpd_leases"].samples
    assert up.value == 1
    assert families["process_resident_memory_bytes"].samples[0].value > 1 << 20


def test_the_address_for_metrics_has_nothing_else(outside: Office) -> None:
    assert outside.ask("GET", "/metrics")[0] == 200
    for method, target in (("GET", "/v1/leases"), ("POST", "/v1/reload"), ("POST", "/v1/leases/10.0.1.0/abandon")):
        status, _headers, body = outside.ask(method, target)
        assert status == 403
        assert "--admin-socket" in json.loads(body)["advice"]
    assert not outside.commands


WRONG = ("", "9547", ":9547", "localhost:9547", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1", "::1:80")


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^give "):
        tcp_address(text)
