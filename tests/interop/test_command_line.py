"""The same command lines for both servers: exit status and what is said, but for the banner and the closing lines."""

import os
import re
import subprocess
import sys
from itertools import pairwise

import pytest

from dhcpd.cli import usage, version
from dhcpd.process.logging import TRAILER
from dhcpd.program import BANNER
from fixtures.network import ROOT

ISC_BANNER = re.compile(r"Internet Systems Consortium DHCP|Copyright 2004|All rights reserved|For info, please visit")
GOOD = "subnet 10.66.0.0 netmask 255.255.0.0 { range 10.66.1.1 10.66.1.200; }\n"
OURS = [sys.executable, "-m", "dhcpd"]
ISC = ["/usr/sbin/dhcpd"]
# Of the long options ISC dhcpd has one, and the two of the usage's last line; it says its own version alone.
OURS_ALONE = {line for line in usage("dhcpd").split("\n") if re.search(r"\[--(?!no-pid)", line)}
OURS_ALONE.add(version().split("\n")[1])

# In a folder with dhcpd.conf, bad.conf, leases (empty), and a pid file where the case gives its content.
REFUSED_AND_TESTED = {
    "version": "--version",
    "version as a value": "-cf --version",
    "help": "-h",
    "unknown": "-x",
    "bundled": "-fd",
    "no value": "-cf dhcpd.conf -p",
    "port": "-p 67x",
    "port 0": "-p 0",
    "both families": "-4 -6",
    "no such user": "-f -user no-such-user -cf dhcpd.conf -lf leases",
    "no such root": "-f -chroot none -cf dhcpd.conf -lf leases",
    "long name": "-f abcdefghijklmnopqrst",
    "good": "-t -cf dhcpd.conf",
    "good, quiet": "-t -q -cf dhcpd.conf",
    "bad": "-t -cf bad.conf",
    "bad, quiet": "-t -q -cf bad.conf",
    "bad, as a daemon": "-cf bad.conf -lf leases",
    "no file": "-t -cf none",
    "empty name": "-t -cf ",
    "empty lease file": "-t -cf dhcpd.conf -lf ",
    "lease file": "-T -cf dhcpd.conf -lf leases",
    "no lease file": "-f -cf dhcpd.conf -lf /none/leases",
    "no playing over leases": "-play none",
}
PID_FILES = {"zero": "0\n", "words": "dhcpd", "negative": "-1\n", "alive": "1\n", "long": "9" * 30}


def run(program, words, folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*program, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    lines = [line for line in done.stderr.split("\n") if not ISC_BANNER.match(line) and line not in BANNER]
    lines = [re.sub(r"\.\d{10}$", ".EPOCH", line) for line in lines if line not in OURS_ALONE]
    advice = next((at for at, pair in enumerate(pairwise(lines)) if pair == ("", TRAILER[1])), len(lines))
    return done.returncode, done.stdout, lines[:advice], "exiting." in lines[advice:]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dhcpd.conf").write_text(GOOD)
    (tmp_path / "bad.conf").write_text("bogus 1;\n")
    (tmp_path / "leases").touch()
    return tmp_path


@pytest.mark.peer("/usr/sbin/dhcpd")
def test_refusals_and_tests(folder):
    for name, text in REFUSED_AND_TESTED.items():
        words = text.split(" ")
        status, *said = run(OURS, words, folder)
        theirs, *lines = run(ISC, words, folder)
        assert said == lines, name
        # A playback that cannot begin is told from one that differs (docs/differences.md).
        assert status == (125 if "-play" in words else theirs), name


@pytest.mark.peer("/usr/sbin/dhcpd")
def test_pid_files_that_keep_a_server_from_starting(folder):
    words = ["-f", "-cf", str(folder / "dhcpd.conf"), "-lf", str(folder / "leases"), "-pf", str(folder / "pid")]
    for name, content in PID_FILES.items():
        (folder / "pid").write_text(content)
        status, out, lines, exiting = run(OURS, words, folder)
        assert (status, lines[-1]) == (1, "There's already a DHCP server running."), name
        assert (status, out, lines, exiting) == run(ISC, words, folder), name


@pytest.mark.peer("/usr/sbin/dhcpd")
def test_paths_of_the_environment(folder, monkeypatch):
    for name, value in (
        ("PATH_DHCPD_CONF", "bad.conf"),
        ("PATH_DHCPD_CONF", ""),
        ("PATH_DHCPD_DB", "none"),
        ("DHCPD_PORT", "x"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            words = ["-t"] if name == "PATH_DHCPD_CONF" else ["-t", "-cf", "dhcpd.conf"]
            assert run(OURS, words, folder) == run(ISC, words, folder), (name, value)
