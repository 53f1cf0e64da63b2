"""The help, as who has never used it reads it."""

import click
from click.testing import CliRunner

from dhcpd.adminctl import client
from dhcpd.adminctl.cli import dhcpd_admin


def test_every_command_is_told_in_a_whole_sentence():
    said = " ".join(CliRunner().invoke(dhcpd_admin, ["--help"]).output.split())
    context = click.Context(dhcpd_admin)
    for name in dhcpd_admin.list_commands(context):
        sentence = dhcpd_admin.get_command(context, name).help
        assert f"{name} {' '.join(sentence.split())}" in said
    assert "..." not in said.replace("[ARGS]...", "")


def test_who_types_commands_is_told_of_commands():
    refused = client._refusal(404, b'{"detail": "10.0.0.1 is in no range", "advice": "GET /v1/pools tells the ranges"}')
    assert refused.advice == "`dhcpd-admin pools` tells the ranges"
