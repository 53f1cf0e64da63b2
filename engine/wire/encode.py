"""A reply's option area from its option set: sizes, candidates, values, sub-spaces, placement.

`Encoder.area` is a function of its arguments alone. Most replies of a site
are alike but for a few values, so two bounded tables stand in front of the work: which codes are sent, by what
was set and asked for; and whole areas, by the values' octets. Both are keyed by everything that they depend on, so that
nothing can be seen of them but the time saved. Building the set, and the header around the area, are not done here.

See docs/behaviour/packets.md#option-formats, docs/behaviour/packets.md#building-the-reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...trace.effects import ERROR
from ..model.spaces import SpaceTable
from ..model.tables import tables_of
from .candidates import Criteria, bucket_order, candidates
from .codes import AGENT_OPTIONS, MAX_MESSAGE_SIZE, REQUEST_LIST, VENDOR_OPTIONS
from .fqdn import encode_fqdn
from .packet import DISCOVER, REQUEST
from .placement import Area, Item, pack_agent_block, place_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.configuration import Value
    from ..model.context import Context, Message, OptionSet
    from ..model.spaces import Registry

# Every client must take 576 octets (RFC 2131, 2), and Ethernet carries 1500: less the headers of IP, UDP and BOOTP. A
# client that asks for less than it must take gets what it must take.
MESSAGE_OCTETS_MINIMUM: Final = 576
MESSAGE_OCTETS_MAXIMUM: Final = 1500
AREA_OCTETS: Final = 312
AREA_OCTETS_MAXIMUM: Final = 1236
# RFC 951: the vendor area of a BOOTP message, and the length that relays and old clients expect at least.
BOOTP_AREA_OCTETS: Final = 64
PAYLOAD_OCTETS_MINIMUM: Final = 300
# The tables are keyed by what clients send, so they are bounded, and emptied as a whole: what is in use comes back.
CACHE_ENTRIES_MAXIMUM: Final = 4096
# Codes that a site may use as it likes: 128 and up, until RFC 3942 took those below 224 back.
SITE_CUTOFF: Final = 224
SITE_CUTOFF_MINIMUM: Final = 128
# A configuration may declare spaces that lie in each other in a circle.
ENCAPSULATION_DEPTH_MAXIMUM: Final = 16

_FIXED_OCTETS: Final = 236
# The BOOTP header and, as ISC counts them, 28 octets of IP and UDP.
_OVERHEAD: Final = _FIXED_OCTETS + 28
_VENDOR_OPTION_SPACE: Final = 19
_SITE_OPTION_SPACE: Final = 21
_ECHO_CLIENT_ID: Final = 85
# Parameters of the server that decide on an area.
_DECIDING: Final = frozenset({_VENDOR_OPTION_SPACE, _SITE_OPTION_SPACE, _ECHO_CLIENT_ID})
# The spaces that every option set has: dhcp and server.
_SET_SPACES: Final = 2
_SIZE_OCTETS: Final = 2

# Where a candidate's value is found.
_DIRECT: Final = 0
_SITE: Final = 1
_PACKED: Final = 2
_VENDOR: Final = 3


@dataclass(frozen=True, eq=False)
class Layout:
    """What differs between the kinds of reply: a row of the table below.

    See docs/behaviour/packets.md#what-differs-by-kind-of-reply.
    """

    name: str
    overload: bool
    request_list: bool
    configured_list: bool
    bootp_size: bool
    configured_size: bool
    nul_rule: bool
    site: bool
    echo: bool


# A static BOOTP client knows neither request lists nor overload; a dynamic one is answered as DHCP clients are, and has
# both. A NAK says no and little else. An INFORM is answered without overload. Who queries leases gets what the server
# has to tell, whatever is asked for. Columns: overload, the client's list, a configured list, the size by BOOTP's rule,
# a configured size, NULs behind text, a site space, the client's identifier with echo-client-id.
OFFER_OR_ACK: Final = Layout("OFFER/ACK", True, True, True, False, True, True, True, True)
DYNAMIC_BOOTP: Final = Layout("dynamic BOOTP", True, True, True, True, True, False, True, True)
STATIC_BOOTP: Final = Layout("static BOOTP", False, False, False, True, False, False, False, False)
NAK: Final = Layout("NAK", False, False, False, False, False, False, False, True)
INFORM: Final = Layout("INFORM ACK", False, True, True, False, False, True, True, False)
LEASEQUERY: Final = Layout("LEASEQUERY", False, False, True, False, False, False, False, False)


@dataclass(frozen=True, eq=False)
class Site:
    """A site option space as `site-option-space` spells it, the code from which it holds, and its lowest code.

    See docs/behaviour/packets.md#site-option-space.
    """

    spelled: str
    table: SpaceTable
    cutoff: int
    lowest: int


class UnknownSpaceError(Exception):
    """`site-option-space` has a name that no option space has: the reply cannot be made. Its text is ISC's line."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown option space {name}.")
        self.name = name


