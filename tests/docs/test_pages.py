"""The pages that an operator follows with his hands are followed here, line by line, in a network namespace.

Every indented line of a page is a command, but for the blocks that show a file or a log (NOT_COMMANDS): a new line is
run without anybody having to say so here, and fails where it does not work. Paths below a folder of the system are
those of a folder of the test; a unit is carried out as systemd would, which is not there in a namespace.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from fixtures.network import Client, Network, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
# The first words of blocks that are no commands, and the file that they are the content of ("" for none).
NOT_COMMANDS: Final = {
    "authoritative;": "/etc/dhcp/dhcpd.conf",
    "INTERFACES=": "/etc/default/dhcpd",
    "DHCPDISCOVER from": "",
}
# How lines begin that others carry out: tests/packaging/test_installed.py and test_container.py.
ELSEWHERE: Final = ("apt install ./build/deb/", "podman ")
OF_THE_SYSTEM: Final = re.compile(r"(?<![\w/.])/(etc|opt|path|run|tmp|usr/local|var)/")
# What the installed programs are made of.
TREE: Final = ("dhcpd", "disk", "engine", "replay", "trace", "packaging", "pyproject.toml", "README.md", "LICENSE")
SUBNET: Final = "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.199; }\n"
ENOUGH_S: Final = 120


def blocks(page: str) -> list[list[str]]:
    """The indented blocks of a page, as lines without the indent; those of lists are no blocks of their own."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("    "):
            found[-1].append(line[4:])
        elif line and found[-1]:
            found.append([])
    return [block for block in found if block]


def commands(page: str) -> list[str]:
    return [line for block in blocks(page) if not shown_as(block) for line in block]


def shown_as(block: list[str]) -> str | None:
    """The words by which a block is known as no commands, None for commands."""
    return next((words for words in NOT_COMMANDS if block[0].startswith(words)), None)


