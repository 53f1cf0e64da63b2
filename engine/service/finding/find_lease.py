"""Which lease belongs to a client and its request: fixed address, requested address, uid, hardware.

Four candidates are gathered, compared and reduced to one, in ISC's order, with ISC's side effects: leases that the
client may no longer have are released on the way, on DISCOVER as well as on REQUEST. Choosing a fresh lease is
allocate.py's.

See docs/behaviour/decisions.md#find-the-lease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ...model.change import Cause
from ...model.lease import ABANDONED, ACTIVE, BACKUP, FREE, Lease
from ...wire.codes import CLIENT_IDENTIFIER
from ...wire.packet import DISCOVER, REQUEST
from ...wire.text import dotted, hardware_text
from ..reasons import Reason
from .allocate import may_use
from .hosts import fixed_lease, known_hosts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...model.configuration import Host, SharedNetwork
    from ...model.context import Context, Message
    from ..server import Server

UNAVAILABLE: Final = "requested address not available"
INCORRECT: Final = "requested address is incorrect"


# The client's lease; whether the address asked for is under our control, so that a NAK is justified.
Found = tuple[Lease | None, bool]


class Search:
    """One run of find-lease: what it was given, and the candidates as they come and go."""

    __slots__ = (
        "cip", "context", "by_hardware", "by_uid", "hosts", "ip", "mock", "network", "ours", "packet", "server", "uid",
    )  # fmt: skip

    def __init__(self, server: Server, context: Context, packet: Message, network: SharedNetwork) -> None:
        """Nothing is found yet."""
        self.server = server
        self.context = context
        self.packet = packet
        self.network = network
        self.uid = packet.options.get(CLIENT_IDENTIFIER)
        self.cip = packet.ciaddr or packet.requested_address
        self.hosts: Sequence[Host] = ()
        self.mock: Lease | None = None
        self.ip: Lease | None = None
        self.by_uid: Lease | None = None
        self.by_hardware: Lease | None = None
        self.ours = False

    @property
    def releasing(self) -> bool:
        """Whether the client claims no address, so that leases it may not keep are released."""
        return not self.packet.ciaddr


def find_lease(
    server: Server, context: Context, packet: Message, network: SharedNetwork, preset: Lease | None = None
) -> Found:
    """The lease of this client on the network; `preset` is the lease that gave the packet its relay options.

    See docs/behaviour/decisions.md#relay-options-of-unicast-renewals.
    """
    search = Search(server, context, packet, network)
    if server.generation.declared.hosts.count:
        search.hosts = known_hosts(server, packet)
        if search.hosts:
            search.mock = fixed_lease(server, search.hosts, network)
            if search.mock is not None and packet.message_type == REQUEST and search.cip != search.mock.address:
                _passed(search, search.mock, "the client asks for another address than its fixed one")
                server.nak_text = INCORRECT
                return None, True
    if search.uid is not None:
        _find_by_uid(search, search.uid)
    _find_by_hardware(search)
    if search.cip is not None or preset is not None:
        _find_by_address(search, preset)
    if search.ip is not None or search.by_uid is not None:
        _reconcile(search)
    if search.ip is None:
        server.nak_text = UNAVAILABLE
        if packet.message_type == REQUEST and search.mock is None:
            return None, search.ours
    found = _choose(search)
    if server.reasons is not None:
        _explain(search, found[0])
    return found


def _unusable(server: Server, lease: Lease) -> bool:
    """Not ACTIVE, not to be rewound to ACTIVE, and not this server's to give anew."""
    if lease.state in (ACTIVE, FREE) or lease.rewind_state == ACTIVE:
        return False
    return not server.leases.partner_of(lease).may_regain(lease, server.now)


def _passed(search: Search, lease: Lease, why: str) -> None:
    """Note a candidate that is passed over."""
    if search.server.reasons is not None:
        search.server.reasons.append(Reason("candidate", dotted(lease.address), "passed over", why))


def _found(search: Search, lease: Lease, why: str) -> None:
    """Note a candidate that stays for now."""
    assert search.server.reasons is not None
    search.server.reasons.append(Reason("candidate", dotted(lease.address), "found", why))


def _find_by_uid(search: Search, uid: bytes) -> None:
    """The first lease of the client identifier that the client may have; it loses those that it may not.

    See docs/behaviour/decisions.md#lease-by-client-identifier.
    """
    server = search.server
    for lease in server.database.by_uid(uid):
        assert lease.pool is not None
        if lease.state != ACTIVE and _unusable(server, lease):
            _passed(search, lease, "its state")
        elif lease.subnet is None or lease.subnet.network is not search.network:
            _passed(search, lease, "on another network")
            continue
        elif may_use(server, search.context, lease.pool):
            search.by_uid = lease
            if server.reasons is not None:
                _found(search, lease, "the first lease of the client identifier that it may have")
            return
        else:
            _passed(search, lease, "its pool is not permitted any more")
        if search.releasing:
            _revoke(search, lease)


