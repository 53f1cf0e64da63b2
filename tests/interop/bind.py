"""A real BIND in the server's namespace, with one zone for each algorithm of TSIG, and clients behind a relay."""

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from fixtures.network import wait_for

ALGORITHMS = ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
SECRET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
REVERSE = "66.10.in-addr.arpa"
ZONE = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns.invalid.\n"


def zone_of(number):
    """The zone of subnet 10.66.NUMBER.0."""
    return f"{ALGORITHMS[number - 1]}.example"


def named_conf(folder):
    keys = "".join(f'key "k{number}" {{ algorithm {name}; secret "{SECRET}"; }};\n' for number, name in numbered())
    zones = {zone_of(number): f"k{number}" for number, _ in numbered()}
    text = f'options {{ directory "{folder}"; pid-file none; listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n'
    text += "recursion no; allow-transfer { any; }; notify no; dnssec-validation no; };\ncontrols { };\n" + keys
    for zone, key in zones.items():
        text += f'zone "{zone}" {{ type primary; file "{zone}.zone"; allow-update {{ key {key}; }}; }};\n'
    allowed = " ".join(f"key k{number};" for number, _ in numbered())
    return text + f'zone "{REVERSE}" {{ type primary; file "reverse.zone"; allow-update {{ {allowed} }}; }};\n'


def numbered():
    return list(enumerate(ALGORITHMS, 1))


def dhcpd_conf(style, more=""):
    """Six subnets behind six relays; the last has leases of seconds."""
    text = f"ddns-update-style {style}; authoritative; ping-check false; update-optimization true;\n"
    text += f"default-lease-time 3600; {more}\nsubnet 10.66.0.0 netmask 255.255.255.0 {{ }}\n"
    for number, algorithm in numbered():
        text += f'key k{number} {{ algorithm {algorithm}; secret "{SECRET}"; }}\n'
        text += f"zone {zone_of(number)}. {{ primary 127.0.0.1; key k{number}; }}\n"
        if number == 1:
            text += f"zone {REVERSE}. {{ primary 127.0.0.1; key k1; }}\n"
        short = "max-lease-time 8; " if number == len(ALGORITHMS) else ""
        text += f"subnet 10.66.{number}.0 netmask 255.255.255.0 {{ range 10.66.{number}.50 10.66.{number}.200;\n"
        text += f'  {short}ddns-domainname "{zone_of(number)}"; ddns-rev-domainname "in-addr.arpa"; }}\n'
    return text


class Bind:
    """named in the namespace `server`; its zones live on while it is stopped."""

    def __init__(self, network):
        self.network = network
        self.folder = network.folder / "named"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        network.folder.chmod(0o755)
        for number, _ in numbered():
            (self.folder / f"{zone_of(number)}.zone").write_text(ZONE)
        (self.folder / "reverse.zone").write_text(ZONE)
        self.conf = self.folder / "named.conf"
        self.conf.write_text(named_conf(self.folder))
        self.process = None

    def start(self):
        # In the foreground, as the user that we are: it need not give up rights in a namespace of its own.
        command = [shutil.which("named", path="/usr/sbin:/usr/bin"), "-g", "-c", str(self.conf)]
        self.process = self.network.start("server", command, self.folder / "log")
        wait_for("named", lambda: "all zones loaded" in (self.folder / "log").read_text() and self.records(REVERSE))
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        (self.folder / "log").write_text("")

    def records(self, zone):
        """{(name, type): data} of a zone, without what it had at the start."""
        done = self.network.call("server", ["dig", "+onesoa", "+nocomments", "+nostats", "@127.0.0.1", zone, "axfr"])
        rows = [line.split(None, 4) for line in done.stdout.splitlines() if line and not line.startswith(";")]
        return {(row[0], row[3]): row[4] for row in rows}

    def names(self):
        """{name: address} by the A records of all zones, and {address: name} by the PTR records."""
        found = {}
        for number, _ in numbered():
            for (name, kind), data in self.records(zone_of(number)).items():
                if kind == "A":
                    found[name.rstrip(".")] = data
        pointers = {}
        for (name, kind), data in self.records(REVERSE).items():
            if kind == "PTR":
                pointers[".".join(reversed(name.split(".")[:4]))] = data.rstrip(".")
        return found, pointers


    def guards(self):
        """{name: octets} of the records that say whose the names are."""
        found = {}
        for number, _ in numbered():
            for (name, kind), data in self.records(zone_of(number)).items():
                if kind == "TXT":
                    found[name.rstrip(".")] = data.strip('"').encode()
                elif kind == "DHCID":
                    found[name.rstrip(".")] = base64.b64decode(data.replace(" ", ""))
        return found


def guards_of(leases):
    """{name: octets} by the same records as `promised`."""
    found = {}
    for _, body in last_records(leases):
        variables = dict(re.findall(r'set (ddns-\S+) = "(.*)";', body))
        if "ddns-fwd-name" in variables:
            value = variables.get("ddns-txt") or variables["ddns-dhcid"]
            found[variables["ddns-fwd-name"]] = re.sub(
                rb"\\([0-7]{3}|.)", lambda one: bytes((int(one[1], 8),)) if len(one[1]) > 1 else one[1], value.encode()
            )
    return found


def last_records(leases):
    """(address, body) of each lease's last record in the file."""
    text = leases.read_text()
    return dict(re.findall(r"^lease (\S+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)).items()


def promised(leases):
    """{name: address} and {address: name} by the last record of each lease in the file, of those that are in use."""
    names, pointers = {}, {}
    for address, body in last_records(leases):
        variables = dict(re.findall(r'set (ddns-\S+) = "(.*)";', body))
        if "ddns-fwd-name" in variables:
            names[variables["ddns-fwd-name"]] = address
        if "ddns-rev-name" in variables:
            pointers[address] = variables["ddns-fwd-name"]
    return names, pointers


class Clients:
    """Clients behind six relays, in a process of the namespace `client`."""

    def __init__(self, network):
        network.ip("client", "addr add 10.66.0.2/16 dev eth0")
        for number, _ in numbered():
            network.ip("client", f"addr add 10.66.{number}.1/16 dev eth0")
        script = Path(__file__).with_name("relayed_clients.py")
        self.process = subprocess.Popen(
            network.inside("client", [sys.executable, str(script)]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip
        network.processes.append(self.process)

    def ask(self, *steps):
        """Have each (step, client, subnet, name) done; {client: address, or None where nothing came}."""
        self.process.stdin.write(json.dumps(steps) + "\n")
        self.process.stdin.flush()
        return {int(client): address for client, address in json.loads(self.process.stdout.readline()).items()}
