"""The reasons that take work to find: where each option of a reply comes from, which permit decided, which time won.

Called only while `Server.reasons` is a list. Scopes are run a second time for this, statement by statement, against
copies and a machine that does nothing, so that explaining a decision cannot change it. Nothing is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..conf.building.builder import TABLES
from ..conf.options import ENUMERATIONS
from ..conf.running import parameters as par
from ..conf.running.classify import fits
from ..conf.running.expressions import Compiler
from ..conf.running.statements import compile_list, values_of
from ..conf.writing.values import identifier_text, text_of
from ..model.context import Context, OptionSet
from ..wire.codes import LEASE_TIME, REQUEST_LIST, VENDOR_OPTIONS
from ..wire.encode import evaluate
from ..wire.text import dotted
from .reasons import Reason, Setting, Settings, once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..conf.running.expressions import Step
    from ..model.configuration import Class, ClassRun, Handler, Permit, Pool, Scope, Value
    from ..model.context import Bindings, Message
    from ..model.lease import Lease
    from ..model.spaces import OptionDefinition, Registry
    from ..model.syntax import OptionStatement, Place
    from .plan import Terms
    from .server import Server

_LEASE_TIME_OCTETS: Final = 4
_END: Final = 255
_WORDS: Final = {name: {value: word for word, value in words.items()} for name, (_, words) in ENUMERATIONS.items()}
# What the server puts into a reply by itself, where no statement of a scope did
# (docs/behaviour/decisions.md#grant-procedure, steps 29 to 35).
OWN_OPTIONS: Final[dict[int, str]] = {
    1: "the subnet's mask",
    3: "use-lease-addr-for-default-route",
    12: "the host's name, or that of its address",
    51: "the time of the lease",
    53: "the kind of the message",
    54: "the address of the interface that the packet came by",
    61: "echo-client-id: the client's own",
    82: "the relay's own, sent back",
    118: "the client's own, sent back",
}
# These are the server's even where a statement sets them.
_ALWAYS_OWN: Final = frozenset({51, 53})


class _Silent:
    """The host of scopes that run only to tell which statement sets what: it looks up, and does nothing."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.host_name = server.host_name

    @property
    def class_runs(self) -> Sequence[ClassRun]:
        """As the server knows them."""
        return self._server.class_runs

    def class_named(self, name: str) -> Class | None:
        """As the server knows it."""
        return self._server.class_named(name)

    def spawned(self, parent: Class, key: bytes) -> Class | None:
        """As the server knows it: the run that counts has had it made."""
        return self._server.spawned(parent, key)

    def log(self, _level: int, _text: str) -> None:
        """Log nothing: the run of the scopes that the reply is made by does."""

    def execute(self, _arguments: tuple[bytes, ...]) -> None:
        """Run no program, for the same reason."""

    def fatal(self, _text: str) -> None:
        """End nothing, for the same reason."""

    def addresses_of(self, name: str) -> tuple[int, ...] | None:
        """The addresses of a host name as the server knows them."""
        return self._server.addresses_of(name)


class _SettingRecorder:
    """Compiles scopes so that every statement that sets an option is recorded when it runs."""

    def __init__(self) -> None:
        self.settings: Settings = {}
        self._scope: Scope | None = None
        self._compiler = Compiler(TABLES)
        self._compiler.watch = self._watched

    def run(self, scope: Scope, context: Context) -> None:
        """Execute one scope."""
        self._scope = scope
        assert context.reply is not None
        before = _flat(context.reply)
        seen = {key: len(found) for key, found in self.settings.items()}
        compile_list(self._compiler, scope.statements)(context)
        for key, value in _flat(context.reply).items():
            if before.get(key) is not value and len(self.settings.get(key, ())) == seen.get(key, 0):
                self._note(key, Setting("a function called", scope.place, scope, True, _constant(value)))

    def _note(self, key: tuple[str, int], setting: Setting) -> None:
        self.settings.setdefault(key, []).append(setting)

    def _watched(self, node: OptionStatement, step: Step) -> Step:
        space, code = node.option.space, node.option.code

        def run(context: Context) -> int | None:
            if context.reply is None:
                return step(context)
            before = values_of(context.reply, space).get(code)
            signal = step(context)
            after = values_of(context.reply, space).get(code)
            effective = node.operator != "default" or before is None
            self._note((space, code), Setting(node.operator, node.place, self._scope, effective, _constant(after)))
            return signal

        return run


