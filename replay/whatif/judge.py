"""One answer of the recording against the answer now: in which ways they differ, as an operator counts ways.

Values are compared by field and option, in the names of the new configuration. A field that can only differ because
another does is that one's consequence and no difference of its own: the unicast destination is the address, routers
and masks are those of the pool that the address is in.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, Protocol

from ...engine.wire.packet import NAK
from ..showing.decode import message_name, options_of, packet_fields
from .packets import MESSAGE_TYPE
from .report import Change, FieldChange, Group

if TYPE_CHECKING:
    from ...engine.model.spaces import Registry
    from ...trace.effects import Send

_YIADDR: Final = slice(16, 20)
# A stranger's recording may say any number.
_ADDRESS_MASK: Final = 0xFFFFFFFF
_CIADDR: Final = slice(12, 16)
_TIMES: Final = frozenset({"option dhcp-lease-time", "option dhcp-renewal-time", "option dhcp-rebinding-time"})
_WAYS: Final = frozenset({"flags", "giaddr", "hops", "secs"})
# What the message itself says, or what is told by another field: never a difference of the answer.
_OWN: Final = frozenset({"xid", "ciaddr", "yiaddr", "option dhcp-message-type"})
_AGENT: Final = ("option agent.", "option relay-agent-information")
_AREAS: Final = (" (in file)", " (in sname)")


def kind_of(send: Send | None) -> str:
    """`none`, `refusal` or `service`."""
    if send is None:
        return "none"
    return "refusal" if options_of(send.payload).get(MESSAGE_TYPE) == bytes([NAK]) else "service"


# (recorded, now) -> the group, for answers of different kinds.
KINDS: Final[dict[tuple[str, str], Group]] = {
    ("service", "none"): Group.LOST_SERVICE,
    ("service", "refusal"): Group.REFUSED,
    ("none", "refusal"): Group.REFUSED,
    ("none", "service"): Group.GAINED_SERVICE,
    ("refusal", "service"): Group.GAINED_SERVICE,
    ("refusal", "none"): Group.NO_LONGER_REFUSED,
}


def yiaddr(send: Send) -> int:
    """The address that an answer gives, 0 for none."""
    return int.from_bytes(send.payload[_YIADDR], "big")


def answer(send: Send | None) -> str:
    """An answer in a few words."""
    if send is None:
        return "no answer"
    given = yiaddr(send)
    return message_name(send.payload) + (f" {IPv4Address(given)}" if given else "")


class Places(Protocol):
    """Where addresses are in the new configuration."""

    def same_pool(self, one: int, other: int) -> bool:
        """Whether two addresses share a pool."""

    def network(self, address: int) -> str:
        """The shared network or subnet of an address, in words."""


def judge(
    recorded: Send | None, new: Send | None, registry: Registry, places: Places, *, restarted: bool = False
) -> list[Change]:
    """The differences.

    `restarted`: the client asked anew for what it renewed in the recording, and its answer comes another way for that.
    """
    if recorded == new:
        return []
    kinds = kind_of(recorded), kind_of(new)
    if kinds[0] != kinds[1]:
        group = KINDS[kinds]
        return [Change(group, f"{answer(recorded)} -> {answer(new)}", alike=(f"{_kind(recorded)} -> {_kind(new)}",))]
    if recorded is None or new is None or recorded[:5] + recorded[8:] == new[:5] + new[8:]:
        return []
    return _compare(recorded, new, registry, places, restarted=restarted)


def _kind(send: Send | None) -> str:
    return "no answer" if send is None else message_name(send.payload)


def _compare(
    recorded: Send, new: Send, registry: Registry, places: Places, *, restarted: bool
) -> list[Change]:
    old_address, new_address = yiaddr(recorded), yiaddr(new)
    moved = old_address != new_address
    times, ways, options = _sorted_fields(recorded, new, registry)
    ways = [] if restarted else ways + _delivery(recorded, new)
    if restarted:
        options = [one for one in options if not one.name.startswith(_AGENT)]
    changes: list[Change] = []
    if moved:
        follow = () if places.same_pool(old_address, new_address) else tuple(options + times)
        text = f"{IPv4Address(old_address)} -> {IPv4Address(new_address)}"
        where = (_moved(places.network(old_address), places.network(new_address)),)
        changes.append(Change(Group.ADDRESS_CHANGED, text, consequences=follow, alike=where))
        if follow:
            options, times = [], []
    for group, fields in ((Group.LEASE_TIME, times), (Group.OPTIONS, options), (Group.DELIVERY, ways)):
        if fields:
            changes.append(Change(group, "; ".join(map(_text, fields)), tuple(fields), alike=tuple(map(_text, fields))))
    alike = message_name(recorded.payload) == message_name(new.payload) and not restarted
    if not changes and alike and _masked(recorded) != _masked(new):
        changes.append(Change(Group.OPTIONS, "the same options in another order or encoding"))
    return changes


def _masked(send: Send) -> bytes:
    """The octets but for xid, ciaddr and yiaddr."""
    payload = send.payload
    return payload[:4] + payload[8:12] + payload[20:]


def _moved(before: str, now: str) -> str:
    return f"another address of {now}" if before == now else f"{before} -> {now}"


def _text(one: FieldChange) -> str:
    return f"{one.name.removeprefix('option ')} {one.recorded or 'absent'} -> {one.new or 'absent'}"


def _fields(send: Send, registry: Registry) -> dict[str, str]:
    made: dict[str, str] = {}
    for name, value in packet_fields(send.payload, registry):
        for area in _AREAS:
            name = name.removesuffix(area)  # noqa: PLW2901 - where an option stands is an encoding
        made[name] = f"{made[name]} {value}" if name in made else value
    return made


def _sorted_fields(
    recorded: Send, new: Send, registry: Registry
) -> tuple[list[FieldChange], list[FieldChange], list[FieldChange]]:
    """The fields that differ: times, ways, everything else."""
    old, now = _fields(recorded, registry), _fields(new, registry)
    times: list[FieldChange] = []
    ways: list[FieldChange] = []
    others: list[FieldChange] = []
    for name in dict.fromkeys([*old, *now]):
        if name in _OWN or old.get(name) == now.get(name):
            continue
        row = times if name in _TIMES else ways if name in _WAYS else others
        row.append(FieldChange(name, old.get(name), now.get(name)))
    return times, ways, others


def _delivery(recorded: Send, new: Send) -> list[FieldChange]:
    old, now = _way(recorded), _way(new)
    return [FieldChange(name, old[name], now[name]) for name in old if old[name] != now[name]]


def _way(send: Send) -> dict[str, str]:
    """How an answer leaves; the client's own address by that name, since it is told elsewhere."""
    own = (yiaddr(send), int.from_bytes(send.payload[_CIADDR], "big"))
    there = send.destination
    destination = "the client's address" if there in own else str(IPv4Address(there & _ADDRESS_MASK))
    return {
        "interface": send.interface or "fallback",
        "sent as": "frame" if send.raw else "datagram",
        "destination": destination,
        "port": str(send.port),
        "link": send.link.hex(":"),
        "source": str(IPv4Address(send.source & _ADDRESS_MASK)),
    }
