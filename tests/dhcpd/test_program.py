"""The program as a process: what it prints and how it ends, where no network is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dhcpd import __version__, program
from dhcpd.dhcpctl import ConnectionLost, Object, connect
from dhcpd.disk.lease_file import LeaseFile
from dhcpd.process.logging import TRAILER
from fixtures.network import wait_for
from tests.engine.failover.pair import configuration as pair_configuration
from tests.interop.relayed import free_port

ROOT = Path(__file__).resolve().parents[2]
BANNER = list(program.BANNER)


def run(*words, **environment):
    command = [sys.executable, "-m", "dhcpd", *words]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=variables)
    assert done.stdout == "", "nothing is ever written to standard output"
    return done.returncode, done.stderr.split("\n")[:-1]


def test_version_and_help_go_to_stderr_wherever_they_stand():
    assert run("-cf", "--version") == (0, ["isc-dhcpd-4.4.3-P1", f"dhcpd {__version__}"])
    status, lines = run("-x", "-h")
    assert status == 0
    assert lines[0] == "Usage: dhcpd [-p <UDP port #>] [-f] [-d] [-q] [-t|-T]"
    assert len(lines) == 11


def test_version_comes_without_loading_the_server():
    script = "import sys; from dhcpd.__main__ import main; main(); print(sorted(sys.modules))"
    command = [sys.executable, "-c", script, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    assert done.stderr == f"isc-dhcpd-4.4.3-P1\ndhcpd {__version__}\n"
    assert "'trio'" not in done.stdout
    assert "'dhcpd.engine.machine'" not in done.stdout


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_usage_errors_come_with_banner_usage_and_trailer(quiet):
    status, lines = run("-f", *quiet, "-x")
    assert status == 1
    assert lines[:2] == BANNER
    assert lines[2] == "Unknown command -x"
    assert lines[3].startswith("Usage: dhcpd")
    assert lines[-len(TRAILER) :] == list(TRAILER)


def test_the_daemon_s_parent_tells_the_failure():
    status, lines = run("-p", "abc")
    assert status == 1
    assert lines[0] == "Invalid port number specification: abc"


def test_port_of_the_environment_is_read_behind_the_banner():
    status, lines = run("-t", "-cf", "/dev/null", DHCPD_PORT="abc")
    assert status == 1
    assert lines[:3] == [*BANNER, "Invalid port number specification: abc"]


def test_playing_needs_a_lease_file_and_is_not_recorded(tmp_path):
    status, lines = run("-play", "/nonexistent")
    assert status == 125
    assert lines[2:6] == [
        "",
        "** You must specify a lease file with -lf.",
        "   Dhcpd will not overwrite your default",
        "   lease file when playing back a trace. **",
    ]
    status, lines = run("-play", "x", "-tf", str(tmp_path / "t"), "-lf", str(tmp_path / "l"))
    assert status == 125
    assert lines[2] == "-tf and -play do not go together: a playback is not recorded."


@pytest.mark.parametrize("words", [["-p", "x"], ["-lf", ""], ["--no-such-option"]])
def test_a_playback_that_cannot_begin_is_no_difference(words):
    """`git bisect run` takes 1 for a commit that differs; 125 is skipped."""
    status, _lines = run("-play", "/nonexistent", "-lf", "/nonexistent/leases", *words)
    assert status == 125


def test_test_of_a_configuration(tmp_path):
    configuration = tmp_path / "dhcpd.conf"
    configuration.write_text("subnet 10.0.0.0 netmask 255.0.0.0 { range 10.0.0.1 10.255.255.254; }\n")
    files = ["-cf", str(configuration), "-lf", str(tmp_path / "none"), "-pf", str(tmp_path / "pid")]
    status, lines = run("-t", *files)
    expected = [f"Config file: {configuration}", f"Database file: {tmp_path}/none", f"PID file: {tmp_path}/pid"]
    assert (status, lines) == (0, [*BANNER, *expected])
    assert run("-t", "-q", *files) == (0, [])
    assert "PID file: rel.pid" in run("-t", *files[:-1], "rel.pid")[1], "as it was given, as ISC's"
    configuration.write_text("bogus\n")
    status, lines = run("-t", *files)
    assert status == 1
    assert "Configuration file errors encountered -- exiting" in lines


def test_what_a_reload_would_mean_for_the_leases_of_a_file(tmp_path):
    configuration, leases = tmp_path / "dhcpd.conf", tmp_path / "dhcpd.leases"
    configuration.write_text("subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.20; }\n")
    record = "lease 10.0.0.{} {{ ends {}; binding state {}; hardware ethernet 02:00:00:00:00:{}; }}\n"
    ended, later = "1 2020/09/21 13:00:00", "4 2036/01/01 13:00:00"
    kept = record.format(15, later, "active", 15) + record.format(40, ended, "free", 40)
    files = ["-cf", str(configuration), "--against", str(leases)]
    leases.write_text(kept)
    status, lines = run("-t", *files)
    assert (status, lines[-1]) == (0, f"{leases}: of its 2 leases none that is in use would lose its range.")
    leases.write_text(kept + record.format(30, "never", "active", 30) + record.format(31, later, "active", 31))
    before = leases.read_bytes()
    status, lines = run("-t", *files)
    assert status == 0
    assert lines[-3] == f"{leases}: 2 of its 4 leases are in use and would have no range any more:"
    assert sorted(lines[-2:]) == ["  10.0.0.30 until their release", "  10.0.0.31 until 2036/01/01 13:00:00 UTC"]
    assert leases.read_bytes() == before
    earlier = tmp_path / "earlier.conf"
    earlier.write_text(configuration.read_text() + "default-lease-time 77;\n")
    status, lines = run("-t", *files, "--against", str(earlier))
    assert status == 0
    assert f"{earlier}: these would be served otherwise:" in lines
    assert "    - default-lease-time 77;" in lines
    assert f"{leases}: 2 of its 4 leases are in use and would have no range any more:" in lines
    earlier.write_text("subnet oops")
    status, lines = run("-t", *files, "--against", str(earlier))
    assert status == 1
    assert f"{earlier}: Configuration file errors encountered -- exiting" in lines
    status, lines = run("-t", "-cf", str(configuration), "--against", str(tmp_path / "none"))
    assert status == 1
    assert f"Can't open lease database {tmp_path}/none: No such file or directory" in lines
    status, lines = run(*files)
    assert status == 1
    assert "--against is for a test of the configuration: give -t, too" in lines


def test_the_two_files_of_a_failover_pair_are_held_against_each_other(tmp_path):
    for side in ("primary", "secondary"):
        (tmp_path / f"{side}.conf").write_text(pair_configuration(side))
    files = ["-cf", str(tmp_path / "primary.conf"), "--peer"]
    status, lines = run("-t", *files, str(tmp_path / "secondary.conf"))
    assert (status, lines[-1]) == (0, f"{tmp_path}/secondary.conf and this file make a failover pair.")
    (tmp_path / "other.conf").write_text(pair_configuration("secondary").replace("port 847", "port 848"))
    status, lines = run("-t", *files, str(tmp_path / "other.conf"))
    assert status == 1
    assert lines[-2] == "ERROR: failover peer fo: peer port is 847, and the other file has port 848"
    assert lines[-1] == f"{tmp_path}/other.conf and this file do not make a failover pair."
    (tmp_path / "bad.conf").write_text(pair_configuration("secondary").replace("secondary;", "tertiary;"))
    status, lines = run("-t", *files, str(tmp_path / "bad.conf"))
    assert status == 1
    assert any(line.startswith(f"{tmp_path}/bad.conf line 3: invalid statement in peer declaration") for line in lines)
    status, lines = run("-t", *files, str(tmp_path / "none.conf"))
    assert status == 1
    assert any("No such file or directory" in line for line in lines)
    status, lines = run(*files, str(tmp_path / "secondary.conf"))
    assert status == 1
    assert "--peer is for a test of the configuration: give -t, too" in lines


def test_octets_of_the_configuration_are_logged_as_they_are(tmp_path):
    configuration = tmp_path / "dhcpd.conf"
    configuration.write_bytes('log("café ☕");\nlog("caf'.encode() + b'\xe9");\noption nosuch\xfe;\n')
    command = [sys.executable, "-m", "dhcpd", "-t", "-cf", str(configuration)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, env={**os.environ, "LC_ALL": "C"})
    assert b"option nosuch\xfe\n" in done.stderr
    configuration.write_bytes(configuration.read_bytes().replace(b"option nosuch\xfe;", b""))
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, env={**os.environ, "LC_ALL": "C"})
    assert "café ☕\ncaf".encode() + b"\xe9\n" in done.stderr


def test_missing_files(tmp_path):
    status, lines = run("-t", "-cf", "/nonexistent")
    assert status == 1
    assert lines[2] == "Can't open /nonexistent: No such file or directory"
    none = tmp_path / "none"
    status, lines = run("-T", "-cf", "/dev/null", "-lf", str(none))
    assert status == 1
    assert lines[5] == f"Can't open lease database {none}: No such file or directory --"


def test_an_empty_name_is_no_file():
    status, lines = run("-t", "-cf", "")
    assert (status, lines[2]) == (1, "Can't open : No such file or directory")


def test_T_leaves_the_lease_file_alone(tmp_path):  # noqa: N802
    leases = tmp_path / "leases"
    leases.write_text("# mine\n")
    status, lines = run("-T", "-cf", "/dev/null", "-lf", str(leases))
    assert status == 0
    assert "Wrote 0 leases to leases file." in lines
    assert lines[-1].startswith(f"Lease file test successful, removing temp lease file: {leases}.")
    assert leases.read_text() == "# mine\n"
    assert [one.name for one in tmp_path.iterdir()] == ["leases"]


def test_v6_is_refused():
    status, lines = run("-6", "-t", "-cf", "/dev/null")
    assert status == 1
    assert lines[2] == "This server speaks DHCPv4 only: -6 cannot be served."


@pytest.mark.parametrize("name", ["/dev/zero", "pipe"])
@pytest.mark.parametrize("word", ["-cf", "-lf"])
def test_a_file_without_an_end_is_an_error_at_once(tmp_path, word, name):
    os.mkfifo(tmp_path / "pipe")
    files = {"-cf": "/dev/null", "-lf": "/dev/null", word: str(tmp_path / name)}
    status, lines = run("-T", *(text for pair in files.items() for text in pair))
    assert status == 1
    assert any(f"{tmp_path / name}: not a regular file" in line for line in lines)


def test_in_playback_the_lease_file_is_to_be_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trace = ROOT / "fixtures" / "udhcpc" / "trace.bin"
    status, lines = run("-play", str(trace), "-lf", "played.leases")
    assert status == 0, lines
    assert (tmp_path / "played.leases").stat().st_mode & 0o777 == 0o600


def test_a_relative_lease_file_must_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, lines = run("-T", "-cf", "/dev/null", "-lf", "none.leases")
    assert (status, lines[0]) == (1, "Failed to get realpath for none.leases: No such file or directory")


def test_a_lease_file_that_another_server_has_is_refused_by_its_number(tmp_path):
    leases, configuration = tmp_path / "leases", tmp_path / "dhcpd.conf"
    leases.touch()
    configuration.write_text("subnet 127.0.0.0 netmask 255.0.0.0 { }\n")
    first = LeaseFile(str(leases), exclusive=True)
    words = ["-f", "-cf", str(configuration), "-lf", str(leases), "--no-pid", "-p", "16767", "lo"]
    status, lines = run(*words)
    first.close()
    assert status == 1
    advice = "stop that server, or name another file with -lf."
    assert f"The lease file {leases} is in use by process {os.getpid()}: {advice}" in lines
    assert leases.read_bytes() == b""


def test_a_shutdown_takes_the_pid_file_away_also_one_of_a_relative_name(tmp_path):
    """The daemon has another folder than who has started it."""
    port = free_port()
    (tmp_path / "dhcpd.conf").write_text(
        f"local-address 127.0.0.1; omapi-port {port}; subnet 127.0.0.0 netmask 255.0.0.0 {{ }}\n"
    )
    (tmp_path / "leases").touch()
    words = ["-q", "-p", str(free_port()), "-cf", "dhcpd.conf", "-lf", "leases", "-pf", "pid", "lo"]
    subprocess.run(
        [sys.executable, "-m", "dhcpd", *words], check=True, timeout=120, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    pid = int((tmp_path / "pid").read_text())
    with connect("127.0.0.1", port, timeout_s=60) as server:
        control = Object("control")
        server.open(control)
        control["state"] = 2
        with pytest.raises(ConnectionLost):
            server.update(control)
    wait_for("the end of the server", lambda: not Path(f"/proc/{pid}").exists(), 60.0)
    assert not (tmp_path / "pid").exists()