class _Plan:
    """The candidates that may have a value. `sources` is parallel to `codes`; None where all are set directly.

    `last`: the final candidate is the final of `codes`. `text`: codes whose type holds text.
    """

    __slots__ = ("codes", "last", "sources", "text")

    def __init__(self, found: list[tuple[int, int, str]], last: bool, text: frozenset[int]) -> None:
        self.codes = tuple(code for code, _, _ in found)
        plain = all(source == _DIRECT for _, source, _ in found)
        self.sources = None if plain else tuple((source, space) for _, source, space in found)
        self.last = last
        self.text = text


class Encoder:
    """Makes option areas for one configuration's registry. `warned` holds the site spaces already warned about.

    `warned` is the only thing that is state: whoever snapshots the machine keeps it.
    """

    __slots__ = ("_areas", "_parents", "_plans", "_sites", "_tables", "_text", "warned")

    def __init__(self, registry: Registry) -> None:
        """The registry must be complete."""
        self._tables = tables_of(registry)
        dhcp = self._tables["dhcp"]
        self._parents = tuple(code for code, _ in dhcp.members)
        self._text = frozenset(dhcp.minimum)
        self._plans: dict[tuple[object, ...], _Plan] = {}
        self._areas: dict[tuple[object, ...], Area] = {}
        self._sites: dict[bytes, Site | None] = {}
        self.warned: list[str] = []

    def site(self, layout: Layout, options: OptionSet, context: Context) -> Site | None:
        """The site option space that holds for a reply, None for none; raises UnknownSpaceError.

        Whoever sends the reply has `warn_of` log what there is to say of it.
        """
        if _SITE_OPTION_SPACE not in options.server or not layout.site:
            return None
        name = evaluate(options.server[_SITE_OPTION_SPACE], context)
        if not name:
            return None
        if name not in self._sites:
            if len(self._sites) >= CACHE_ENTRIES_MAXIMUM:
                self._sites.clear()
            self._sites[name] = self._make_site(name.decode("latin-1"))
        site = self._sites[name]
        if site is None:
            raise UnknownSpaceError(name.decode("latin-1"))
        return site

    @staticmethod
    def is_constant(options: OptionSet) -> bool:
        """Whether areas of the set depend on nothing beside it but what `asked_for` says of the packet."""
        if options.volatile or AGENT_OPTIONS in options.dhcp or "agent" in options.spaces:
            return False
        return options.server.keys().isdisjoint(_DECIDING)

    def warn_of(self, site: Site | None, context: Context) -> None:
        """Log, once a space, that a reply's site option space has codes that are not a site's any more."""
        if site is not None and site.lowest < SITE_CUTOFF and site.spelled.lower() not in self.warned:
            self.warned.append(site.spelled.lower())
            context.host.log(ERROR, _SITE_WARNING.format(name=site.spelled, lowest=site.lowest))

    def area(
        self,
        layout: Layout,
        packet: Message,
        options: OptionSet,
        context: Context,
        filename: bytes | None,
        server_name: bytes | None,
        site: Site | None = None,
    ) -> Area:
        """The options of a reply of kind `layout` to `packet`; `site` is what `site()` says of it.

        `filename` and `server_name` are only asked whether they are there: then their fields take no options.
        What the values' expressions log is logged here and now, so that the lines that come before are the caller's.
        """
        dhcp = options.dhcp
        plan = self._plan(layout, packet, options, context, site)
        values = self._values(plan, options, context, site)
        agent = b""
        if AGENT_OPTIONS in dhcp or "agent" in options.spaces:
            agent = self._agent(options, context)
        size = min(self._size(layout, packet, dhcp, context) + len(agent), AREA_OCTETS_MAXIMUM)
        nul = layout.nul_rule and packet.host_name_had_nul
        file_free = layout.overload and not filename
        sname_free = layout.overload and not server_name
        key = (plan, values, agent, size, nul, file_free, sname_free)
        area = self._areas.get(key)
        if area is None:
            area, fits = _place(plan, values, size, agent, nul=nul, file_free=file_free, sname_free=sname_free)
            # Not kept: the line belongs to every such reply.
            if not fits:
                context.host.log(ERROR, "Unable to store relay agent information in reply packet.")
                return area
            if len(self._areas) >= CACHE_ENTRIES_MAXIMUM:
                self._areas.clear()
            self._areas[key] = area
        return area

    def _plan(
        self, layout: Layout, packet: Message, options: OptionSet, context: Context, site: Site | None
    ) -> _Plan:
        dhcp = options.dhcp
        server = options.server
        requested = b""
        if layout.configured_list and REQUEST_LIST in dhcp:
            requested = evaluate(dhcp[REQUEST_LIST], context) or b""
        elif layout.request_list:
            requested = packet.options.get(REQUEST_LIST, b"")
        criteria = (  # a plain tuple, since most replies only look for it
            requested,
            layout.echo and _ECHO_CLIENT_ID in server and is_on(evaluate(server[_ECHO_CLIENT_ID], context)),
            "fqdn" in packet.spaces,
            packet.message_type in (DISCOVER, REQUEST),
            site is not None,
        )
        spaces = options.spaces
        filled = tuple((name, tuple(spaces[name])) for name in spaces) if len(spaces) > _SET_SPACES else tuple(dhcp)
        key = (criteria, filled, site, _VENDOR_OPTION_SPACE in server)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._make_plan(Criteria(*criteria), options, site)
            if len(self._plans) >= CACHE_ENTRIES_MAXIMUM:
                self._plans.clear()
                self._areas.clear()
            self._plans[key] = plan
        return plan

    def _make_plan(self, criteria: Criteria, options: OptionSet, site: Site | None) -> _Plan:
        cutoff = site.cutoff if site is not None else 1 << 32
        members = options.spaces.get(site.table.space.name, {}) if site is not None else {}
        present = [code for code in options.dhcp if code < cutoff]
        site_present = [code for code in members if code >= cutoff]
        ordered = candidates(criteria, present, site_present, self._parents)
        found: list[tuple[int, int, str]] = []
        for code in ordered:
            source = self._source(code, options) if code < cutoff else self._site_source(code, members, site)
            if source is not None:
                found.append((code, *source))
        text = self._text
        if site is not None:
            text = frozenset(code for code in text if code < cutoff) | frozenset(
                code for code in site.table.minimum if code >= cutoff
            )
        last = bool(found) and bool(ordered) and found[-1][0] == ordered[-1]
        return _Plan(found, last, text)

    def _source(self, code: int, options: OptionSet) -> tuple[int, str] | None:
        if code in options.dhcp:
            return _DIRECT, ""
        if code == VENDOR_OPTIONS and _VENDOR_OPTION_SPACE in options.server:
            return _VENDOR, ""
        # Option 43, too, may have been given a space of its own (`option NAME code 43 = encapsulate SPACE`).
        inner = self._tables["dhcp"].inner.get(code)
        return (_PACKED, inner) if inner is not None and options.spaces.get(inner) else None

    def _site_source(
        self, code: int, members: Mapping[int, Value], site: Site | None
    ) -> tuple[int, str] | None:
        if code in members:
            return _SITE, ""
        inner = site.table.inner.get(code) if site is not None else None
        return (_PACKED, inner) if inner is not None else None

    def _values(
        self, plan: _Plan, options: OptionSet, context: Context, site: Site | None
    ) -> tuple[bytes | None, ...]:
        """The candidates' values, evaluated in order where they are not constant."""
        dhcp = options.dhcp
        if plan.sources is None:
            values = tuple(map(dhcp.__getitem__, plan.codes))
            # One call in C finds out whether all values are octets, as those of most sites are.
            try:
                b"".join(values)  # type: ignore[arg-type]
            except TypeError:
                return tuple(evaluate(value, context) for value in values)
            return values  # type: ignore[return-value]
        found: list[bytes | None] = []
        for code, (source, space) in zip(plan.codes, plan.sources, strict=True):
            if source == _DIRECT:
                found.append(evaluate(dhcp[code], context))
            elif source == _SITE and site is not None:
                found.append(evaluate(options.spaces[site.table.space.name][code], context))
            elif source == _PACKED:
                found.append(self._pack(space, options, context, 0))
            else:
                found.append(self._vendor(options, context))
        return tuple(found)

    def _vendor(self, options: OptionSet, context: Context) -> bytes:
        """Option 43 from the space that vendor-option-space names.

        See docs/behaviour/packets.md#vendor-encapsulated-options.
        """
        name = evaluate(options.server[_VENDOR_OPTION_SPACE], context)
        if not name:
            return b""
        shown = name.decode("latin-1")
        if shown.lower() not in self._tables:
            text = f"option_space_encapsulate: option space '{shown}' does not exist, but is configured."
            context.host.log(ERROR, text)
            return b""
        return self._pack(shown.lower(), options, context, 0)

    def _pack(self, name: str, options: OptionSet, context: Context, depth: int) -> bytes:
        """A space's members as octets. Nothing set directly: nothing, whatever its sub-spaces hold.

        NetWare/IP's members are never sent.

        See docs/behaviour/packets.md#encapsulation-when-sending, docs/behaviour/packets.md#netwareip.
        """
        members = options.spaces.get(name)
        # ISC never sends members of space nwip, so no client has ever had them.
        if not members or name == "nwip" or depth > ENCAPSULATION_DEPTH_MAXIMUM:
            return b""
        if name == "fqdn":
            return encode_fqdn({code: evaluate(value, context) or b"" for code, value in members.items()})
        table = self._tables[name]
        ordered = list(members) if table.space.insertion_ordered else bucket_order(members)
        packed: list[bytes] = []
        for code in ordered:
            value = evaluate(members[code], context) or b""
            # An empty value is an absent one, but for options that consist of being there.
            if value or code in table.empty:
                packed.append(_member(table, code, value))
        for code, inner in table.members:
            if code not in members:
                value = self._pack(inner, options, context, depth + 1)
                if value:
                    packed.append(_member(table, code, value))
        return b"".join(packed)

    def _agent(self, options: OptionSet, context: Context) -> bytes:
        """The relay block, packed: a raw configured value, else the list of space agent.

        See docs/behaviour/packets.md#relay-agent-information-on-output.
        """
        if AGENT_OPTIONS in options.dhcp:
            return pack_agent_block(evaluate(options.dhcp[AGENT_OPTIONS], context) or b"")
        return pack_agent_block(self._pack("agent", options, context, 0))

    def _size(self, layout: Layout, packet: Message, dhcp: Mapping[int, Value], context: Context) -> int:
        """The size of the option area, with the cookie, before the relay block is counted in.

        See docs/behaviour/packets.md#size-of-the-option-area.
        """
        size = 0
        asked = packet.options.get(MAX_MESSAGE_SIZE)
        if asked is None:
            if layout.configured_size and MAX_MESSAGE_SIZE in dhcp:
                value = evaluate(dhcp[MAX_MESSAGE_SIZE], context) or b""
                size = int.from_bytes(value, "big") if len(value) == _SIZE_OCTETS else 0
        elif len(asked) >= _SIZE_OCTETS:
            size = (asked[0] << 8) | asked[1]
        if size:
            if size < MESSAGE_OCTETS_MINIMUM:
                return AREA_OCTETS
            return min(size, MESSAGE_OCTETS_MAXIMUM) - _OVERHEAD
        if not layout.bootp_size:
            return AREA_OCTETS
        # A BOOTP client takes as long a vendor area as it sends; one shorter than any is RFC 951's.
        length = len(packet.payload)
        return length - _FIXED_OCTETS if length >= PAYLOAD_OCTETS_MINIMUM else BOOTP_AREA_OCTETS

    def _make_site(self, spelled: str) -> Site | None:
        table = self._tables.get(spelled.lower())
        if table is None:
            return None
        lowest = min(table.space.by_code, default=SITE_CUTOFF)
        return Site(spelled, table, max(min(lowest, SITE_CUTOFF), SITE_CUTOFF_MINIMUM), lowest)


