"""Which classes a packet is in, and which pools its classes open to it (conf-language 5.3, 2.7).

Matching runs in the global set of variables, with the packet's options and nothing of a lease or a reply. The only
thing changed here besides the packet is a class that spawns: it gets a subclass more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...trace.effects import ERROR
from .model import Class
from .values import hex_pairs

if TYPE_CHECKING:
    from ..wire.packet import Packet
    from .context import Context
    from .model import Configuration, Permit, Pool

CLASSES_MAX: Final = 5


def classify(configuration: Configuration, context: Context) -> bool:
    """Fill packet.classes; whether a class that does not spawn matched (what `check` asks).

    The caller sees to it that the packet has a message type (BOOTP packets have no class) and that
    `context.bindings` are the global ones.
    """
    matched = False
    for candidate in configuration.classes:
        condition, submatch = candidate.match_if, candidate.submatch
        if condition is not None:
            if not condition(context):
                continue
            if submatch is None:
                matched = True
                add_class(context, candidate)
                continue
        if submatch is not None and _submatched(candidate, submatch(context), context):
            matched = matched or not candidate.spawning
    return matched


def _submatched(candidate: Class, key: bytes | None, context: Context) -> bool:
    """Put the packet in the subclass for `key`, which a spawning class makes where it is missing."""
    if not key:
        return False
    found = candidate.subclasses.get(key)
    if found is None:
        if not candidate.spawning:
            return False
        found = spawn(candidate, key)
    add_class(context, found)
    return True


def spawn(parent: Class, key: bytes) -> Class:
    """A subclass made at run time: it has its parent's scope and limit."""
    made = Class(
        parent.name,
        parent.place,
        parent.scope,
        limit=parent.limit,
        superclass=parent,
        key=key,
        spawned=True,
    )
    parent.subclasses[key] = made
    return made


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


def in_class(packet: Packet, wanted: Class) -> bool:
    """Whether the packet is in the class or in a subclass of it."""
    return any(member is wanted or member.superclass is wanted for member in packet.classes)


def permitted(context: Context, pool: Pool) -> bool:
    """Whether the packet may have an address of the pool: no prohibit fits, and a permit if there are any."""
    for entry in pool.prohibits:
        if fits(context, entry):
            return False
    return not pool.permits or any(fits(context, entry) for entry in pool.permits)


def fits(context: Context, entry: Permit) -> bool:
    """Whether one entry of a permit list fits the packet (table in 2.7)."""
    packet = context.packet
    if packet is None:
        return False
    kind, value = entry.kind, entry.value
    if kind == "known":
        return packet.known
    if kind == "unknown":
        return not packet.known
    if kind == "dynamic-bootp":
        return not packet.options_valid or not packet.message_type
    if kind == "class":
        return isinstance(value, Class) and in_class(packet, value)
    if kind == "after":
        return isinstance(value, int) and context.now > value
    return kind in ("all", "unauthenticated")
