"""Updates of one lease that cross: both servers change it while nothing passes between them, and tell it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.failover.rules import ownership
from dhcpd.engine.model.lease import ACTIVE, Lease
from tests.engine.failover.pair import Pair
from tests.engine.service.desk import RELEASE, REQUEST, mac, message, number

if TYPE_CHECKING:
    from tests.engine.failover.pair import Node

CLIENT = 2  # the primary's, by the hash of its hardware address


@pytest.fixture
def crossed() -> tuple[Pair, str]:
    """A lease that its client has released at the primary and renewed at the secondary, and the link has just come."""
    pair = Pair()
    pair.start()
    pair.sleep(20)
    granted = pair.dora(CLIENT)
    assert granted is not None
    address = granted[1].address
    pair.sleep(3)
    pair.cut = True
    pair.send(message(RELEASE, mac(CLIENT), ciaddr=address), pair.primary)
    pair.sleep(25)
    assert pair.send(message(REQUEST, mac(CLIENT), ciaddr=address), pair.secondary)
    pair.sleep(5)
    pair.cut = False
    while (pair.primary.state, pair.secondary.state) != ("normal", "normal"):
        pair.sleep(0.1)
    return pair, address


def lease_at(node: Node, address: str) -> Lease:
    found = node.lease(address)
    assert isinstance(found, Lease)
    return found


def test_a_refusal_of_what_was_told_before_leaves_what_is_under_way(crossed: tuple[Pair, str]) -> None:
    """The secondary refuses the release, and the primary, which has taken the renewal, has told of it by then."""
    pair, address = crossed
    rejected = f"bind update on {address} from fo rejected: incoming update is less critical than outgoing update"
    assert rejected in pair.primary.lines
    assert number(address) in pair.primary.endpoint.updates.unacked


def test_who_gives_way_to_a_renewal_tells_no_less_than_the_partner_has_promised(crossed: tuple[Pair, str]) -> None:
    pair, address = crossed
    promised = lease_at(pair.secondary, address).tstp
    pair.sleep(5)
    for node in pair.nodes:
        assert lease_at(node, address).state == ACTIVE
        assert ownership.tsfp_of(lease_at(node, address)) == promised, node.side
    pair.sleep(100)
    ((_node, reply),) = pair.send(message(REQUEST, mac(CLIENT), ciaddr=address), pair.primary)
    assert int.from_bytes(reply.options[51], "big") == 300


def test_a_server_that_ends_before_the_answer_tells_of_the_renewal_again(crossed: tuple[Pair, str]) -> None:
    pair, address = crossed
    pair.kill(pair.primary)
    pair.start(pair.primary)
    assert number(address) in pair.primary.endpoint.updates
    pair.sleep(20)
    assert ownership.tsfp_of(lease_at(pair.secondary, address)) == lease_at(pair.secondary, address).tstp
