"""docs/questions.md: each of at least fifty questions is answered by the one command that the page shows.

All are asked of one recording, and of one server that has served the day that it holds (day.py): in this process,
so that fifty questions cost seconds. `DHCPD_DOCS_UPDATE=1` writes the new outputs, as in test_outputs.py.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from click.testing import CliRunner

from dhcpd.adminctl.cli import dhcpd_admin
from dhcpd.replay.command.cli import cli
from tests.docs.test_outputs import BLOCK, UPDATE, blocks, commands, fits, update

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs/questions.md"
QUESTION: Final = re.compile(r"^### ([^\n]*\?)\n\n(```console\n(?:(?!```).*\n)*```$)", re.MULTILINE)
PROGRAMS: Final = {"dhcpd-admin": dhcpd_admin, "dhcpd-trace": cli}
QUESTIONS_MINIMUM: Final = 50
PATIENCE_S: Final = 120


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the day, with the server that answers on its socket."""
    folder = tmp_path_factory.mktemp("office")
    command = [sys.executable, "-m", "tests.docs.day", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield folder
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(PATIENCE_S) == 0


def answer(command: str, folder: Path) -> str:
    """What the command prints."""
    program, *words = shlex.split(command)
    environment = {"DHCPD_ADMIN": str(folder / "socket"), "COLUMNS": "120", "TZ": "UTC"}
    if program in PROGRAMS:
        done = CliRunner().invoke(PROGRAMS[program], words, env=environment, prog_name=program)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.output.rstrip()
    assert program == "dhcpd"
    ours = subprocess.run(
        [sys.executable, "-m", "dhcpd", *words], cwd=folder, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    return ours.stdout.rstrip()


def test_every_question_has_one_command() -> None:
    text = PAGE.read_text("utf-8")
    asked = QUESTION.findall(text)
    assert len(asked) >= QUESTIONS_MINIMUM
    assert len(asked) == len(re.findall(r"^### ", text, re.MULTILINE)) == len(BLOCK.findall(text))
    for question, block in asked:
        found = BLOCK.match(block)
        assert found is not None
        assert len(commands(found[1])) == 1, question


def test_every_command_prints_what_is_shown(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(office)
    shown = [commands(found[1]) for found in blocks(PAGE)]
    new = [[(command, output, answer(command, office)) for command, output in block] for block in shown]
    if UPDATE:
        update(PAGE, new)
        return
    for block in new:
        for command, output, now in block:
            assert fits(output, now), f"$ {command}\n--- shown\n{output}\n--- printed\n{now}"