class Box:
    """A machine for a page: a namespace with `eth0`, its folders, and what would be systemd's part."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.root, self.network = folder / "root", network
        for name in (
            "etc/default", "etc/dhcp", "etc/systemd/system", "opt", "path/to/this", "run", "tmp", "usr/local/bin",
            "var/lib/dhcp",
        ):  # fmt: skip
            (self.root / name).mkdir(parents=True)
        network.ip("server", "addr add 192.0.2.2/24 dev eth0")
        self.files = {name: self.root / path for name, path in (
            ("CONF", "etc/dhcp/dhcpd.conf"), ("DB", "var/lib/dhcp/dhcpd.leases"), ("PID", "run/dhcpd.pid"),
        )}  # fmt: skip
        self.environment = {
            "PATH": f"{self.python(folder / 'python')}:{self.root}/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "DHCPD_ADMIN": str(self.root / "run/dhcpd/admin.sock"),
            "HOME": str(folder), "LC_ALL": "C.UTF-8",
            **{f"PATH_DHCPD_{name}": str(path) for name, path in self.files.items()},
        }  # fmt: skip
        self.tree = self.root / "path/to/this/tree"
        self.serving: subprocess.Popen[bytes] | None = None
        self.asking: Client | None = None
        self.isc_pid = self.root / "run/isc.pid"
        self.masked = False
        for name in ("passwd", "group", "shadow", "gshadow"):
            (self.root / "etc" / name).touch()

    @property
    def folder(self) -> Path:
        """Where commands are given: in the source tree, where there is one."""
        return self.tree if self.tree.exists() else self.root

    def mapped(self, text: str) -> str:
        return OF_THE_SYSTEM.sub(lambda found: f"{self.root}/{found[1]}/", text)

    def write(self, page: str) -> None:
        """The files that a page shows."""
        for block in blocks(page):
            path = NOT_COMMANDS.get(shown_as(block) or "", "")
            if path:
                Path(self.mapped(path)).write_text("\n".join(block) + "\n")

    def copy_tree(self) -> None:
        self.tree.mkdir()
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        for name in TREE:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.tree / name, symlinks=True, ignore=ignored)
            else:
                shutil.copy(ROOT / name, self.tree / name)

    # A line

    def follow(self, line: str) -> None:
        """Do what a line says; it must come to its end with status 0, or to serve."""
        words = shlex.split(self.mapped(line), comments=True)
        if line.startswith(ELSEWHERE):
            return
        if words[0] == "systemctl":
            self.systemctl(*words[1:])
        elif words[0] == "make":
            self.make(*words[1:])
        elif Path(words[0]).name == "dhcpd" and not {"-t", "-T", "-play", "--version"} & set(words):
            self.serve(words)
        else:
            self.run(line)

    def run(self, line: str) -> None:
        # The user is made in files of the box, and so what is its own is root's.
        here = self.mapped(line).replace("useradd ", f"useradd --prefix {self.root} ")
        here = here.replace("-o dhcpd -g dhcpd ", "").replace("chgrp dhcpd ", "chgrp root ")
        pids = [int(path.read_text()) for path in [self.files["PID"]] if line.startswith("kill ")]
        command = self.network.inside("server", ["bash", "-ec", here])
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True,
            text=True, timeout=ENOUGH_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        if "-m venv" in line:
            self.let_install_without_a_network()
        for pid in pids:
            wait_for("the end", lambda pid=pid: not Path(f"/proc/{pid}").exists() or is_zombie(pid))

    def python(self, folder: Path) -> Path:
        """A folder with a `python3` that makes environments without a copy of pip, which takes half a minute."""
        folder.mkdir()
        program = folder / "python3"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@" --without-pip\n')
        program.chmod(0o755)
        return folder

    def let_install_without_a_network(self) -> None:
        """What pip is and would fetch is there: the packages of the environment that the tests run in."""
        folder = self.root / "opt/dhcpd"
        (site,) = folder.glob("lib/python3*/site-packages")
        (site / "there.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
        pip = folder / "bin/pip"
        offline = "--no-index --no-deps --no-build-isolation --ignore-installed --quiet --disable-pip-version-check"
        pip.write_text(f'#!/bin/sh\nexec {folder}/bin/python -m pip "$@" {offline}\n')
        pip.chmod(0o755)

    def make(self, target: str) -> None:
        """A target that there is; what demo and test do is what other tests do, and this one is one of them."""
        done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        wanted = {
            "demo": "dhcpd.replay.demo.demo", "test": "-m pytest",
            "deb": "dpkg-buildpackage", "container": "podman build",
        }[target]  # fmt: skip
        assert wanted in done.stdout

    def serve(self, words: list[str]) -> None:
        """Start a server: a foreground one goes on, another one returns when it serves."""
        self.end()
        log = self.root / "log"
        self.serving = subprocess.Popen(
            self.network.inside("server", words), cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=log.open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.network.processes.append(self.serving)
        serving = self.serving
        if "-f" not in words:
            assert serving.wait(ENOUGH_S) == 0, log.read_text()
            return

        def ready() -> bool:
            assert serving.poll() is None, log.read_text()
            return "-d" not in words or "Server starting service." in log.read_text()

        wait_for("the server", ready)

    def end(self) -> None:
        """Control-C, where something is in the foreground."""
        if self.serving is not None and self.serving.poll() is None:
            self.serving.send_signal(signal.SIGINT)
            self.serving.wait(30)

    def client(self) -> str:
        """The address that a client gets; the same client, where there was one, asks for what it had."""
        if self.asking is not None and self.asking.process is not None:
            self.asking.process.kill()
            self.asking.process.wait()
            self.network.ip("client", "addr flush dev eth0")
        self.asking = Client(self.network, "dhclient")
        self.asking.start()
        wait_for("an address", self.asking.address)
        return self.asking.address()

    # In the place of systemd

    def systemctl(self, verb: str, *words: str) -> None:
        now, unit = "--now" in words, words[-1] if words else ""
        starts, stops = verb == "start" or (verb == "enable" and now), verb == "stop" or (verb == "disable" and now)
        if verb == "daemon-reload":
            assert (self.root / "etc/systemd/system/dhcpd.service").exists()
        elif unit == "isc-dhcp-server" and verb in ("mask", "unmask"):
            self.masked = verb == "mask"
        elif unit == "isc-dhcp-server" and (starts or stops):
            assert not (starts and self.masked), "a unit that is masked is not started"
            self.isc(start=starts)
        elif unit == "dhcpd" and starts:
            self.start_unit()
        elif unit == "dhcpd" and stops:
            self.end()
        elif unit == "dhcpd" and verb == "reload":
            assert self.serving is not None
            for command in self.of_unit("ExecReload"):
                self.run(command.replace("$MAINPID", str(self.serving.pid)))
            wait_for("the reload", lambda: "is in force" in (self.root / "log").read_text())
        else:
            pytest.fail(f"systemctl {verb} {' '.join(words)}: nobody knows what that does")

    def start_unit(self) -> None:
        """Start the server as the unit says, by root and with a log that can be read."""
        for name in self.of_unit("StateDirectory")[0].split():
            (self.root / "var/lib" / name).mkdir(exist_ok=True)
        (self.root / "run/dhcpd").mkdir(exist_ok=True)
        options = self.root / "etc/default/dhcpd"
        given = dict(re.findall(r'^(\w+)="(.*)"$', options.read_text(), re.MULTILINE)) if options.exists() else {}
        (command,) = self.of_unit("ExecStart")
        for name in ("OPTIONS", "INTERFACES"):
            command = command.replace(f"${name}", given.get(name, ""))
        self.serve(shlex.split(self.mapped(command.replace(" -q ", " -d "))))

    def of_unit(self, name: str) -> list[str]:
        """What a unit that was copied, or else the package's, has under a name."""
        copied = self.root / "etc/systemd/system/dhcpd.service"
        text = (copied if copied.exists() else ROOT / "packaging/systemd/dhcpd.service").read_text()
        return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)

    def isc(self, *, start: bool) -> None:
        if start:
            files = ["-cf", str(self.files["CONF"]), "-lf", str(self.files["DB"]), "-pf", str(self.isc_pid)]
            self.isc_process = self.network.start("server", ["/usr/sbin/dhcpd", "-f", "-q", *files, "eth0"])
            wait_for("ISC dhcpd", self.isc_pid.exists)
        else:
            self.isc_process.terminate()
            self.isc_process.wait(30)
            self.isc_pid.unlink(missing_ok=True)


