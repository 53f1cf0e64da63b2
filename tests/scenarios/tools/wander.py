"""Make random scenarios: a configuration, a lease file and a crowd of clients that come, ask, renew, decline and go.

    wander.py SEED... --into FOLDER [--steps N]

Writes FOLDER/wander-SEED.toml for each seed; the same seed makes the same scenario. tools/record.py asks ISC dhcpd
what it answers, and the scenario player what ours does. It sends nothing itself.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import Any, Final

CLIENTS: Final = 9
_GLOBAL: Final = (
    "authoritative;",
    "one-lease-per-client on;",
    "deny duplicates;",
    "ignore-client-uids on;",
    "dhcp-cache-threshold 0;",
    "dhcp-cache-threshold 60;",
    "min-secs 2;",
    "use-host-decl-names on;",
    "infinite-is-reserved on;",
    "adaptive-lease-time-threshold 50;",
    "log-threshold-high 60; log-threshold-low 30;",
    "stash-agent-options off;",
    "update-static-leases on;",
    "deny unknown-clients;",
    "deny bootp;",
    "ignore declines;",
    "allow leasequery;",
    "max-lease-time infinite;",
    "min-lease-time 1; default-lease-time 2;",
    "min-lease-time 1; default-lease-time 3; max-lease-time 4;",
    "dynamic-bootp-lease-length 2;",
    "echo-client-id on;",
    "always-broadcast on;",
    "abandon-lease-time 2;",
    'on expiry { log (info, concat ("DHCPEXPIRY of ", binary-to-ascii (10, 8, ".", leased-address))); }',
    'on release { log (info, concat ("DHCPRELEASED ", binary-to-ascii (10, 8, ".", leased-address))); }',
    'on release { set gone = "yes"; }',
    'on commit { set count = concat (pick-first-value (count, ""), "x"); }',
    'set seen = pick-first-value (option host-name, "nobody");',
)
_STATES: Final = ("active", "active", "free", "free", "abandoned", "released", "expired", "reset", "backup")
_PERMITS: Final = (
    "",
    "",
    "deny dynamic bootp clients;",
    "allow unknown-clients;",
    "deny unknown-clients;",
    "allow known-clients;",
    'allow members of "odd";',
    'deny members of "odd";',
    'allow members of "limited";',
    "allow all clients;",
)
_CLASSES: Final = """
class "odd" { match if substring (hardware, 6, 1) = 03 or substring (hardware, 6, 1) = 05; }
class "limited" { match if option vendor-class-identifier = "lim"; lease limit 2; }
class "each" { match option agent.circuit-id; lease limit 1; }
subclass "each" "port1";
"""
_HOSTS: Final = (
    "host h1 { hardware ethernet 02:00:00:00:00:01; }",
    "host h2 { hardware ethernet 02:00:00:00:00:02; fixed-address 10.0.2.2; }",
    'host h3 { option dhcp-client-identifier "id3"; fixed-address 10.0.3.11, 10.20.3.11; }',
    "host h4 { hardware ethernet 02:00:00:00:00:04; fixed-address 10.20.2.4; }",
    'host h5 { option dhcp-client-identifier "id5"; option host-name "five"; }',
    'host h6 { host-identifier option agent.remote-id "r6"; fixed-address 10.20.2.6; }',
    "host h2b { hardware ethernet 02:00:00:00:00:02; }",
)


def main() -> int:
    """Write what was asked for; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed", nargs="+", type=int)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=120)
    asked = parser.parse_args()
    for seed in asked.seed:
        (asked.into / f"wander-{seed}.toml").write_text(scenario(seed, asked.steps))
    return 0


def scenario(seed: int, steps: int) -> str:
    """The scenario of a seed, as TOML."""
    chance = random.Random(seed)
    configuration, leases = _configuration(chance), _lease_file(chance)
    rows = [_toml(_step(chance)) for _ in range(steps)]
    lines = [
        f'title = "a crowd of clients: random packets of seed {seed}"',
        f"conf = '''\n{configuration}'''",
        f"leases = '''\n{leases}'''",
        "step = [",
        *[f"  {row}," for row in rows],
        "]",
    ]
    return "\n".join(lines) + "\n"


def _configuration(chance: random.Random) -> str:
    rows = ["ddns-update-style none;", "ping-check off;"]
    rows += sorted(chance.sample(_GLOBAL, chance.randint(2, 7)), key=_GLOBAL.index)
    rows.append(_CLASSES)
    rows += [host for host in _HOSTS if chance.random() < 0.6]
    rows.append(f"subnet 10.0.0.0 netmask 255.255.0.0 {{ {_pools(chance, '10.0.3')} }}")
    if chance.random() < 0.5:
        inner = f"subnet 10.20.0.0 netmask 255.255.0.0 {{ {_pools(chance, '10.20.3')} }}"
        inner += " subnet 10.21.0.0 netmask 255.255.0.0 { }"
        rows.append(f"shared-network both {{ {chance.choice(('', 'not authoritative; '))}{inner} }}")
    else:
        rows.append(f"subnet 10.20.0.0 netmask 255.255.0.0 {{ {_pools(chance, '10.20.3')} }}")
    return "\n".join(rows) + "\n"


