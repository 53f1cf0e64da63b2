"""The type `lease`: found by address, client identifier or hardware address; state, end, flags and variables change.

Every value is applied at once, stored, and stays where a later one is refused, as ISC does it. What a new state or end
does to a lease is lease/commit.py's; here is which values may be written, and what else is accepted in silence.

Other than ISC dhcpd on purpose (docs/differences.md): a variable keeps the octets that were written, null is refused
where it means nothing, and `remote-handle` is neither left behind nor shown.

Source: docs/behaviour/omapi.md#lease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import DEBUG
from ...model.lease import BOOTP_FLAG, BROADCAST_FLAG, NUL_FLAG, RESERVED_FLAG
from ...wire.text import dotted
from ..handles import Reference
from ..status import INVALID_ARGUMENT, MORE_THAN_ONE, NOT_FOUND, PERMISSION_DENIED, UNKNOWN_ATTRIBUTE
from ..wire import integer
from .base import NoKeys, Refused, Shown, agreed, found_by_handle, integer_in
from .class_ import class_reference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...model.lease import Lease
    from ..handles import Handles
    from ..wire import Values
    from .base import ObjectHost

LEASE: Final = "lease"
BACKUP_STATE: Final = 7
_ADDRESS_OCTETS: Final = 4
_ETHERNET: Final = b"\x01"
_TYPE_MAX: Final = 255
# The flags on the wire, each where ISC has it; its other bits are its own business.
_WIRE_FLAGS: Final = {BOOTP_FLAG: 0x02, RESERVED_FLAG: 0x04, NUL_FLAG: 0x08, BROADCAST_FLAG: 0x40}
_FLAG_OCTETS: Final = (1, 4)

# Writes that are accepted and change nothing: clients send them, and take an error for a failure of the whole.
IGNORED: Final = frozenset({
    b"dhcp-client-identifier", b"client-hostname", b"host", b"billing-class", b"hardware-address", b"hardware-type",
    b"hostname",
})  # fmt: skip
# What may be read and not written, and how that is refused. ISC makes a variable of the last ones.
REFUSED: Final = {
    b"ip-address": PERMISSION_DENIED,
    b"pool": PERMISSION_DENIED,
    b"starts": PERMISSION_DENIED,
    b"subnet": INVALID_ARGUMENT,
    b"tstp": PERMISSION_DENIED,
    b"tsfp": PERMISSION_DENIED,
    b"atsfp": PERMISSION_DENIED,
    b"cltt": PERMISSION_DENIED,
    b"known": PERMISSION_DENIED,
    b"handle": PERMISSION_DENIED,
}
HIDDEN_VARIABLE: Final = "remote-handle"


def hardware_key(values: Values) -> bytes | None:
    """Type octet and address that `hardware-address` and `hardware-type` name, None without an address.

    A look-up without a type means Ethernet. Raises Refused.
    """
    address = values.get(b"hardware-address")
    if not address:
        return None
    kind = values.get(b"hardware-type")
    if not kind:
        return _ETHERNET + address
    number = integer_in(kind)
    if number > _TYPE_MAX:
        raise Refused(INVALID_ARGUMENT)
    return bytes((number,)) + address


class LeaseObjects(Shown):
    """The leases of all addresses of all ranges, used or not: none is made, none removed. An ObjectType (base.py).

    A value that may not be written raises Refused (base.py); no key, NoKeys.
    """

    name = LEASE

    def __init__(self, host: ObjectHost, handles: Handles) -> None:
        self._host = host
        self._handles = handles

    def _lease(self, reference: Reference) -> Lease:
        lease = self._host.database.find(int(reference.name))
        assert lease is not None, "a handle was asked for by `exists`"
        return lease

    def exists(self, reference: Reference) -> bool:
        """Whether the address is still in a range."""
        return self._host.database.find(int(reference.name)) is not None

    def find(self, values: Values) -> Reference | None:
        """By handle, address, identifier, hardware: each key must lead to the same lease."""
        database = self._host.database
        found = found_by_handle(self._handles, values, LEASE, self.exists)
        address = values.get(b"ip-address")
        if address:
            lease = database.find(int.from_bytes(address, "big")) if len(address) == _ADDRESS_OCTETS else None
            if lease is None:
                raise Refused(NOT_FOUND)
            found = agreed(found, Reference(LEASE, lease.address))
        uid = values.get(b"dhcp-client-identifier")
        if uid:
            found = self._one_of(database.by_uid(uid), found)
        hardware = hardware_key(values)
        if hardware is not None:
            found = self._one_of(database.by_hardware(hardware), found)
        if found is None:
            raise NoKeys
        return found

    def _one_of(self, chain: Sequence[Lease], found: Reference | None) -> Reference:
        """The lease of a client: its first one, which must be its only one and the one that was found before."""
        first = agreed(found, Reference(LEASE, chain[0].address) if chain else None)
        assert first is not None, "agreed refuses what is not found"
        if len(chain) > 1:
            raise Refused(MORE_THAN_ONE)
        return first

    # What is shown

    def attributes(self, reference: Reference) -> Values:
        """In ISC's order."""
        lease = self._lease(reference)
        rare = lease.rare
        shown: Values = {b"state": integer(lease.state), b"ip-address": integer(lease.address)}
        if lease.uid:
            shown[b"dhcp-client-identifier"] = lease.uid
        if lease.hostname:
            shown[b"client-hostname"] = lease.hostname
        if rare is not None and rare.host is not None:
            shown[b"host"] = self._handle(Reference("host", rare.host))
        assert lease.subnet is not None, "an address of a range has a subnet"
        assert lease.pool is not None, "an address of a range has a pool"
        shown[b"subnet"] = self._handle(Reference("subnet", lease.subnet.number))
        shown[b"pool"] = self._handle(Reference("pool", lease.pool.index))
        if rare is not None and rare.billing is not None:
            shown[b"billing-class"] = self._handle(class_reference(rare.billing))
        if lease.hardware:
            shown[b"hardware-address"] = lease.hardware[1:]
            shown[b"hardware-type"] = integer(lease.hardware[0])
        shown |= self._times(lease)
        shown[b"flags"] = bytes((wire_flags(lease.flags),))
        if rare is not None and rare.variables:
            shown |= _variables(rare.variables)
        return shown

    def _handle(self, reference: Reference) -> bytes:
        return integer(self._handles.number(reference))

    def _times(self, lease: Lease) -> Values:
        rare = lease.rare
        return {
            b"ends": integer(lease.ends),
            b"starts": integer(lease.starts),
            b"tstp": integer(lease.tstp),
            b"tsfp": integer(0 if rare is None else rare.tsfp),
            b"atsfp": integer(0 if rare is None else rare.atsfp),
            b"cltt": integer(lease.cltt),
        }

    # What is written

    def change(self, reference: Reference) -> _LeaseChange:
        """The lease, to be changed value by value."""
        return _LeaseChange(self._host, self._lease(reference), reference)


