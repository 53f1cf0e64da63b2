"""What statements and expressions see while they run: the packet, the lease, the reply's options, the variables.

A Context is made for one packet (or one event of a lease) and thrown away. It holds no logic of evaluation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..lease.lease import Lease
    from ..wire.packet import Packet
    from .model import Class, Configuration, Value
    from .syntax import On


class Host(Protocol):
    """What evaluation asks of the machine that it runs in."""

    configuration: Configuration
    host_name: str

    def log(self, level: int, text: str) -> None:
        """Emit a log line."""

    def execute(self, arguments: tuple[bytes, ...]) -> None:
        """Have a program run."""

    def fatal(self, text: str) -> None:
        """`log (fatal, ...)`: end the server."""

    def addresses_of(self, name: str) -> tuple[int, ...] | None:
        """The addresses of a host name as last looked up; None where the look-up failed or is not answered."""


class OptionSet:
    """The options of a reply being built: space name -> {code: value}, in order of first setting.

    Replacing a value keeps its place (dict order), which is what ISC's bucket order needs (packets-and-options 3.4).
    Parameters of the server are the space `server`.
    """

    __slots__ = ("dhcp", "server", "spaces")

    def __init__(self) -> None:
        """An empty set."""
        self.dhcp: dict[int, Value] = {}
        self.server: dict[int, Value] = {}
        self.spaces: dict[str, dict[int, Value]] = {"dhcp": self.dhcp, "server": self.server}

    def copy(self) -> OptionSet:
        """A set that can be changed without this one noticing."""
        made = OptionSet.__new__(OptionSet)
        made.spaces = {name: dict(values) for name, values in self.spaces.items()}
        made.dhcp = made.spaces["dhcp"]
        made.server = made.spaces["server"]
        return made


Bindings = dict[str, "bytes | int | bool | object"]
"""Variables (lower-case names): data as bytes, numbers as int, booleans as bool, functions as compiled definitions."""


class Context:
    """See the module. `bindings` is the lease's scope or the global one; `now` is seconds since 1970.

    `handlers` collects what `on` statements install: event name -> On statement (None: cleared).
    `classes` are those of the packet. `lease` may be a mock lease for a fixed address.
    """

    __slots__ = ("bindings", "classes", "handlers", "host", "lease", "now", "packet", "reply")

    def __init__(
        self,
        host: Host,
        now: int,
        packet: Packet | None,
        lease: Lease | None,
        reply: OptionSet | None,
        bindings: Bindings,
    ) -> None:
        """Classes come from the packet, handlers start empty."""
        self.host = host
        self.now = now
        self.packet = packet
        self.lease = lease
        self.reply = reply
        self.bindings = bindings
        self.classes: list[Class] = packet.classes if packet is not None else []
        self.handlers: dict[str, On | None] = {}
