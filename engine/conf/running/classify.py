"""Which classes a packet is in, and which pools its classes open to it.

Matching runs in the global set of variables, with the packet's options and nothing of a lease or a reply. Nothing but
the packet is changed here; a subclass that a class spawns is the server's to make and to keep.

See docs/behaviour/configuration.md#class-matching, docs/behaviour/configuration.md#permits-of-a-pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ..writing.values import hex_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.configuration import Class, Configuration, Permit, Pool
    from ...model.context import Context, Message

# ISC's limit. A class more is left out, and told to the log.
CLASSES_MAX: Final = 5


def classify(context: Context) -> bool:
    """Fill packet.classes; whether a class that does not spawn matched (what `check` asks).

    The caller sees to it that the packet has a message type (BOOTP packets have no class) and that
    `context.bindings` are the global ones.
    """
    matched = False
    for run in context.host.class_runs:
        for candidate, key in run(context):
            if key is None:
                matched = True
                add_class(context, candidate)
                continue
            found = candidate.subclasses.get(key) or context.host.spawned(candidate, key)
            if found is not None:
                add_class(context, found)
                matched = matched or not candidate.spawning
    return matched


def add_class(context: Context, member: Class) -> bool:
    """Put the packet in a class, if it has room for one more; the line about too many names its hardware address."""
    packet = context.packet
    if packet is None:
        return False
    if len(packet.classes) >= CLASSES_MAX:
        context.host.log(ERROR, f"too many classes match {hex_pairs(packet.hardware[1:])}")
        return False
    packet.classes.append(member)
    return True


def in_class(packet: Message, wanted: str) -> bool:
    """Whether the packet is in the class of that name or in a subclass of it."""
    for member in packet.classes:  # noqa: SIM110 - a generator costs more than the loop, for each entry of each pool
        if member.name == wanted:
            return True
    return False


def permitted(context: Context, pool: Pool) -> bool:
    """Whether the packet may have an address of the pool: no prohibit fits, and a permit if there are any."""
    for entry in pool.prohibits:
        if fits(context, entry):
            return False
    return not pool.permits or any(fits(context, entry) for entry in pool.permits)


def fits(context: Context, entry: Permit) -> bool:
    """Whether one entry of a permit list fits the packet (docs/behaviour/configuration.md#permits-of-a-pool)."""
    packet = context.packet
    return packet is not None and _PERMITS[entry.kind](packet, context, entry.value)


def _is_member(packet: Message, _context: Context, wanted: str | int | None) -> bool:
    return bool(packet.classes) and isinstance(wanted, str) and in_class(packet, wanted)


def _is_bootp(packet: Message, _context: Context, _value: str | int | None) -> bool:
    return not packet.options_valid or not packet.message_type


def _is_after(_packet: Message, context: Context, moment: str | int | None) -> bool:
    return isinstance(moment, int) and context.now > moment


# DHCP authentication (RFC 3118) is not built, in ISC's server neither: every client is unauthenticated.
_PERMITS: Final[dict[str, Callable[[Message, Context, str | int | None], bool]]] = {
    "class": _is_member,
    "known": lambda packet, _context, _value: packet.known,
    "unknown": lambda packet, _context, _value: not packet.known,
    "dynamic-bootp": _is_bootp,
    "after": _is_after,
    "all": lambda _packet, _context, _value: True,
    "unauthenticated": lambda _packet, _context, _value: True,
    "authenticated": lambda _packet, _context, _value: False,
}


def open_pools(configuration: Configuration) -> tuple[bool, ...]:
    """By pool index: whether every DHCP client may have addresses of the pool, so that its lists need no look."""
    return tuple([
        not pool.permits and all(entry.kind == "dynamic-bootp" for entry in pool.prohibits)
        for pool in configuration.pools
    ])  # fmt: skip
