"""The wires of a scenario without any wire: what the kernel would do with a datagram of the server's.

One network namespace with the scenario's interfaces and addresses, clients and relays on the other ends. It knows
just enough of routing and of neighbours for replies, and who answers a ping.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING, Any, Final

from dhcpd.trace.events import Link
from tests.scenarios.messages import Reply

if TYPE_CHECKING:
    from dhcpd.trace.effects import Send

UNREACHABLE: Final = "Network is unreachable"
_CLIENT: Final = "02:00:00:00:00:01"
_MAC_TEXT: Final = 17
_ETHERNET: Final = 1
_UP_BROADCAST_MULTICAST: Final = 0x1043


def number(address: str) -> int:
    """A dotted address as the engine has it."""
    return int(IPv4Address(address))


@dataclass(frozen=True)
class Wire:
    """An interface of the server's, and the hardware address of whoever is behind it."""

    name: str
    hardware: str
    client_hardware: str
    addresses: tuple[IPv4Interface, ...]

    @property
    def source(self) -> str:
        """The address that the kernel sends from where the route names none."""
        return str(self.addresses[0].ip) if self.addresses else "0.0.0.0"


class Network:
    """All wires; `reach` and `live` grow while a scenario is played."""

    def __init__(self, scenario: dict[str, Any]) -> None:
        self.wires = {
            link["name"]: Wire(
                link["name"],
                f"02:fe:00:00:00:{at:02x}",
                f"02:fd:00:00:00:{at:02x}",
                tuple(IPv4Interface(address) for address in link.get("addresses", [])),
            )
            for at, link in enumerate(scenario["interface"], 1)
        }
        self._first = scenario["interface"][0]
        port = scenario.get("port", 67)
        self._heard_ports = {67, 68, port, port + 1, *scenario.get("listen", [])}
        self._port = port
        self._reach: dict[str, tuple[Wire, str]] = {}
        self._live: dict[str, Wire] = {}

    def links(self) -> tuple[Link, ...]:
        """What the server finds at its start: loopback, then the wires."""
        found = [Link("lo", 1, 772, bytes(6), 0x49, ((number("127.0.0.1"), 8),))]
        for index, wire in enumerate(self.wires.values(), 2):
            addresses = tuple((int(one.ip), one.network.prefixlen) for one in wire.addresses)
            octets = bytes.fromhex(wire.hardware.replace(":", ""))
            found.append(Link(wire.name, index, _ETHERNET, octets, _UP_BROADCAST_MULTICAST, addresses))
        return tuple(found)

    def arrival(self, send: dict[str, Any], resolve: Any) -> tuple[str, int, int] | None:
        """(interface, source address, source port) of a `send`; None where it is not for the server's port."""
        wire = self.wires[send.get("on", self._first["name"])]
        if send.get("dport", self._port) != self._port:
            return None
        client, ciaddr = send.get("mac", _CLIENT), str(resolve(send.get("ciaddr", "0.0.0.0")))
        relay = send.get("from") or send.get("giaddr")
        if relay:
            self._let_reach(str(resolve(relay)), wire, wire.client_hardware)
            if "giaddr" in send:
                self._let_reach(str(resolve(send["giaddr"])), wire, wire.client_hardware)
        if len(client) == _MAC_TEXT:
            self._let_reach(ciaddr, wire, client)
        default = self._port if relay else self._port + 1
        return wire.name, number(str(resolve(relay)) if relay else ciaddr), send.get("sport", default)

    def _let_reach(self, address: str, wire: Wire, hardware: str) -> None:
        if address != "0.0.0.0":
            self._reach[address] = wire, hardware

    def client_command(self, command: str) -> bool:
        """Understand `ip addr add A/N dev IF` in the clients' namespace; False where there is more to it."""
        parts = [part.strip() for part in command.split(";") if part.strip()]
        found = [re.fullmatch(r"ip addr add (\S+?)/\d+ dev (\S+)", part) for part in parts]
        for match in found:
            if match:
                self._live[match[1]] = self.wires[match[2]]
        return all(found)

    def answers_ping(self, address: int) -> bool | None:
        """Whether somebody answers; None where there is no way there."""
        text = str(IPv4Address(address))
        if self._route(text) is None:
            return None
        own = any(text == str(one.ip) for wire in self.wires.values() for one in wire.addresses)
        return own or text in self._live

    def _route(self, address: str) -> tuple[Wire, str, str | None] | None:
        """(wire, source address, hardware address of the next hop if anybody knows it)."""
        if address in self._reach:
            wire, hardware = self._reach[address]
            return wire, wire.source, hardware
        for wire in self.wires.values():
            for own in wire.addresses:
                if IPv4Address(address) in own.network:
                    return wire, str(own.ip), wire.client_hardware if address in self._live else None
        return None

    def carry(self, send: Send) -> Reply | str | None:
        """The reply as it is heard; an error's text; None where it is heard by nobody."""
        ports = f"{self._port}>{send.port}"
        to = socket.inet_ntoa(send.destination.to_bytes(4, "big"))
        if send.raw:
            source = socket.inet_ntoa(send.source.to_bytes(4, "big"))
            reply = Reply(send.interface, send.link.hex(":"), source, to, ports, send.payload)
        else:
            route = self._route(to)
            if route is None:
                return UNREACHABLE
            wire, source, hardware = route
            if hardware is None:
                return None
            reply = Reply(wire.name, hardware, source, to, ports, send.payload)
        return reply if {send.port, self._port} <= self._heard_ports else None
