"""Record what ISC's `dhcpd -t` says of every case of language_cases.py and mistakes.txt.

python -m tests.engine.conf.tools.record_language
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.engine.conf.language_cases import CASES
from tests.engine.conf.mistakes import mistakes
from tests.engine.conf.tools.asking import CRASHED, NAME, ask_isc

RECORDED = Path(__file__).parents[1] / "recorded"


def answer(files: dict[str, bytes]) -> list[object]:
    """Status and lines; a crash is [-1, []]."""
    status, lines = ask_isc(files)
    return [status, [] if status == CRASHED else lines]


def record(name: str, answers: dict[str, object]) -> None:
    lines = [f"{json.dumps(case)}: {json.dumps(found)}" for case, found in answers.items()]
    (RECORDED / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", "ascii")


def main() -> None:
    words = {case: [answer({NAME: text.encode("latin-1")}) for text in texts] for case, texts in CASES.items()}
    record("language.json", words)
    record("mistakes.json", {name: answer(files) for name, files in mistakes().items()})


if __name__ == "__main__":
    main()
