"""Signed updates: every algorithm of dhcpd.conf, and every way in which an answer's signature can be wrong."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.ddns.wire import result
from tests.engine.ddns.name_server import NameServer
from tests.engine.ddns.site import ZONES, Site
from tests.engine.service.desk import mac

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = b"0123456789abcdef0123456789abcdef"
ALGORITHMS = ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]


def configuration(algorithm: str) -> str:
    secret = base64.b64encode(SECRET).decode()
    return (
        f"key The-Key {{ algorithm {algorithm}; secret {secret}; }}\n"
        "zone example.org. { primary 192.0.2.53; key The-Key; }\n"
        "zone 77.10.in-addr.arpa. { primary 192.0.2.53; key The-Key; }\n"
    )


def signed_site(algorithm: str = "hmac-sha256", more: str = "") -> Site:
    site = Site(configuration(algorithm) + more, style="standard")
    name = "hmac-md5.sig-alg.reg.int." if algorithm == "hmac-md5" else algorithm
    site.dns = site.servers["192.0.2.53"] = NameServer(*ZONES, keys={"the-key.": (name, SECRET)})
    site.dns.clock = lambda: site.now_us // 1_000_000
    return site


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_understood(algorithm: str) -> None:
    site = signed_site(algorithm)
    address = site.bind(name=b"alpha")
    assert f"alpha.example.org. A {address}" in site.dns.table()
    assert all(one.had_tsig for one in site.dns.asked)
    assert site.variables(address)["ddns-rev-name"] == b"100.0.77.10.in-addr.arpa."


def flipped(octets: bytes) -> bytes:
    """An answer with another MAC."""
    at = octets.rindex(b"\xfa\0\xff") + 40
    return octets[:at] + bytes((octets[at] ^ 1,)) + octets[at + 1 :]


def in_another_section(octets: bytes) -> bytes:
    """An answer with its signature among the authorities."""
    return octets[:8] + b"\0\1\0\0" + octets[12:]


def twice(octets: bytes) -> bytes:
    """An answer with its signature twice."""
    at = octets.rindex(b"\7the-key")
    return octets[:10] + b"\0\2" + octets[12:] + octets[at:]


SPOILT: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("unsigned", lambda octets: octets[:10] + b"\0\0" + octets[12 : octets.rindex(b"\7the-key")], result.UNSIGNED),
    ("MAC", flipped, result.TSIG_WRONG),
    ("another key", lambda octets: octets.replace(b"\7the-key", b"\7not-key"), result.TSIG_WRONG),
    ("section", in_another_section, result.TSIG_PLACE),
    ("twice", twice, result.TSIG_PLACE),
    ("other code", lambda octets: octets[:3] + bytes((octets[3] ^ 5,)) + octets[4:], result.TSIG_WRONG),
]


@pytest.mark.parametrize(("spoil", "word"), [case[1:] for case in SPOILT], ids=[case[0] for case in SPOILT])
def test_an_answer_with_a_bad_signature_is_not_believed(spoil: Callable[[bytes], bytes], word: str) -> None:
    site = signed_site()
    site.dns.change = spoil
    address = site.bind(name=b"alpha")
    assert site.dns_lines() == [f"Unable to add forward map from alpha.example.org to {address}: {word}"]
    assert site.variables(address) == {}
    site.dns.change = lambda octets: octets
    other = site.bind(mac(2), name=b"beta")
    assert f"beta.example.org. A {other}" in site.dns.table(), "a bad signature does not stop the zone"


def test_clocks_that_differ_are_told() -> None:
    site = signed_site()
    site.dns.signs_late_s = 400
    address = site.bind(name=b"alpha")
    text = "clocks are unsynchronized"
    assert site.dns_lines() == [f"Unable to add forward map from alpha.example.org to {address}: {text}"]


def test_an_unknown_algorithm_sends_without_a_signature_and_says_so() -> None:
    site = Site(configuration("hmac-what"))
    address = site.bind(name=b"alpha")
    assert f"alpha.example.org. A {address}" in site.dns.table()
    assert all(not one.had_tsig for one in site.dns.asked)
    assert site.said.count("No tsec for use with key the-key") == len(site.dns.asked) == 2