def _flat(options: OptionSet) -> dict[tuple[str, int], Value]:
    return {(space, code): value for space, values in options.spaces.items() for code, value in values.items()}


def _constant(value: Value | None) -> bytes | None:
    return value if isinstance(value, bytes) else None


def watch_scopes(
    server: Server, packet: Message, lease: Lease | None, scopes: Sequence[Scope], bindings: Bindings
) -> tuple[Settings, OptionSet]:
    """What the scopes set for the packet, and by which statements; nothing outside is changed."""
    classes, spaces = list(packet.classes), dict(packet.spaces)
    options = OptionSet()
    context = Context(_Silent(server), server.now, packet, lease, options, dict(bindings))
    watcher = _SettingRecorder()
    for scope in scopes:
        watcher.run(scope, context)
    packet.classes[:] = classes
    packet.spaces.clear()
    packet.spaces.update(spaces)
    return watcher.settings, options


def watch_handler(settings: Settings, handler: Handler, options: OptionSet, run: Callable[[], None]) -> None:
    """Run a handler (`on commit`) for the caller, and note which options it changed."""
    before = _flat(options)
    run()
    for key, value in _flat(options).items():
        if before.get(key) is not value:
            made = Setting("on commit", handler.tree.place, None, True, _constant(value))
            settings.setdefault(key, []).append(made)


# Options and parameters


def definition_of(registry: Registry, space: str, code: int) -> OptionDefinition:
    """The definition of a code, known or not."""
    known = registry.spaces[space]
    return known.by_code.get(code) or known.unknown(code)


def value_text(definition: OptionDefinition, value: bytes | None) -> str:
    """An option's value as the configuration would write it."""
    if value is None:
        return "an expression"
    text = text_of(definition, value, enumerations=_WORDS)
    return text if text != "<error>" and definition.format else value.hex(":") or "empty"


def tell_parameters(server: Server, settings: Settings, context: Context, options: OptionSet) -> None:
    """Every server parameter that the scopes set, with its value."""
    for (space, code), found in settings.items():
        if space == "server":
            definition = definition_of(server.configuration.registry, space, code)
            value = evaluate(options.server[code], _quiet(server, context)) if code in options.server else None
            why, place = _how(found)
            _tell(server, Reason("parameter", definition.name, value_text(definition, value), why, place))


def tell_options(server: Server, packet: Message, settings: Settings, sent: dict[int, bytes]) -> None:
    """Every option of the reply with its statement, then those that were set and not sent."""
    registry = server.configuration.registry
    for code, value in sent.items():
        definition = definition_of(registry, "dhcp", code)
        found = settings.get(("dhcp", code), [])
        why, place = _how(found) if found and code not in _ALWAYS_OWN else (OWN_OPTIONS.get(code, "the server"), None)
        if code == VENDOR_OPTIONS and not found:
            why, place = _how(settings.get(("server", par.VENDOR_OPTION_SPACE), []))
        _tell(server, Reason("option", definition.full_name, value_text(definition, value), why, place))
    asked = packet.options.get(REQUEST_LIST)
    for (space, code), found in settings.items():
        definition = definition_of(registry, space, code)
        if space == "dhcp" and code not in sent:
            wanted = asked is None or code in asked
            why = "its value is null or empty" if wanted else "the client does not ask for it"
            _tell(server, Reason("option", definition.full_name, "not sent", why, found[-1].place))
        elif space not in ("dhcp", "server"):
            why, place = _how(found)
            value_ = value_text(definition, found[-1].value)
            _tell(server, Reason("option", definition.full_name, value_, f"within its space; {why}", place))


def _how(found: list[Setting]) -> tuple[str, Place | None]:
    """The last statement that counted, in words, and what it did away with."""
    counted = [setting for setting in found if setting.effective]
    if not counted:
        return "the server", None
    last = counted[-1]
    if not last.place.file:
        return "the server's own default", None
    where = "" if last.scope is None else f" in {last.scope.kind}"
    earlier = f", over {counted[-2].place}" if len(counted) > 1 and counted[-2].place.file else ""
    late = [setting for setting in found if not setting.effective]
    unused = f"; default at {late[-1].place} came too late" if late else ""
    return f"{last.word}{where}{earlier}{unused}", last.place


def _quiet(server: Server, context: Context) -> Context:
    """A context that evaluates as `context` and says nothing."""
    made = Context(_Silent(server), context.now, context.packet, context.lease, context.reply, dict(context.bindings))
    made.classes = context.classes
    return made


