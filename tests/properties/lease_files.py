"""Random lease files for a configuration: declarations over those of dhcpd.conf, deletions, leases with charges.

Names are drawn from the configuration and from a few new ones, so that most records meet something: a host deleted and
made anew, a class added to, a subclass of a class that is gone, a group that only a deleted host was in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from dhcpd.engine.model.configuration import Configuration

DATE = "4 2026/10/01 12:00:00"


class LeaseFile:
    """Writes one; see the module."""

    def __init__(self, random: Random, configuration: Configuration) -> None:
        self.random = random
        self.hosts = [*configuration.hosts_by_name, "n1", "n2"]
        self.groups = [*configuration.groups, "g1", "g 2"]
        self.classes = [*(one.name for one in configuration.classes), "c1", "c2"]
        self.keys = [key for one in configuration.classes for key in one.subclasses] + [b"a", b"\1\3abc"]
        self.addresses = [low for pool in configuration.pools for low, _high in pool.ranges]
        self.hardware = [host.hardware for host in configuration.hosts if host.hardware[:1] == b"\1"]
        self.hardware += [bytes((1, 2, 0, 0, 0, 0, number)) for number in range(4)]

    def text(self) -> bytes:
        kinds = (self._host, self._group, self._class, self._subclass, self._lease)
        records = [self.random.choice(kinds)(0) for _ in range(self.random.randrange(14))]
        return "".join(records).encode("utf-8", "surrogateescape")

    def _flags(self) -> str:
        return self.random.choice(("dynamic; ", "dynamic; ", "", "deleted; ", "deleted; ", "dynamic; deleted; "))

    def _statements(self) -> str:
        choices = (
            'option domain-name "lease.example"; ', "option log-servers 10.0.0.7; ", "default-lease-time 300; ",
            'supersede host-name = concat ("h", "i"); ', 'if known { option root-path "/r"; } ',
        )  # fmt: skip
        return "".join(self.random.sample(choices, self.random.choice((0, 0, 1, 2))))

    def _hex(self, octets: bytes) -> str:
        return ":".join(f"{octet:x}" for octet in octets)

    def _host(self, _depth: int) -> str:
        random, flags = self.random, self._flags()
        body = ""
        if "deleted" not in flags:
            hardware = self._hex(random.choice(self.hardware)[1:7])
            body += f"hardware ethernet {hardware}; " if random.random() < 0.8 else ""
            body += f"uid {self._hex(random.choice(self.keys) or b'u')}; " if random.random() < 0.3 else ""
            body += f'group "{random.choice(self.groups)}"; ' if random.random() < 0.4 else ""
            body += f"fixed-address 10.0.0.{random.randrange(200, 250)}; " if random.random() < 0.3 else ""
            body += self._statements()
        return f"host {random.choice(self.hosts)} {{ {flags}{body}}}\n"

    def _group(self, depth: int) -> str:
        inner = ""
        if depth < 2 and self.random.random() < 0.2:
            inner = self.random.choice((self._host, self._class, self._subclass, self._group))(depth + 1)
        flags = self._flags()
        name = self.random.choice(self.groups).strip('"')
        return f'group "{name}" {{ {flags}{"" if "deleted" in flags else self._statements() + inner}}}\n'

    def _class(self, _depth: int) -> str:
        flags, random = self._flags(), self.random
        body = ""
        if "deleted" not in flags:
            matches = ("", "match if exists host-name; ", "match hardware; ", "spawn with option host-name; ")
            body = random.choice(matches)
            body += random.choice(("", "", "lease limit 1; ", "lease limit 3; ")) + self._statements()
        return f'class "{random.choice(self.classes)}" {{ {flags}{body}}}\n'

    def _subclass(self, _depth: int) -> str:
        flags = self._flags()
        body = flags if "deleted" in flags else flags + self._statements()
        key = self._hex(self.random.choice(self.keys) or b"k")
        return f'subclass "{self.random.choice(self.classes)}" {key} {{ {body}}}\n'

    def _lease(self, _depth: int) -> str:
        if not self.addresses:
            return ""
        random = self.random
        address = random.choice(self.addresses) + random.randrange(3)
        dotted = ".".join(str(octet) for octet in address.to_bytes(4, "big"))
        name, key = random.choice(self.classes), self._hex(random.choice(self.keys) or b"k")
        billing = random.choice(("", f'  billing class "{name}";\n', f'  billing subclass "{name}" {key};\n'))
        hardware = self._hex(random.choice(self.hardware)[1:7])
        return (
            f"lease {dotted} {{\n  starts {DATE};\n  ends never;\n  cltt {DATE};\n  binding state active;\n"
            f"  next binding state free;\n{billing}  hardware ethernet {hardware};\n}}\n"
        )
