"""Rules about classes, and whom they let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.model import syntax
from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..engine.model.configuration import Class, Configuration
    from ..engine.model.syntax import Node


def class_without_members(configuration: Configuration) -> Iterator[Finding]:
    """A class that nobody comes into: what it says is never used."""
    for one in without_members(configuration):
        why = "has no subclasses" if one.submatch is not None else "has no match, and no statement adds anybody"
        yield Finding("class-without-members", one.place, f'class "{one.name}" {why}: nobody is a member')


def without_members(configuration: Configuration) -> list[Class]:
    """The classes that no client can be a member of."""
    added = set(_added(statement for scope in configuration.scopes for statement in scope.statements))
    own = [one for one in configuration.classes if one.key is None and one.name not in added]
    return [one for one in own if one.match_if is None and not (one.spawning or one.subclasses)]


def _added(statements: Iterable[Node]) -> Iterator[str]:
    """The classes of all `add` statements, in conditions, too."""
    for statement in statements:
        if isinstance(statement, syntax.Add):
            yield statement.name
        elif isinstance(statement, syntax.If):
            yield from _added([*statement.then, *(statement.otherwise or ())])
        elif isinstance(statement, (syntax.Switch, syntax.On)):
            yield from _added(statement.block or ())
