"""Random configurations of the whole language, as text that ISC's server and ours accept.

`configurations()` is the hypothesis strategy; `configuration_text()` is the same from a `random.Random`, for tools that
need many. Every text is accepted by `dhcpd -t`: names are declared before they are used, subnets and ranges do not
overlap, and what crashes ISC's server is left out.

Networks are 10.N.0.0 with N from 0, each with a netmask of 16 to 26 bits; 10.0.0.0 is always there, and is a /24 whose
first pool or range begins at 10.0.0.8.

See docs/behaviour/configuration.md#declarations-and-parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.model.spaces import OptionSpace
from tests.engine.conf.grammar_expressions import FUNCTIONS, VARIABLES, quoted
from tests.engine.conf.grammar_values import NAMES, Values

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

OPTION_SPACES = ("dhcp",) * 6 + ("agent", "fqdn", "nwip", "isc", "vendor", "vendor-class", "dhcp6")
# Read once at the start, where a value of the wrong size ends the server: these are given in their own format only.
START_PARAMETERS = frozenset({
    "omapi-port", "local-port", "remote-port", "limited-broadcast-address", "local-address", "omapi-key",
    "ddns-update-style", "log-facility", "delayed-ack", "max-ack-delay", "abandon-lease-time", "lease-file-name",
    "pid-file-name", "update-conflict-detection", "dont-use-fsync", "server-id-check", "check-secs-byte-order",
    "ddns-dual-stack-mixed-mode", "ddns-guard-id-must-match", "ddns-other-guard-is-dynamic", "ddns-local-address4",
    "ddns-local-address6", "authoritative", "prefix-length-mode",
})  # fmt: skip
NOT_BARE = frozenset({"authoritative", "omapi-key"})
# Words with a statement of their own, or a meaning of their own where they begin one.
FLAG_WORDS = (
    "bootp", "booting", "dynamic-bootp", "unknown-clients", "duplicates", "declines", "client-updates", "leasequery",
)  # fmt: skip
TYPES = (
    "boolean", "integer 8", "unsigned integer 16", "signed integer 32", "ip-address", "ip6-address", "text", "string",
    "domain-name", "domain-list", "domain-list compressed", "zerolen", "array of ip-address",
    "array of unsigned integer 8", "array of { ip-address, ip-address }", "{ unsigned integer 8, text }",
    "{ ip-address, array of integer 16 }", "array of boolean", "{ boolean, domain-name }",
)  # fmt: skip
FORMATS = dict(zip(TYPES, ("f", "b", "S", "l", "I", "6", "t", "X", "d", "D", "Dc", "Z", "IA", "BA", "IIA", "Bt", "Isa",
                           "fA", "fd"), strict=True))  # fmt: skip
SECRET = "c2VjcmV0IGtleSE="


class Writer(Values):
    """Writes one configuration. `interfaces`: whether `interface` statements may stand in it."""

    def __init__(self, random: Random, size: int, *, interfaces: bool = False, execute: bool = False) -> None:
        super().__init__(random, default_registry())
        self.left = size
        self.interfaces = interfaces
        self.programs = execute
        self.lines: list[str] = []
        self.depth = 0
        self.scopes: list[str] = ["global"]
        self.classes: list[str] = []
        self.groups: list[str] = []
        self.keys: list[str] = []
        self.peers: list[str] = []
        self.idle_peers: list[str] = []
        self.hosts = 0
        self.blocks = 0
        self.networks = 0
        self.defined = 0
        self.spaces = OPTION_SPACES
        self.networks_open: list[dict] = []

    # Text

    def put(self, text: str) -> None:
        self.lines.append("  " * self.depth + text)

    def block(self, head: str, scope: str, body) -> None:
        self.put(head + self.one(" {", " {", "{"))
        self.depth += 1
        self.scopes.append(scope)
        body()
        self.scopes.pop()
        self.depth -= 1
        self.put("}")

    def several(self, choices: tuple[Callable[[], object], ...], most: int) -> None:
        """Up to `most` statements, each by one of `choices`."""
        for _ in range(self.random.randint(0, most)):
            if self.left <= 0:
                return
            self.left -= 1
            self.random.choice(choices)()

    # The whole

    def configuration(self) -> str:
        if self.chance(50):
            self.put("# a configuration at random")
        self.several((self._parameter, self._option, self._definition, self._class, self._authoritative), 4)
        self._lone_subnet()
        while self.left > 0:
            self.left -= 1
            self.random.choice(self.global_choices())()
        while self.idle_peers:
            self._lone_subnet(must_refer=True)
        return "\n".join(self.lines) + self.one("\n", "\n", "")

    def global_choices(self) -> tuple:
        return (
            self._lone_subnet, self._shared_network, self._group, self._host, self._class, self._subclass,
            self._option, self._option, self._parameter, self._parameter, self._flag, self._executable,
            self._executable, self._executable, self._definition, self._space, self._key, self._zone,
            self._failover_peer, self._authoritative, self._odd,
        )  # fmt: skip

    # Options and parameters

    def _option(self) -> None:
        space = self.registry.spaces[self.random.choice(self.spaces)]
        name = self.random.choice(sorted(space.by_name))
        option = space.by_name[name]
        if not option.format or "fqdn6" in option.format:
            return
        full = option.full_name if self.chance(90) else option.full_name.upper()
        word = self.one("option", "option", "option", "supersede", "send", "default", "append", "prepend")
        self.code_limit = option.code if space.name == "dhcp" else 0
        value = f"= {self.data()}" if self.chance(20) else self.literal(option.format)
        self.code_limit = 256
        self.put(f"{word} {full} {value}".rstrip() + ";")

    def _parameter(self) -> None:
        space = self.registry.spaces["server"]
        name = self.random.choice(sorted(space.by_name))
        option = space.by_name[name]
        if name in NOT_BARE:
            return
        self.code_limit = 0
        as_expression = name not in START_PARAMETERS and self.chance(20)
        value = f"= {self.data()}" if as_expression else self.literal(option.format)
        self.code_limit = 256
        self.put(f"{self.one('', '', '', 'option server.', 'supersede server.', 'default server.')}{name} {value};")

    def _flag(self) -> None:
        word = "ignore" if self.scopes[-1] == "pool" else self.one("allow", "deny", "ignore")
        self.put(f"{word} {self.random.choice(FLAG_WORDS)};")

    def _authoritative(self) -> None:
        self.put(self.one("authoritative;", "not authoritative;"))

    def _odd(self) -> None:
        self.put(self.one(
            "server-identifier 10.0.0.1;", "lease-id-format hex;", "lease-id-format octal;", "db-time-format local;",
            "db-time-format default;", "% skipped;", "misspelled-word;", "server-duid llt;", 'server-duid en 9 "ab";',
            "server-identifier = 0a:00:00:01;",
        ))  # fmt: skip

    def _space(self) -> None:
        self.defined += 1
        words = [f"option space Space{self.defined}"]
        words += self.random.choice(([], ["code width 1"], ["code width 2", "length width 2"], ["length width 1"],
                                     ["hash size 11", "code width 4"]))  # fmt: skip
        self.put(" ".join(words) + ";")
        name = f"space{self.defined}"
        self.registry.add(OptionSpace(name, 1, 1))
        for code in range(1, self.random.randint(2, 4)):
            self._define(f"Space{self.defined}", name, f"opt-{code}", code)
        if self.chance(50):
            self.put(f"option carrier-{self.defined} code {200 + self.defined % 24} = encapsulate {name};")
            self.registry.spaces["dhcp"].define(f"carrier-{self.defined}", 200 + self.defined % 24, f"E{name}.")
        if self.registry.spaces[name].by_name:
            self.spaces = (*self.spaces, name, name)

    def _definition(self) -> None:
        self.defined += 1
        self._define("", "dhcp", f"local-{self.defined}", self.one(80, 121, 128, 175, 224, 249, 252))

    def _define(self, written_space: str, space: str, name: str, code: int) -> None:
        kind = self.random.choice(TYPES)
        written = f"{written_space}.{name}" if written_space else name
        self.put(f"option {written} code {code} = {kind};")
        self.registry.spaces[space].define(name, code, FORMATS[kind])

    # Topology

    def _new_network(self) -> dict:
        number = self.networks
        self.networks += 1
        return {"base": f"10.{number % 250}", "bits": 24 if not number else self.one(16, 22, 24, 24, 26), "next": 8,
                "subnets": [], "peer": False, "interface": False}  # fmt: skip

    def _mask(self, bits: int) -> str:
        value = (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF
        return ".".join(str(octet) for octet in value.to_bytes(4, "big"))

    def _lone_subnet(self, *, must_refer: bool = False) -> None:
        if self.networks >= 250 or self.scopes[-1] not in ("global", "group"):
            return
        network = self._new_network()
        network["subnets"].append(network)
        self._subnet(network, network, must_refer=must_refer)

    def _subnet(self, network: dict, subnet: dict, *, must_refer: bool = False) -> None:
        def body() -> None:
            if subnet["base"] == "10.0" and self.chance(70):
                self._range()
            choices = (
                self._range, self._range, self._pool, self._pool, self._option, self._option, self._parameter,
                self._flag, self._executable, self._host, self._group, self._class, self._subclass,
                self._interface, self._authoritative,
            )  # fmt: skip
            self.several(choices, 8)
            if must_refer:
                self._pool(must_refer=True)

        self.networks_open.append({"network": network, "subnets": [subnet]})
        self.block(f"subnet {subnet['base']}.0.0 netmask {self._mask(subnet['bits'])}", "subnet", body)
        self.networks_open.pop()

    def _shared_network(self) -> None:
        if self.networks >= 240 or self.scopes[-1] not in ("global", "group"):
            return
        network = {"subnets": [], "peer": False, "interface": False}

        def add_subnet() -> None:
            subnet = self._new_network()
            network["subnets"].append(subnet)
            self._subnet(network, subnet)

        def body() -> None:
            add_subnet()
            choices = (
                add_subnet, self._pool, self._pool, self._option, self._parameter, self._flag, self._executable,
                self._host, self._class, self._subclass, self._interface, self._authoritative, self._peer_reference,
                self._failover_peer,
            )  # fmt: skip
            self.several(choices, 7)

        name = self.one(f"net-{self.networks}", f'"net {self.networks}"', f"net{self.networks}.example.org", "7")
        self.networks_open.append({"network": network, "subnets": network["subnets"]})
        self.block(f"shared-network {name}", "shared-network", body)
        self.networks_open.pop()

    def _interface(self) -> None:
        network = self.networks_open[-1]["network"]
        if self.interfaces and not network["interface"]:
            network["interface"] = True
            self.put(f"interface {self.one('eth0', quoted('eth0:1'), 'a-very-long-interface-name')};")

    def _slot(self) -> tuple[str, str]:
        """A range that no other range has; its ends."""
        subnet = self.random.choice(self.networks_open[-1]["subnets"])
        low = subnet["next"]
        high = low + self.random.randint(0, 6)
        if high > 62:
            return "", ""
        subnet["next"] = high + 1
        base = subnet["base"]
        return f"{base}.0.{low}", f"{base}.0.{high}"

    def _range(self, *, dynamic: bool = True) -> bool:
        low, high = self._slot()
        if not low:
            return False
        network = self.networks_open[-1]["network"]
        word = "dynamic-bootp " if dynamic and not network["peer"] and self.chance(20) else ""
        self.put(f"range {word}{low}{'' if low == high else ' ' + high};")
        return True

    def _pool(self, *, must_refer: bool = False) -> None:
        subnets = self.networks_open[-1]["subnets"]
        if not any(subnet["next"] <= 55 for subnet in subnets) and not must_refer:
            return
        state = {"after": False}

        def body() -> None:
            if self.idle_peers and (must_refer or self.chance(50)):
                self.put(f"failover peer {quoted(self.idle_peers.pop())};")
            elif self.peers and self.chance(20):
                self.put("no failover peer")
            while not self._range(dynamic=False):
                if all(subnet["next"] > 62 for subnet in subnets):
                    for subnet in subnets:  # an address twice is an error: a slot beyond the usual ones
                        subnet["next"] = 8
                    break
            self.several((lambda: self._permit(state), lambda: self._permit(state), self._option, self._parameter,
                          self._executable, self._range_in_pool, self._flag), 4)  # fmt: skip

        self.block("pool", "pool", body)

    def _range_in_pool(self) -> None:
        self._range(dynamic=False)

    def _permit(self, state: dict) -> None:
        word = self.one("allow", "deny")
        kind = self.random.randrange(7)
        if kind == 0 and self.classes:
            self.put(f"{word} members of {quoted(self.random.choice(self.classes))};")
        elif kind == 1 and not state["after"]:
            state["after"] = True
            self.put(f"{word} after {self.one('epoch 1700000000', '4 2030/08/24 11:14:32', 'never')};")
        else:
            self.put(f"{word} " + self.one(
                "known-clients;", "unknown-clients;", "known clients;", "unknown clients;", "all clients;",
                "dynamic bootp clients;", "authenticated clients;", "unauthenticated clients;",
            ))  # fmt: skip

    # Hosts, groups, classes

    def _group(self) -> None:
        if self.scopes[-1] not in ("global", "group", "subnet", "shared-network") or len(self.scopes) > 5:
            return
        self.blocks += 1
        name = self.one("", "", f" group-{self.blocks}", f' "group {self.blocks}"')
        choices = (self._host, self._host, self._option, self._parameter, self._flag, self._executable, self._class,
                   self._subclass, self._group)  # fmt: skip
        outside = self.networks_open
        self.networks_open = []
        self.block(f"group{name}", "group", lambda: self.several(choices, 5))
        self.networks_open = outside
        if name:
            self.groups.append(name.strip())

    def _host(self) -> None:
        if self.scopes[-1] not in ("global", "group", "subnet", "shared-network"):
            return
        self.hosts += 1
        number = self.hosts

        def body() -> None:
            if self.chance(80):
                kind = self.one("ethernet", "ethernet", "ethernet", "token-ring", "fddi", "infiniband", "unknown-7")
                self.put(f"hardware {kind} 02:00:00:{number % 256:x}:{self.hex_list(2, 2)};")
            if self.chance(40):
                items = [self.one(self.address(), self.address(), "localhost") for _ in range(self.one(1, 1, 2))]
                self.put(f"fixed-address {', '.join(items)};")
            if self.chance(20):
                self.put(f"uid {self.one(self.string(), self.hex_list())};")
            if self.chance(10):
                self.put("host-identifier option host-name " + quoted(f"h{number}") + ";")
            if self.groups and self.chance(20):
                self.put(f"group {self.random.choice(self.groups)};")
            self.several((self._option, self._parameter, self._flag, self._executable), 3)

        self.block(f"host {self.one(f'h{number}', f'h{number}.example.org', f'{number}')}", "host", body)

    def _class(self) -> None:
        if len(self.scopes) > 4:
            return
        name = f"class {len(self.classes)}"

        def body() -> None:
            if self.chance(50):
                self.put(f"match if {self.boolean()};")
            if self.chance(50):
                self.put(f"{self.one('match', 'match', 'spawn with')} {self.data()};")
            if self.chance(30):
                self.put(f"lease limit {self.random.randrange(4)};")
            self.several((self._option, self._parameter, self._flag, self._executable), 3)

        self.block(f"class {quoted(name)}", "class", body)
        self.classes.append(name)
        if self.chance(5):
            self.put(f"{self.one('vendor-class', 'user-class')} {quoted(name)} {{ }}")

    def _subclass(self) -> None:
        if not self.classes or len(self.scopes) > 4:
            return
        value = self.one(self.string(), self.hex_list(1, 7))
        head = f"subclass {quoted(self.random.choice(self.classes))} {value}"
        if self.chance(50):
            self.put(head + ";")
            return
        choices = (self._option, self._parameter, self._flag, self._executable)
        self.block(head, "subclass", lambda: self.several(choices, 3))

    # Keys, zones, failover

    def _key(self) -> None:
        name = f"key-{len(self.keys)}"
        written = self.one(name, quoted(name))
        algorithm = self.one("hmac-md5", "HMAC-SHA256", "hmac-md5.sig-alg.reg.int", "hmac-sha512.SIG-ALG.REG.INT.")
        secret = self.one(SECRET, quoted(SECRET))
        self.put(f"key {written} {{ algorithm {algorithm}; secret {secret}; }}{self.one('', ';')}")
        self.keys.append(name)

    def _zone(self) -> None:
        key = f" key {self.random.choice(self.keys)};" if self.keys and self.chance(60) else ""
        second = " secondary 127.0.0.3;" if self.chance(20) else ""
        six = " primary6 2001:db8::1, ::1;" if self.chance(20) else ""
        first = f"primary 127.0.0.1{self.one('', ', 127.0.0.2')};"
        self.put(f"zone {self.random.choice(NAMES)}{self.one('', '.')} {{ {first}{second}{six}{key} }}")

    def _failover_peer(self) -> None:
        if len(self.peers) > 3 or self.networks >= 240:
            return
        name = f"peer-{len(self.peers)}"
        primary = self.chance(50)
        lines = ["primary", self.one("mclt 3600", "mclt 1800")] if primary else ["secondary"]
        if primary:
            octets = ":".join(["ff"] * 16 + ["0"] * 16)
            lines.append(self.one("split 128", "split 0", "split 256", f"hba {octets}"))
        lines += [f"peer address {self.address()}", f"address {self.address()}"]
        optional = ("port 647", "peer port 847", "max-response-delay 60", "max-unacked-updates 10",
                    "load balance max seconds 3", "auto-partner-down 60", "max-lease-misbalance 10",
                    "max-lease-ownership 5", "min-balance 30", "max-balance 600")  # fmt: skip
        lines += [line for line in optional if self.chance(50)]
        head = f"failover peer {self.one(name, quoted(name))}"
        self.block(head, "peer", lambda: [self.put(line + ";") for line in lines])
        self.peers.append(name)
        self.idle_peers.append(name)

    def _peer_reference(self) -> None:
        if self.peers:
            self.networks_open[-1]["network"]["peer"] = True
            self.put(f"failover peer {quoted(self.random.choice(self.peers))};")

    # Executable statements

    def _executable(self) -> None:
        if len(self.scopes) > 7:
            return
        self.random.choice((
            self._if, self._switch, self._set, self._set, self._log, self._on, self._define_function, self._small,
            self._small, self._execute, self._option,
        ))()  # fmt: skip

    def _body(self, most: int = 3):
        choices = (self._option, self._parameter, self._executable, self._executable, self._flag_inside)
        return lambda: self.several(choices, most)

    def _flag_inside(self) -> None:
        self.put(f"{self.one('allow', 'deny', 'ignore')} {self.random.choice(FLAG_WORDS)};")

    def _if(self) -> None:
        def condition() -> str:
            text = self.boolean()
            return f"({text})" if text.startswith("(") or self.chance(30) else text

        self.block(f"if {condition()}", "if", self._body())
        for _ in range(self.one(0, 0, 1, 2)):
            self.block(f"{self.one('elsif', 'else if')} {condition()}", "if", self._body(2))
        if self.chance(40):
            self.block("else", "if", self._body(2))

    def _switch(self) -> None:
        numeric = self.chance(40)
        value = f"extract-int ({self.hex_list(4, 6)}, 16)" if numeric else f"concat ({self.data(1)}, {self.string()})"

        def body() -> None:
            for _ in range(self.random.randint(1, 3)):
                label = str(self.random.randrange(20)) if numeric else self.one(self.string(), f"({self.hex_list()})")
                self.put(f"case {label}:" if self.chance(80) or self._place() == "global" else "default:")
                self._body(2)()
                if self.chance(50):
                    self.put("break;")

        self.block(f"switch ({value})", "switch", body)

    def _set(self) -> None:
        name = self.random.choice((*VARIABLES, "f1", "abc"))
        word = "define" if self._place() != "global" and self.chance(20) else "set"
        self.put(f"{word} {name} = {self.any()};")

    def _log(self) -> None:
        level = self.one("", "info, ", "debug, ", "error, ")
        self.put(f"log ({level}{self.data()});")

    def _on(self) -> None:
        events = " or ".join(self.one("commit", "release", "expiry", "transmission") for _ in range(self.one(1, 1, 2)))
        if self.chance(20):
            self.put(f"on {events};")
        else:
            self.block(f"on {events}", "on", self._body())

    def _define_function(self) -> None:
        name = self.random.choice(FUNCTIONS)
        parameters = list(VARIABLES[: self.random.randrange(3)])
        known, self.functions = self.functions, []

        def body() -> None:
            self._body(2)()
            if self.chance(70):
                self.put(f"return {self.data()};")

        self.block(f"define {name} ({', '.join(parameters)})", "define", body)
        self.functions = [*(pair for pair in known if pair[0] != name), (name, len(parameters))]

    def _small(self) -> None:
        kind = self.random.randrange(6)
        if kind == 0:
            self.put(f"unset {self.random.choice(VARIABLES)};")
        elif kind == 1:
            self.put(f"eval {self.any()};")
        elif kind == 2:
            self.put(self.one("break;", "parse-vendor-option;", "some-name;"))
        elif kind == 3 and self.classes and self._place() != "global":
            self.put(f"add {quoted(self.random.choice(self.classes))};")
        elif kind == 4 and self.functions:
            self.put(f"{self.call()};")
        else:
            self.put(f"return {self.data()};")

    def has_packet(self) -> bool:
        return self._place() != "global"

    def _place(self) -> str:
        """The declaration around. Global statements run without a packet: there `add`, `define X = ...`, `check` and
        the `default:` of a switch crash ISC's server.
        """
        inside = ("if", "switch", "on", "define")
        return next(scope for scope in reversed(self.scopes) if scope not in inside)

    def _execute(self) -> None:
        if self.programs:
            self.put(f'execute ("/bin/true"{self.one("", ", " + self.data(1))});')


def configuration_text(random: Random, size: int = 20, *, interfaces: bool = False, execute: bool = False) -> str:
    """A configuration of about `size` statements, in octets a character each (latin-1)."""
    return Writer(random, size, interfaces=interfaces, execute=execute).configuration()


def configurations(max_size: int = 20, *, interfaces: bool = False) -> st.SearchStrategy[str]:
    """Configurations of up to about `max_size` statements. Shrinks."""
    return st.builds(
        lambda random, size: configuration_text(random, size, interfaces=interfaces),
        st.randoms(use_true_random=False),
        st.integers(0, max_size),
    )
