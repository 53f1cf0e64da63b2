"""Which values a new configuration changes for whom (`dhcpd -t --against dhcpd.conf.old`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd import against
from dhcpd.engine import startup
from dhcpd.trace.events import ConfigurationEnd

if TYPE_CHECKING:
    from dhcpd.engine.model.configuration import Configuration

OLD = """
option domain-name "a.example";
default-lease-time 600;
subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.99; option routers 10.0.0.1; }
subnet 10.0.1.0 netmask 255.255.255.0 { range 10.0.1.10 10.0.1.99; option routers 10.0.1.1; }
subnet 10.0.2.0 netmask 255.255.255.0 { option routers 10.0.2.1; }
class "phones" { match if known; option root-path "/phones"; }
host printer { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.2.5; }
"""
FIRST = "subnet 10.0.0.0/24, pool of 10.0.0.10 - 10.0.0.99"
SECOND = "subnet 10.0.1.0/24, pool of 10.0.1.10 - 10.0.1.99"


def read(text: str) -> Configuration:
    found = startup.load_configuration({"c": text.encode()}, ConfigurationEnd(0, 0, "c", reload=False), [])
    assert found is not None
    return found


def told(new: str) -> list[str]:
    return [*against.changed(read(OLD), read(new))]


@pytest.mark.parametrize(("old", "new", "lines"), [
    ("600", "600", []),
    ('option domain-name "a.example";', 'group { max-lease-time 5; }\noption domain-name "a.example";', []),
    ("10.0.0.1;", "10.0.0.2;", [FIRST, "  - option routers 10.0.0.1;", "  + option routers 10.0.0.2;"]),
    ("600;", "700;", [f"subnet 10.0.2.0/24; {SECOND}; {FIRST}; and 2 more", "  - default-lease-time 600;",
                      "  + default-lease-time 700;"]),
    ("10.0.1.99;", "10.0.1.199;", [f"{SECOND}, now 10.0.1.10 - 10.0.1.199"]),
    ("10.0.1.99; option routers 10.0.1.1;", "10.0.1.90;",
     [f"{SECOND}, now 10.0.1.10 - 10.0.1.90", "  - option routers 10.0.1.1;"]),
    ('class "phones"', 'host new { hardware ethernet 02:00:00:00:00:02; }\nclass "others"',
     ["no more: class phones", "new: class others; host new"]),
    ("fixed-address 10.0.2.5;", 'fixed-address 10.0.2.5; if known { option host-name "p"; }',
     ["host printer, in subnet 10.0.2.0/24", "  + if known {", '  +   option host-name "p";', "  + }"]),
])  # fmt: skip
def test_who_gets_what_otherwise_is_told_once(old: str, new: str, lines: list[str]) -> None:
    assert OLD.count(old) == 1
    assert told(OLD.replace(old, new)) == lines


@pytest.mark.parametrize(("content", "configuration"), [
    (OLD.encode(), True),
    (b'include "subnets.conf";', True),
    (b"# a subnet\nlease 10.0.0.10 { binding state free; }\nhost h { dynamic; }\n", False),
    (b'lease 10.0.0.10 {\n  set subnet = "x";\n  client-hostname "include";\n}\n', False),
    (b"", False),
])  # fmt: skip
def test_a_configuration_is_told_from_a_lease_file(content: bytes, configuration: bool) -> None:
    assert against.is_configuration(content) == configuration
