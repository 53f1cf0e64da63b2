"""The configuration in force: what an address, a subnet, a host or a class gets, each value with its file and line.

Walking all of a large configuration takes its time, so that a process of its own does it (`Errand`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ...effective import NobodyOfThatName, in_force, receivers
from ..problems import Problem
from ..routes import JSON, Errand, Text
from .declarations import place_text

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from ...engine.model.configuration import Configuration
    from ..shapes import Effective
    from ..site import Site

RECEIVERS_MAXIMUM: Final = 10_000


def configuration(site: Site, values: Mapping[str, Any]) -> Generator[Errand, bytes, Text]:
    """The statements in force for whom `what` names."""
    what, known = values["what"], site.server.configuration
    found = yield Errand(lambda: effective(known, what))
    if not found:
        advice = "name an address, a subnet as 10.0.0.0/24, a host, a class, or all"
        raise Problem(404, f"nothing in the configuration is called {what[:80]}", advice)
    return Text(JSON, found)


def effective(known: Configuration, what: str) -> bytes:
    """The answer as JSON; empty where nothing is called so."""
    try:
        found = receivers(known, what)
    except NobodyOfThatName:
        return b""
    answer: Effective = {
        "receivers": [
            {
                "title": receiver.title,
                "statements": [
                    {"text": one.text, "place": place_text(one.place)} for one in in_force(receiver.scopes)
                ],
            }
            for receiver in found[:RECEIVERS_MAXIMUM]
        ]
    }
    return json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace")
