"""docs/messages.md and the lines that are this server's own are the same; nothing of ours is said that is in neither.

The ids and texts are one table, engine/model/notices.py. Whoever logs a text of his own finds it here: a literal that
is handed to the log is either a notice of that table, or stands in isc_lines.txt, the list of ISC's lines.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from dhcpd.engine.model.notices import NOTICES
from dhcpd.trace.effects import DEBUG, ERROR, INFO

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs/messages.md").read_text("utf-8")
ISC_LINES: Final = ROOT / "tests/docs/isc_lines.txt"
SECTION: Final = re.compile(r"^### (\S+)\n\n    (.*)\n\n((?:(?!#).+\n)+)", re.MULTILINE)
LEVELS: Final = {ERROR: "Error", INFO: "Info", DEBUG: "Debug"}
# What is handed a text to be logged: by its name, the place of the text among the arguments.
SAYING: Final = {
    "log": 1, "Log": 1, "_log": 1, "line": 1, "_remark": 1, "Remark": 3, "syslog_only": 1, "fatal": 0, "_fatal": 0,
    "Fatal": 0, "warn": 0, "complain": 1, "_complain": 1,
}  # fmt: skip
SAYERS: Final = ("engine", "dhcpd", "disk")


def test_the_page_has_each_message_once_with_its_text_and_level():
    sections = SECTION.findall(PAGE)
    assert [found[0] for found in sections] == list(NOTICES)
    for name, text, paragraph in sections:
        notice = NOTICES[name]
        assert text == notice.text
        words = LEVELS[notice.level] + (", folded" if notice.floods else "")
        assert paragraph.startswith(f"{words}. "), name
        assert len(paragraph.split()) >= 8, f"{name}: what does it mean, and what is to be done?"


def test_what_is_said_in_words_of_ours_is_in_the_table():
    allowed = set(ISC_LINES.read_text("utf-8").splitlines())
    said = {text: where for where, text in literals()}
    ours = [f"{where}: {text}" for text, where in said.items() if text not in allowed]
    assert not ours, "what is not ISC's belongs into engine/model/notices.py and docs/messages.md:\n" + "\n".join(ours)
    assert not allowed - set(said), "nobody says these any more"


def test_a_literal_in_a_log_call_is_found():
    calls = ast.parse('log(ERROR, f"a {b} c"); x.fatal("d" if e else "f"); log(*NOTICE()); Log(INFO, g)')
    assert [text for _, text in said_in(calls)] == ["a {} c", "d", "f"]


@pytest.mark.parametrize("notice", NOTICES.values(), ids=list(NOTICES))
def test_ids_are_words_and_texts_end_where_a_line_does(notice):
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", notice.id)
    assert "\n" not in notice.text


def literals() -> Iterator[tuple[str, str]]:
    """(place, text) of every literal that is logged; `{}` stands for values."""
    for folder in SAYERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not any(parent.is_symlink() for parent in path.parents):
                for line, text in said_in(ast.parse(path.read_text("utf-8"))):
                    yield f"{path.relative_to(ROOT)}:{line}", text.replace("\n", "\\n")


def said_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            place = SAYING.get(name)
            if place is not None and len(node.args) > place and not isinstance(node.args[0], ast.Starred):
                for text in texts_of(node.args[place]):
                    yield node.lineno, text


def texts_of(node: ast.expr) -> Iterator[str]:
    """The literals that an argument may come to."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from texts_of(node.body)
        yield from texts_of(node.orelse)