def sent_options(payload: bytes) -> dict[int, bytes]:
    """The options of a reply that this server has made, file and sname fields included (RFC 2131, RFC 3396)."""
    found: dict[int, bytes] = {}
    _read_area(payload[240:], found)
    overload = found.get(52, b"\0")[0]
    if overload & 1:
        _read_area(payload[108:236], found)
    if overload & 2:
        _read_area(payload[44:108], found)
    return found


def _read_area(area: bytes, found: dict[int, bytes]) -> None:
    at = 0
    while at + 1 < len(area) and area[at] != _END:
        if not area[at]:
            at += 1
            continue
        end = at + 2 + area[at + 1]
        found[area[at]] = found.get(area[at], b"") + area[at + 2 : end]
        at = end


# Time


def tell_time(server: Server, packet: Message, terms: Terms, settings: Settings, requested: int, end: int) -> None:
    """How the time of a DHCP lease came about: asked or default, then every bound that changed it."""
    if len(packet.options.get(LEASE_TIME, b"")) == _LEASE_TIME_OCTETS:
        _tell(server, Reason("time", "dhcp-lease-time", _seconds(requested), "the client asks for it"))
    else:
        why, place = _bound(settings, par.DEFAULT_LEASE_TIME, "the client asks for none")
        _tell(server, Reason("time", "default-lease-time", _seconds(requested), why, place))
    time = requested
    if time > terms.max_time:
        time = terms.max_time
        why, place = _bound(settings, par.MAX_LEASE_TIME, "at most")
        _tell(server, Reason("time", "max-lease-time", _seconds(time), why, place))
    minimum = terms.min_time
    if time < minimum:
        time = minimum
        why, place = _bound(settings, par.MIN_LEASE_TIME, "at least")
        _tell(server, Reason("time", "min-lease-time", _seconds(time), why, place))
    if end - server.now != time:
        why = "adaptive-lease-time-threshold, `allow/deny after` of the pool, failover or the end of time"
        _tell(server, Reason("time", "granted", _seconds(end - server.now), why))


def _seconds(time: int) -> str:
    return f"{time} s"


def _place(settings: Settings, code: int) -> Place | None:
    return _how(settings.get(("server", code), []))[1]


def _bound(settings: Settings, code: int, word: str) -> tuple[str, Place | None]:
    place = _place(settings, code)
    return (word if place is not None else f"{word}, by default"), place


# Classes, pools, candidates


def tell_classes(server: Server, packet: Message) -> None:
    """Each class: whether the packet is in it."""
    for one in server.generation.declared.classes:
        place = one.place if one.condition is None else one.condition.place
        members = [member for member in packet.classes if member.name == one.name]
        if not members:
            _tell(server, Reason("class", one.name, "no member", "it does not match", place))
        for member in members:
            if member.key is None:
                _tell(server, Reason("class", one.name, "member", "it matches", place))
            else:
                key = identifier_text(member.key)
                made = "spawned for" if member.spawned else "subclass"
                _tell(server, Reason("class", one.name, "member", f"{made} {key}", member.place))


def tell_pool(server: Server, context: Context, pool: Pool, *, allowed: bool) -> None:
    """Which entry of a pool's lists opens it to the packet, or keeps the packet out."""
    verdict = "permitted" if allowed else "not permitted"
    why, place = "it has no permit", pool.place
    for entry in pool.permits if allowed else pool.prohibits:
        if fits(context, entry):
            why, place = f"{'allow' if allowed else 'deny'} {entry_text(entry)}", entry.place
            break
    else:
        if pool.permits:
            why = "none of its permits fits: " + ", ".join(f"{entry_text(one)} ({one.place})" for one in pool.permits)
        elif pool.prohibits:
            why = "no prohibition fits: " + ", ".join(f"{entry_text(one)} ({one.place})" for one in pool.prohibits)
    _tell(server, Reason("pool", pool_text(pool), verdict, why, place))


def entry_text(entry: Permit) -> str:
    """A permit as a person writes it."""
    return entry.kind if entry.value is None else f"{entry.kind} {entry.value}"


def pool_text(pool: Pool) -> str:
    """A pool by its first range."""
    if not pool.ranges:
        return "empty pool"
    low, high = pool.ranges[0]
    return f"{dotted(low)}-{dotted(high)}"


def _tell(server: Server, reason: Reason) -> None:
    assert server.reasons is not None
    once(server.reasons, reason)
