"""kea-dhcp4.conf as dhcpd.conf: a walk over what Kea's manual describes, with a table for each kind of block.

What is carried means the same to a client; what is not is in `left`, with its place and the reason. Values that Kea
takes where nothing is said, and ISC dhcpd takes otherwise, are said: a lease is as long as Kea's, the identifier of a
client comes back, nobody is refused who asks for another network's address unless Kea refuses.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .conditions import Unknown, convert, quoted
from .options import NotCarried, Options, statements

if TYPE_CHECKING:
    from collections.abc import Mapping

_VALID_LIFETIME_S: Final = 7_200

# What is said elsewhere in the walk.
_SAID: Final = frozenset({
    "subnet4", "shared-networks", "option-def", "option-data", "client-classes", "reservations", "subnet", "pools",
    "pool", "id", "name", "test", "comment", "user-context", "valid-lifetime", "min-valid-lifetime",
    "max-valid-lifetime",
})  # fmt: skip
# What is Kea's own way of working, and changes no answer: files, sockets, logs, threads, statistics, where hosts are
# looked for. Interfaces are named on the command line, and networks found by their addresses.
_KEAS_OWN: Final = frozenset({
    "lease-database", "control-socket", "loggers", "interfaces-config", "interface", "expired-leases-processing",
    "host-reservation-identifiers", "reservation-mode", "reservations-global", "reservations-in-subnet",
    "reservations-out-of-pool", "server-tag", "sanity-checks", "multi-threading", "calculate-tee-times", "t1-percent",
    "t2-percent", "store-extended-info", "statistic-default-sample-count", "statistic-default-sample-age",
    "parked-packet-limit", "compatibility", "cache-threshold", "cache-max-age", "dhcp-queue-control",
})  # fmt: skip
_WHY: Final = {
    "relay": "a network is found by the relay's address: put a subnet with it in a shared-network with this one",
    "only-if-required": "a class is evaluated for everybody",
    "require-client-classes": "a class is evaluated for everybody",
    "hooks-libraries": "hooks are Kea's; high availability is failover here: docs/failover.md",
    "hosts-database": "reservations in a database are not read: export them",
    "hosts-databases": "reservations in a database are not read: export them",
    "config-control": "a configuration in a database is not read: export it",
    "4o6-subnet": "there is no DHCPv6", "4o6-interface": "there is no DHCPv6", "4o6-interface-id": "there is no DHCPv6",
    "dhcp4o6-port": "there is no DHCPv6",
}  # fmt: skip
# A statement of one value: its word, and how the value is written.
_PLAIN: Final = {
    "renew-timer": "option dhcp-renewal-time {};",
    "rebind-timer": "option dhcp-rebinding-time {};",
    "decline-probation-period": "abandon-lease-time {};",
}
_BUILT_IN_CLASSES: Final = {
    "KNOWN": "allow known-clients;", "UNKNOWN": "allow unknown-clients;", "ALL": "allow all clients;",
}  # fmt: skip
_FLAGS: Final = {
    "authoritative": ("authoritative;", "not authoritative;"),
    "match-client-id": ("ignore-client-uids false;", "ignore-client-uids true;"),
    "echo-client-id": ("echo-client-id true;", "echo-client-id false;"),
}
_IDENTIFIERS: Final = ("hw-address", "client-id", "circuit-id", "duid", "flex-id")


class Left(NamedTuple):
    """What was not carried: where it stands, in Kea's words, and why."""

    place: str
    why: str


class Converted(NamedTuple):
    """`text` is the dhcpd.conf; `left` what it does not say."""

    text: str
    left: list[Left]


def convert_configuration(kea: Mapping[str, Any]) -> Converted:
    """The configuration that stands below `Dhcp4`."""
    walk = _Walk()
    walk.top(kea)
    return Converted("\n".join(walk.lines) + "\n", walk.left)


