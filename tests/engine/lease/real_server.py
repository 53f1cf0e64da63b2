"""The real ISC dhcpd as a judge: what it makes of a lease file. Everything is skipped where it is not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

DHCPD = shutil.which("dhcpd") or "/usr/sbin/dhcpd"

needs_real_server = pytest.mark.skipif(
    not Path(DHCPD).exists() or os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="needs ISC dhcpd, root and network namespaces",
)


def rewrite(folder: Path, configuration: str, leases: bytes) -> tuple[bytes, str]:
    """Start dhcpd where there is no interface: it reads the leases, writes them anew, and gives up.

    Returns the new lease file and what was logged.
    """
    (folder / "dhcpd.conf").write_text(configuration)
    file = folder / "dhcpd.leases"
    file.write_bytes(leases)
    command = ["unshare", "-n", DHCPD, "-4", "-d", "-f", "--no-pid", "-cf", "dhcpd.conf", "-lf", str(file)]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False)
    return file.read_bytes(), done.stderr.decode("latin-1")


def try_file(folder: Path, configuration: str, leases: bytes) -> str:
    """What `dhcpd -T` says about a lease file."""
    (folder / "dhcpd.conf").write_text(configuration)
    file = folder / "dhcpd.leases"
    file.write_bytes(leases)
    command = [DHCPD, "-4", "-T", "-cf", str(folder / "dhcpd.conf"), "-lf", str(file)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    return done.stderr.decode("latin-1")
