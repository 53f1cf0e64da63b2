"""Every verb can be asked: it is listed, is a module of its own, and says what it and its options do."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import dhcpd.replay.verbs
from dhcpd.replay.cli import VERBS, cli


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


def test_a_verb_that_there_is_not_is_refused_with_a_hint() -> None:
    result = CliRunner().invoke(cli, ["dance"])
    assert result.exit_code == 2
    assert "dance" in result.output
