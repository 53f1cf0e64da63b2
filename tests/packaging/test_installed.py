"""The Debian package, built and installed beside isc-dhcp-server, serving as its unit says, and removed again.

It changes the machine that it runs on, and so is run only where DHCPD_INSTALL says that it may (.ci/run).
"""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from dhcpd import __version__
from fixtures.network import Client, Network, wait_for

ROOT = Path(__file__).resolve().parents[2]
UNIT = Path("/lib/systemd/system/dhcpd.service")
LEASES = Path("/var/lib/dhcpd/dhcpd.leases")
CONFIGURATION = """
default-lease-time 600; authoritative; ping-check false;
subnet 10.66.0.0 netmask 255.255.0.0 { range 10.66.1.1 10.66.1.200; option routers 10.66.0.1; }
"""
FILTER = Path(__file__).with_name("unit_filter.py")
CAPABILITIES = "+net_raw,+net_bind_service"
# What systemd does for `User=`, `AmbientCapabilities=` and `CapabilityBoundingSet=`.
AS_SERVICE = [
    "setpriv", "--reuid", "dhcpd", "--regid", "dhcpd", "--clear-groups", "--no-new-privs", "--inh-caps", CAPABILITIES,
    "--ambient-caps", CAPABILITIES, "--bounding-set", f"-all,{CAPABILITIES}",
]  # fmt: skip


def run(*command, **named):
    return subprocess.run(command, capture_output=True, text=True, check=False, **named)


@pytest.fixture(scope="module")
def package(needs_root):
    if not os.environ.get("DHCPD_INSTALL"):
        pytest.skip("installs a package on this machine: DHCPD_INSTALL=1 allows it")
    built = run("make", "--no-print-directory", "deb", cwd=ROOT)
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    [path] = (ROOT / "build" / "deb").glob("*.deb")
    before = set(run("dpkg-query", "-L", "isc-dhcp-server").stdout.split())
    installed = run("dpkg", "--install", str(path))
    yield path, before, installed
    run("dpkg", "--purge", "dhcpd")


@pytest.fixture
def network(tmp_path):
    with Network(tmp_path) as made:
        yield made


def command_of_unit(configuration):
    """ExecStart, for another configuration file, on the interface of the test."""
    [line] = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    line = line.replace("/etc/dhcp/dhcpd.conf", str(configuration)).replace("$OPTIONS", "-d").replace("$INTERFACES", "")
    restricted = ["/usr/bin/python3", str(shutil.copy(FILTER, configuration.parent)), str(UNIT)]
    return [*AS_SERVICE, *restricted, *shlex.split(line.replace(" -q ", " ")), "eth0"]


@pytest.mark.timeout(1500)
def test_it_installs_beside_isc_s_and_its_unit_is_sound(package):
    path, theirs, installed = package
    assert installed.returncode == 0, installed.stderr
    ours = {line.split(maxsplit=5)[-1].lstrip(".") for line in run("dpkg-deb", "-c", str(path)).stdout.splitlines()}
    assert not {one for one in ours & theirs if not one.endswith("/") and Path(one).is_file()}
    assert run("systemd-analyze", "verify", "--man=no", str(UNIT)).stderr == ""
    assert LEASES.stat().st_mode & 0o777 == 0o640
    assert LEASES.owner() == "dhcpd"
    told = run("/opt/dhcpd/bin/dhcpd", "--version").stderr
    assert told == f"isc-dhcpd-4.4.3-P1\ndhcpd {__version__}+compiled\n"
    depends = run("dpkg-query", "--show", "--showformat", "${Depends}", "dhcpd").stdout
    assert re.search(r"python3 \(>= 3\.(\d+)\), python3 \(<< 3\.\d+\)", depends), "what is compiled is of one Python"
    assert Path("/etc/dhcp").is_dir()
    assert Path("/usr/share/doc/dhcpd/docs/getting-started.md").exists()
    assert run("/usr/bin/dhcpd-trace", "--version").returncode == 0
    assert {path.name for path in Path("/usr/share/dhcpd/monitoring").iterdir()} == {"alerts.yml", "grafana.json"}


def test_the_unit_s_command_serves_a_client_is_asked_reloads_and_ends(package, network, tmp_path, needs_program):
    configuration, log = tmp_path / "dhcpd.conf", tmp_path / "log"
    configuration.write_text(CONFIGURATION)
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o055)
    recording = LEASES.parent / "recording"
    # What systemd makes for `StateDirectory=` and `RuntimeDirectory=`.
    for made in (str(recording), "/run/dhcpd"):
        assert run("install", "-d", "-o", "dhcpd", "-g", "dhcpd", "-m", "0750", made).returncode == 0
    server = network.start("server", command_of_unit(configuration), log)
    wait_for("the server", lambda: "Server starting service." in log.read_text())
    client = Client(network, "dhclient")
    client.start()
    wait_for("an address", client.address)
    assert f"lease {client.address()} {{" in LEASES.read_text()
    assert client.address() in run("/usr/bin/dhcpd-admin", "leases", "--state", "active").stdout
    scraped = run("/usr/bin/dhcpd-admin", "metrics").stdout
    assert 'dhcpd_messages_sent_total{type="ack"}' in scraped
    judged = run(needs_program("promtool"), "check", "metrics", input=scraped)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")
    reload_s_check = run("/opt/dhcpd/bin/dhcpd", "-t", "-q", "-cf", str(configuration))
    assert reload_s_check.returncode == 0
    server.send_signal(1)
    wait_for("the reload", lambda: "is in force" in log.read_text())
    # What processes of their own make: the unit's filter of system calls lets them.
    explained = run("/usr/bin/dhcpd-admin", "explain", client.address())
    assert "DHCPREQUEST" in explained.stdout, explained.stderr
    assert run("/usr/bin/dhcpd-admin", "rotate").returncode == 0
    wait_for("a new file of the recording", lambda: "The recording up to here is in" in log.read_text())
    assert "could not be made" not in log.read_text()
    server.terminate()
    server.wait(60)
    played = run("/opt/dhcpd/bin/dhcpd", "-play", str(recording / "dhcpd.trace"), "-lf", str(tmp_path / "played"))
    assert played.returncode == 0, played.stdout + played.stderr


def test_what_is_purged_is_gone(package):
    assert run("dpkg", "--purge", "dhcpd").returncode == 0
    paths = ("/opt/dhcpd", "/var/lib/dhcpd", "/etc/apparmor.d/opt.dhcpd.bin.dhcpd")
    assert not [path for path in paths if Path(path).exists()]