def _revoke(search: Search, lease: Lease) -> None:
    """Take a lease from the client, which may not keep it."""
    search.server.leases.release(lease, search.packet, Cause.REVOKE)


def _find_by_hardware(search: Search) -> None:
    """The first lease of the hardware address that is nobody else's, and that the client may have.

    See docs/behaviour/decisions.md#lease-by-hardware-address.
    """
    server, uid = search.server, search.uid
    silent = server.reasons is None
    for lease in server.database.by_hardware(search.packet.hardware):
        if silent and lease is search.by_uid:
            # It was asked all of this when it was found by its identifier.
            search.by_hardware = lease
            return
        state = lease.state
        if silent and state == ACTIVE and lease.uid and lease.uid != uid:
            # Passed over below as well, but one address may have tens of thousands of identifiers.
            continue
        assert lease.pool is not None
        if state != ACTIVE and _unusable(server, lease):
            _passed(search, lease, "its state")
        elif _under_another(lease, uid) and state not in (FREE, BACKUP):
            _passed(search, lease, "held under another client identifier")
        elif lease.subnet is None or lease.subnet.network is not search.network:
            _passed(search, lease, "on another network")
        elif may_use(server, search.context, lease.pool):
            search.by_hardware = lease
            if not silent:
                _found(search, lease, "the first lease of the hardware address that it may have")
            return
        else:
            _passed(search, lease, "its pool is not permitted any more")
            if search.releasing:
                _revoke(search, lease)


def _under_another(lease: Lease, uid: bytes | None) -> bool:
    """Whether a lease has an identifier that is not `uid`. One of no octets (a lease file's) never is."""
    if lease.uid:
        return lease.uid != uid
    return lease.rare is not None and lease.rare.empty_uid


def belongs(lease: Lease, packet: Message) -> bool:
    """Whether a lease is this client's: by uid where it has one, else by hardware address."""
    if lease.uid:
        return packet.options.get(CLIENT_IDENTIFIER) == lease.uid
    if lease.rare is not None and lease.rare.empty_uid:
        return False
    return lease.hardware == packet.hardware


def _find_by_address(search: Search, preset: Lease | None) -> None:
    """The lease of the address that is asked for, unless another client has it; whether it is ours to refuse.

    See docs/behaviour/decisions.md#lease-by-address.
    """
    server, packet = search.server, search.packet
    lease = preset
    if lease is None and search.cip is not None:
        lease = server.database.find(search.cip)
    if lease is None:
        return
    search.ours = True
    state = lease.state
    if lease.subnet is None or lease.subnet.network is not search.network:
        _passed(search, lease, "on another network")
        return
    if not belongs(lease, packet) and state not in (FREE, BACKUP):
        if state != ACTIVE:
            search.ours = False
        _passed(search, lease, "another client has it")
        return
    if (
        packet.message_type == DISCOVER
        and (search.by_uid is not None or search.by_hardware is not None)
        and _unusable(server, lease)
    ):
        _passed(search, lease, "its state")
        return
    search.ip = lease
    if server.reasons is not None:
        _found(search, lease, "the client asks for its address")


def _reconcile(search: Search) -> None:
    """Where more than one candidate was found: what contradicts another is dropped, what is the same is one.

    See docs/behaviour/decisions.md#candidates-reconciled, steps 1 to 4.
    """
    ip = search.ip
    # Whoever was found by the client was asked for its permits then, and nothing changes them.
    permitted = ip is search.by_uid or ip is search.by_hardware
    if ip is not None:
        if ip.state == ACTIVE and ip.uid and ip is not search.by_uid:
            _reconcile_active(search)
        if search.mock is not None and search.ip is not None and search.packet.message_type == REQUEST:
            assert search.mock.rare is not None
            host = search.mock.rare.host
            _log_conflict(search, ip.address if host is None else host)
            search.ip = None
        ip = search.ip
    if search.by_hardware is search.by_uid or search.by_hardware is ip:
        search.by_hardware = None
    if ip is not None:
        if ip is search.by_uid:
            search.by_uid = None
        if not permitted and not _still_permitted(search, ip):
            _passed(search, ip, "its pool is not permitted")
            search.ip = None


