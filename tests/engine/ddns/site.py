"""A server with dynamic DNS, its clients, and the name servers that it asks."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from dhcpd.trace import events as ev
from dhcpd.trace.effects import Store
from tests.engine.ddns.name_server import NameServer
from tests.engine.service.desk import START_S, Desk

if TYPE_CHECKING:
    from dhcpd.engine.ddns.part import Ddns
    from dhcpd.trace.effects import DnsOpen, DnsSend, Effect, Log

COMMON = """authoritative; ping-check off; default-lease-time 600; max-lease-time 600; dhcp-cache-threshold 0;
ddns-domainname "example.org";
zone example.org. { primary 192.0.2.53; }
zone 77.10.in-addr.arpa. { primary 192.0.2.53; }
"""
SUBNET = "subnet 10.77.0.0 netmask 255.255.255.0 { range %s; }\n"
ZONES = ("example.org.", "77.10.in-addr.arpa.")


class Site(Desk):
    """See the module. `servers` by address; `sent` is every message with its address, in order; `said` every
    line of the log.
    """

    def __init__(
        self,
        more: str = "",
        style: str = "interim",
        leases: str = "",
        errors: tuple[str, ...] = (),
        subnet: str = "10.77.0.100 10.77.0.109",
    ) -> None:
        self.dns = NameServer(*ZONES)
        self.servers = {"192.0.2.53": self.dns}
        self.sent: list[tuple[str, DnsSend]] = []
        self.resolv_conf = b"nameserver 192.0.2.53\n"
        self.errors = errors
        self.delayed = False
        self.said: list[str] = []
        self.all_records: list[str] = []
        super().__init__(f"ddns-update-style {style};\n{COMMON}{more}{SUBNET % subnet}", leases, START_S * 1_000_000)

    @property
    def ddns(self) -> Ddns:
        return self.server.ddns

    def log(self, effect: Log) -> None:
        self.said.append(effect.text)

    def told(self, event: ev.Event, effects: list[Effect]) -> None:
        super().told(event, effects)
        self.all_records += [effect.data.decode("latin-1") for effect in effects if isinstance(effect, Store)]

    def dns_open(self, effect: DnsOpen) -> None:
        errors = self.errors or ("",) * len(effect.sources)
        self.answer(ev.DnsOpened(0, 0, self.resolv_conf, errors))

    def dns_send(self, effect: DnsSend) -> None:
        where = str(ip_address(effect.server))
        self.sent.append((where, effect))
        server = self.servers.get(where)
        if server is not None and not self.delayed:
            payload = server.answer(effect.payload)
            if payload is not None:
                self.answer(ev.DnsAnswer(0, 0, effect.query, payload, ""))

    def variables(self, address: str) -> dict[str, object]:
        """The variables of a lease that say what DNS holds."""
        rare = self.lease(address).rare
        found = rare.variables if rare is not None and rare.variables is not None else {}
        return {name: value for name, value in found.items() if name.startswith("ddns-") and value is not None}

    def dns_lines(self) -> list[str]:
        """The lines about DNS of the last step."""
        return [line for line in self.logs if " map " in line or "DDNS" in line or "Unable to" in line]
