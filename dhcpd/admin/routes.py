"""What a route is: method, path, parameters, what it answers; and how the route of a request is found.

The table itself is table.py's. A handler is given the machine's state and the values of the request, and *may* work in
slices: it is then a generator that yields whenever it has worked for a moment, so that packets come in between, and
returns its answer. It may also yield something to wait for (`Change`, `Errand`, `Reload`): it goes on with what came of
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias
from urllib.parse import unquote

from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from .parameters import Parameter
    from .site import Site

JSON: Final = "application/json"


class Change(NamedTuple):
    """To be yielded: have the engine carry out a command (trace.events.Command); resumed with its CommandAnswer."""

    name: str
    arguments: tuple[tuple[str, str], ...]


class Errand(NamedTuple):
    """To be yielded: work that takes long, for a process of its own; resumed with the octets that it makes."""

    make: Callable[[], bytes]


class Reload(NamedTuple):
    """To be yielded: have the configuration read again; resumed with what became of it (shapes.Reloaded)."""


class Text(NamedTuple):
    """An answer that is not JSON."""

    content_type: str
    body: bytes


Step: TypeAlias = Change | Errand | Reload | None
Work: TypeAlias = "Generator[Step, Any, Any]"


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table of routes. `path` has parts in braces that are parameters.

    `answers`: the shape of the answer (shapes.py), None where none is described.
    `content_type` is the answer's. `within` are the parameters of the path, `query` and `body` those of the others; the
    body is a JSON object. `everywhere`: also answered on the address for metrics.
    """

    method: str
    path: str
    summary: str
    answers: type | None
    run: Callable[[Site, Mapping[str, Any]], Any]
    within: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    body: tuple[Parameter, ...] = ()
    content_type: str = JSON
    everywhere: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The path in parts."""
        return tuple(self.path.strip("/").split("/"))


class Routes:
    """All routes, found by method and path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route of a request, and the parts of its path that are parameters; raises Problem 404, 405."""
        parts = tuple(unquote(one, errors="replace") for one in path.strip("/").split("/"))
        others: list[str] = []
        for route in self.routes:
            values = _match(route.parts, parts)
            if values is not None and route.method == method:
                return route, values
            if values is not None:
                others.append(route.method)
        if others:
            raise Problem(405, f"{method[:20]} is not for {path[:80]}", f"use {' or '.join(others)}")
        raise Problem(404, f"there is nothing at {path[:80]}", "GET /openapi.json tells what there is")


def _match(wanted: tuple[str, ...], given: tuple[str, ...]) -> dict[str, str] | None:
    if len(wanted) != len(given):
        return None
    values: dict[str, str] = {}
    for pattern, part in zip(wanted, given, strict=True):
        if pattern.startswith("{"):
            values[pattern.strip("{}")] = part
        elif pattern != part:
            return None
    return values
