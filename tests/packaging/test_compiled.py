"""The compiled build, made and installed, held to the pure one by recordings: each plays what the other recorded.

Making it takes minutes, and so is done only where DHCPD_INSTALL allows such work (.ci/run).
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dhcpd import __version__

# Whichever test is the first has the build made.
pytestmark = pytest.mark.timeout(2400)

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"
DEMONSTRATION = """
import sys
from pathlib import Path
from dhcpd.replay.demo.demo import demonstrate
sys.exit(demonstrate(Path(sys.argv[1])))
"""
# The state behind every recording, told shortly.
STATES = """
import sys
from pathlib import Path
from dhcpd.engine.machine import Machine
from dhcpd.replay.playing.digest import digest
from dhcpd.trace import Entry, open_tape
for path in map(Path, sys.argv[1:]):
    machine = Machine()
    with open_tape(path) as tape:
        for one in tape.iterate():
            if isinstance(one, Entry):
                machine.apply(one.event)
    print(path.name, digest(machine.snapshot()))
"""
# A copy from a snapshot behind each event does at the next one what the machine does.
COPIES = """
import sys
from itertools import islice
from pathlib import Path
from dhcpd.engine.machine import Machine
from dhcpd.trace import Entry, open_tape
from dhcpd.trace.codec import pack, unpack
for path in map(Path, sys.argv[1:]):
    machine = Machine()
    with open_tape(path) as tape:
        for one in islice((one for one in tape.iterate() if isinstance(one, Entry)), 1000):
            copy = Machine.restore(unpack(pack(machine.snapshot())))
            assert list(copy.apply(one.event)) == list(machine.apply(one.event)), (path, one.seq)
    print(path.name)
"""


class Build:
    """One interpreter that finds dhcpd: the compiled one in its own site, or the pure one of this tree."""

    def __init__(self, python: str, folder: Path) -> None:
        self.python, self.folder = python, folder

    def run(self, *arguments: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        environment.pop("PYTHONPATH", None)
        return subprocess.run(
            [self.python, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def demonstrate(self, name: str) -> Path:
        """A server of this build, 2,000 clients, played back by itself; the recording."""
        folder = self.folder / name
        folder.mkdir()
        done = self.run("-c", DEMONSTRATION, str(folder))
        assert done.returncode == 0, done.stdout + done.stderr
        return folder / "trace"


@pytest.fixture(scope="module")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return Build(sys.executable, tmp_path_factory.mktemp("pure"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Build:
    if not os.environ.get("DHCPD_INSTALL"):
        pytest.skip("compiles for minutes: DHCPD_INSTALL=1 allows it")
    command = ["make", "--no-print-directory", "wheel"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
    [wheel] = (ROOT / "build" / "wheel").glob("dhcpd-*.whl")
    folder = tmp_path_factory.mktemp("compiled")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    [site] = environment.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    # The libraries are those of this environment; dhcpd itself is found in the wheel's first.
    libraries = [path for path in sys.path if path.endswith("-packages")]
    (site / "libraries.pth").write_text("\n".join(libraries))
    return Build(str(environment / "bin" / "python"), folder)


def test_the_build_says_what_it_is(compiled: Build, pure: Build) -> None:
    told = [build.run("-m", "dhcpd", "--version") for build in (compiled, pure)]
    assert [(done.stdout + done.stderr).split()[-1] for done in told] == [f"{__version__}+compiled", __version__]
    where = compiled.run("-c", "import dhcpd.engine.machine, dhcpd.trace.writer as w; print(w.__file__)").stdout
    assert where.endswith(".so\n")


def test_every_recording_plays_the_same_and_leaves_the_same_state(compiled: Build, pure: Build) -> None:
    paths = sorted(str(path) for path in [*FIXTURES.rglob("*.trace"), *FIXTURES.rglob("trace.bin")])
    verdict = ["-c", "from dhcpd.replay.command.cli import main; main()", "verify", str(FIXTURES)]
    done = compiled.run(*verdict)
    assert done.returncode == 0, done.stdout + done.stderr
    states = [compiled.run("-c", STATES, *paths, seed="1"), pure.run("-c", STATES, *paths, seed="2")]
    assert states[0].stdout.count("\n") == len(paths), states[0].stderr
    assert states[0].stdout == states[1].stdout
    copies = compiled.run("-c", COPIES, *paths)
    assert copies.stdout.count("\n") == len(paths), copies.stderr


def test_each_plays_what_the_other_recorded(compiled: Build, pure: Build) -> None:
    for recorder, player in ((compiled, pure), (pure, compiled)):
        trace = recorder.demonstrate("run")
        played = player.run("-m", "dhcpd", "-play", str(trace), "-lf", str(player.folder / "played"))
        assert played.returncode == 0, played.stderr
        assert (player.folder / "played").read_bytes() == (trace.parent / "dhcpd.leases").read_bytes()
