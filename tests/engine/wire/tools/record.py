"""Records how ISC dhcpd lays out replies: many option sets and requests, the replies' payloads in replies.json.

    python tests/engine/wire/tools/record.py ORACLE        (the oracle's file; needs root and isc-dhcp-server)

Every configuration says twice what is set: as dhcpd.conf, and as the option set that it comes to, in order. The test
beside this file encodes the set and compares octets, so neither the parser nor the evaluation is trusted here.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import random
import sys
from pathlib import Path
from typing import Any

HEAD = """
authoritative; ddns-update-style none; ping-check off;
{definitions}
{statements}
subnet 10.0.0.0 netmask 255.255.0.0 {{ range 10.0.9.1 10.0.9.99; {inside} }}
"""
TEXT = {
    12: "host-name",
    15: "domain-name",
    17: "root-path",
    40: "nis-domain",
    66: "tftp-server-name",
    67: "bootfile-name",
}
ADDRESSES = {
    3: "routers",
    6: "domain-name-servers",
    42: "ntp-servers",
    28: "broadcast-address",
    118: "subnet-selection",
}
FREE = [80, 83, 90, 95, 121, 122, 130, 144, 150, 160, 175, 190, 201, 202, 203, 210, 224, 230, 249, 252, 254]
RANDOM = random.Random(20221024)


class Set:
    """A configuration and what it sets."""

    def __init__(self) -> None:
        self.definitions: list[str] = []
        self.statements: list[str] = []
        self.values: list[tuple[str, int, str]] = []
        self.spaces: list[tuple[str, int, int]] = []
        self.formats: list[tuple[str, str, int, str]] = []
        self.filename = ""
        self.server_name = ""

    def space(self, name: str, tag: int, length: int) -> None:
        self.spaces.append((name, tag, length))
        self.definitions.append(f"option space {name} code width {tag} length width {length};")

    def define(self, space: str, name: str, code: int, format_: str, words: str) -> None:
        self.formats.append((space, name, code, format_))
        full = name if space == "dhcp" else f"{space}.{name}"
        self.definitions.append(f"option {full} code {code} = {words};")

    def put(self, space: str, code: int, name: str, value: bytes, text: str | None = None) -> None:
        self.values.append((space, code, value.hex()))
        full = name if space == "dhcp" else f"{space}.{name}"
        self.statements.append(f"option {full} {text or value.hex(':')};")

    def text(self, space: str, code: int, name: str, value: str) -> None:
        self.put(space, code, name, value.encode(), f'"{value}"')

    def parameter(self, name: str, code: int, value: bytes, text: str) -> None:
        self.values.append(("server", code, value.hex()))
        self.statements.append(f"{name} {text};")


def octets(length: int) -> bytes:
    return bytes(RANDOM.randrange(33, 126) for _ in range(length))


def random_set(longest: int, count: int) -> Set:
    made = Set()
    codes = RANDOM.sample([*TEXT, *ADDRESSES, *FREE], count)
    for code in codes:
        if code in TEXT:
            made.text("dhcp", code, TEXT[code], "".join(RANDOM.choices("abcdefgh.", k=RANDOM.randrange(1, longest))))
        elif code in ADDRESSES:
            one = bytes([10, RANDOM.randrange(256), 0, RANDOM.randrange(256)])
            made.put("dhcp", code, ADDRESSES[code], one, ".".join(map(str, one)))
        elif code not in (150, 160, 210):
            made.define("dhcp", f"x{code}", code, "X", "string")
            made.put("dhcp", code, f"x{code}", octets(RANDOM.randrange(1, longest)))
    if RANDOM.random() < 0.3:
        made.filename = "kernel"
    if RANDOM.random() < 0.3:
        made.server_name = "boot.server"
    return made


def spaces_set() -> Set:
    """User spaces, vendor-option-space, vendor-identifying options, a name of the client's."""
    made = Set()
    made.space("v1", 1, 1)
    made.space("v1sub", 1, 1)
    made.space("w2", 2, 2)
    made.space("docsis", 1, 1)
    made.define("v1", "a", 1, "I", "ip-address")
    made.define("v1", "b", 2, "t", "text")
    made.define("v1", "c", 19, "S", "unsigned integer 16")
    made.define("v1", "d", 18, "B", "unsigned integer 8")
    made.define("v1", "z", 20, "Z", "zerolen")
    made.define("v1sub", "x", 1, "t", "text")
    made.define("v1", "sub", 30, "Ev1sub.", "encapsulate v1sub")
    made.define("w2", "a", 258, "I", "ip-address")
    made.define("w2", "b", 3, "t", "text")
    made.define("dhcp", "w2o", 222, "Ew2.", "encapsulate w2")
    made.define("docsis", "t", 2, "t", "text")
    made.define("vendor", "docsis", 4491, "Edocsis.", "encapsulate docsis")
    made.define("vendor", "other", 9, "X", "string")
    made.put("v1", 1, "a", bytes([1, 2, 3, 4]), "1.2.3.4")
    made.text("v1", 2, "b", "bee")
    made.put("v1", 19, "c", bytes([1, 44]), "300")
    made.put("v1", 18, "d", b"\7", "7")
    made.put("v1", 20, "z", b"", " ")
    made.text("v1sub", 1, "x", "sub")
    made.put("w2", 258, "a", bytes([1, 2, 3, 4]), "1.2.3.4")
    made.text("w2", 3, "b", "bee")
    made.text("docsis", 2, "t", "gold")
    made.put("vendor", 9, "other", b"\1oo")
    made.put("vendor-class", 2495, "isc", b"vc")
    made.text("isc", 1, "media", "unsent")
    made.put("nwip", 6, "preferred-dss", bytes([1, 2, 3, 4]), "1.2.3.4")
    made.text("fqdn", 8, "fqdn", "h.d.t")
    made.put("fqdn", 3, "encoded", b"\1", "true")
    made.put("fqdn", 2, "server-update", b"\1", "true")
    made.put("fqdn", 4, "rcode1", b"\3", "3")
    made.text("dhcp", 15, "domain-name", "ex.test")
    made.parameter("vendor-option-space", 19, b"v1", "v1")
    return made