def _pools(chance: random.Random, prefix: str) -> str:
    rows, low = [], 10
    for _ in range(chance.randint(1, 3)):
        high = low + chance.randint(0, 4)
        word = chance.choice(("", "", "dynamic-bootp "))
        addresses = f"range {word}{prefix}.{low} {prefix}.{high};"
        plain = chance.random() < 0.4
        inner = f"{chance.choice(_PERMITS)} {addresses.replace('dynamic-bootp ', '')}"
        rows.append(addresses if plain else f"pool {{ {inner} }}")
        low = high + chance.randint(1, 3)
    return " ".join(rows)


def _lease_file(chance: random.Random) -> str:
    return "\n".join(row for _ in range(chance.randint(0, 8)) for row in _record(chance)) + "\n"


def _record(chance: random.Random) -> list[str]:
    client = chance.randint(1, CLIENTS)
    starts, length = chance.choice((-4000, -100, -20)), chance.choice((2, 10, 25, 600, 90000))
    state = chance.choice(_STATES)
    sometimes = (
        (0.7, f"cltt @now{starts:+}@;"),
        (0.0 if state == "free" else 0.9, "next binding state free;"),
        (0.3, f"rewind binding state {chance.choice(('free', 'active', state))};"),
        (0.15, chance.choice(("reserved;", "dynamic-bootp;"))),
        (0.9, f"hardware ethernet 02:00:00:00:00:{client:02x};"),
        (0.5, f'uid "id{chance.choice((client, client, 3))}";'),
        (0.2, 'set kept = "v";'),
        (0.2, 'client-hostname "old";'),
        (0.2, 'option agent.circuit-id "port1";'),
        (0.1 if state == "active" else 0.0, 'billing class "limited";'),
    )
    return [
        f"lease {chance.choice(('10.0.3', '10.20.3'))}.{chance.randint(10, 22)} {{",
        f"  starts @now{starts:+}@;",
        f"  ends @now{starts + length:+}@;",
        f"  binding state {state};",
        *[f"  {row}" for likely, row in sometimes if chance.random() < likely],
        "}",
    ]


def _step(chance: random.Random) -> dict[str, Any]:
    if chance.random() < 0.04:
        return {"sleep": chance.choice((1.1, 2.2, 3.1))}
    if chance.random() < 0.008:
        return {"restart": chance.choice(("SIGTERM", "SIGKILL"))}
    return {"wait": 0.15, "send": _packet(chance)}


def _packet(chance: random.Random) -> dict[str, Any]:
    kinds = ("discover", "request", "request", "request", "release", "decline", "inform", "leasequery", "bootp")
    kind = chance.choices(kinds, (28, 16, 10, 16, 9, 5, 2, 5, 5))[0]
    client = chance.randint(1, CLIENTS)
    send: dict[str, Any] = {"mac": f"02:00:00:00:00:{client:02x}"}
    if kind != "bootp":
        send["type"] = kind
        if chance.random() < 0.45:
            send["client_id"] = f"text:id{client if chance.random() < 0.85 else chance.randint(1, CLIENTS)}"
    relayed = chance.random() < 0.35
    address = f"{'10.20.3' if relayed != (chance.random() < 0.1) else '10.0.3'}.{chance.randint(9, 20)}"
    if chance.random() < 0.04:
        address = chance.choice(("10.0.2.2", "10.20.2.4", "10.0.9.9", "10.21.0.5", "192.168.1.1", "0.0.0.0"))
    if relayed or kind == "leasequery":
        send["giaddr"] = chance.choice(("10.20.0.1", "10.20.0.1", "10.20.0.1", "10.21.0.1", "10.0.0.9", "10.99.0.1"))
        if chance.random() < 0.4:
            send["options"] = [[82, chance.choice(("hex:0105 706f727431", "hex:0202 7236", "hex:0103 616263"))]]
    _addresses(chance, kind, send, address)
    _extras(chance, kind, send)
    return send


def _addresses(chance: random.Random, kind: str, send: dict[str, Any], address: str) -> None:
    if kind == "discover":
        if chance.random() < 0.4:
            send["requested"] = address
        elif chance.random() < 0.06:
            send["ciaddr"] = address
    elif kind == "request":
        if chance.random() < 0.55:
            send["requested"] = address
        if chance.random() < 0.4:
            send["server_id"] = chance.choice(("10.0.0.1", "10.0.0.1", "10.9.9.9"))
        if "requested" not in send or chance.random() < 0.08:
            send["ciaddr"] = address
    elif kind == "decline":
        send["requested"] = address
    elif kind != "bootp" and (kind != "leasequery" or chance.random() < 0.5):
        send["ciaddr"] = address


def _extras(chance: random.Random, kind: str, send: dict[str, Any]) -> None:
    if kind in ("discover", "request"):
        if chance.random() < 0.3:
            send["lease_time"] = chance.choice((0, 1, 2, 3, 600, 86401, 4294967295))
        if chance.random() < 0.25:
            send["hostname"] = chance.choice(("alpha", "beta"))
        if chance.random() < 0.2:
            send.setdefault("options", []).append([60, "text:lim"])
        if chance.random() < 0.2:
            send["secs"] = chance.choice((1, 2, 3))
    if chance.random() < 0.3:
        send["broadcast"] = True


def _toml(data: Any) -> str:
    if isinstance(data, dict):
        return "{" + ", ".join(f"{name} = {_toml(value)}" for name, value in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(_toml(one) for one in data) + "]"
    if isinstance(data, bool):
        return "true" if data else "false"
    return str(data) if isinstance(data, int | float) else f'"{data}"'


if __name__ == "__main__":
    sys.exit(main())
