"""What is decided at an ACK: the short way of who comes again is the long one's answer, and follows the same words."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.ddns.naming import Decision, Stored, Why, Wishes, decide, is_as_stored
from tests.engine.ddns.site import Site
from tests.engine.service.desk import mac

ADDRESS: Final = 10 << 24
PARTS: Final = st.sampled_from((b"", b"a", b"a.b", b"a" * 250, b"example.org"))


def wishes(host: bytes, domain: bytes, style: int) -> Wishes:
    """Those of a client that says nothing of names itself, in a pool, where names are made and not made anew."""
    return Wishes(style, None, 1, True, True, True, True, False, False, host, domain, b"in-addr.arpa.", 60, ADDRESS,
                  b"\x01" + mac(1), b"")  # fmt: skip


@given(PARTS, PARTS, st.one_of(PARTS, st.tuples(PARTS, PARTS).map(b".".join)), st.sampled_from((2, 3)))
def test_a_name_that_is_stored_is_known_and_nothing_is_done(host: bytes, domain: bytes, name: bytes, style: int):
    found = decide(wishes(host, domain, style), Stored(name, b"", other_style=False))
    assert is_as_stored(name, host, domain) == (found == Decision(Why.KNOWN))


@pytest.mark.parametrize("relayed", [False, True])
def test_what_on_commit_makes_of_the_parameters_is_for_its_own_packet(relayed: bool) -> None:
    more = """class "odd" { match if option host-name = "odd"; on commit { ddns-hostname "even"; } }\n"""
    site = Site(more + "subnet 10.77.1.0 netmask 255.255.255.0 { range 10.77.1.100 10.77.1.109; }\n")
    where = {"giaddr": "10.77.1.1"} if relayed else {}
    for number, name, expected in ((1, b"alpha", "alpha"), (2, b"odd", "even"), (3, b"beta", "beta")):
        address = site.bind(mac(number), name=name, **where)
        assert f"{expected}.example.org. A {address}" in site.dns.table()
        asked = len(site.dns.asked)
        site.renew(address, mac(number), name=name)
        assert f"{expected}.example.org. A {address}" in site.dns.table()
        assert len(site.dns.asked) == asked


def test_an_option_of_numerals_is_the_same_however_its_parts_are_known() -> None:
    """Octets in a constant base are made by a table; a separator that the packet holds goes by the digits."""
    for base in (2, 8, 10, 16):
        names = []
        for separator in ('"-"', "option host-name"):
            site = Site(f"ddns-hostname = binary-to-ascii({base}, 8, {separator}, substring(hardware, 1, 6));\n")
            address = site.bind(b"\x02\x00\x0f\x10\x7f\xff", name=b"-")
            names.append(site.variables(address)["ddns-fwd-name"])
        assert names[0] == names[1], base
