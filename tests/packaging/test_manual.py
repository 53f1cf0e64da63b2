"""The pages of the manual: made without a warning, and telling of every option that there is and of no other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dhcpd import cli
from dhcpd.replay.command.cli import VERBS

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"man8/dhcpd.8", "man1/dhcpd-trace.1", "man1/omshell.1", "man1/dhcpd-admin.1", "man5/dhcpd.conf.5"}


@pytest.fixture(scope="module")
def manual(tmp_path_factory):
    folder = tmp_path_factory.mktemp("man")
    subprocess.run([sys.executable, ROOT / "packaging" / "manual" / "make.py", folder], check=True, cwd=ROOT)
    return folder


def shown(path):
    return subprocess.run(
        ["man", "--local-file", "--warnings", path], capture_output=True, text=True, check=True,
        env={"LC_ALL": "C.UTF-8", "MANWIDTH": "80", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def test_every_page_is_one_to_man(manual, needs_program):
    needs_program("man")
    assert {str(path.relative_to(manual)) for path in manual.rglob("*.*")} == PAGES
    for name in PAGES:
        done = shown(manual / name)
        assert done.stderr == ""
        assert done.stdout.splitlines()[0].startswith(name.partition("/")[2].rpartition(".")[0].upper())


def test_the_server_s_page_has_every_option(manual):
    text = (manual / "man8/dhcpd.8").read_text().replace("\\-", "-")
    options = text.partition('.SH "OPTIONS"')[2].partition(".SH")[0]
    told = {line.split()[1] for line in options.splitlines() if line.startswith(".B ")}
    assert told == {option.partition(" ")[0] for option in cli.OPTIONS}


def test_the_workbench_s_page_has_every_verb(manual):
    headings = re.findall(r'^\.SH "(.*)"$', (manual / "man1/dhcpd-trace.1").read_text(), re.MULTILINE)
    assert {verb.upper() for verb in VERBS} <= set(headings)


def test_the_differences_are_all_there(manual):
    page = (manual / "man5/dhcpd.conf.5").read_text().replace("\\-", "-")
    source = (ROOT / "docs" / "differences.md").read_text()
    for heading in re.findall(r"^## (.*)$", source, re.MULTILINE):
        assert f'.SH "{heading.upper()}"' in page
    assert page.count(".IP \\(bu") == len(re.findall(r"^- ", source, re.MULTILINE))