def site_set() -> Set:
    made = Set()
    made.space("loc", 1, 1)
    for code in (200, 225, 130, 250):
        made.define("loc", f"o{code}", code, "t", "text")
        made.text("loc", code, f"o{code}", f"site{code}")
    for code in (129, 131, 201, 240):
        made.define("dhcp", f"x{code}", code, "t", "text")
        made.text("dhcp", code, f"x{code}", f"plain{code}")
    made.text("dhcp", 17, "root-path", "/x")
    made.parameter("site-option-space", 21, b"loc", '"loc"')
    return made


def agent_set() -> Set:
    made = Set()
    made.text("agent", 1, "circuit-id", "cfg")
    made.put("agent", 3, "agent-id", bytes([9, 9, 9, 9]), "9.9.9.9")
    made.text("dhcp", 15, "domain-name", "ex.test")
    made.put("dhcp", 57, "dhcp-max-message-size", bytes([2, 188]), "700")
    made.text("dhcp", 56, "dhcp-message", "hello")
    made.define("dhcp", "x201", 201, "X", "string")
    made.put("dhcp", 201, "x201", octets(250))
    return made


def listed_set() -> Set:
    made = random_set(60, 12)
    made.put("dhcp", 55, "dhcp-parameter-request-list", bytes([6, 201, 15, 3, 1, 43]), "6,201,15,3,1,43")
    made.parameter("echo-client-id", 85, b"\1", "on")
    made.put("vendor", 2495, "isc", b"\1\2")
    made.text("isc", 1, "media", "sent")
    made.put("fqdn", 2, "server-update", b"\1", "true")
    return made


def flags_only_set() -> Set:
    made = Set()
    made.put("fqdn", 2, "server-update", b"\1", "true")
    made.put("fqdn", 1, "no-client-update", b"\1", "true")
    made.text("fqdn", 6, "hostname", "unsent")
    made.parameter("vendor-option-space", 19, b"isc", "isc")
    made.text("dhcp", 12, "host-name", "cfgname")
    return made


