"""Mistakes that people make in dhcpd.conf, against what ISC's `dhcpd -t` said of each: status and every message.

Where ISC's server crashed, ours must answer all the same.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.conf.mistakes import mistakes
from tests.engine.conf.tools.asking import CRASHED, ask_ours

RECORD = json.loads((Path(__file__).parent / "recorded" / "mistakes.json").read_text("ascii"))
MISTAKES = mistakes()


@pytest.mark.parametrize("name", MISTAKES)
def test_as_isc(name):
    status, lines = RECORD[name]
    answered = ask_ours(MISTAKES[name])
    if status == CRASHED:
        assert answered[0] in (0, 1)
    else:
        assert answered == (status, lines)
