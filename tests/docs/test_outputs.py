"""What the documents show is what the programs print: every `console` block is run again, and its output compared.

In a block a line that begins with `$ ` is a command for bash, and what follows until the next one is its output, both
streams together. The commands of a document run in its order, in one folder, where `fixtures` are the recordings of
the tree. A line `...` stands for any number of lines, `...` within a line for any text. After a change on purpose
`DHCPD_DOCS_UPDATE=1` writes the new output into the documents, but for blocks that hold `...`: those are a person's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
# Its commands ask a server that runs: test_questions.py.
LIVE: Final = ROOT / "docs/questions.md"
DOCUMENTS: Final = sorted({ROOT / "README.md", *(ROOT / "docs").glob("*.md")} - {LIVE})
BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SEPARATOR: Final = "\x1e"
UPDATE: Final = bool(os.environ.get("DHCPD_DOCS_UPDATE"))


def commands(block: str) -> list[tuple[str, str]]:
    """(command, output) pairs of a block."""
    made: list[list[str]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            made.append([line[2:]])
        else:
            assert made, f"output before a command: {line}"
            made[-1].append(line)
    pairs = []
    for first, *rest in made:
        command = [first]
        while command[-1].endswith("\\"):
            command.append(rest.pop(0))
        pairs.append(("\n".join(command), "\n".join(rest).rstrip()))
    return pairs


def run(wanted: list[str], folder: Path) -> list[str]:
    """What each command prints, all in one shell."""
    script = "".join(f"{command}\n(exit $?) ; __s=$?; printf '{SEPARATOR}'; (exit $__s)\n" for command in wanted)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "COLUMNS": "120",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=280,
        stdin=subprocess.DEVNULL,
    )
    return [text.rstrip() for text in done.stdout.split(SEPARATOR)[: len(wanted)]]


def fits(shown: str, printed: str) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else ".*".join(map(re.escape, line.rstrip().split("..."))) + r"[ \t]*\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, printed + "\n" if printed else "") is not None


def blocks(path: Path) -> list[re.Match[str]]:
    return list(BLOCK.finditer(path.read_text("utf-8")))


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if blocks(p)], ids=lambda path: path.name)
def test_documents_show_what_is_printed(path: Path, tmp_path: Path):
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    shown = [commands(found[1]) for found in blocks(path)]
    printed = iter(run([command for block in shown for command, _ in block], tmp_path))
    new = [[(command, output, next(printed)) for command, output in block] for block in shown]
    if UPDATE:
        update(path, new)
        return
    for block in new:
        for command, output, now in block:
            assert fits(output, now), f"{path.name}: $ {command}\n--- shown\n{output}\n--- printed\n{now}"


def update(path: Path, new: list[list[tuple[str, str, str]]]) -> None:
    """Write into the document what was printed; a person looks at the difference."""
    texts = iter("".join(entry(*one) for one in block) for block in new)
    path.write_text(BLOCK.sub(lambda _: f"```console\n{next(texts)}```", path.read_text("utf-8")), "utf-8")


def entry(command: str, output: str, now: str) -> str:
    text = output if "..." in output else "\n".join(line.rstrip() for line in now.splitlines())
    return f"$ {command}\n{text}\n" if text else f"$ {command}\n"