_SITE_WARNING: Final = (
    "WARNING: site-local option codes less than 224 have been deprecated by RFC3942.  You have options listed in site "
    "local space {name} that number as low as {lowest}.  Please investigate if these should be declared as regular "
    "options rather than site-local options, or migrated up past 224."
)


def evaluate(value: Value, context: Context) -> bytes | None:
    """A value of an option set: itself, or what it finds in the context."""
    return value if isinstance(value, bytes) else value(context)


def asked_for(packet: Message) -> tuple[object, ...]:
    """All of a DHCP message that decides on the area of a set which `Encoder.is_constant`."""
    options = packet.options
    return (
        packet.message_type, options.get(REQUEST_LIST), options.get(MAX_MESSAGE_SIZE),
        packet.host_name_had_nul, "fqdn" in packet.spaces,
    )  # fmt: skip


def is_on(value: bytes | None) -> bool:
    """Whether a boolean parameter is true: its first octet counts."""
    return value is not None and value[:1] == b"\x01"


def _member(table: SpaceTable, code: int, value: bytes) -> bytes:
    space = table.space
    # Cut to their widths, as ISC does: codes beyond them are accepted in definitions.
    tag = (code & ((1 << (8 * space.code_width)) - 1)).to_bytes(space.code_width, "big")
    length = (len(value) & ((1 << (8 * space.length_width)) - 1)).to_bytes(space.length_width, "big")
    return tag + length + value


def _place(
    plan: _Plan,
    values: tuple[bytes | None, ...],
    size: int,
    agent: bytes,
    *,
    nul: bool,
    file_free: bool,
    sname_free: bool,
) -> tuple[Area, bool]:
    final = len(values) - 1 if plan.last else -1
    items = [
        Item(code, value + b"\x00" if nul and code in plan.text else value, place == final)
        for place, (code, value) in enumerate(zip(plan.codes, values, strict=True))
        if value
    ]
    return place_options(items, size, agent, file_free=file_free, sname_free=sname_free)
