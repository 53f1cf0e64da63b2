"""The verdicts of a corpus as JUnit XML, which every CI system shows.

One test case a recording: `failure` where it differs, with the card, `error` where it is damaged or cannot be judged.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from ...disk import opening
from ..playing.play import report
from ..playing.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .verify import TraceResult

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: str, results: Sequence[TraceResult]) -> None:
    """Write the report to `path`, for its owner's eyes, in the place of what is there. Raises OSError."""
    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", _counts(results))
    for result in results:
        _case(suite, result)
    ET.indent(suites)
    with open(opening.rewrite(path, opening.PRIVATE_MODE), "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(ET.tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n")


def _counts(results: Sequence[TraceResult]) -> dict[str, str]:
    failures = sum(one.verdict.status is Status.DIFFERENT for one in results)
    errors = sum(one.verdict.status in (Status.DAMAGED, Status.UNJUDGED) for one in results)
    return {
        "name": "dhcpd-trace verify",
        "tests": str(len(results)),
        "failures": str(failures),
        "errors": str(errors),
        "skipped": "0",
        "time": f"{sum(one.seconds for one in results):.3f}",
    }


def _case(suite: ET.Element, result: TraceResult) -> None:
    path = Path(result.path)
    folder = ".".join(part for part in path.parent.parts if part not in ("/", ".", "..")) or "recordings"
    case = ET.SubElement(
        suite, "testcase", {"classname": _clean(folder), "name": _clean(path.name), "time": f"{result.seconds:.3f}"}
    )
    verdict = result.verdict
    text = "\n".join(report(verdict))
    if verdict.status is Status.SAME:
        ET.SubElement(case, "system-out").text = _clean(text)
        return
    kind = "failure" if verdict.status is Status.DIFFERENT else "error"
    made = ET.SubElement(
        case, kind, {"message": _clean(verdict.closing_line()), "type": verdict.status.name.lower()}
    )
    made.text = _clean(text)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