class _LeaseChange:
    """A lease that values are being applied to."""

    def __init__(self, host: ObjectHost, lease: Lease, reference: Reference) -> None:
        self._host = host
        self._lease = lease
        self._reference = reference

    def finish(self) -> Reference:
        """Everything is stored already."""
        return self._reference

    def keep(self) -> None:
        """Everything is stored already."""

    def set(self, name: bytes, value: bytes) -> None:
        """Apply one value; raises Refused."""
        if name in IGNORED:
            return
        if name in REFUSED:
            raise Refused(REFUSED[name])
        if name == b"state":
            self._set_state(integer_in(value))
        elif name == b"ends":
            self._host.leases.write_end(self._lease, integer_in(value))
        elif name == b"flags":
            self._set_flags(value)
        else:
            self._set_variable(name, value)

    def _set_state(self, state: int) -> None:
        if not 1 <= state <= BACKUP_STATE:
            raise Refused(INVALID_ARGUMENT)
        if state != self._lease.state:
            self._host.leases.write_state(self._lease, state)

    def _set_flags(self, value: bytes) -> None:
        if len(value) not in _FLAG_OCTETS:
            raise Refused(INVALID_ARGUMENT)
        flags = sum(flag for flag, bit in _WIRE_FLAGS.items() if value[-1] & bit)
        if flags != self._lease.flags:
            old, new = wire_flags(self._lease.flags), wire_flags(flags)
            self._host.leases.write_flags(self._lease, flags)
            address = dotted(self._lease.address)
            self._host.log(DEBUG, f"lease flags changed from  {old:x} to {new:x} for lease {address}.")

    def _set_variable(self, name: bytes, value: bytes) -> None:
        text = name.decode("latin-1")
        rare = self._lease.rare
        known = rare.variables if rare is not None else None
        if not value and (known is None or text not in known):
            raise Refused(UNKNOWN_ATTRIBUTE)
        if not is_variable_name(text):
            raise Refused(INVALID_ARGUMENT)
        self._host.leases.write_variable(self._lease, text, value or None)


def is_variable_name(text: str) -> bool:
    """Whether the lease file can say `set NAME = ...;` of it, and read it back."""
    return bool(text) and text[0].isalpha() and all(one.isascii() and (one.isalnum() or one in "-_") for one in text)


def wire_flags(flags: int) -> int:
    """A lease's flags as OMAPI numbers them."""
    return sum(bit for flag, bit in _WIRE_FLAGS.items() if flags & flag)


def _variables(variables: Mapping[str, object]) -> Values:
    """The newest first; functions, and variables without a value, are left out."""
    shown: Values = {}
    for name, value in reversed(list(variables.items())):
        if name == HIDDEN_VARIABLE:
            continue
        if isinstance(value, int):
            shown[name.encode("latin-1")] = integer(value)
        elif isinstance(value, bytes):
            shown[name.encode("latin-1")] = value
    return shown
