"""Shared networks, subnets, pools, ranges and permits: checked while read.

See docs/behaviour/configuration.md#declarations-and-parameters, docs/behaviour/configuration.md#failover-peers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ...model.syntax import FailoverReference, Interface, Permit, Pool, Range, SharedNetwork, Subnet
from .cursor import FatalError, Lost
from .frames import GLOBAL, GROUP, HOST, POOL, POOL6, SHARED_NETWORK, SUBNET, Frame, PoolState
from .keywords import EOF, STRING
from .parse_hosts import Hosts
from .symbols import Network

if TYPE_CHECKING:
    from ...model.syntax import Node

_INTERFACE_MAX_BYTES: Final = 15
_TWICE_MAX: Final = 1024
_ALL_ONES: Final = 0xFFFFFFFF
_CLIENT_PERMITS: Final = {
    "known": "known", "unknown": "unknown", "all": "all", "authenticated": "authenticated",
    "unauthenticated": "unauthenticated",
}  # fmt: skip
_NO_BOOTP: Final = """\
range declarations where there is a failover
peer in scope.   If you wish to declare an
address range from which dynamic bootp leases
can be allocated, please declare it within a
pool declaration that also contains the "no
failover" statement.   The failover protocol
itself does not permit dynamic bootp - this
is not a limitation specific to the ISC DHCP
server.   Please don't ask me to defend this
until you have read and really tried to understand
the failover protocol specification."""


def dotted(address: int) -> str:
    """A 32-bit number as a dotted quad."""
    return ".".join(str(octet) for octet in address.to_bytes(4, "big"))


class Networks(Hosts):
    """Reads the topology."""

    requested_interfaces: list[str]
    named_interfaces: frozenset[str]

    def shared_network(self, frame: Frame) -> Node:
        """`shared-network NAME {...}`: the word is read."""
        place = self.place()
        if frame.kind not in (GLOBAL, GROUP, POOL, POOL6):
            frame.declared = False
            raise self.lost("shared-network parameters not allowed here.")
        frame.declared = True
        name = self._network_name()
        self.left_brace()
        network = Network(name)
        block = self.block(Frame(SHARED_NETWORK, network))
        if not network.subnets and self.lexer.kind == "}":
            self.warn("empty shared-network decl")
        return SharedNetwork(place, name, block)

    def _network_name(self) -> str:
        if self.lexer.peek() == STRING:
            self.lexer.next()
            name = self.text()
            if not name:
                self.warn("zero-length shared network name")
            return name or "<no-name-given>"
        found = self.dotted_name()
        if found is None:
            raise self.lost("expecting a name for shared-network")
        return found

    def subnet(self, frame: Frame) -> Node:
        """`subnet A netmask M {...}`: the word is read."""
        place = self.place()
        if frame.kind not in (GLOBAL, SHARED_NETWORK, GROUP, POOL, POOL6):
            frame.declared = True
            raise self.lost("subnet declarations not allowed here.")
        frame.declared = frame.kind != SHARED_NETWORK
        number = self.address()
        if number is None:
            raise Lost
        if self.lexer.next() != "netmask":
            raise self.lost("Expecting netmask")
        mask = self.address()
        if mask is None:
            raise Lost
        if number & ~mask & _ALL_ONES:
            text = f"subnet {dotted(number)} netmask {dotted(mask)}: bad subnet number/mask combination."
            raise self.lost(text)
        network = frame.network if frame.kind == SHARED_NETWORK else None
        network = network or Network(f"{dotted(number)}/{mask.bit_count()}")
        self.left_brace()
        self._enter_subnet(number, mask)
        network.subnets.add(number, mask, (number, mask))
        return Subnet(place, number, mask, self.block(Frame(SUBNET, network, (number, mask))))

    def _enter_subnet(self, number: int, mask: int) -> None:
        """Put a subnet in the look-up list, with a line about the first that it overlaps."""
        known = self.symbols.subnets
        other = known.first_overlapping(number, mask)
        if other is not None:
            text = (
                f"Warning: subnet {dotted(number)}/{mask.bit_count()} overlaps "
                f"subnet {dotted(other[0])}/{other[1].bit_count()}"
            )
            self.lines.append((ERROR, text))
        known.add(number, mask, (number, mask))

    def interface(self, frame: Frame) -> Node:
        """`interface NAME;` in a subnet or shared network: the word is read.

        It says something of an interface that nobody named before, on the command line or in another network.
        """
        place = self.place()
        self.lexer.next()
        name = self.text()[:_INTERFACE_MAX_BYTES]
        network = frame.network
        if network is not None and network.interface is not None:
            self.warn("A subnet or shared network can't be connected to two interfaces.")
        elif network is not None and name not in self.named_interfaces and name not in self.requested_interfaces:
            network.interface = name
            self.requested_interfaces.append(name)
        self.end_or_leave()
        return Interface(place, name)

    # Pools

    def pool(self, frame: Frame) -> Node:
        """`pool {...}`: the word is read."""
        place = self.place()
        if frame.kind in (POOL, POOL6):
            raise self.lost("pool declared within pool.")
        if frame.kind not in (SUBNET, SHARED_NETWORK) or frame.network is None:
            raise self.lost("pool declared outside of network")
        self.left_brace()
        inner = frame.inner(POOL)
        state = inner.pool = PoolState(failover_peer=frame.network.failover_peer)
        block = self.block(inner)
        if not state.ranges and self.lexer.kind != EOF:
            self.warn("Pool declaration with no address range.")
            self.lines += [
                (ERROR, "Pool declarations must always contain at least"),
                (ERROR, "one range statement."),
            ]
        return Pool(place, block)

    def pool6(self, frame: Frame) -> Node:
        """`pool6 {...}`, which has no range here: the word is read. Raises Lost, always."""
        if frame.kind in (POOL, POOL6):
            raise self.lost("pool6 declared within pool.")
        if frame.kind != SUBNET:
            raise self.lost("pool6 declared outside of network")
        self.left_brace()
        inner = frame.inner(POOL6)
        inner.pool = PoolState()
        self.block(inner)
        if self.lexer.kind != EOF:
            self.warn("Pool6 declaration with no address range6 or prefix6.")
            self.lines += [
                (ERROR, "Pool6 declarations must always contain at least"),
                (ERROR, "one range6 or prefix6 statement."),
            ]
        raise Lost

    def range(self, frame: Frame) -> Node:
        """`range [dynamic-bootp] LOW [HIGH];`: the word is read."""
        place = self.place()
        if frame.kind not in (SUBNET, POOL) or frame.network is None:
            raise self.lost("range declaration not allowed here.")
        dynamic_bootp = self.accept("dynamic-bootp")
        low = self.address()
        if low is None:
            raise Lost
        high = low
        if self.lexer.peek() != ";":
            found = self.address()
            if found is None:
                raise Lost
            high = found
        self.end()
        if self._check_range(frame, low, high) and frame.pool is not None:
            frame.pool.ranges += 1
        peer = frame.pool.failover_peer if frame.pool is not None else frame.network.failover_peer
        if dynamic_bootp and peer is not None:
            self.warn("dynamic-bootp flag is not permitted for address")
            self.lines += [(ERROR, line) for line in _NO_BOOTP.splitlines()]
        return Range(place, dynamic_bootp, low, high)

    def _check_range(self, frame: Frame, low: int, high: int) -> bool:
        """Whether the range stands in a subnet. Raises FatalError where one end does not."""
        network = frame.network
        if network is None:
            return False
        subnet = frame.subnet or network.subnets.find(low)
        if subnet is None:
            self.warn(f"address range not on network {network.name}")
            self.lines.append((ERROR, "Be sure to place pool statement after related subnet declarations."))
            return False
        first, last = min(low, high), max(low, high)
        for address in (low, high):
            if address & subnet[1] != subnet[0]:
                text = f"bad range, address {dotted(address)} not in subnet {dotted(subnet[0])}"
                raise FatalError(f"{text} netmask {dotted(subnet[1])}")
        self._check_twice(first, last)
        return True

    def _check_twice(self, first: int, last: int) -> None:
        """A message for each address that is in a range already; the messages are limited, not the addresses."""
        leases = self.symbols.leases
        left = _TWICE_MAX
        for low, high in leases.overlaps(first, last):
            for address in range(low, min(high, low + left - 1) + 1):
                self.warn(f"lease {dotted(address)} is declared twice!")
                left -= 1
        leases.add(first, last)

    def permit(self, frame: Frame) -> Node:
        """`allow PERMIT;` and `deny PERMIT;` in a pool: the first word is read."""
        allow = self.lexer.kind == "allow"
        place = self.place()
        kind = self.lexer.next()
        if kind in ("known-clients", "unknown-clients"):
            self.end()
            return Permit(place, allow, kind.removesuffix("-clients"), None)
        if kind in _CLIENT_PERMITS:
            self.expect("clients", 'expecting "clients"')
            self.end()
            return Permit(place, allow, _CLIENT_PERMITS[kind], None)
        if kind == "dynamic":
            self.expect("bootp", 'expecting "bootp"')
            self.expect("clients", 'expecting "clients"')
            self.end()
            return Permit(place, allow, "dynamic-bootp", None)
        if kind == "members":
            return self._members(allow=allow)
        if kind == "after":
            return self._after(frame, allow=allow)
        raise self.lost("expecting permit type.")

    def _members(self, *, allow: bool) -> Node:
        place = self.place()
        self.expect("of", 'expecting "of"')
        if self.lexer.next() != STRING:
            raise self.lost("expecting class name.")
        name = self.text()
        if name not in self.symbols.classes:
            self.warn(f"no such class: {name}")
        self.end()
        return Permit(place, allow, "class", name)

    def _after(self, frame: Frame, *, allow: bool) -> Node:
        place = self.place()
        if frame.pool is not None:
            if frame.pool.after:
                raise self.lost('duplicate "after" clause.')
            frame.pool.after = True
        seconds = self.date()
        self.end()
        return Permit(place, allow, "after", seconds)

    def no_failover(self, frame: Frame) -> Node:
        """`no failover peer` in a pool, without a semicolon: the first word is read."""
        place = self.place()
        if self.lexer.next() != "failover" or self.lexer.next() != "peer":
            raise self.lost('expecting "failover peer".')
        if frame.pool is not None:
            frame.pool.failover_peer = None
        return FailoverReference(place, None)

    def failover(self, frame: Frame) -> Node:
        """`failover peer ...`: the first word is still to be read."""
        if frame.kind == POOL:
            self.lexer.next()
            return self._pool_failover(frame)
        frame.declared = False
        if frame.kind not in (GLOBAL, SHARED_NETWORK):
            self.warn("failover peers may only be defined in shared-network")
            self.lines.append((ERROR, "declarations and the outer scope."))
            self.skip()
            raise Lost
        self.lexer.next()
        place = self.place()
        name = self.failover_name()
        if self.lexer.next() != ";":
            if self.lexer.kind != "{":
                self.warn("expecting left brace")
                self.skip()
            return self.failover_block(name)
        if frame.kind != SHARED_NETWORK or frame.network is None:
            self.warn("failover peer reference not in shared-network declaration")
        elif name not in self.symbols.peers:
            self.warn(f"reference to unknown failover peer {name}")
        else:
            frame.network.failover_peer = name
        return FailoverReference(place, name)

    def _pool_failover(self, frame: Frame) -> Node:
        place = self.place()
        self.expect("peer", "expecting 'peer'.")
        if self.lexer.next() != STRING:
            raise self.lost("expecting string.")
        name = self.text()
        if name not in self.symbols.peers:
            self.warn(f"failover peer {name}: not found")
        elif frame.pool is not None:
            frame.pool.failover_peer = name
        self.end()
        return FailoverReference(place, name)

    def authoritative_place(self, frame: Frame) -> None:
        """The message for `authoritative` in a host."""
        if frame.kind == HOST:
            self.warn("authority makes no sense here.")
