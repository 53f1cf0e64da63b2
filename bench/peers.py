"""The servers that are compared: how each is configured, started, watched and stopped.

Each gives the same answers (one subnet 10.0.0.0/8, three options, leases of an hour) from a pool of a given size.
Only processes started here are ended, by their own handle.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from dhcpd.process.build import COMPILED

from .world import SERVER_ADDRESS, SERVER_INTERFACE, World

ROOT = Path(__file__).resolve().parent.parent
ISC = "/usr/sbin/dhcpd"
KEA = "/usr/sbin/kea-dhcp4"
OURS = str(ROOT / ".venv/bin/dhcpd")
_POOL_BASE = 10 << 24 | 1 << 16
_HOST_BASE = 10 << 24 | 200 << 16
_CLASSES, _POOLS, _HOSTS = 50, 20, 2000
_READY_S = 400.0
# linux/posix-timers.h
_CPUCLOCK_SCHED = 2
OMAPI_PORT = 7911
_OMAPI = (
    f"omapi-port {OMAPI_PORT};\nkey bench {{ algorithm hmac-md5; secret AAECAwQFBgcICQoLDA0ODw==; }};\n"
    "omapi-key bench;\n"
)
PAIR_ADDRESSES = {"primary": SERVER_ADDRESS, "secondary": "10.0.0.3"}
_DDNS = """ddns-update-style standard; ddns-domainname "bench.example";
ddns-hostname = concat("h", binary-to-ascii(16, 8, "-", substring(hardware, 1, 6)));
zone bench.example. { primary 127.0.0.1; }
zone 10.in-addr.arpa. { primary 127.0.0.1; }
"""


def dotted(address: int) -> str:
    """A 32-bit number as a dotted quad."""
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


def pool(size: int) -> tuple[str, str]:
    """First and last address of a pool of `size` addresses."""
    return dotted(_POOL_BASE), dotted(_POOL_BASE + size - 1)


def isc_configuration(size: int, *, committed: bool = False) -> str:
    """dhcpd.conf for ISC's server and for ours; `committed`: a renewal is never answered from the lease as it is."""
    low, high = pool(size)
    return (
        f"{'dhcp-cache-threshold 0; ' * committed}"
        "authoritative; ping-check off; ddns-update-style none;\n"
        "default-lease-time 3600; max-lease-time 7200;\n"
        f"subnet 10.0.0.0 netmask 255.0.0.0 {{ range {low} {high}; option routers 10.0.0.1;\n"
        '  option domain-name-servers 10.0.0.2; option domain-name "example.org"; }\n'
    )


def rich_configuration(size: int) -> str:
    """The same service by a configuration as large sites have it: 50 classes, 20 pools with permits, 2,000 hosts."""
    classes = "".join(
        f'class "phone-{number}" {{ match if substring(option vendor-class-identifier, 0, 8) = "phone-{number:02}";'
        f' option root-path "/phones/{number}"; }}\n'
        for number in range(_CLASSES)
    )
    pools = "".join(
        f"  pool {{ range {dotted(_POOL_BASE + size * number // _POOLS)}"
        f" {dotted(_POOL_BASE + size * (number + 1) // _POOLS - 1)};"
        f' deny members of "phone-{number}"; deny members of "phone-{number + _POOLS}"; }}\n'
        for number in range(_POOLS)
    )
    plain = isc_configuration(size)
    low, high = pool(size)
    return hosts(_HOSTS) + classes + plain.replace(f"range {low} {high};", "\n" + pools)


def relationship(role: str) -> str:
    """The relationship in dhcpd.conf, at one end."""
    other = next(address for name, address in PAIR_ADDRESSES.items() if name != role)
    own = "primary; mclt 60; split 128;" if role == "primary" else "secondary;"
    return (
        f'failover peer "fo" {{ {own} address {PAIR_ADDRESSES[role]}; peer address {other}; port 647; peer port 647;\n'
        "  max-response-delay 60; max-unacked-updates 10; load balance max seconds 3; }\n"
    )