class _Walk:
    """The lines so far, at the present depth."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.left: list[Left] = []
        self._depth = 0
        self._options = Options()
        self._conditions: dict[str, str] = {}
        self._hosts = 0

    def _say(self, line: str) -> None:
        """A line; an empty one is none."""
        if line:
            self.lines.append("  " * self._depth + line)

    def _open(self, line: str) -> None:
        self._say(line + " {")
        self._depth += 1

    def _close(self) -> None:
        self._depth -= 1
        self._say("}")

    def _leave(self, place: str, why: str) -> None:
        self.left.append(Left(place, why))

    # Blocks

    def top(self, kea: Mapping[str, Any]) -> None:
        """The whole."""
        for at, definition in _listed(kea, "option-def"):
            self._define(f"option-def[{at}]", definition)
        for at, one in _listed(kea, "client-classes"):
            for inner, definition in _listed(one, "option-def"):
                self._define(f"client-classes[{at}].option-def[{inner}]", definition)
        for line in self._options.definitions:
            self._say(line)
        self._lifetimes({"valid-lifetime": _VALID_LIFETIME_S, **kea})
        self._say("echo-client-id true;" if "echo-client-id" not in kea else "")
        self._say("not authoritative;" if "authoritative" not in kea else "")
        self._common(kea, "")
        for at, one in _listed(kea, "client-classes"):
            self._class(f"client-classes[{at}]", one)
        for at, network in _listed(kea, "shared-networks"):
            self._network(f"shared-networks[{at}]", network)
        for at, subnet in _listed(kea, "subnet4"):
            self._subnet(f"subnet4[{at}]", subnet)
        for at, host in _listed(kea, "reservations"):
            self._host(f"reservations[{at}]", host)

    def _define(self, place: str, definition: Mapping[str, Any]) -> None:
        try:
            self._options.define(definition)
        except NotCarried as error:
            self._leave(place, str(error))

    def _network(self, place: str, network: Mapping[str, Any]) -> None:
        self._open(f"shared-network {quoted(str(network.get('name', place)).encode())}")
        self._lifetimes(network)
        self._common(network, place)
        for at, subnet in _listed(network, "subnet4"):
            self._subnet(f"{place}.subnet4[{at}]", subnet)
        self._close()

    def _subnet(self, place: str, subnet: Mapping[str, Any]) -> None:
        try:
            found = IPv4Network(str(subnet.get("subnet", "")), strict=False)
        except (AddressValueError, NetmaskValueError, ValueError):
            self._leave(place, f"{subnet.get('subnet')!r} is no subnet")
            return
        self._open(f"subnet {found.network_address} netmask {found.netmask}")
        self._lifetimes(subnet)
        self._common(subnet, place)
        for at, pool in _listed(subnet, "pools"):
            self._pool(f"{place}.pools[{at}]", pool, str(subnet.get("client-class", "")))
        self._close()
        for at, host in _listed(subnet, "reservations"):
            self._host(f"{place}.reservations[{at}]", host)

    def _pool(self, place: str, pool: Mapping[str, Any], of_subnet: str) -> None:
        try:
            low, high = _range(str(pool.get("pool", "")))
        except ValueError:
            self._leave(place, f"{pool.get('pool')!r} is no range of addresses")
            return
        self._open("pool")
        names = [name for name in (of_subnet, str(pool.get("client-class", ""))) if name]
        if len(names) > 1:
            self._leave(f"{place}.client-class", "a pool is for one class: the subnet's is left out")
        for name in names[-1:]:
            self._permit(place, name)
        self._say(f"range {low} {high};" if low != high else f"range {low};")
        self._common(pool, place, without=("client-class",))
        self._close()

    def _permit(self, place: str, name: str) -> None:
        """Who may use a pool; built-in classes have words of their own."""
        word = _BUILT_IN_CLASSES.get(name)
        if word is None and name not in self._conditions:
            self._leave(f"{place}.client-class", f"the class {name} is not carried: nobody may use this pool")
            word = "deny all clients;"
        self._say(word or f"allow members of {quoted(name.encode())};")

    def _class(self, place: str, one: Mapping[str, Any]) -> None:
        name, test = str(one.get("name", "")), str(one.get("test", ""))
        vendor = name.removeprefix("VENDOR_CLASS_")
        if not test and vendor != name:
            # Kea makes a class of each vendor class identifier.
            test = f"option[60].text == '{vendor}'"
        try:
            condition = convert(test, self._options.name_of, self._conditions) if test else ""
        except Unknown as error:
            self._leave(f"{place}.test", f"{error} is not known to ISC's language")
            return
        if not condition:
            self._leave(place, f"the class {name} has no condition: who is a member is said elsewhere")
            return
        self._conditions[name] = condition
        self._open(f"class {quoted(name.encode())}")
        self._say(f"match if {condition};")
        self._common(one, place, without=("option-def",))
        self._close()

    def _host(self, place: str, host: Mapping[str, Any]) -> None:
        known = [word for word in _IDENTIFIERS if word in host]
        lines = [line for word in known for line in self._identifier(place, word, str(host[word]))]
        if not lines:
            self._leave(place, "nothing that ISC's language could know the client by")
            return
        self._hosts += 1
        name = str(host.get("hostname", "")) or f"kea-{self._hosts}"
        self._open(f"host {re.sub(r'[^A-Za-z0-9.-]', '-', name)}-{self._hosts}")
        for line in lines:
            self._say(line)
        if "ip-address" in host:
            self._address(f"{place}.ip-address", "fixed-address", host["ip-address"])
        if host.get("hostname"):
            self._say(f"option host-name {quoted(str(host['hostname']).encode())};")
        if host.get("client-classes"):
            self._leave(f"{place}.client-classes", "a host cannot be put in a class: use a subclass with its address")
        self._common(host, place, without=(*_IDENTIFIERS, "ip-address", "hostname", "client-classes"))
        self._close()

    def _identifier(self, place: str, word: str, value: str) -> list[str]:
        octets = value.strip()
        if word == "hw-address":
            return [f"hardware ethernet {octets};"]
        if word == "client-id":
            return [f"option dhcp-client-identifier {_quoted_or_hex(octets)};"]
        if word == "circuit-id":
            return [f"host-identifier option agent.circuit-id {_quoted_or_hex(octets)};"]
        self._leave(f"{place}.{word}", f"clients are not known by {word}")
        return []

    # Statements of every kind of block

    def _lifetimes(self, block: Mapping[str, Any]) -> None:
        """Kea gives `valid-lifetime` whatever is asked for, unless a least or a greatest is said."""
        valid = block.get("valid-lifetime")
        least, most = block.get("min-valid-lifetime", valid), block.get("max-valid-lifetime", valid)
        for word, value in (("default", valid), ("min", least), ("max", most)):
            if isinstance(value, int):
                self._say(f"{word}-lease-time {value};")

    def _common(self, block: Mapping[str, Any], place: str, without: tuple[str, ...] = ()) -> None:
        before = f"{place}." if place else ""
        for word, value in block.items():
            where = before + word
            if word == "option-data":
                self._option_data(where, value)
            elif word in _PLAIN and isinstance(value, int):
                self._say(_PLAIN[word].format(value))
            elif word in _FLAGS:
                self._say(_FLAGS[word][0] if value else _FLAGS[word][1])
            elif word == "next-server":
                self._address(where, word, value)
            elif word in _BOOT:
                self._say(f"{_BOOT[word]} {quoted(str(value).encode())};" if value != "" else "")
            elif word == "dhcp-ddns" or word.startswith("ddns-"):
                self._ddns(where, word, value)
            elif word == "client-class" and "pools" in block:
                continue  # each pool says so
            elif word not in _SAID and word not in _KEAS_OWN and word not in without:
                self._leave(where, _WHY.get(word, "this server has no such statement"))

    def _option_data(self, place: str, entries: Any) -> None:
        for at, found in statements(self._options, entries if isinstance(entries, list) else []):
            if isinstance(found, str):
                self._say(found)
                if entries[at].get("always-send"):
                    self._leave(f"{place}[{at}].always-send", "an option is sent to who asks for it")
            else:
                self._leave(f"{place}[{at}]", str(found))

    def _address(self, place: str, word: str, value: Any) -> None:
        try:
            address = IPv4Address(str(value))
        except AddressValueError:
            self._leave(place, f"{value!r} is no address")
            return
        if int(address):  # 0.0.0.0 is Kea's word for none
            self._say(f"{word} {address};")

    def _ddns(self, place: str, word: str, value: Any) -> None:
        if word == "ddns-qualifying-suffix":
            self._say(f"ddns-domainname {quoted(str(value).rstrip('.').encode())};" if value else "")
        elif word == "dhcp-ddns":
            if isinstance(value, dict) and value.get("enable-updates"):
                self._say("ddns-update-style standard;")
                self._leave(place, "zones and keys are in the D2 daemon's file: write `key` and `zone` statements")
        elif word == "ddns-send-updates":
            self._say("" if value else "ddns-updates off;")
        else:
            self._leave(place, "see docs/names-for-leases.md")


_BOOT: Final = {"server-hostname": "server-name", "boot-file-name": "filename"}


def _listed(block: Mapping[str, Any], word: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The blocks of a list, with their places; what is no block is none."""
    found = block.get(word)
    return [(at, one) for at, one in enumerate(found) if isinstance(one, dict)] if isinstance(found, list) else []


def _range(text: str) -> tuple[IPv4Address, IPv4Address]:
    """`A - B`, or a prefix: all of its addresses. Raises ValueError."""
    if "/" in text:
        network = IPv4Network(text.strip(), strict=False)
        return network.network_address, network.broadcast_address
    low, _, high = text.partition("-")
    return IPv4Address(low.strip()), IPv4Address((high or low).strip())


def _quoted_or_hex(text: str) -> str:
    """An identifier as Kea writes it, 'text' in quotes or hexadecimal, as ISC's language writes it."""
    if text.startswith("'"):
        return quoted(text.strip("'").encode())
    bare = text.removeprefix("0x").replace(":", "").replace(" ", "")
    return ":".join(bare[at : at + 2] for at in range(0, len(bare), 2))
