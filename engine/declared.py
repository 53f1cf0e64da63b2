"""Hosts, groups and classes that were declared at run time, by the lease file or OMAPI, over those of dhcpd.conf.

They are asked first: look-ups come here and fall through to the configuration, which is frozen and may be shared. A
declaration costs by what it says, not by what dhcpd.conf has. A class that is declared again, or gets or loses a
subclass, is copied once; from then on the copy is in force. What the lease file must say of all this is kept by
lease/declarations.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .conf.building.builder import Builder, has_marker
from .conf.building.compile import RUN_TIME_DECLARATIONS
from .conf.building.directory import Hosts, Layer
from .conf.building.drafts import Block, ClassDraft
from .conf.running.outcomes import class_runs
from .model import syntax
from .model.configuration import Scope, complete

if TYPE_CHECKING:
    from .conf.running.expressions import Compiler
    from .model.configuration import Class, ClassName, ClassRun, Configuration


class Declared:
    """What is in force of hosts, groups and classes; `classes` in ISC's order.

    `host_names`: those that only what was declared here uses.
    """

    __slots__ = (
        "_by_name", "_drafts", "_next_scope", "class_runs", "classes", "configuration", "groups", "host_names", "hosts",
    )  # fmt: skip

    def __init__(self, configuration: Configuration) -> None:
        """Nothing but the configuration's own is in force."""
        self.configuration = configuration
        self.hosts = Hosts(
            configuration.hosts_by_name,
            configuration.hosts_by_hardware,
            configuration.hosts_by_uid,
            configuration.host_identifiers,
        )
        self.groups: Layer[str, Scope] = Layer(configuration.groups)
        self.classes: tuple[Class, ...] = configuration.classes
        self.class_runs: tuple[ClassRun, ...] = configuration.class_runs
        self.host_names: tuple[str, ...] = ()
        self._by_name = {one.name: one for one in configuration.classes}
        self._drafts: dict[str, ClassDraft] = {}
        self._next_scope = len(configuration.scopes)

    # Classes

    def class_named(self, name: str) -> Class | None:
        """The class in force of that name."""
        return self._by_name.get(name)

    def member(self, name: ClassName) -> Class | None:
        """The class or declared subclass in force of that name."""
        found = self._by_name.get(name.name)
        return found if found is None or name.key is None else found.subclasses.get(name.key)

    def limit(self, name: ClassName) -> int:
        """How many leases may be charged to a class or subclass: a subclass that nobody declared has its class's."""
        found = self.member(name) or self._by_name.get(name.name)
        return 0 if found is None else found.limit

    # Declaring

    def takes(self, node: syntax.Node) -> bool:
        """Whether a declaration changes anything: a host's name must be free, what is deleted must be there."""
        deleted = has_marker(getattr(node, "block", None) or [], "deleted")
        match node:
            case syntax.Host():
                return (self.hosts.by_name.get(node.name) is not None) == deleted
            case syntax.Group():
                return not deleted or self.groups.get(node.name or "") is not None
            case syntax.Class():
                return node.legacy is None and (not deleted or node.name in self._by_name)
            case syntax.Subclass():
                parent = self._by_name.get(node.name)
                return parent is not None and (not deleted or node.value in parent.subclasses)
        return False

    def enter(self, node: syntax.Node) -> None:
        """Take in one more host, group, class or subclass, or a deletion of one."""
        target = _Target(self)
        builder = Builder(RUN_TIME_DECLARATIONS, target, self._next_scope)
        builder.block([node], Block(self.configuration.global_scope))
        builder.finish()
        self._next_scope += len(builder.scopes)
        self._settle_classes(target, builder.compiler)
        for name in builder.compiler.host_names:
            if name not in self.configuration.host_names and name not in self.host_names:
                self.host_names += (name,)

    def _settle_classes(self, target: _Target, compiler: Compiler) -> None:
        """Put the classes that a declaration made, changed or took away in force."""
        if not target.changed:
            return
        for name, draft in target.changed.items():
            if draft is None:
                self._by_name.pop(name, None)
            else:
                _hang_anew(draft, target.scopes)
                self._by_name[name] = draft.finished(compiler)
        self.classes = tuple(self._by_name.values())
        self.class_runs = class_runs(self.classes)

    def draft_of(self, known: Class) -> tuple[ClassDraft, bool]:
        """What a class that is declared again is changed by, and whether it is new: the class must be made from it."""
        draft = self._drafts.get(known.name)
        if draft is not None:
            return draft, False
        draft = self._drafts[known.name] = ClassDraft(
            known.name, known.place, known.scope, None, known.condition, known.submatch_tree, known.spawning,
            known.limit, known.dynamic, dict(known.subclasses),
        )  # fmt: skip
        return draft, True

    def keep(self, name: str, draft: ClassDraft | None) -> None:
        """Remember the draft of a class, None for one that is gone."""
        if draft is None:
            self._drafts.pop(name, None)
        else:
            self._drafts[name] = draft


class _Target:
    """Where one declaration goes. `changed`: the classes to be made anew, None for one that is gone.

    `scopes`: what took the place of a scope that was added to, by the number that both have.
    """

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self.hosts = declared.hosts
        self.groups = declared.groups
        self.changed: dict[str, ClassDraft | None] = {}
        self.scopes: dict[int, Scope] = {}

    def class_draft(self, name: str) -> ClassDraft | None:
        """The class of that name, to be changed."""
        changed = self.changed.get(name)
        if changed is not None:
            return changed
        known = None if name in self.changed else self._declared.class_named(name)
        if known is None:
            return None
        draft, new = self._declared.draft_of(known)
        if new:
            self.changed[name] = draft
        return draft

    def enter_class(self, draft: ClassDraft) -> None:
        """Take up a class that is new."""
        self._declared.keep(draft.name, draft)
        self.changed[draft.name] = draft

    def reopen_class(self, draft: ClassDraft) -> None:
        """A class is declared again: it and its subclasses are made anew."""
        self.changed[draft.name] = draft

    def remove_class(self, name: str) -> None:
        """Forget a class, if it is there."""
        self._declared.keep(name, None)
        self.changed[name] = None

    def reopened(self, scope: Scope) -> Scope:
        """A copy: the scope itself may be shared. It keeps the number, and so the place in every order."""
        made = _copy(scope, scope.parent)
        self.scopes[scope.number] = made
        return made


def _copy(scope: Scope, parent: Scope | None) -> Scope:
    made = Scope(scope.kind, scope.place, parent, scope.number, scope.authoritative, scope.statements)
    complete(made, run=scope.run, constant=scope.constant)
    return made


def _hang_anew(draft: ClassDraft, scopes: dict[int, Scope]) -> None:
    """Put the subclasses of a class that was declared again below its new scope."""
    if draft.scope.number not in scopes:
        return
    for key, member in draft.subclasses.items():
        shared = member.scope.number == draft.scope.number
        scope = draft.scope if shared else _copy(member.scope, draft.scope)
        draft.subclasses[key] = replace(member, scope=scope)
