"""The units, the profile and the image as files: accepted by those who will read them, and in step with the program."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from dhcpd.cli import find_paths, recording_limits, second_pass

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
UNITS = [PACKAGING / "systemd" / name for name in ("dhcpd.service", "dhcpd@.service")]
EXPOSURE_MAX = "20"


def values(unit, key):
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def command_lines():
    for unit in UNITS:
        for line in values(unit, "ExecStart") + values(unit, "ExecReload"):
            yield f"{unit.name}: {line[:50]}", line.replace("%i", "office")
    start = (PACKAGING / "container" / "start").read_text().replace("\\\n", " ").replace("$DHCPD_ADMIN", "/admin.sock")
    yield "container", re.search(r"^exec (.*)$", start, re.MULTILINE)[1]


COMMANDS = dict(command_lines())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_line_is_one_that_the_server_takes(name):
    program, *words = shlex.split(COMMANDS[name])
    if program == "/bin/kill":
        return
    assert program == "/opt/dhcpd/bin/dhcpd"
    line = second_pass([word for word in words if not word.startswith("$")])
    recording_limits(line)
    assert find_paths(line, {}).configuration.startswith("/etc/dhcp/")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_unit_is_hardened(unit, needs_program, tmp_path):
    # The exposure of a template is that of an instance.
    copy = tmp_path / unit.name.replace("@", "-office")
    copy.write_text(unit.read_text().replace("%i", "office"))
    command = [
        needs_program("systemd-analyze"), "security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE_MAX}",
        str(copy),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_unit_is_one_to_systemd(unit, needs_program, tmp_path):
    """With the program where the unit looks for it: in a copy, that is `true`."""
    copy = tmp_path / unit.name.replace("@", "-office")
    copy.write_text(unit.read_text().replace("%i", "office").replace("/opt/dhcpd/bin/dhcpd", "/bin/true"))
    command = [needs_program("systemd-analyze"), "verify", "--man=no", str(copy)]
    environment = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_profile_is_one_to_apparmor(needs_program):
    profile = PACKAGING / "apparmor" / "opt.dhcpd.bin.dhcpd"
    command = [needs_program("apparmor_parser"), "--skip-kernel-load", "--skip-cache", str(profile)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_image_has_what_its_entry_needs():
    text = (PACKAGING / "container" / "Containerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )?(\S+)", text, re.MULTILINE)
    assert all((ROOT / path).exists() for path in copied)
    assert "USER dhcpd" in text
    assert os.access(PACKAGING / "container" / "start", os.X_OK)


def test_the_versions_are_those_of_the_project():
    project = (ROOT / "pyproject.toml").read_text()
    version = re.search(r'^version = "(.*)"', project, re.MULTILINE)[1]
    assert (PACKAGING / "debian" / "changelog").read_text().startswith(f"dhcpd ({version}) ")
    wanted = re.search(r"^dependencies = \[(.*?)\]", project, re.MULTILINE | re.DOTALL)[1]
    pinned = (PACKAGING / "constraints.txt").read_text().lower()
    for name in re.findall(r'"([\w.-]+)', wanted):
        assert f"\n{name.lower().replace('.', '-')}==" in pinned, f"{name} is not pinned: make constraints"
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=\S)", pinned) if "==" in block)
