"""The command line: every refusal below was given by ISC dhcpd 4.4.3-P1 itself."""

import os
import subprocess
import sys

import pytest

from dhcpd import cli
from dhcpd.cli import CommandError, find_paths, first_pass, second_pass


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-cf", "--version"], ("--version", False)),
        (["-cf", "-h"], ("--help", False)),
        (["-lf", "-f"], ("", True)),
        (["-d"], ("", True)),
        (["-play", "x"], ("", True)),
        (["-q", "eth0"], ("", False)),
        (["-f", "--help", "--version"], ("--help", True)),
    ],
)
def test_first_pass_does_not_know_values(words, expected):
    assert first_pass(words) == expected


@pytest.mark.parametrize(
    ("words", "text", "usage"),
    [
        (["-x"], "Unknown command -x", True),
        (["-fd"], "Unknown command -fd", True),
        (["--"], "Unknown command --", True),
        (["-4o6", "3"], "Unknown command -4o6", True),
        (["-p"], "No argument for command: -p ", True),
        (["-cf"], "No argument for command: -cf ", True),
        (["-t", "--dump-config", "-cf", "x.conf"], "No argument for command: --dump-config ", True),
        (["-p", "abc"], "Invalid port number specification: abc", False),
        (["-p", "12x"], "Invalid port number specification: 12x", False),
        (["-p", "0x50"], "Invalid port number specification: 0x50", False),
        (["-p", "0"], "Port number specified is out of range (1-65535).", False),
        (["-p", "-5"], "Port number specified is out of range (1-65535).", False),
        (["-p", "70000"], "Port number specified is out of range (1-65535).", False),
        (["-4", "-6"], "Server cannot run in both IPv4 and IPv6 mode at the same time.", False),
        (["-6", "-4"], "Server cannot run in both IPv4 and IPv6 mode at the same time.", False),
        (["abcdefghijklmnopqrst"], "abcdefghijklmnopqrst: interface name too long (is 20)", False),
    ],
)
def test_refusals(words, text, usage):
    with pytest.raises(CommandError) as caught:
        second_pass(words)
    assert (caught.value.text, caught.value.usage) == (text, usage)


def test_last_occurrence_wins_and_interfaces_mix():
    line = second_pass(["eth0", "-p", "1067", "-q", "eth1", "-p", "2067", "-play", "-lf", "eth2"])
    assert line.port == 2067
    assert line.interfaces == ["eth0", "eth1", "eth2"]
    assert line.values["-play"] == "-lf"
    assert "-q" in line
    assert line.notes == ["binding to user-specified port 1067", "binding to user-specified port 2067"]


def test_paths_prefer_command_line_then_environment_then_default(tmp_path, monkeypatch):
    environment = {"PATH_DHCPD_CONF": "/e.conf", "PATH_DHCPD_DB": "/e.leases", "PATH_DHCPD_PID": "/e.pid"}
    assert find_paths(second_pass([]), {}) == cli.Paths(cli.CONFIGURATION_FILE, cli.LEASE_FILE, cli.PID_FILE, False)
    assert find_paths(second_pass([]), environment) == cli.Paths("/e.conf", "/e.leases", "/e.pid", True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "l").touch()
    found = find_paths(second_pass(["-cf", "c", "-lf", "l", "-pf", "p"]), environment)
    assert found == cli.Paths("c", str((tmp_path / "l").resolve()), "p", True)
    with pytest.raises(CommandError, match="Failed to get realpath for nope: No such file or directory"):
        find_paths(second_pass(["-lf", "nope"]), {})


def test_an_empty_name_is_not_the_default():
    assert find_paths(second_pass(["-cf", "", "-pf", ""]), {"PATH_DHCPD_CONF": "/e"}).configuration == ""
    assert find_paths(second_pass([]), {"PATH_DHCPD_CONF": ""}).configuration == ""
    with pytest.raises(CommandError, match=r"^Failed to get realpath for : No such file or directory$"):
        find_paths(second_pass(["-lf", ""]), {})


def test_usage_names_the_program():
    lines = cli.usage("mydhcpd").split("\n")
    assert lines[0] == "Usage: mydhcpd [-p <UDP port #>] [-f] [-d] [-q] [-t|-T]"
    assert lines[-1] == "       mydhcpd {--version|--help|-h}"


STARTING = """
import sys
sys.argv = ["dhcpd", "--version"]
print(__debug__, flush=True)
from dhcpd.__main__ import main
sys.exit(main())
"""


def test_assertions_stay_on_where_the_environment_turns_them_off():
    """What must never be ends the run, in production too; images of containers like to set this variable."""
    environment = {**os.environ, "PYTHONOPTIMIZE": "1"}
    command = [sys.executable, "-c", STARTING]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\nTrue\n"
    assert "4.4.3-P1" in done.stderr


def test_who_turns_them_off_on_the_command_line_is_told_to_leave_that():
    done = subprocess.run([sys.executable, "-O", "-c", STARTING], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("dhcpd: python -O takes away the checks")