def requests(made: Set) -> list[dict[str, Any]]:
    known = [code for space, code, _ in made.values if space == "dhcp"]
    found: list[dict[str, Any]] = []
    for number in range(14):
        prl = RANDOM.sample(
            [*known, 1, 3, 6, 12, 15, 43, 81, 82, 119, 124, 125, 61], RANDOM.randrange(1, len(known) + 6)
        )
        options: list[list[Any]] = []
        if RANDOM.random() < 0.4:
            options.append([57, f"u16:{RANDOM.choice([0, 400, 576, 590, 700, 1000, 1200, 1500, 4000])}"])
        if RANDOM.random() < 0.3:
            options.append([12, "text:cli\\x00"])
        if RANDOM.random() < 0.2:
            options.append([81, "hex:010000686f73742e"])
        send: dict[str, Any] = {"type": "discover", "mac": "02:00:00:00:00:01", "client_id": "hex:01:02"}
        if number % 3:
            send["prl"] = prl
        if number % 4 == 3:
            agent = b"\1\3abc\x09\2xy\x13\0\4\0"
            options += [[82, "hex:" + agent.hex()]]
            if number == 11:
                options += [
                    [82, "hex:" + (b"\7\xc8" + b"L" * 200).hex()],
                    [82, "hex:" + (b"\x08\xc8" + b"M" * 200).hex()],
                ]
        send["options"] = options
        found.append({"name": str(number), "send": send, "wait": 1.0})
    return found


def load(path: str) -> Any:
    loader = importlib.machinery.SourceFileLoader("oracle", path)
    spec = importlib.util.spec_from_loader("oracle", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["oracle"] = module
    loader.exec_module(module)
    return module


def play(oracle: Any, made: Set) -> dict[str, Any]:
    parameters = [f'filename "{made.filename}";'] * bool(made.filename)
    parameters += [f'server-name "{made.server_name}";'] * bool(made.server_name)
    conf = HEAD.format(
        definitions="\n".join(made.definitions), statements="\n".join(made.statements), inside=" ".join(parameters)
    )
    heard: list[str] = []
    talk = oracle.Talk(
        {
            "title": "layout",
            "conf": conf,
            "interface": [{"name": "eth0", "addresses": ["10.0.0.1/16"]}],
            "step": requests(made),
        },
        [oracle.ISC, "-4"],
    )
    sent: list[str] = []
    message, view = talk.message, oracle.Reply.view
    talk.message = lambda send: [payload := message(send), sent.append(payload.hex())][0]
    pairs: list[dict[str, str]] = []
    oracle.Reply.view = lambda reply: [heard.append(reply.payload.hex()), view(reply)][1]
    try:
        result = talk.run()
    finally:
        oracle.Reply.view = view
    sent_left = iter(sent)
    heard_left = iter(heard)
    for step in result["steps"]:
        request = next(sent_left)
        pairs += [{"request": request, "reply": next(heard_left)} for _ in step["replies"]]
    if not pairs:
        raise SystemExit(result["log"] + conf)
    return {
        "conf": conf, "values": made.values, "spaces": made.spaces, "formats": made.formats,
        "filename": made.filename, "server_name": made.server_name, "pairs": pairs,
    }  # fmt: skip


def main() -> None:
    oracle = load(sys.argv[1])
    sets = [
        random_set(longest, count) for longest, count in ((30, 6), (60, 12), (100, 16), (250, 10), (120, 20), (90, 25))
    ]
    sets += [spaces_set(), site_set(), agent_set(), listed_set(), flags_only_set()]
    out = [play(oracle, made) for made in sets]
    Path(__file__).parent.with_name("replies.json").write_text(json.dumps(out, indent=1) + "\n")
    sys.stdout.write(f"{sum(len(case['pairs']) for case in out)} replies of {len(out)} configurations\n")


if __name__ == "__main__":
    main()