def hosts(count: int) -> str:
    """So many host declarations, with fixed addresses behind the pools."""
    return "".join(
        f"host h{number} {{ hardware ethernet {(0x02AA << 32 | number).to_bytes(6, 'big').hex(':')};"
        f" fixed-address {dotted(_HOST_BASE + number)}; }}\n"
        for number in range(count)
    )


def kea_configuration(size: int, home: Path, threads: int) -> str:
    """The same for Kea: memfile, raw sockets, so many threads."""
    low, high = pool(size)
    options = {"routers": "10.0.0.1", "domain-name-servers": "10.0.0.2", "domain-name": "example.org"}
    lease_database = {"type": "memfile", "persist": True, "name": str(home / "kea.csv"), "lfc-interval": 0}
    subnet = {
        "id": 1,
        "subnet": "10.0.0.0/8",
        "pools": [{"pool": f"{low} - {high}"}],
        "option-data": [{"name": name, "data": data} for name, data in options.items()],
    }
    logger = {"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": str(home / "kea.log")}]}
    return json.dumps(
        {
            "Dhcp4": {
                "interfaces-config": {"interfaces": [SERVER_INTERFACE], "dhcp-socket-type": "raw"},
                "lease-database": lease_database,
                "multi-threading": {"enable-multi-threading": threads > 1, "thread-pool-size": threads},
                "valid-lifetime": 3600,
                "authoritative": True,
                "subnet4": [subnet],
                "loggers": [logger],
            }
        }
    )


def subnets(count: int) -> str:
    """So many subnets of 241 addresses, beside the one that is served."""
    bases = [11 << 24 | number << 8 for number in range(count)]
    return "".join(
        f"subnet {dotted(base)} netmask 255.255.255.0 {{ range {dotted(base + 10)} {dotted(base + 250)};"
        f" option routers {dotted(base + 1)}; }}\n"
        for base in bases
    )


@dataclass
class Peer:
    """One server: `name` for the tables, `kind` isc, kea or ours, `trace` whether it records, `committed` as above.

    `rich`: with rich_configuration; `hosts`, `subnets`: with so many of them more. `program`: where our server is.
    `failover`: primary or secondary of a pair, or empty. `threads`: Kea's.
    `omapi`: served, with the key `bench`. `ddns`: with a name for every client. `preload`: a library to start it with.
    `path`: the folder that our server finds compiled modules in, empty for the sources of its tree, None for where
    this process finds its own.
    """

    name: str
    kind: str
    trace: bool = False
    committed: bool = False
    rich: bool = False
    hosts: int = 0
    subnets: int = 0
    program: str = OURS
    omapi: bool = False
    ddns: bool = False
    preload: str = ""
    failover: str = ""
    threads: int = 1
    path: str | None = None
    extra: list[str] = field(default_factory=list)

    @property
    def missing(self) -> str:
        """Why it cannot be measured here, or empty."""
        path = {"isc": ISC, "kea": KEA, "ours": self.program}[self.kind]
        return "" if Path(path).exists() else f"{path} is not installed"

    def environment(self) -> dict[str, str]:
        """As installed: Python keeps its bytecode, of any tree and user, and finds the modules of `path`.

        Without bytecode each start compiles all sources, which is more than half of a start's processor time.
        """
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        made = {**kept, "PYTHONPYCACHEPREFIX": str(ROOT / "build" / "bytecode")}
        if self.path is not None:
            made["PYTHONPATH"] = self.path
        if self.preload:
            made["LD_PRELOAD"] = self.preload
        return made

    def command(self, home: Path, size: int) -> list[str]:
        """Write the configuration into `home` and say how to start the server."""
        if self.kind == "kea":
            (home / "kea.json").write_text(kea_configuration(size, home, self.threads))
            return [KEA, "-c", str(home / "kea.json")]
        text = rich_configuration(size) if self.rich else isc_configuration(size, committed=self.committed)
        text = _DDNS + text.replace("ddns-update-style none;", "") if self.ddns else text
        if self.failover:
            low, high = pool(size)
            shared = f'pool {{ failover peer "fo"; range {low} {high}; }}'
            text = relationship(self.failover) + text.replace(f"range {low} {high};", shared)
        (home / "dhcpd.conf").write_text(text + hosts(self.hosts) + subnets(self.subnets) + _OMAPI * self.omapi)
        (home / "dhcpd.leases").touch()
        words = [ISC, "-4"] if self.kind == "isc" else [self.program]
        words += ["-f", "-q", "-cf", str(home / "dhcpd.conf"), "-lf", str(home / "dhcpd.leases")]
        words += ["-pf", str(home / "dhcpd.pid")]
        words += ["-tf", str(home / "trace.bin")] if self.trace else []
        return [*words, *self.extra, SERVER_INTERFACE]


