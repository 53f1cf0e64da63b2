"""Running scopes in ISC's order, and keeping the outcome where it is always the same.

Most scopes of most sites only assign options. For a tuple of such scopes the option set is made once, shared, and
copied by who changes it. Nothing here evaluates a value.

See docs/behaviour/configuration.md#order-of-evaluation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...model.context import Context, OptionSet
from .statements import compile_list, is_constant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ...model.configuration import Class, Handler, Host, Pool, Scope, Subnet
    from ...model.context import Bindings
    from ...model.context import Host as EvaluationHost
    from ...model.syntax import Node
    from .expressions import Compiler

# Templates and orders are kept for this many different tuples; then all are forgotten, and made again as needed. Which
# classes a packet is in is up to the client: the number of tuples is not the configuration's alone.
KEPT_MAX: Final = 4096


class Template:
    """What constant scopes come to: `options` and `handlers` are shared and must be copied before they are changed.

    `volatile`: a value that may be sent has to be evaluated for each reply.
    """

    __slots__ = ("handlers", "options", "volatile")

    def __init__(self, options: OptionSet, handlers: dict[str, Handler | None]) -> None:
        """Made by `template`."""
        self.options = options
        self.handlers = handlers
        self.volatile = options.volatile


class _NoHost:
    """Stands for the machine while constant scopes run: they ask it nothing."""


class ScopeCache:
    """The templates and the orders of one configuration, bounded."""

    def __init__(self) -> None:
        """Empty."""
        self._templates: dict[tuple[Scope, ...], Template | None] = {}
        self._orders: dict[tuple[object, ...], tuple[Scope, ...]] = {}

    def template(self, scopes: tuple[Scope, ...]) -> Template | None:
        """The outcome of the scopes on an empty reply; None where it depends on more than the scopes."""
        try:
            return self._templates[scopes]
        except KeyError:
            pass
        if len(self._templates) >= KEPT_MAX:
            self._templates.clear()
        made = self._templates[scopes] = _make_template(scopes)
        return made

    def lease_scopes(
        self,
        subnet: Subnet,
        pool: Pool | None,
        classes: Sequence[Class],
        host: Host | None,
    ) -> tuple[Scope, ...]:
        """As the function `lease_scopes`, kept."""
        key = (subnet, pool, host, *classes)
        found = self._orders.get(key)
        if found is None:
            if len(self._orders) >= KEPT_MAX:
                self._orders.clear()
            found = self._orders[key] = lease_scopes(subnet, pool, classes, host)
        return found


def _make_template(scopes: tuple[Scope, ...]) -> Template | None:
    if not all(scope.constant for scope in scopes):
        return None
    host: EvaluationHost = _NoHost()  # type: ignore[assignment]
    bindings: Bindings = {}
    context = Context(host, 0, None, None, OptionSet(), bindings)
    run_scopes(scopes, context)
    assert context.reply is not None
    return Template(context.reply, context.handlers)


def run_scopes(scopes: Iterable[Scope], context: Context) -> None:
    """Execute the statements of the scopes, in the order given."""
    for scope in scopes:
        scope.run(context)


def lease_scopes(
    subnet: Subnet,
    pool: Pool | None,
    classes: Sequence[Class],
    host: Host | None,
) -> tuple[Scope, ...]:
    """The scopes for a client on `subnet`, outermost first: subnet, pool, classes last matched first, host.

    `pool` is None for a fixed address. A class or host block that hangs elsewhere brings its own parents along,
    except those that the pool (or subnet) has above it.

    See docs/behaviour/configuration.md#order-of-evaluation.
    """
    return tuple(running_order(subnet, pool, classes, host))


def running_order(
    subnet: Subnet, pool: Pool | None, classes: Sequence[Class], host: Host | None
) -> Iterator[Scope]:
    """As `lease_scopes`, one by one: a class that a statement adds before the classes' turn has its turn with them."""
    yield from subnet.scope.chain()
    limit = subnet.scope
    if pool is not None:
        yield from pool.scope.chain(pool.network.scope)
        limit = pool.scope
    yield from class_scopes(classes, limit)
    if host is not None:
        yield from host.scope.chain(limit)


def class_scopes(classes: Sequence[Class], limit: Scope | None = None) -> Iterator[Scope]:
    """The scopes of a packet's classes, the last matched first, as they are when the first is asked for."""
    for member in tuple(reversed(classes)):
        yield from member.scope.chain(limit)


def compiled(compiler: Compiler, statements: Sequence[Node]) -> tuple[Callable[[Context], None], bool]:
    """What runs a scope's statements, and whether that does the same in every context."""
    body = compile_list(compiler, statements)

    def run(context: Context) -> None:
        body(context)

    return run, all(is_constant(node) for node in statements)
