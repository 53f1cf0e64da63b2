"""What ISC dhcpd 4.4.3-P1 logged when it ran these one-line configurations (`dhcpd -t`), against what we log.

recorded/statements.json holds [configuration, [[syslog level, line], ...]]. Left out of the record: the lines about
how executed programs ended, and those about functions that are defined once more (both not the evaluator's here).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading import parser
from dhcpd.engine.model.context import Context, OptionSet
from tests.engine.conf.evaluation import Host

CASES = json.loads((Path(__file__).parent / "recorded" / "statements.json").read_text("ascii"))


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_logs_what_isc_logged(source, expected):
    registry = default_registry()
    parsed = parser.parse({"dhcpd.conf": source.encode("latin-1")}, "dhcpd.conf", registry)
    assert not parsed.failed, parsed.lines
    configuration = compile_configuration(parsed.block, registry)
    host = Host(configuration)
    host.host_name = "vm"
    context = Context(host, 1000, None, None, OptionSet(), {})
    configuration.global_scope.run(context)
    heard = [[3 if level == "fatal" else level, line] for level, line in host.lines]
    assert heard == expected
