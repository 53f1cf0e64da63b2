"""The image, built and run as the Containerfile says: an ordinary user, two capabilities, nothing else to be written.

It takes minutes, and so is done only where DHCPD_INSTALL allows such work (.ci/run). Where the registry with the base
image cannot be reached, Debian's Python stands in under its name. Images, containers and volumes are kept in a folder
of the test.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from dhcpd import __version__
from fixtures.network import Client, Network, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Whichever test is the first has the image made.
pytestmark = pytest.mark.timeout(1500)

ROOT: Final = Path(__file__).resolve().parents[2]
BASE: Final = "docker.io/library/python:3.11-slim"
IMAGE: Final = f"dhcpd:{__version__}"
PATHS: Final = "PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
# What makes Debian's Python that of the image, and this machine's network its own.
LIKE_THE_BASE: Final = """
ln -s /usr/bin/python3.11 "$1/usr/local/bin/python3"; ln -s python3 "$1/usr/local/bin/python"
cp -L /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
"""
CONFIGURATION: Final = """
default-lease-time 600; authoritative; ping-check false;
subnet 10.66.0.0 netmask 255.255.0.0 { range 10.66.1.1 10.66.1.200; option routers 10.66.0.1; }
"""
# CAP_NET_BIND_SERVICE and CAP_NET_RAW (linux/capability.h).
TWO_CAPABILITIES: Final = 1 << 10 | 1 << 13
# A container's own limits may be higher than what a machine without CAP_SYS_RESOURCE may set.
LIMITS: Final = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
AS_DOCUMENTED: Final = ("--read-only", "--cap-drop", "all", "--cap-add", "NET_RAW", "--cap-add", "NET_BIND_SERVICE")


class Podman:
    """Podman with a store of its own."""

    def __init__(self, folder: Path) -> None:
        driver = "overlay"
        while True:
            self.command = [
                "podman", "--root", str(folder / driver), "--runroot", str(folder / f"{driver}-run"),
                "--storage-driver", driver, "--cgroup-manager", "cgroupfs", "--runtime", "runc",
            ]  # fmt: skip
            if self.run("info", check=False).returncode == 0 or driver == "vfs":
                return
            driver = "vfs"

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([*self.command, *words], capture_output=True, text=True, check=False, timeout=600)
        assert not check or done.returncode == 0, f"{words}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done


@pytest.fixture(scope="module")
def podman(needs_root: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """With the image built."""
    if not os.environ.get("DHCPD_INSTALL"):
        pytest.skip("builds an image for minutes: DHCPD_INSTALL=1 allows it")
    folder = tmp_path_factory.mktemp("podman")
    try:
        made = Podman(folder)
    except FileNotFoundError:
        pytest.skip("needs the program podman")
    if made.run("pull", "--quiet", BASE, check=False).returncode:
        script, rootfs = folder / "like-the-base", folder / "rootfs.tar"
        script.write_text(f"#!/bin/sh -e\n{LIKE_THE_BASE}")
        script.chmod(0o755)
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,python3-venv,ca-certificates",
             f"--customize-hook={script}", "bookworm", str(rootfs)], check=True, timeout=600,
        )  # fmt: skip
        made.run("import", "--change", f"ENV {PATHS}", str(rootfs), BASE)
        rootfs.unlink()
    flags = "--isolation chroot --network host --pull=false"
    command = ["make", "--no-print-directory", "container", f"CONTAINER={' '.join(made.command)}"]
    built = subprocess.run(
        [*command, f"CONTAINER_FLAGS={flags}"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    yield made
    made.run("system", "reset", "--force", check=False)


def test_it_serves_a_client_as_an_ordinary_user_and_says_that_it_is_well(
    podman: Podman, tmp_path: Path, needs_program: Callable[[str], str]
) -> None:
    needs_program("dhclient")
    configuration = tmp_path / "dhcpd.conf"
    configuration.write_text(CONFIGURATION)
    with Network(tmp_path) as network:
        podman.run(
            "run", "--detach", "--name", "served", *AS_DOCUMENTED, *LIMITS,
            "--network", f"ns:/run/netns/{network.namespace('server')}",
            "--volume", f"{configuration}:/etc/dhcp/dhcpd.conf:ro", "--volume", "dhcpd-state:/var/lib/dhcpd",
            IMAGE, "eth0",
        )  # fmt: skip

        def ready() -> bool:
            logs = podman.run("logs", "served")
            state = json.loads(podman.run("inspect", "served").stdout)[0]["State"]
            assert state["Running"], logs.stdout + logs.stderr
            return "Server starting service." in logs.stdout + logs.stderr

        wait_for("the server", ready)
        client = Client(network, "dhclient")
        client.start()
        wait_for("an address", client.address)
        state = json.loads(podman.run("inspect", "served").stdout)[0]["State"]
        of_server = dict(line.split(":", 1) for line in Path(f"/proc/{state['Pid']}/status").read_text().splitlines())
        assert "0" not in of_server["Uid"].split()
        assert int(of_server["CapEff"], 16) == TWO_CAPABILITIES
        assert int(of_server["CapBnd"], 16) == TWO_CAPABILITIES
        assert podman.run("exec", "served", "touch", "/opt/dhcpd/new", check=False).returncode != 0
        podman.run("healthcheck", "run", "served")
        leases = podman.run("exec", "served", "/opt/dhcpd/bin/dhcpd-admin", "leases", "--state", "active")
        assert client.address() in leases.stdout
        explained = podman.run("exec", "served", "/opt/dhcpd/bin/dhcpd-admin", "explain", client.address())
        assert "DHCPREQUEST" in explained.stdout
        podman.run("stop", "--time", "30", "served")
        kept = podman.run("run", "--rm", *LIMITS, "--network", "none", "--volume", "dhcpd-state:/var/lib/dhcpd",
                          "--entrypoint", "/bin/cat", IMAGE, "/var/lib/dhcpd/dhcpd.leases")  # fmt: skip
        assert f"lease {client.address()} {{" in kept.stdout
        podman.run("rm", "served")
