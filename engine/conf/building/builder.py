"""The walk over the syntax tree in source order, because order matters in ISC's language.

`authoritative` is copied when a block opens, a failover peer when a pool opens, a lease limit when a subclass is made.
Statements are compiled when the walk is over, so that a scope reopened later is whole. What each declaration does
stands in networks.py, hosts.py and classes.py; which of them may stand in a file is the caller's table: dhcpd.conf has
all (compile.py), the lease file and OMAPI have hosts, groups and classes (engine/declared.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from ...model import syntax
from ...model.configuration import Class, Scope, complete
from ..running.expressions import Compiler, Tables
from ..running.expressions_data import DATA, WHOLE
from ..running.expressions_logic import BOOLEANS, NUMBERS
from ..running.scopes import compiled
from ..running.statements import STATEMENTS
from ..subnet_list import SubnetList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ...model.configuration import Subnet
    from ...model.peers import FailoverPeer, Key, Zone
    from .directory import Hosts, Layer
    from .drafts import Block, ClassDraft, NetworkDraft

TABLES: Final = Tables(WHOLE, DATA, NUMBERS, BOOLEANS)


class Declared(Protocol):
    """Hosts, groups and classes that a builder's declarations go to, and that they find what was declared before in."""

    hosts: Hosts
    groups: Layer[str, Scope]

    def class_draft(self, name: str) -> ClassDraft | None:
        """The class of that name, to be changed; None where there is none."""

    def enter_class(self, draft: ClassDraft) -> None:
        """Take up a class that is new."""

    def reopen_class(self, draft: ClassDraft) -> None:
        """A class is declared again: more of it follows."""

    def remove_class(self, name: str) -> None:
        """Forget a class, if it is there."""

    def reopened(self, scope: Scope) -> Scope:
        """The scope to add statements to where a block names what was declared before."""


class Builder:
    """Takes the declarations of a block into `target`. `first_number` is that of the first scope it opens."""

    def __init__(
        self,
        declarations: Mapping[type[syntax.Node], Callable[[Builder, Any, Block], None]],
        target: Declared,
        first_number: int,
        host_names: Iterable[str] = (),
    ) -> None:
        """`host_names` are those met before."""
        self.declarations = declarations
        self.target = target
        self.compiler = Compiler(TABLES, list(host_names))
        self.scopes: list[Scope] = []
        self.networks: list[NetworkDraft] = []
        self.lookup: SubnetList[Subnet] = SubnetList(append=False)
        self.requested_interfaces: list[str] = []
        self.may_request: frozenset[str] | None = None
        self.keys: dict[str, Key] = {}
        self.zones: dict[str, Zone] = {}
        self.failover_peers: dict[str, FailoverPeer] = {}
        self.lease_id_hex = False
        self.local_times = False
        self.server_duid: tuple[str, ...] = ()
        self._first_number = first_number
        self._fresh: list[Scope] = []

    def scope(self, kind: str, place: syntax.Place, parent: Scope | None) -> Scope:
        """Open a scope; the flag `authoritative` is copied now."""
        authoritative = parent is not None and parent.authoritative
        made = Scope(kind, place, parent, self._first_number + len(self.scopes), authoritative)
        self.scopes.append(made)
        self._fresh.append(made)
        return made

    def reopen(self, scope: Scope) -> Scope:
        """The scope that takes up more statements for `scope`, or for its copy."""
        found = self.target.reopened(scope)
        self._fresh.append(found)
        return found

    def block(self, nodes: syntax.Block, where: Block) -> None:
        """Every statement of a block, in order, and its end."""
        self.statements(nodes, where)
        scope = where.scope
        if where.statements:
            complete(scope, statements=(*scope.statements, *where.statements))

    def statements(self, nodes: syntax.Block, where: Block) -> None:
        """Every statement of a block that goes on behind them."""
        statements, declarations = where.statements, self.declarations
        for node in nodes:
            kind = type(node)
            if kind in STATEMENTS:
                statements.append(node)
                continue
            declare = declarations.get(kind)
            if declare is not None:
                declare(self, node, where)

    def finish(self) -> None:
        """Compile the statements of every scope that was opened."""
        for scope in self._fresh:
            run, constant = compiled(self.compiler, scope.statements)
            complete(scope, run=run, constant=constant)
        self._fresh.clear()


def has_marker(block: Iterable[syntax.Node], word: str) -> bool:
    """Whether `dynamic;`, `deleted;` or `static;` stands in a block."""
    return any(isinstance(node, syntax.Marker) and node.word == word for node in block)


def finished_classes(drafts: Iterable[ClassDraft], compiler: Compiler) -> list[Class]:
    """The classes of the drafts, in order."""
    return [draft.finished(compiler) for draft in drafts]