PEERS = {
    "isc": Peer("ISC dhcpd", "isc"),
    "kea": Peer("Kea memfile", "kea"),
    "kea-mt": Peer("Kea memfile, two threads", "kea", threads=2),
    "ours": Peer("dhcpd", "ours"),
    "ours-tf": Peer("dhcpd -tf", "ours", trace=True),
}


def of_tree(tree: Path) -> Peer:
    """Our server of another tree, recording: the compiled build, where this is one and the tree has made its own."""
    site = tree.resolve() / "build/wheel/site"
    path = str(site) if COMPILED and site.exists() else ""
    name = f"dhcpd of {tree}, {'compiled' if path else 'pure'}"
    return Peer(name, "ours", trace=True, program=str(tree.resolve() / ".venv/bin/dhcpd"), path=path)


class Running:
    """A started server: a context manager that waits until it serves, and ends it."""

    def __init__(self, world: World, peer: Peer, home: Path, size: int) -> None:
        """Nothing is started yet."""
        self.world, self.peer, self.home, self.size = world, peer, home, size
        self.namespace = world.server
        self.started_s = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start, and wait until it says that it serves; raises TimeoutError."""
        command = self.world.within(self.namespace, *self.peer.command(self.home, self.size))
        folders = {"KEA_PIDFILE_DIR": str(self.home), "KEA_LOCKFILE_DIR": str(self.home)}
        environment = {**self.peer.environment(), **folders}
        begun = time.monotonic()
        with (self.home / "server.out").open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=self.home)
        while not self._ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.peer.name} ended: {(self.home / 'server.out').read_text()[-500:]}")
            if time.monotonic() - begun > _READY_S:
                raise TimeoutError(f"{self.peer.name} was not ready after {_READY_S} s")
            time.sleep(0.02)
        self.started_s = time.monotonic() - begun
        return self

    def _ready(self) -> bool:
        """ISC and we write the pid file last; Kea writes its own."""
        if self.peer.kind == "kea":
            return any(self.home.glob("*kea-dhcp4*.pid")) and (self.home / "kea.csv").exists()
        return (self.home / "dhcpd.pid").exists()

    def resident_bytes(self, which: str = "VmRSS") -> int:
        """The server's memory, as the kernel counts it; `VmHWM`: at most, since its start."""
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{which}:"):
                return int(line.split()[1]) * 1024
        return 0

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self.process is not None
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send the server a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def processor_seconds(self) -> float:
        """The processor time that the server has taken, in and out of the kernel, its ended children's included.

        Its own by its clock, which has no ticks (clock_getcpuclockid(3)).
        """
        assert self.process is not None
        pid = self.process.pid
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = sum(int(field) for field in fields[13:15]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED) + children

    def __exit__(self, *_exception: object) -> None:
        """End it: SIGTERM, then SIGKILL."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def missing_tools() -> str:
    """Why no load can be made here, or empty."""
    if os.geteuid() != 0:
        return "namespaces need root"
    lacking = [name for name in ("perfdhcp", "ip") if shutil.which(name) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else ""
