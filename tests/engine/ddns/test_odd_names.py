"""Octets that have no place in a name: what option 81, the lease and DNS make of them, as ISC dhcpd was seen to."""

from __future__ import annotations

import pytest

from tests.engine.ddns.site import Site
from tests.engine.service.desk import REQUEST, mac, message

NET = "zone net. { primary 192.0.2.53; }\n"
# What the client sends in option 81, what the reply says, `ddns-client-fqdn` of the lease, and the target of its PTR.
NAMES = [
    pytest.param(b"\0\0\0a.n\0t\0", b"\0\xff\xffa.n\0t", b"a.n\0t", "a.n.", id="a NUL within, and one behind"),
    pytest.param(b"\0\0\0a\0.net", b"\0\xff\xffa\0.net", b"a\0.net", "a.", id="a NUL in front of the dot"),
    pytest.param(b"\0\0\0\0a.net", b"\0\xff\xff\0a.net", b"\0a.net", ".", id="a NUL first"),
    pytest.param(b"\4\0\0\3a\0b\3net\0", b"\4\xff\xff\1a\1b\3net\0", b"a\0b.net", "a.", id="a NUL in a label"),
    pytest.param(b"\4\0\0\1a\3n\0t\0", b"\4\xff\xff\1a\1n\1t\0", b"a.n\0t", "a.n.", id="a NUL in the last label"),
    pytest.param(b"\0\0\0a.net\\", b"\0\xff\xffa.net\\", b"a.net\\", "a.net.", id="a backslash at the end"),
    pytest.param(b"\0\0\0a.net\\\\", b"\0\xff\xffa.net\\\\", b"a.net\\\\", "a.net\\\\.", id="a backslash that is one"),
    pytest.param(b"\0\0\0\\[xA/4].net", b"\0\xff\xff\\[xA/4].net", b"\\[xA/4].net", "[xA/4].net.", id="bits"),
]  # fmt: skip


def acknowledged(site: Site, option: bytes, number: int = 1) -> tuple[str, bytes | None]:
    address = site.discover(mac(number), options={81: option})
    assert address is not None
    (reply,) = site.receive(message(REQUEST, mac(number), requested=address, options={81: option}))
    return address, reply.options.get(81)


@pytest.mark.parametrize("style", ["interim", "standard"])
@pytest.mark.parametrize(("option", "said", "kept", "target"), NAMES)
def test_names_that_clients_see_to(style: str, option: bytes, said: bytes, kept: bytes, target: str) -> None:
    site = Site(NET, style)
    address, reply = acknowledged(site, option)
    assert reply == said
    assert site.variables(address)["ddns-client-fqdn"] == kept
    assert [row.split()[2] for row in site.dns.table() if " PTR " in row] == [target]
    assert not [line for line in site.said if "\0" in line]


@pytest.mark.parametrize("style", ["interim", "standard"])
@pytest.mark.parametrize(
    ("option", "said"),
    [
        (b"\1\0\0a\0b", b"\3\xff\xffa\0b.example.org"),
        (b"\5\0\0\3a\0b\0", b"\7\xff\xff\1a\1b\7example\3org\0"),
        (b"\5\0\0\4a\0\0b\0", b"\7\xff\xff\1a\0"),
        (b"\5\0\0\2\0b\0", b"\7\xff\xff\0"),
    ],
)
def test_names_that_the_server_would_see_to(style: str, option: bytes, said: bytes) -> None:
    """What stands behind the NUL, the domain too, is no part of the name: no zone has it."""
    site = Site(style=style)
    address, reply = acknowledged(site, option)
    assert reply == said
    assert site.dns.table() == []
    assert not {"ddns-fwd-name", "ddns-client-fqdn"} & set(site.variables(address))


def test_the_root_has_no_zone_to_be_found() -> None:
    site = Site()
    acknowledged(site, b"\1\0\0\0b")
    assert site.sent == []
    site.rest(4000)
    assert site.sent == [], "and nothing is owed"


def test_a_name_of_the_lease_file_ends_at_its_nul() -> None:
    leases = (
        'lease 10.77.0.100 { starts 4 2026/01/01 00:00:00; ends never; binding state active; '
        'hardware ethernet 02:00:00:00:00:01; set ddns-fwd-name = "n\\000.example.org"; '
        'set ddns-txt = "00aabbccddeeff00112233445566778811"; }\n'
    )
    site = Site(leases=leases)
    site.release("10.77.0.100")
    assert not [effect for _, effect in site.sent if b"\7example" in effect.payload]


@pytest.mark.parametrize("value", ['""', "%5", "true"])
def test_a_variable_of_the_lease_file_that_is_no_name_counts_as_absent(value: str) -> None:
    leases = (
        "lease 10.77.0.100 { starts 4 2026/01/01 00:00:00; ends never; binding state active; "
        f"hardware ethernet 02:00:00:00:00:01; set ddns-rev-name = {value}; set ddns-fwd-name = {value}; "
        'set ddns-txt = "00aabbccddeeff00112233445566778811"; }\n'
    )
    site = Site(leases=leases)
    site.release("10.77.0.100")
    assert site.sent == []


@pytest.mark.parametrize(
    ("name", "is_sent"), [(b"\\[b1]", False), (b"a.\\[x", False), (b"a\\[b", True), (b"a\\.\\[b", True)]
)
@pytest.mark.parametrize("style", ["interim", "standard"])
def test_labels_of_bits_are_none(style: str, name: bytes, is_sent: bool) -> None:
    site = Site(style=style)
    site.bind(name=name)
    assert bool(site.sent) is is_sent
    line = f"Unable to build name for fwd update: {name.decode()}.example.org bad label type"
    assert (line in site.said) is not is_sent
