"""Kea's own example configurations, converted: the same packets get the same answers from Kea and from this server."""

import json
import os
import shutil
import subprocess
import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import dns.name
import pytest

from dhcpd.kea.configuration import convert_configuration
from dhcpd.kea.reading import read
from fixtures.network import Server, wait_for

EXAMPLES = Path("/usr/share/doc/kea/examples/kea4")
ROOT = Path(__file__).resolve().parents[2]
RELAYS = ("192.0.2.254", "192.0.3.254", "192.0.4.254", "10.0.1.254")
# The server's own name is not compared, and the search list by its names: one server compresses them, the other not.
SERVER_IDENTIFIER, DOMAIN_SEARCH = 54, 119
ASK = """
import json, select, socket, sys
from dhcpd.replay.world.messages import message
def ask(relay, hardware, options):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind((relay, 67))
        giaddr = int.from_bytes(socket.inet_aton(relay), "big")
        area = {int(code): bytes.fromhex(value) for code, value in options.items()}
        sent = message(1, bytes.fromhex(hardware), area, xid=7, giaddr=giaddr)
        for _ in range(3):
            made.sendto(sent, (sys.argv[1], 67))
            if select.select([made], [], [], 1.5)[0]:
                return made.recv(2000).hex()
    return ""
print(json.dumps([ask(*one) for one in json.load(sys.stdin)]))
"""
ASKED = [*range(1, 50), 51, 58, 59, 60, 64, 65, 66, 67, 69, 70, 72, 119]
# Who asks: anybody, a reserved client, members of the classes of the examples; each asks for all options.
CLIENTS = {
    "anybody": ("02aabbccdd01", {}),
    "reserved": ("1a1b1c1d1e1f", {}),
    "by identifier": ("02aabbccdd02", {61: "01112233445566"}),
    "another identifier": ("02aabbccdd03", {61: "010a0b0c0d0e0f"}),
    "a telephone": ("02aabbccdd04", {60: b"Aastra 480i".hex()}),
    "a special one": ("010203040506", {}),
}
# An example, and whom it treats in a way that the conversion says it could not carry: members by a reservation.
CASES = {
    "single-subnet.json": (),
    "several-subnets.json": (),
    "multiple-options.json": (),
    "reservations.json": (),
    "global-reservations.json": (),
    "leases-expiration.json": (),
    "classify.json": ("reserved",),
}


def kea_of(text, log):
    """The configuration as it can run here: the same decisions, and no file, socket or interface of its own."""
    kea = read(text)
    for word in ("hooks-libraries", "control-socket"):
        kea.pop(word, None)
    kea["loggers"] = [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": log, "flush": True}]}]
    kea["interfaces-config"] = {"interfaces": ["eth0"]}
    kea["lease-database"] = {"type": "memfile", "persist": False}
    for subnet in kea.get("subnet4", []):
        if "interface" in subnet:
            subnet["interface"] = "eth0"
    return kea


def questions(kea):
    """Each client behind the relay of each subnet that is asked about."""
    subnets = [one["subnet"] for one in kea["subnet4"]]
    relays = [relay for relay in RELAYS if any(one.startswith(relay.rpartition(".")[0]) for one in subnets)]
    return {
        f"{name} behind {relay}": (relay, hardware, {55: bytes(ASKED).hex(), **options})
        for relay in relays
        for name, (hardware, options) in CLIENTS.items()
    }


def names_in(octets):
    """The names of a search list (RFC 3397)."""
    found, at = [], 0
    while at < len(octets):
        name, used = dns.name.from_wire(octets, at)
        found.append(name.to_text())
        at += used
    return found


def told(reply, kea):
    """What counts of an answer: a dynamic address counts as its subnet."""
    if not reply:
        return None
    octets = bytes.fromhex(reply)
    address = ".".join(map(str, octets[16:20]))
    reserved = {host.get("ip-address") for block in [kea, *kea["subnet4"]] for host in block.get("reservations", [])}
    options, at = {}, 240
    while octets[at] != 255:
        if octets[at]:
            options[octets[at]] = octets[at + 2 : at + 2 + octets[at + 1]].hex()
            at += 1 + octets[at + 1]
        at += 1
    options.pop(SERVER_IDENTIFIER)
    if DOMAIN_SEARCH in options:
        options[DOMAIN_SEARCH] = names_in(bytes.fromhex(options[DOMAIN_SEARCH]))
    networks = [IPv4Network(one["subnet"]) for one in kea["subnet4"]]
    place = address if address in reserved else [one for one in networks if IPv4Address(address) in one]
    return place, octets[20:24].hex(), octets[44:108].rstrip(b"\0"), octets[108:236].rstrip(b"\0"), options


def ask(network, asked):
    process = subprocess.run(
        network.inside("client", [sys.executable, "-c", ASK, "10.66.0.1"]), input=json.dumps(list(asked.values())),
        capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return dict(zip(asked, json.loads(process.stdout), strict=True))


@pytest.mark.peer("kea-dhcp4")
@pytest.mark.parametrize("name", CASES)
def test_the_same_packets_get_the_same_answers(network, tmp_path, name):
    if not EXAMPLES.is_dir():
        pytest.skip("the package kea-doc, with Kea's examples, is not installed")
    log = tmp_path / "kea.log"
    kea = kea_of((EXAMPLES / name).read_text(), str(log))
    for relay in RELAYS:
        network.ip("client", f"addr add {relay}/24 dev eth0")
        network.ip("server", f"route add {relay}/32 dev eth0")
    network.ip("client", "addr add 10.66.0.9/16 dev eth0")
    asked = {one: what for one, what in questions(kea).items() if not one.startswith(CASES[name] or ("none",))}
    (tmp_path / "kea.conf").write_text(json.dumps({"Dhcp4": kea}))
    variables = ["env", f"KEA_PIDFILE_DIR={tmp_path}", f"KEA_LOCKFILE_DIR={tmp_path}"]
    kea_dhcp4 = shutil.which("kea-dhcp4")
    theirs = network.start("server", [*variables, kea_dhcp4, "-c", str(tmp_path / "kea.conf")], tmp_path / "kea.out")
    wait_for("Kea", lambda: log.exists() and "DHCP4_STARTED" in log.read_text())
    expected = ask(network, asked)
    theirs.kill()
    theirs.wait()
    Server(network, convert_configuration(kea).text + "subnet 10.66.0.0 netmask 255.255.0.0 { }").start()
    found = ask(network, asked)
    for question in asked:
        assert told(found[question], kea) == told(expected[question], kea), question
