"""What is kept of replies (plan.py, Prepared): nothing can be seen of it but the time saved."""

from __future__ import annotations

from tests.engine.service.desk import ACK, DISCOVER, REQUEST, Desk, mac, message

NET = f"""
ping-check false; dhcp-cache-threshold 0;
option domain-name "{"d" * 200}"; option root-path "{"r" * 200}"; option routers 10.77.0.1;
subnet 10.77.0.0 netmask 255.255.255.0 {{ range 10.77.0.10 10.77.0.14; }}
"""
ASKED = b"\x0f\x11\x03"
# What a client may say that decides on what stands behind the header.
SAYS = [
    {},
    {"prl": ASKED},
    {"prl": ASKED[::-1]},
    {"prl": ASKED, "options": {57: b"\x05\xdc"}},
    {"prl": ASKED, "name": b"box\0"},
    {"prl": ASKED, "time": 600},
    {"prl": ASKED, "options": {118: b"\x0a\x4d\x00\x00"}},
]


def said(desk, kind, says):
    (reply,) = desk.receive(message(kind, mac(1), requested="10.77.0.10", **says))
    return reply.sent.payload


def test_an_offer_is_what_it_would_be_without_those_before_it():
    desk = Desk(NET)
    alone = [said(Desk(NET), DISCOVER, says) for says in SAYS]
    assert [said(desk, DISCOVER, says) for says in SAYS * 2] == alone * 2
    assert len(set(alone)) == len(SAYS), "each of them decides"


def test_an_ack_tells_the_time_that_is_left():
    desk = Desk(NET)
    first = said(desk, REQUEST, SAYS[1])
    assert first[242] == ACK
    assert said(desk, REQUEST, SAYS[1]) == first
    shorter = said(desk, REQUEST, SAYS[5])
    assert shorter != first
    assert shorter == said(Desk(NET), REQUEST, SAYS[5])
