"""What statements and expressions see while they run: the packet, the lease, the reply's options, the variables.

A Context is made for one packet (or one event of a lease) and thrown away. It holds no logic of evaluation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from ..wire.packet import Packet
    from .configuration import Class, Configuration, Handler, Value
    from .lease import Lease


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
        """The addresses of a host name as last looked up; None where the look-up failed or is not answered.

        The line about a failed look-up is logged by who answers, not by who asks.

        See docs/behaviour/configuration.md#host-names-in-values.
        """


class OptionSet:
    """The options of a reply being built: space name -> {code: value}, in order of first setting.

    Replacing a value keeps its place (dict order), which is what ISC's bucket order needs.
    Parameters of the server are the space `server`.

    See docs/behaviour/packets.md#bucket-order.
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

    @property
    def volatile(self) -> bool:
        """Whether a value that may be sent is not constant bytes: then no encoding of this set may be kept."""
        server = self.server
        return any(
            callable(value)
            for values in self.spaces.values()
            if values is not server
            for value in values.values()
        )  # fmt: skip


class NoOctets(bytes):
    """The empty value that ISC has no memory for: an empty constant, or a substring from behind the end.

    It is as good as any other empty value, except that a variable of it is not written to the lease file, and that
    regular expressions refuse to search in it.
    """

    __slots__ = ()


NO_OCTETS: Final = NoOctets()

Bindings = dict[str, "bytes | int | bool | object | None"]
"""Variables (lower-case names), in order of creation: data as bytes, numbers as int (signed), booleans as bool,
functions as model.Function; None for a variable that exists without a value (`set x = null;`, `unset x;`)."""


class Frame(Bindings):
    """The variables of a function's call: names not found here are the caller's.

    See docs/behaviour/configuration.md#numeric-expressions-and-calls.
    """

    __slots__ = ("depth", "outer")

    def __init__(self, outer: Bindings) -> None:
        """`depth` counts the calls that stand open."""
        super().__init__()
        self.outer = outer
        self.depth: int = outer.depth + 1 if isinstance(outer, Frame) else 1


class Context:
    """See the module. `bindings` is the lease's scope or the global one; `now` is seconds since 1970.

    `handlers` collects what `on` statements install: event name -> Handler (None: cleared).
    `classes` are those of the packet. `lease` may be a mock lease for a fixed address. `returned` is the value of
    the last `return` of the function that runs; `asking` the options whose reply value is being found.
    """

    __slots__ = ("asking", "bindings", "classes", "handlers", "host", "lease", "now", "packet", "reply", "returned")

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
        self.handlers: dict[str, Handler | None] = {}
        self.returned: bytes | int | bool | object | None = None
        self.asking: tuple[tuple[str, int], ...] = ()
