"""Random configurations that mean something: networks, pools with permits, classes with limits, hosts, parameters."""

from __future__ import annotations

from hypothesis import strategies as st

FIXED = (0x0A4D0064, 0x0A4E0064)
PERMITS = ["", "allow unknown-clients; allow known-clients;", 'allow members of "few";', 'deny members of "named";',
           "deny unknown-clients;", "allow dynamic bootp clients; allow all clients;", "deny dynamic bootp clients;",
           'allow members of "line"; allow members of "named";']  # fmt: skip
CLASSES = """
class "few" { match if substring (hardware, 6, 1) = 03; %s }
class "named" { match if exists host-name; option root-path = option host-name; }
class "line" { spawn with option agent.circuit-id; %s }
class "kind" { match option vendor-class-identifier; } subclass "kind" "v" { %s }
"""
HOSTS = """
host known { hardware ethernet 02:00:00:00:00:01; %s }
host fixed { hardware ethernet 02:00:00:00:00:02; fixed-address 10.77.0.100, 10.78.0.100; }
host other { uid "\\001x"; }
"""
PARAMETERS = [
    "ping-check off;", "one-lease-per-client on;", "deny duplicates;", "ignore-client-uids on;", "deny declines;",
    "dhcp-cache-threshold 50;", "adaptive-lease-time-threshold 50;", "log-threshold-high 70;", "authoritative;",
    "stash-agent-options on;", "get-lease-hostnames on;", "abandon-lease-time 30;", "infinite-is-reserved on;",
    "update-static-leases on;", "deny bootp;", "min-secs 1;", "ping-cltt-secs 2;", "dynamic-bootp-lease-length 40;",
    "use-host-decl-names on;", "delayed-ack 3;", "allow leasequery;", "always-broadcast on;",
    "boot-unknown-clients on;",
]  # fmt: skip
STATEMENTS = [
    "", 'on commit { set told = concat ("to ", binary-to-ascii (16, 8, ":", hardware)); log (info, told); }',
    'on expiry or release { log (info, concat ("gone ", told)); set told = "gone"; }',
    'if option host-name = "a" { default-lease-time 7; } elsif known { max-lease-time 9; }',
    'switch (option host-name) { case "b": set b = "b"; break; default: unset b; }',
    'option domain-name = concat (option host-name, ".example.org"); set whole = packet (0, 40);',
]  # fmt: skip


@st.composite
def configurations(draw: st.DrawFn) -> bytes:
    """The text of one."""
    parts = ["ddns-update-style none; min-lease-time 3; default-lease-time 20; max-lease-time 90;"]
    parts += draw(st.lists(st.sampled_from(PARAMETERS), max_size=6, unique=True))
    limits = [draw(st.sampled_from(["", "lease limit 1;", "lease limit 2;"])) for _ in range(2)]
    parts.append(CLASSES % (*limits, draw(st.sampled_from(["", "deny booting;", "default-lease-time 5;"]))))
    first = draw(pools("10.77.0", 10))
    second = draw(pools("10.78.0", 10))
    if draw(st.booleans()):
        nets = "subnet 10.77.0.0 netmask 255.255.255.0 { %s } subnet 10.78.0.0 netmask 255.255.255.0 { %s }"
        parts.append(f"shared-network both {{ {nets % (first, second)} }}")
    else:
        parts.append(f"subnet 10.77.0.0 netmask 255.255.255.0 {{ {first} }}")
        parts.append(f"subnet 10.78.0.0 netmask 255.255.255.0 {{ {second} {draw(st.sampled_from(STATEMENTS))} }}")
    parts.append(HOSTS % draw(st.sampled_from(["", "default-lease-time 6;", "deny booting;", 'option host-name "h";'])))
    parts += draw(st.lists(st.sampled_from(STATEMENTS), max_size=3))
    return "\n".join(parts).encode()


@st.composite
def pools(draw: st.DrawFn, prefix: str, low: int) -> str:
    """Up to three pools of up to four addresses, or a plain range."""
    made = []
    for _ in range(draw(st.integers(1, 3))):
        high = low + draw(st.integers(0, 3))
        kind = draw(st.sampled_from(["pool", "pool", "range", "range dynamic-bootp"]))
        if kind == "pool":
            made.append(f"pool {{ {draw(st.sampled_from(PERMITS))} range {prefix}.{low} {prefix}.{high}; }}")
        else:
            made.append(f"{kind} {prefix}.{low} {prefix}.{high};")
        low = high + 2
    return " ".join(made)
