"""Each entry of docs/differences.md names what shows it, and what it names is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "differences.md"
_FILE: Final = re.compile(r"tests/[\w./-]+?\.(?:py|txt|json|toml)|tests/simulation/plans")
_NAME: Final = re.compile(r"`(\w+(?:-\w+)*)`")
_SCENARIO: Final = re.compile(r"[Ss]cenarios? ((?:`?[\w-]+`?(?:, | and )?)+)")


def sections() -> list[tuple[str, list[str]]]:
    """(what stands above the entries, the entries, each on one line) of each section."""
    found = []
    for section in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        above, *rest = re.split(r"^- (?=\*\*)", section, flags=re.MULTILINE)
        found.append((" ".join(above.split()), [" ".join(one.split()) for one in rest]))
    return found


def entries() -> list[tuple[str, str]]:
    """(what stands above it, the entry)."""
    return [(above, entry) for above, some in sections() for entry in some]


@cache
def known_tests() -> frozenset[str]:
    """Names of test functions, and of cases that a test is parametrised with."""
    names: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text("utf-8")
        names.update(re.findall(r"def ((?:test_)?\w+)\(", text))
    return frozenset(names)


@cache
def scenarios() -> frozenset[str]:
    """Names of scenarios, whose answers of ISC dhcpd are on file, and of failover's."""
    files = {path.stem for path in (ROOT / "tests" / "scenarios").rglob("*.toml")}
    folders = {path.name for path in (ROOT / "fixtures").glob("failover/*")}
    return frozenset(files | folders)


def shows(text: str) -> bool:
    """Whether a text names a file of tests, a test, or a scenario, that are there."""
    names = {one for one in _NAME.findall(text) if "_" in one} & known_tests()
    told = {one.strip("`") for found in _SCENARIO.findall(text) for one in re.split(", | and ", found)} & scenarios()
    return bool(names or told or files_of(text))


def files_of(text: str) -> list[str]:
    return [one for one in _FILE.findall(text) if (ROOT / one).exists()]


def test_a_text_that_names_nothing_shows_nothing() -> None:
    assert not shows("The server is better (tests/none/test_none.py, `test_no_such_test`, scenario `no-such-thing`).")
    assert shows("So it is (tests/docs/test_differences.py).")
    assert shows("So it is (`test_a_text_that_names_nothing_shows_nothing`).")
    assert shows("So it is (scenario `eval-digits`).")


@pytest.mark.parametrize(("above", "entry"), entries(), ids=lambda one: one[:40])
def test_an_entry_names_what_shows_it(above: str, entry: str) -> None:
    """Its section may name it for all of its entries."""
    assert shows(entry) or shows(above), f"nothing is named that shows: {entry}"


@pytest.mark.parametrize(("above", "entry"), entries(), ids=lambda one: one[:40])
def test_what_is_named_is_there(above: str, entry: str) -> None:
    text = f"{above} {entry}"
    wrong = [one for one in _NAME.findall(text) if one.startswith("test_") and one not in known_tests()]
    wrong += [one for one in _FILE.findall(text) if not (ROOT / one).exists()]
    wrong += [
        one for found in _SCENARIO.findall(entry) for one in re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", found)
        if one not in scenarios()
    ]  # fmt: skip
    assert wrong == []
