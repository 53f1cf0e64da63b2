"""Classes and subclasses: made at their first declaration, added to by later ones.

See docs/behaviour/configuration.md#classes-and-subclasses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .builder import has_marker
from .drafts import Block, ClassDraft

if TYPE_CHECKING:
    from ...model import syntax
    from .builder import Builder


def class_(builder: Builder, node: syntax.Class, where: Block) -> None:
    """The first declaration makes the class and gives its scope a parent; later ones add to it."""
    if node.legacy is not None:
        return
    if has_marker(node.block, "deleted"):
        builder.target.remove_class(node.name)
        return
    draft = builder.target.class_draft(node.name)
    if draft is None:
        draft = ClassDraft(node.name, node.place, builder.scope("class", node.place, where.scope))
        builder.target.enter_class(draft)
    else:
        draft.scope = builder.reopen(draft.scope)
        builder.target.reopen_class(draft)
    block = Block(draft.scope)
    block.class_ = draft
    builder.block(node.block, block)


def subclass(builder: Builder, node: syntax.Subclass, where: Block) -> None:
    """A subclass has its class's scope, as long as no block of its own says more, and its limit of this moment."""
    parent = builder.target.class_draft(node.name)
    if parent is None:
        return
    if has_marker(node.block or [], "deleted"):
        parent.subclasses.pop(node.value, None)
        return
    known = parent.subclasses.get(node.value)
    draft = ClassDraft(node.name, node.place, parent.scope, node.value, limit=parent.limit)
    if known is not None:
        draft.place, draft.scope, draft.limit, draft.dynamic = known.place, known.scope, known.limit, known.dynamic
    if node.block is not None:
        _subclass_block(builder, node, node.block, where, draft, parent)
    parent.subclasses[node.value] = draft.finished(builder.compiler)


def _subclass_block(
    builder: Builder, node: syntax.Subclass, nodes: syntax.Block, where: Block, draft: ClassDraft, parent: ClassDraft
) -> None:
    own = draft.scope is not parent.scope
    draft.scope = builder.reopen(draft.scope) if own else builder.scope("subclass", node.place, parent.scope)
    block = where.inner(draft.scope)
    block.class_ = draft
    builder.block(nodes, block)


def match_if(_builder: Builder, node: syntax.MatchIf, where: Block) -> None:
    """`match if CONDITION;`."""
    if where.class_ is not None:
        where.class_.condition = node


def match(_builder: Builder, node: syntax.Match, where: Block) -> None:
    """`match EXPRESSION;` and `spawn with EXPRESSION;`."""
    if where.class_ is not None:
        where.class_.submatch_tree = node.value
        where.class_.spawning = node.spawn


def lease_limit(_builder: Builder, node: syntax.LeaseLimit, where: Block) -> None:
    """`lease limit N;`."""
    if where.class_ is not None:
        where.class_.limit = node.limit


def marker(_builder: Builder, node: syntax.Marker, where: Block) -> None:
    """`dynamic;`."""
    if where.class_ is not None and node.word == "dynamic":
        where.class_.dynamic = True
