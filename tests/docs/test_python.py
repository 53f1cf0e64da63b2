"""The Python that the documents show runs, with the configuration that they show beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "testing-a-configuration.md"
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONFIGURATION = re.compile(r"^```\n# dhcpd.conf\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown() -> dict[str, Any]:
    """What the document's code defines, block behind block."""
    names: dict[str, Any] = {}
    for block in CODE.findall(DOCUMENT.read_text("utf-8")):
        exec(compile(block, DOCUMENT.name, "exec"), names)
    return names


TESTS = {name: found for name, found in shown().items() if name.startswith("test_")}


@pytest.mark.parametrize("name", TESTS)
def test_the_shown_tests_pass(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (configuration,) = CONFIGURATION.findall(DOCUMENT.read_text("utf-8"))
    (tmp_path / "dhcpd.conf").write_text(configuration)
    monkeypatch.chdir(tmp_path)
    TESTS[name]()


def test_the_first_example_is_ten_lines():
    first = CODE.findall(DOCUMENT.read_text("utf-8"))[0]
    assert len([line for line in first.splitlines() if line]) <= 10
