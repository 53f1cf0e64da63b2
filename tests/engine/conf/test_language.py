"""Every word of the language, against what ISC's `dhcpd -t` said of it: status, messages and what statements log.

Where ISC's server crashed, ours must answer all the same.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.conf.language_cases import CASES
from tests.engine.conf.tools.asking import CRASHED, NAME, ask_ours

RECORD = json.loads((Path(__file__).parent / "recorded" / "language.json").read_text("ascii"))


@pytest.mark.parametrize("case", CASES)
def test_as_isc(case):
    for text, (status, lines) in zip(CASES[case], RECORD[case], strict=True):
        answered = ask_ours({NAME: text.encode("latin-1")})
        if status == CRASHED:
            assert answered[0] in (0, 1)
        else:
            assert answered == (status, lines), text
