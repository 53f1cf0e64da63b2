"""Record what ISC's `dhcpd -t` says of every case of language_cases.py.

python -m tests.engine.conf.tools.record_language
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.engine.conf.language_cases import CASES
from tests.engine.conf.tools.asking import CRASHED, NAME, ask_isc

RECORD = Path(__file__).parents[1] / "recorded" / "language.json"


def answer(text: str) -> list[object]:
    """Status and lines; a crash is [-1, []]."""
    status, lines = ask_isc({NAME: text.encode("latin-1")})
    return [status, [] if status == CRASHED else lines]


def main() -> None:
    lines = [f"{json.dumps(name)}: {json.dumps([answer(text) for text in texts])}" for name, texts in CASES.items()]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", "ascii")


if __name__ == "__main__":
    main()
