"""The type `host`: declarations of clients, made, changed and removed while the server runs.

A host that is made serves the next packet. It is put in force and stored when all values are applied; values that
came before a refused one stay in memory on a host that was there before, as in ISC dhcpd.

Source: docs/behaviour/omapi.md#host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ...conf.reading.parse_hosts import identifier_ignored
from ...model.change import Reversal
from ...model.syntax import Host as HostNode
from ...model.syntax import OptionStatement
from ..handles import Reference
from ..status import ALREADY_EXISTS, INVALID_ARGUMENT, KEY_CONFLICT, NOT_FOUND, UNKNOWN_ATTRIBUTE
from ..wire import integer
from .base import NoKeys, Refused, agreed, found_by_handle, integer_in
from .declaration import checked, declare, octets_of, put_back, read_statements, text_in
from .host_fields import Fields
from .lease import hardware_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...conf.building.directory import Hosts as HostDirectory
    from ...model.configuration import Host
    from ..handles import Handles
    from ..wire import Values
    from .base import ObjectHost

HOST: Final = "host"
HARDWARE_OCTETS_MAX: Final = 20
_ADDRESS_OCTETS: Final = 4
_TYPE_MAX: Final = 255
_MADE_UP_OCTETS: Final = 6
_IDENTIFIER: Final = ("dhcp", 61)


class HostObjects:
    """The hosts in force, of dhcpd.conf, the lease file and OMAPI alike. An ObjectType (base.py).

    A value that may not be, and a host that nothing would find, raise Refused (base.py); no key, NoKeys.
    """

    name = HOST

    def __init__(self, host: ObjectHost, handles: Handles) -> None:
        self._host = host
        self._handles = handles

    @property
    def _hosts(self) -> HostDirectory:
        return self._host.generation.declared.hosts

    def _named(self, reference: Reference) -> Host:
        found = self._hosts.by_name.get(str(reference.name))
        assert found is not None, "a handle was asked for by `exists`"
        return found

    def exists(self, reference: Reference) -> bool:
        """Whether the host is still declared."""
        return self._hosts.by_name.get(str(reference.name)) is not None

    # Looking up

    def find(self, values: Values) -> Reference | None:
        """By handle, identifier, hardware, the lease of an address, name: each key must lead to the same host."""
        hosts = self._hosts
        found = found_by_handle(self._handles, values, HOST, self.exists)
        uid = values.get(b"dhcp-client-identifier")
        if uid:
            found = agreed(found, _first(hosts.by_uid.get(uid)))
        hardware = hardware_key(values)
        if hardware is not None:
            found = agreed(found, _first(hosts.by_hardware.get(hardware)))
        address = values.get(b"ip-address")
        if address:
            found = self._by_lease(address, found)
        name = values.get(b"name")
        if name:
            known = hosts.by_name.get(name.decode("utf-8", "surrogateescape"))
            found = agreed(found, None if known is None else Reference(HOST, known.name))
        if found is None:
            raise NoKeys
        return found

    def _by_lease(self, address: bytes, found: Reference | None) -> Reference | None:
        """The host of the hardware that the lease of an address remembers: fixed addresses are no keys."""
        lease = self._host.database.find(int.from_bytes(address, "big")) if len(address) == _ADDRESS_OCTETS else None
        known = None if lease is None or not lease.hardware else _first(self._hosts.by_hardware.get(lease.hardware))
        if known is None:
            if found is None:
                raise Refused(NOT_FOUND)
            return found
        if found is not None and found != known:
            raise Refused(KEY_CONFLICT)
        return known

    def attributes(self, reference: Reference) -> Values:
        """In ISC's order; a host name among the addresses is shown as what it resolves to."""
        host = self._named(reference)
        shown: Values = {}
        addresses: list[int] = []
        for one in host.fixed_addresses:
            addresses += (one,) if isinstance(one, int) else self._host.addresses_of(one) or ()
        if addresses:
            shown[b"ip-address"] = b"".join(map(integer, addresses))
        if host.uid:
            shown[b"dhcp-client-identifier"] = host.uid
        shown[b"name"] = host.name.encode("utf-8", "surrogateescape")
        if host.hardware:
            shown[b"hardware-address"] = host.hardware[1:]
            shown[b"hardware-type"] = integer(host.hardware[0])
        return shown

    # Changing

    def create(self) -> _HostChange:
        """A new host."""
        return _HostChange(self._host, None)

    def change(self, reference: Reference) -> _HostChange:
        """A host that is there."""
        return _HostChange(self._host, self._named(reference))

    def remove(self, reference: Reference) -> None:
        """Take a host away: for good, also where dhcpd.conf declares it."""
        fields = Fields.of(self._named(reference))
        self._host.store(declare(self._host, fields.deletion()), _reversal(fields, fields.record()))
        self._handles.forget(reference)


def _reversal(fields: Fields, before: str = "") -> Reversal:
    """How a host of these fields is taken back; `before`: the record of what it was."""
    return Reversal((HOST, fields.name, b""), octets_of(fields.deletion()), octets_of(before))


def _first(hosts: tuple[Host, ...] | None) -> Reference | None:
    """The first declared of those that a key leads to."""
    return Reference(HOST, hosts[0].name) if hosts else None


