"""What `dhcpd -t --lint` finds: each rule where it should speak, and where it should be silent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.lint.rules import RULES, lines, look

ROOT = Path(__file__).resolve().parents[3]
EMPTY = "subnet 10.0.0.0 netmask 255.255.255.0 {"
NET = "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.99; }"
PEER = """failover peer "p" { primary; address 10.0.0.1; peer address 10.0.0.2; mclt 60; split 128;
max-response-delay 9; max-unacked-updates 9; }"""

# rule -> (what it finds, the line of it), (what it does not find)
CASES = {
    "no-subnet": (("default-lease-time 600;", 0), NET),
    "host-in-range": (
        (f"{NET}\nhost a {{ fixed-address 10.0.0.5, 10.0.0.10; hardware ethernet 0:0:0:0:0:1; }}", 2),
        f"{NET} host a {{ hardware ethernet 0:0:0:0:0:1; fixed-address 10.0.0.9; }}",
    ),
    "host-on-no-subnet": (
        (f"{NET}\nhost a {{ hardware ethernet 0:0:0:0:0:1; fixed-address 10.0.1.9; }}", 2),
        f"{NET} host a {{ hardware ethernet 0:0:0:0:0:1; fixed-address 10.0.0.9; }}",
    ),
    "hardware-twice": (
        (f"{NET}\nhost a {{ hardware ethernet 0:0:0:0:0:1; }}\nhost b {{ hardware ethernet 0:0:0:0:0:1; }}", 3),
        NET + "subnet 10.0.1.0 netmask 255.255.255.0 { }"
        "host a { hardware ethernet 0:0:0:0:0:1; fixed-address 10.0.0.9; }"
        "host b { hardware ethernet 0:0:0:0:0:1; fixed-address 10.0.1.9; }"
        "host c { hardware token-ring 0:0:0:0:0:1; }",
    ),
    "edge-in-range": (
        ("subnet 10.0.0.0 netmask 255.255.255.0 {\npool { range 10.0.0.0 10.0.0.9; } }", 2),
        NET + "subnet 10.9.0.0 netmask 255.255.255.254 { range 10.9.0.0 10.9.0.1; }",
    ),
    "pool-for-nobody": (
        ('class "a" { match hardware; }' + EMPTY + '\npool { allow members of "a"; range 10.0.0.9; } }', 2),
        ('class "a" { match hardware; } subclass "a" 1:0:0:0:0:0:1; subnet 10.0.0.0 netmask 255.255.255.0 {'
         'pool { allow members of "a"; deny unknown-clients; range 10.0.0.9; } }'),
    ),
    "deny-before-allow": (
        (EMPTY + "pool {\nallow known-clients; deny known-clients; range 10.0.0.9; } }", 2),
        "subnet 10.0.0.0 netmask 255.255.255.0 { pool { allow known-clients; deny unknown-clients; range 10.0.0.9; } }",
    ),
    "peer-without-pool": (
        (f"\n{PEER} {NET}", 2),
        PEER + 'subnet 10.0.0.0 netmask 255.255.255.0 { pool { failover peer "p"; range 10.0.0.9 10.0.0.19; } }',
    ),
    "pool-without-peer": (
        (
            PEER + 'subnet 10.0.0.0 netmask 255.255.255.0 { pool { failover peer "p"; range 10.0.0.9 10.0.0.19; }\n'
            "pool { range 10.0.0.20; } }", 3,
        ),
        PEER + 'subnet 10.0.0.0 netmask 255.255.255.0 { pool { failover peer "p"; range 10.0.0.9 10.0.0.19; }'
        "pool { allow dynamic bootp clients; range 10.0.0.20; } }" + "subnet 10.9.0.0 netmask 255.255.255.0 { }",
    ),
    "odd-time": ((f"{NET}\ndefault-lease-time -1;", 2), f"{NET} default-lease-time 86400;"),
    "default-above-max": (
        (f"max-lease-time 600; {NET[:-1]}\ndefault-lease-time 601; }}", 2),
        f"max-lease-time 600; default-lease-time 600; {NET[:-1]} max-lease-time 900; }}",
    ),
    "option-twice": (
        (f'option domain-name "a";\noption domain-name "b"; {NET}', 2),
        f'option domain-name "a"; {NET[:-1]} option domain-name "b"; if known {{ option domain-name "c"; }} }}',
    ),
    "router-elsewhere": (
        (NET[:-1] + "\noption routers 10.0.0.1, 10.0.1.1; }", 2),
        ("shared-network x { subnet 10.0.0.0 netmask 255.255.255.0 { option routers 10.0.1.1; }"
         "subnet 10.0.1.0 netmask 255.255.255.0 { } }"),
    ),
    "class-without-members": (
        (f'{NET}\nclass "a" {{ match hardware; }}', 2),
        NET + 'class "a" { } if exists host-name { add "a"; } class "b" { match if known; }'
        'class "c" { spawn with hardware; } class "d" { match hardware; } subclass "d" 1:0:0:0:0:0:1;',
    ),
}  # fmt: skip


def found(text, path="dhcpd.conf"):
    registry = default_registry()
    parsed = parse({path: text.encode()}, path, registry)
    assert not parsed.failed, parsed.lines
    return look(compile_configuration(parsed.block, registry))


def test_every_rule_has_its_cases():
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_speaks_where_it_should_and_only_there(rule):
    (wrong, line), right = CASES[rule]
    assert [(one.rule, one.place.line) for one in found(wrong) if one.rule == rule] == [(rule, line)]
    assert rule not in {one.rule for one in found(right)}


@pytest.mark.parametrize(("comment", "silent"), [
    ("# lint: ignore", True), ("#lint: ignore odd-time", True), ("# lint: ignore a, odd-time", True),
    ("# lint: ignore other", False), ("# ignore odd-time", False),
])  # fmt: skip
def test_a_comment_says_that_it_is_meant_so(tmp_path, comment, silent):
    path = tmp_path / "dhcpd.conf"
    for text in (f"{NET}\ndefault-lease-time 1; {comment}\n", f"{NET}\n{comment}\ndefault-lease-time 1;\n"):
        path.write_text(text)
        assert (found(text, str(path)) == []) is silent


def test_the_documents_own_example_is_as_its_writer_wants_it():
    """A rule that speaks about sound configurations would be turned off."""
    page = (ROOT / "docs" / "getting-started.md").read_text()
    example = page.partition("\n    authoritative;")[2].partition("\n\nThe language")[0]
    assert "subnet" in example
    assert found("authoritative;" + example) == []


def test_what_is_shown_names_file_line_and_rule():
    assert lines(found(f"{NET}\ndefault-lease-time 1;"))[0].startswith("dhcpd.conf line 2: default-lease-time 1: ")
    assert re.search(r" \[odd-time\]$", lines(found(f"{NET}\ndefault-lease-time 1;"))[0])
    assert lines([]) == ["Nothing was found that you may regret."]


def test_the_page_names_every_rule():
    page = (ROOT / "docs" / "checking-a-configuration.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) == set(RULES)
