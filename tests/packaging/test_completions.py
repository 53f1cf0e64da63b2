"""Completions: what bash offers is what the programs take; the other shells' files name the same options."""

import subprocess
import sys
from pathlib import Path

import pytest

from dhcpd import cli
from dhcpd.replay.command.cli import VERBS

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = cli._FLAGS | cli._VALUES | {"--version", "--help"}


@pytest.fixture(scope="module")
def completions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("share")
    subprocess.run([sys.executable, ROOT / "packaging" / "completions" / "make.py", folder], check=True, cwd=ROOT)
    return folder


def offered(folder, *words):
    """What bash offers for the last of the words."""
    script = f"""source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _{words[0]}_completion; printf '%s\\n' "${{COMPREPLY[@]}}" """
    path = folder / "bash-completion" / "completions" / words[0]
    done = subprocess.run(["bash", "-c", script, "bash", path, *words], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_offers_the_server_s_options_files_and_interfaces(completions, tmp_path):
    assert offered(completions, "dhcpd", "-") == OPTIONS
    assert offered(completions, "dhcpd", "--tr") == {"--trace-max-size", "--trace-keep", "--trace-total"}
    (tmp_path / "dhcpd.conf").touch()
    assert offered(completions, "dhcpd", "-cf", f"{tmp_path}/dh") == {f"{tmp_path}/dhcpd.conf"}
    assert "lo" in offered(completions, "dhcpd", "-f", "l")


def test_bash_offers_the_shell_s_options(completions):
    assert {"-f", "--key-file", "--key", "--key-algorithm"} <= offered(completions, "omshell", "-")


def test_the_other_shells_know_every_option(completions):
    zsh = (completions / "zsh/vendor-completions/_dhcpd").read_text()
    fish = (completions / "fish/vendor_completions.d/dhcpd.fish").read_text()
    for option in OPTIONS:
        assert f"'{option}[" in zsh
        assert f" -l {option[2:]} " in fish if option.startswith("--") else f" -o {option[1:]} " in fish


def test_what_click_is_asked_by_bash_is_every_verb(completions):
    path = completions / "bash-completion" / "completions" / "dhcpd-trace"
    assert "_DHCPD_TRACE_COMPLETE=bash_complete" in path.read_text()
    program = "import sys; sys.argv[0] = 'dhcpd-trace'; from dhcpd.replay.command.cli import main; main()"
    variables = {"COMP_WORDS": "dhcpd-trace ", "COMP_CWORD": "1", "_DHCPD_TRACE_COMPLETE": "bash_complete"}
    asked = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert {line.rpartition(",")[2] for line in asked.stdout.split("\n") if line} == set(VERBS), asked.stderr