class _HostChange:
    """A host that values are being applied to; `known` is the one in force, None for a new one."""

    def __init__(self, host: ObjectHost, known: Host | None) -> None:
        self._host = host
        self._known = known
        self._fields = Fields() if known is None else Fields.of(known)
        if host.generation.declared.groups.get(self._fields.group) is None:
            self._fields.group = ""  # a reload has taken it away: a record that names it could not be read back

    def set(self, name: bytes, value: bytes) -> None:
        """Apply one value; raises Refused."""
        setter = _SETTERS.get(name)
        if setter is None:
            raise Refused(UNKNOWN_ATTRIBUTE)
        setter(self, value)

    def finish(self) -> Reference:
        """Put the host in force and store it; raises Refused where it cannot be found by anything, or is not alone."""
        fields, host = self._fields, self._host
        if not fields.hardware_address and not fields.identifier:
            raise Refused(INVALID_ARGUMENT)
        if self._known is None:
            if not fields.name:
                fields.name = f"nh{host.now:08x}{host.draws.octets(_MADE_UP_OCTETS).hex()}"
            if host.generation.declared.hosts.by_name.get(fields.name) is not None:
                raise Refused(ALREADY_EXISTS)
        before = "" if self._known is None else Fields.of(self._known).record()
        octets = self._enter()
        host.store(octets, _reversal(fields, before))
        return Reference(HOST, fields.name)

    def keep(self) -> None:
        """What was applied to a host that is there stays in memory."""
        if self._known is not None:
            try:
                self._enter()
            except Refused:
                return

    def _enter(self) -> bytes:
        """Put the host in force in the place of what was there; the records that say so. Raises Refused."""
        self._settle_identifier()
        record = self._fields.record()
        if self._known is None:
            return self._put(record)
        # A name that is taken is refused by the reader, so that what was there must go first.
        before = Fields.of(self._known)
        gone = declare(self._host, before.deletion())
        try:
            return gone + self._put(record)
        except Refused:
            put_back(self._host, octets_of(before.record()))
            raise

    def _settle_identifier(self) -> None:
        """A host without an identifier is found by the one that it sends its client; of another it is said."""
        fields, found = self._fields, b""
        for node in fields.statements or ():
            if isinstance(node, OptionStatement) and (node.option.space, node.option.code) == _IDENTIFIER:
                found = node.value.octets or found
        if found and fields.identifier not in (b"", found):
            self._host.log(ERROR, identifier_ignored(fields.name, fields.identifier, found))
        fields.identifier = fields.identifier or found

    def _put(self, record: str) -> bytes:
        """Put a record in force that reads back as it was meant; raises Refused."""
        database, declared, octets = self._host.database, self._host.generation.declared, octets_of(record)
        plain = self._fields.plain_host(declared)
        if plain is not None:
            database.declare_host(plain, octets)
            return octets
        known = self._fields.plain_node(declared)
        if known is not None:
            database.declare_made(known, octets)
            return octets
        node = checked(self._host, record)
        if not isinstance(node, HostNode) or node.name != self._fields.name:
            raise Refused(INVALID_ARGUMENT)
        database.declare(node, octets)
        return octets

    # Values

    def _set_name(self, value: bytes) -> None:
        if self._fields.name:
            raise Refused(ALREADY_EXISTS)
        self._fields.name = text_in(value)

    def _set_hardware_address(self, value: bytes) -> None:
        if not 0 < len(value) <= HARDWARE_OCTETS_MAX:
            raise Refused(INVALID_ARGUMENT)
        if self._fields.hardware_address:
            raise Refused(ALREADY_EXISTS)
        self._fields.hardware_address = value

    def _set_hardware_type(self, value: bytes) -> None:
        number = integer_in(value)
        if number > _TYPE_MAX:
            raise Refused(INVALID_ARGUMENT)
        self._fields.hardware_type = number

    def _set_uid(self, value: bytes) -> None:
        if self._fields.identifier:
            raise Refused(ALREADY_EXISTS)
        if not value:
            raise Refused(INVALID_ARGUMENT)
        self._fields.identifier = value

    def _set_addresses(self, value: bytes) -> None:
        if len(value) % _ADDRESS_OCTETS:
            raise Refused(INVALID_ARGUMENT)
        self._fields.addresses = tuple([
            int.from_bytes(value[at : at + _ADDRESS_OCTETS], "big") for at in range(0, len(value), _ADDRESS_OCTETS)
        ])  # fmt: skip

    def _set_group(self, value: bytes) -> None:
        name = text_in(value)
        if self._host.generation.declared.groups.get(name) is None:
            raise Refused(NOT_FOUND)
        # Its statements run in the place of those that the host had of its own.
        self._fields.group, self._fields.statements = name, None

    def _set_statements(self, value: bytes) -> None:
        if self._fields.statements is not None:
            raise Refused(ALREADY_EXISTS)
        if not value:
            raise Refused(INVALID_ARGUMENT)
        self._fields.statements = read_statements(self._host, value)

    def _set_known(self, _value: bytes) -> None:
        """Every host is known: accepted, without effect."""


_SETTERS: Final[dict[bytes, Callable[[_HostChange, bytes], None]]] = {
    b"name": _HostChange._set_name,
    b"hardware-address": _HostChange._set_hardware_address,
    b"hardware-type": _HostChange._set_hardware_type,
    b"dhcp-client-identifier": _HostChange._set_uid,
    b"ip-address": _HostChange._set_addresses,
    b"group": _HostChange._set_group,
    b"statements": _HostChange._set_statements,
    b"known": _HostChange._set_known,
}