def is_zombie(pid: int) -> bool:
    """Whether a process has ended, and only its parent does not know yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with Network(tmp_path) as network:
        yield Box(tmp_path, network)


PAGES: Final = ("README.md", "docs/getting-started.md", "docs/moving-from-isc.md")


# A tree of folders, and lines of the log as they stand there, are no commands.
OF_OPERATORS: Final = ["README.md", *sorted(f"docs/{one.name}" for one in (ROOT / "docs").glob("*.md"))]
for none in ("docs/architecture.md", "docs/messages.md"):
    OF_OPERATORS.remove(none)


@pytest.mark.parametrize("page", OF_OPERATORS)
def test_no_command_is_the_other_program(page: str) -> None:
    """A bare `dhcpd` is ISC's where ISC's is installed."""
    assert [line for line in commands(page) if re.match(r"(sudo )?dhcpd( |$)", line)] == []


def test_the_readme(box: Box) -> None:
    box.copy_tree()
    box.files["CONF"].write_text(SUBNET)
    box.files["DB"].touch()
    lines = commands("README.md")
    install = [line for line in lines if "/opt/dhcpd/bin/pip" in line or "-m venv" in line]
    assert len(install) == 2
    for line in install:
        box.follow(line)
    for line in lines:
        if line not in install:
            box.follow(line)
        if "-tf" in line:
            assert box.client().startswith("192.0.2.1")
            box.run("kill $(cat /run/dhcpd.pid)")
    # In the folder that the command was given in, and the leases of the run.
    played, kept = (box.tree / "played.leases", box.files["DB"])
    assert played.read_bytes() == kept.read_bytes()


def test_getting_started(box: Box) -> None:
    page = "docs/getting-started.md"
    box.copy_tree()
    box.write(page)
    for line in commands(page):
        box.follow(line)
        if "-f -d" in line or "enable --now" in line:
            assert box.client().startswith("192.0.2.1")
    assert box.serving is not None
    assert box.serving.poll() is not None, "it is taken away at the end"
    assert "lease 192.0.2.1" in (box.root / "var/lib/dhcpd/dhcpd.leases").read_text()
    assert (box.root / "var/lib/dhcpd/recording/dhcpd.trace").exists()
    assert "dhcpd:" in (box.root / "etc/passwd").read_text()


@pytest.mark.skipif(shutil.which("/usr/sbin/dhcpd") is None, reason="ISC dhcpd is not installed")
def test_moving_from_isc_and_back(box: Box) -> None:
    page = "docs/moving-from-isc.md"
    box.files["CONF"].write_text(f"authoritative; ping-check false; {SUBNET}")
    box.files["DB"].touch()
    ours = box.root / "var/lib/dhcpd/dhcpd.leases"
    ours.parent.mkdir()
    (box.root / "opt/dhcpd").mkdir()
    (box.root / "opt/dhcpd/bin").symlink_to(Path(sys.executable).parent)
    (box.root / "usr/local/bin/dhcpd-admin").symlink_to(Path(sys.executable).parent / "dhcpd-admin")
    box.isc(start=True)
    address = box.client()
    for line in commands(page):
        box.follow(line)
        if "enable --now dhcpd" in line or "-tf" in line:
            assert f"lease {address} {{" in ours.read_text(), "kept by ours"
            assert box.client() == address, "the same client, the same address"
    kept = box.files["DB"].read_text()
    assert f"lease {address} {{" in kept
    assert box.isc_process.poll() is None, "ISC dhcpd reads what ours has written, and serves"
    assert box.client() == address


@pytest.mark.parametrize("line", ["no-such-program -x", "false", "systemctl status dhcpd", "/opt/dhcpd/bin/dhcpd -x"])
def test_a_line_that_does_not_work_fails(box: Box, line: str) -> None:
    (box.root / "opt/dhcpd").mkdir()
    (box.root / "opt/dhcpd/bin").symlink_to(Path(sys.executable).parent)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        box.follow(line)