def _reconcile_active(search: Search) -> None:
    """The address asked for is in use under a uid, and is not the first lease of the client's uid.

    See docs/behaviour/decisions.md#candidates-reconciled, step 1.
    """
    server, ip, by_uid = search.server, search.ip, search.by_uid
    assert ip is not None
    requesting = search.packet.message_type == REQUEST
    if ip.uid == search.uid and by_uid is not None:
        if by_uid.state == ACTIVE:
            client = hardware_text(search.packet.hardware)
            server.log(ERROR, f"client {client} has duplicate leases on {search.network.name}")
        if requesting and search.releasing:
            _revoke(search, by_uid)
        search.by_uid = ip
    if requesting and search.mock is not None:
        search.mock = None
        _log_conflict(search, ip.address)
    if search.ip is not search.by_uid:
        _passed(search, ip, "in use under another client identifier")
        search.ip = None


def _log_conflict(search: Search, name: str | int) -> None:
    shown = name if isinstance(name, str) else dotted(name)
    cip = dotted(search.cip or 0)
    for line in (
        f"Dynamic and static leases present for {cip}.",
        f"Remove host declaration {shown} or remove {cip}",
        f"from the dynamic address pool for {search.network.name}",
    ):
        search.server.log(ERROR, line)


def _still_permitted(search: Search, lease: Lease) -> bool:
    """Whether the client may have the lease of the address that it asks for; it loses it if not."""
    assert lease.pool is not None
    if may_use(search.server, search.context, lease.pool):
        return True
    if search.releasing and lease.state == ACTIVE:
        _revoke(search, lease)
    return False


def _choose(search: Search) -> Found:
    """The one of the candidates that the client gets: fixed, asked for, by identifier, by hardware.

    See docs/behaviour/decisions.md#which-candidate-is-chosen, docs/behaviour/decisions.md#abandoned-candidate.
    """
    chosen, ip, by_uid = search.mock, search.ip, search.by_uid
    if chosen is None:
        chosen = ip
    elif ip is not None and search.releasing:
        _revoke(search, ip)
    if chosen is None:
        chosen = by_uid
    elif by_uid is not None:
        _drop_duplicate(search, by_uid)
    if chosen is None and search.by_hardware is not None and _same_identity(search, search.by_hardware):
        chosen = search.by_hardware
    if chosen is not None and chosen.pool is not None:
        if search.hosts or chosen.rare is not None:
            _attach_host(search, chosen)
        if chosen.state == ABANDONED:
            return _reclaim(search, chosen)
    return chosen, search.ours


def _explain(search: Search, chosen: Lease | None) -> None:
    """The candidate that was taken, and why the others that were still there were not."""
    assert search.server.reasons is not None
    if chosen is not None:
        search.server.reasons.append(Reason("candidate", dotted(chosen.address), "chosen", _kind(search, chosen)))
    for lease in (search.ip, search.by_uid, search.by_hardware):
        if lease is None or lease is chosen:
            continue
        why = "held under another client identifier" if chosen is None else f"{dotted(chosen.address)} goes before it"
        _passed(search, lease, why)


def _kind(search: Search, chosen: Lease) -> str:
    if chosen is search.mock:
        return "fixed address"
    if chosen is search.ip:
        return "the address asked for"
    return "the client identifier's lease" if chosen is search.by_uid else "the hardware address's lease"


def _same_identity(search: Search, lease: Lease) -> bool:
    """Whether a lease found by hardware address may be had: no uid on it, or the packet's, or BOOTP without one."""
    if not lease.uid or lease.uid == search.uid:
        return True
    return search.uid is None and not search.packet.message_type


def _attach_host(search: Search, lease: Lease) -> None:
    """The first host of the list that has no fixed address, for a lease in use; none for others."""
    attached: str | None = None
    if search.hosts and lease.state == ACTIVE:
        attached = next((host.name for host in search.hosts if not host.fixed_addresses), None)
    known = None if lease.rare is None else lease.rare.host
    if attached != known:
        search.server.leases.attach(lease, attached)


def _drop_duplicate(search: Search, lease: Lease) -> None:
    """The client's uid has a lease besides the chosen one."""
    client = hardware_text(search.packet.hardware)
    text = f"uid lease {dotted(lease.address)} for client {client} is duplicate on {search.network.name}"
    search.server.log(ERROR, text)
    if search.packet.message_type == REQUEST and search.releasing and lease.state == ACTIVE:
        _revoke(search, lease)


def _reclaim(search: Search, lease: Lease) -> Found:
    if search.packet.message_type == REQUEST and lease is search.ip:
        search.server.log(ERROR, f"Reclaiming REQUESTed abandoned IP address {dotted(lease.address)}.")
        return lease, search.ours
    return None, True
