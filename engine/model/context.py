"""What statements and expressions see while they run: the packet, the lease, the reply's options, the variables.

A Context is made for one packet (or one event of a lease) and thrown away. It holds no logic of evaluation.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .configuration import Class, ClassRun, Handler, Value
    from .spaces import Registry


_Class = TypeVar("_Class", bound=type)


def interpreted(cls: _Class) -> _Class:
    """The class as it is. The compiled build leaves a decorated class to the interpreter.

    mypyc makes no native class of Python's own `bytes`, `str` or `AssertionError` (packaging/compiled).
    """
    return cls


class Host(Protocol):
    """What evaluation asks of the machine that it runs in."""

    host_name: str

    @property
    def class_runs(self) -> Sequence[ClassRun]:
        """What tells which classes match (conf/running/outcomes.py)."""

    def class_named(self, name: str) -> Class | None:
        """The class in force of that name."""

    def spawned(self, parent: Class, key: bytes) -> Class | None:
        """The subclass that nobody declared for a key, made where it is missing and the class spawns."""

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


class RareFacts(Protocol):
    """What expressions read of `Lease.rare`."""

    @property
    def host(self) -> str | None:
        """The name of the host declaration that the lease is tied to."""


class LeaseFacts(Protocol):
    """What expressions read of a lease (model/lease.py). A protocol, since a lease in turn holds variables."""

    address: int
    hardware: bytes
    ends: int

    @property
    def pool(self) -> object | None:
        """None for a fixed address."""

    @property
    def rare(self) -> RareFacts | None:
        """What few leases have."""


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


@interpreted
class NoOctets(bytes):
    """The empty value that ISC has no memory for: an empty constant, or a substring from behind the end.

    It is as good as any other empty value, except that a variable of it is not written to the lease file, and that
    regular expressions refuse to search in it.
    """

    __slots__ = ()


NO_OCTETS: Final = NoOctets()

_HEADER: Final = Struct(">BBBB4sHHIIII16s").unpack_from

Bindings = dict[str, "bytes | int | bool | object | None"]
"""Variables by their names (`variable_name`), in order of creation: data as bytes, numbers as int (signed), booleans
as bool, functions as model.Function; None for a variable that exists without a value (`set x = null;`, `unset x;`)."""


@interpreted
class VariableName(str):
    """A variable's name in lower case, by which it is looked up; `spelled` is how it was first written."""

    __slots__ = ("spelled",)

    spelled: str


def variable_name(spelled: str) -> str:
    """The name to file a variable under: looked up whatever its case, written to the lease file as it was spelled."""
    lower = spelled.lower()
    if lower == spelled:
        return spelled
    made = VariableName(lower)
    made.spelled = spelled
    return made


def spelling(name: str) -> str:
    """How a variable's name was first written."""
    return name.spelled if isinstance(name, VariableName) else name


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


class Message:
    """A message as parsed. Addresses are 32-bit numbers; `hardware` is the htype octet and chaddr[:hlen].

    `options` are those of space dhcp, `spaces` the decoded ones (absent: nothing decoded). `requested_address` and
    `server_identifier` are options 50 and 54 (None: absent). `lines` are to be logged before anything else is done.
    `agent_stashed`: the relay information came from the lease. `known` and `classes` belong to the service.
    """

    __slots__ = (
        "chaddr", "ciaddr", "classes", "flags", "giaddr", "hardware", "hlen", "hops", "host_name_had_nul", "htype",
        "interface", "known", "lines", "message_type", "op", "options", "options_valid", "payload", "registry",
        "requested_address", "secs", "server_identifier", "siaddr", "source", "source_port", "spaces", "stashed",
        "xid", "yiaddr",
    )  # fmt: skip

    op: int
    htype: int
    hlen: int
    hops: int
    xid: bytes
    secs: int
    flags: int
    ciaddr: int
    yiaddr: int
    siaddr: int
    giaddr: int
    chaddr: bytes
    hardware: bytes
    options: dict[int, bytes]
    options_valid: bool
    message_type: int
    requested_address: int | None
    server_identifier: int | None
    host_name_had_nul: bool
    lines: tuple[tuple[int, str], ...]

    def __init__(self, payload: bytes, interface: str, source: int, source_port: int, registry: Registry) -> None:
        """The header is read; there are no options yet. `payload` has at least 236 octets."""
        self.payload = payload
        self.interface = interface
        self.source = source
        self.source_port = source_port
        self.registry = registry
        (
            self.op, htype, hlen, self.hops, self.xid, self.secs, self.flags,
            self.ciaddr, self.yiaddr, self.siaddr, self.giaddr, self.chaddr,
        ) = _HEADER(payload)  # fmt: skip
        self.htype = htype
        self.hlen = hlen
        self.hardware = payload[1:2] + payload[28 : 28 + hlen]
        self.options = {}
        self.options_valid = False
        self.message_type = 0
        self.spaces: dict[str, dict[int, bytes]] = {}
        self.requested_address = None
        self.server_identifier = None
        self.host_name_had_nul = False
        self.stashed = False
        self.known = False
        self.classes: list[Class] = []
        self.lines = ()

    @property
    def agent(self) -> dict[int, bytes] | None:
        """The decoded relay agent information, in order of first appearance; None where there is none.

        See docs/behaviour/packets.md#relay-agent-information-on-intake.
        """
        return self.spaces.get("agent")

    def attach_stash(self, options: Iterable[tuple[int, bytes]]) -> None:
        """Take the relay information that the client's lease holds for the packet's own.

        See docs/behaviour/packets.md#relay-agent-information-on-intake.
        """
        self.spaces["agent"] = dict(options)
        self.stashed = True


class Context:
    """What one evaluation goes on, and what it leaves.

    `bindings` is the lease's scope or the global one; `now` is seconds since 1970.
    `handlers` collects what `on` statements install: event name -> Handler (None: cleared).
    `classes` are those of the packet. `lease` may be a mock lease for a fixed address. `returned` is the value of
    the last `return` of the function that runs; `asking` the options whose reply value is being found.
    """

    __slots__ = ("asking", "bindings", "classes", "handlers", "host", "lease", "now", "packet", "reply", "returned")

    def __init__(
        self,
        host: Host,
        now: int,
        packet: Message | None,
        lease: LeaseFacts | None,
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
