"""Every verb can be asked: it is listed, is a module of its own, and says what it and its options do."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import dhcpd.replay.verbs
from dhcpd.replay.command.cli import EXAMPLES, SECTIONS, VERBS, cli
from tests.docs.test_outputs import DOCUMENTS, blocks, commands


def test_every_module_is_a_verb_and_every_verb_a_module() -> None:
    folder = Path(dhcpd.replay.verbs.__file__).parent
    modules = {path.stem.replace("_", "-") for path in folder.glob("*.py")} - {"--init--"}
    assert modules == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_tells_what_to_do(verb: str) -> None:
    result = CliRunner().invoke(cli, [verb, "--help"])
    assert result.exit_code == 0
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{verb} {parameter.opts}: no help"


@pytest.mark.parametrize("verb", VERBS)
def test_help_ends_with_an_example_that_is_one(verb: str) -> None:
    """Its words are those of the command: a name that changed shows here."""
    program, name, *words = shlex.split(EXAMPLES[verb])
    assert (program, name) == ("dhcpd-trace", verb)
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    command.make_context(verb, words)
    assert " ".join(CliRunner().invoke(cli, [verb, "--help"]).output.split()).endswith(EXAMPLES[verb])


def test_the_help_names_each_verb_once_under_a_heading() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    assert [line.split()[0] for line in text.splitlines() if line[:2] == "  " and line.split()[0] in VERBS] == [*VERBS]
    assert all(f"{heading}:" in text for heading in SECTIONS.values())


@pytest.mark.parametrize("words", [("--help",), ("info", "--help"), ("show", "--help")])
def test_what_looks_needs_no_engine(words: tuple[str, ...]) -> None:
    """Nobody waits for what is not used: the engine, and what draws tables."""
    script = f"""
import sys
from dhcpd.replay.command.cli import cli
cli({list(words)!r}, standalone_mode=False)
print([name for name in sys.modules if name in ("dhcpd.engine.machine", "rich.console")])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_shown_with_its_real_output(verb: str) -> None:
    """Outputs in the documents are run again by tests/docs; a verb without one would not be."""
    shown = [command for path in DOCUMENTS for found in blocks(path) for command, _ in commands(found[1])]
    assert any(f"dhcpd-trace {verb} " in f"{command} " for command in shown), f"no ```console block shows {verb}"


def test_a_verb_that_there_is_not_is_refused_with_a_hint() -> None:
    result = CliRunner().invoke(cli, ["dance"])
    assert result.exit_code == 2
    assert "dance" in result.output
