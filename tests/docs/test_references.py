"""References lead somewhere: links between the documents, and the pages of docs/behaviour that the source cites.

A reference is a path of the repository, and behind `#` the heading as a word in the manner of GitHub: lower case,
blanks as dashes, no other punctuation.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
FOLDERS: Final = ("bench", "dhcpd", "disk", "engine", "fixtures", "replay", "tests", "trace")
SOURCES: Final = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
FENCED: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
NUMBER: Final = re.compile(r"(?:sections?|steps?)?[ \d.,]*(?:(?:to|and|-)[ \d.,]*)*[A-Za-z]?\.?", re.IGNORECASE)
CITATION: Final = re.compile(r"\bdocs/[\w/.-]+?\.md(?:#[\w-]+)?")


def words_of(heading: str) -> str:
    """The part of a link behind `#` that leads to this heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@cache
def headings(document: Path) -> list[str]:
    text = FENCED.sub("", document.read_text())
    return [words_of(line.lstrip("#").strip()) for line in text.splitlines() if re.match(r"#+ ", line)]


def leads_nowhere(reference: str, base: Path) -> bool:
    """Whether a path, with or without a heading, is neither a file nor a folder, or has no such heading."""
    path, _, heading = reference.partition("#")
    target = (base.parent / path).resolve() if path else base
    return not target.exists() or (bool(heading) and heading not in headings(target))


def links(document: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", FENCED.sub("", document.read_text()))
    return [found for found in LINK.findall(text) if "://" not in found]


def test_headings_as_github_links_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# `-t`, and *more*\n\n```\n# no heading\n```\n\n## A b-c\n")
    assert headings(page) == ["-t-and-more", "a-b-c"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_documents(document: Path) -> None:
    assert [link for link in links(document) if leads_nowhere(link, document)] == []


@pytest.mark.parametrize("document", sorted((ROOT / "docs" / "behaviour").glob("*.md")), ids=lambda path: path.name)
def test_headings_differ_and_are_words(document: Path) -> None:
    found = headings(document)
    assert len(found) == len(set(found))
    assert [heading for heading in found if not re.search("[a-z]{2}", heading)] == []


def summaries(source: str) -> list[str]:
    """The first lines of all docstrings of a module."""
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(node) for node in ast.walk(ast.parse(source)) if isinstance(node, nodes)]
    return [text.split("\n", 1)[0] for text in found if text]


def says_nothing(summary: str) -> bool:
    """Whether a summary is a number, the name of a step or a single letter, which nobody can look up."""
    return bool(NUMBER.fullmatch(summary.split(":", maxsplit=1)[0].strip()))


@pytest.mark.parametrize(
    "summary", ["5.5.", "D.", "Steps 11 to 14.", "Section 3.", "17.2.", "5.9, 5.10.", "Step 7: frees"]
)
def test_what_says_nothing(summary: str) -> None:
    assert says_nothing(summary)


@pytest.mark.parametrize(
    "summary", ["A lease.", "Options 50 and 54 as numbers.", "Steps of a search.", "R is the rest."]
)
def test_what_says_something(summary: str) -> None:
    assert not says_nothing(summary)


@pytest.mark.parametrize("folder", FOLDERS)
def test_summaries_say_what_is_done(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {summary}"
        for path in SOURCES
        if path.is_relative_to(ROOT / folder)
        for summary in summaries(path.read_text())
        if says_nothing(summary)
    ]
    assert wrong == []


def test_citations_of_source() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {cited}"
        for path in SOURCES
        for cited in CITATION.findall(path.read_text())
        if leads_nowhere(cited, ROOT / "anything")
    ]
    assert wrong == []
