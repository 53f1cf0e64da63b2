"""A lease's record in the lease file, byte for byte as ISC dhcpd writes it.

An ACK waits for one of these, so what hardly ever changes is looked up instead of made: dates by their second, the
lines of the states by their numbers. Reading is reader.py's; where the bytes go is the program's.

See docs/behaviour/lease-file.md#the-lease-record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ...conf.writing.values import hex_pairs, printable, quoted, text_of
from ...model.context import NoOctets, spelling
from ...model.lease import ABANDONED, BOOTP_FLAG, FREE, RESERVED_FLAG, STATE_NAMES
from ..embedded import handler_text
from .dates import DateWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.configuration import ClassName, Configuration
    from ...model.context import Bindings
    from ...model.lease import Lease, Rare

HARDWARE_NAMES: Final[dict[int, str]] = {1: "ethernet", 6: "token-ring", 8: "fddi", 32: "infiniband"}
# Identifiers come from clients: what is kept of them is bounded.
_KEPT_UIDS: Final = 4096
# The one option that ISC spells with capitals.
_SPELLED: Final = {"docsis-device-class": "DOCSIS-device-class"}
_LAST_STATE: Final = 7
_OCTETS: Final = 4
# Networks of 256 addresses, of which a site has few.
_KEPT_NETWORKS: Final = 1024
_LAST_OCTETS: Final = tuple([f"{octet} {{\n" for octet in range(256)])


def address_text(address: int) -> str:
    """Four decimal numbers."""
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def record_address(record: bytes) -> int | None:
    """The address of a lease's record as RecordWriter makes it, None for a record of something else."""
    head, brace, _ = record.partition(b" {\n")
    parts = head.removeprefix(b"lease ").split(b".")
    if not brace or len(parts) != _OCTETS or not all(part.isdigit() for part in parts):
        return None
    return int.from_bytes(bytes([int(part) & 0xFF for part in parts]), "big")


def hardware_name(kind: int) -> str:
    """The word for a hardware type (docs/behaviour/lease-file.md#hardware-as-written)."""
    return HARDWARE_NAMES.get(kind) or f"unknown-{kind}"


_HARDWARE_LINES: Final = tuple([f"  hardware {hardware_name(kind)} " for kind in range(256)])


def hardware_line(hardware: bytes) -> str:
    """`hardware <type> <octets>;` of a type octet and an address (docs/behaviour/lease-file.md#hardware-as-written)."""
    return f"hardware {hardware_name(hardware[0])} {hardware[1:].hex(':')};"


def writable_name(name: bytes) -> bool:
    """Whether a name may stand between quotes as it is (docs/behaviour/lease-file.md#client-host-name-as-written)."""
    return printable(name) and b'"' not in name and b"\\" not in name


def left_out(lease: Lease) -> bool:
    """Whether a rewrite leaves a lease out, since it says nothing.

    Unlike ISC's, a reservation counts: it would be forgotten at the next rewrite.

    See docs/behaviour/lease-file.md#order-of-records-in-a-rewrite.
    """
    if lease.hardware or lease.uid or lease.state != FREE or lease.flags & RESERVED_FLAG:
        return False
    return lease.rare is None or not lease.rare.tsfp


def _state_name(state: int) -> str:
    return STATE_NAMES[state if 1 <= state <= _LAST_STATE else ABANDONED]


def _state_lines(state: int, next_state: int, rewind_state: int, flags: int) -> str:
    lines = [f"  binding state {_state_name(state)};\n"]
    if next_state != state:
        lines.append(f"  next binding state {_state_name(next_state)};\n")
    if rewind_state != state and 1 <= rewind_state <= _LAST_STATE:
        lines.append(f"  rewind binding state {_state_name(rewind_state)};\n")
    if flags & RESERVED_FLAG:
        lines.append("  reserved;\n")
    if flags & BOOTP_FLAG:
        lines.append("  dynamic-bootp;\n")
    return "".join(lines)


def _ignore(_level: int, _text: str) -> None:
    """Log nothing."""


class RecordWriter:
    """Makes records as one configuration wants them; holds the caches, which are bounded."""

    __slots__ = ("_agent", "_dates", "_hex", "_log", "_networks", "_states", "_uids")

    def __init__(
        self, configuration: Configuration, utc_offset_s: int = 0, log: Callable[[int, str], None] = _ignore
    ) -> None:
        """`utc_offset_s`: the local time's seconds east of UTC. `log` hears of variables that cannot be written."""
        self._dates = DateWriter(local=configuration.local_times, utc_offset_s=utc_offset_s)
        self._hex = configuration.lease_id_hex
        self._agent = configuration.registry.spaces.get("agent")
        self._log = log
        self._states: dict[tuple[int, int, int, int], str] = {}
        self._uids: dict[bytes, str] = {}
        self._networks: dict[int, str] = {}

    def record(self, lease: Lease, now: int) -> bytes:
        """The whole record as octets; `now` as in `text`."""
        return self.text(lease, now).encode("utf-8", "surrogateescape")

    def text(self, lease: Lease, now: int) -> str:
        """The whole record; `now` (seconds since 1970) decides whether a billing is still worth writing.

        A class's name may hold surrogates, one for each octet that is no UTF-8.
        """
        rare = lease.rare
        text = self._time_lines(lease)
        states = (lease.state, lease.next_state, lease.rewind_state, lease.flags)
        text += self._states.get(states) or self._new_states(states)
        # A lease that is over holds no place in its class any more.
        if rare is not None and rare.billing is not None and lease.ends > now:
            text += billing_line(rare.billing)
        hardware = lease.hardware
        if hardware:
            text += f"{_HARDWARE_LINES[hardware[0]]}{hardware[1:].hex(':')};\n"
        if lease.uid:
            text += f"  uid {self._uids.get(lease.uid) or self._new_uid(lease.uid)};\n"
        if rare is not None:
            text += self._option_lines(rare)
        if lease.hostname is not None and writable_name(lease.hostname):
            text += f'  client-hostname "{lease.hostname.decode("ascii")}";\n'
        if rare is not None:
            text += _handler_lines(rare)
        return text + "}\n"

    def _time_lines(self, lease: Lease) -> str:
        """The first line, and the dates."""
        address, starts, ends, tstp, date = lease.address, lease.starts, lease.ends, lease.tstp, self._dates.text
        text = (self._networks.get(address >> 8) or self._new_network(address >> 8)) + _LAST_OCTETS[address & 255]
        begun = over = ""
        if starts > 0:
            begun = date(starts)
            text += f"  starts {begun}\n"
        if ends > 0:
            over = date(ends)
            text += f"  ends {over}\n"
        if tstp > 0:
            text += f"  tstp {over if tstp == ends else date(tstp)}\n"
        if lease.rare is not None:
            text += self._failover_lines(lease.rare)
        if lease.cltt > 0:
            text += f"  cltt {begun if lease.cltt == starts else date(lease.cltt)}\n"
        return text

    def _new_network(self, network: int) -> str:
        if len(self._networks) >= _KEPT_NETWORKS:
            self._networks.clear()
        made = self._networks[network] = f"lease {network >> 16}.{network >> 8 & 255}.{network & 255}."
        return made

    def identifier(self, value: bytes) -> str:
        """A client identifier or DUID as `lease-id-format` says."""
        return hex_pairs(value) if self._hex else quoted(value)

    def date(self, seconds: int) -> str:
        """A date as `db-time-format` says, with its semicolon."""
        return self._dates.text(seconds)

    def _new_states(self, states: tuple[int, int, int, int]) -> str:
        made = self._states[states] = _state_lines(*states)
        return made

    def _new_uid(self, uid: bytes) -> str:
        if len(self._uids) >= _KEPT_UIDS:
            self._uids.clear()
        made = self._uids[uid] = self.identifier(uid)
        return made

    def _failover_lines(self, rare: Rare) -> str:
        text = f"  tsfp {self._dates.text(rare.tsfp)}\n" if rare.tsfp > 0 else ""
        return text + (f"  atsfp {self._dates.text(rare.atsfp)}\n" if rare.atsfp > 0 else "")

    def _option_lines(self, rare: Rare) -> str:
        """Variables and relay sub-options."""
        text = ""
        if rare.variables:
            text = self._variable_lines(rare.variables)
        for code, value in rare.agent_options or ():
            if value:
                text += self._agent_line(code, value)
        return text

    def _variable_lines(self, variables: Bindings) -> str:
        """`set` lines, the latest created first."""
        lines: list[str] = []
        for key, value in reversed(variables.items()):
            name = spelling(key)
            # ISC keeps the name of a variable whose value is gone, and writes nothing of it.
            if value is None or isinstance(value, NoOctets):
                continue
            if isinstance(value, bytes):
                lines.append(f"  set {name} = {quoted(value)};\n")
            elif isinstance(value, bool):
                lines.append(f"  set {name} = {'true' if value else 'false'};\n")
            elif isinstance(value, int):
                lines.append(f"  set {name} = %{value};\n")
            else:
                self._log(ERROR, f"{name}: persistent functions not supported.")
        return "".join(lines)

    def _agent_line(self, code: int, value: bytes) -> str:
        if self._agent is None:
            return ""
        option = self._agent.by_code.get(code) or self._agent.unknown(code)
        return f"  option agent.{_SPELLED.get(option.name, option.name)} {text_of(option, value)};\n"


def billing_line(name: ClassName) -> str:
    """`billing class` or `billing subclass` (docs/behaviour/lease-file.md#billing-as-written)."""
    if name.key is None:
        return f'  billing class "{name.name}";\n'
    return f'  billing subclass "{name.name}" {class_key_text(name.key)};\n'


def class_key_text(key: bytes) -> str:
    """A subclass's value: text where it can be read back as it is, else octets.

    ISC does not escape quotes and backslashes here, and then cannot read them; they go as octets.
    """
    return f'"{key.decode("ascii")}"' if key and writable_name(key) else hex_pairs(key)


def _handler_lines(rare: Rare) -> str:
    """`on` blocks; one statement that serves both events is written once."""
    text = ""
    if rare.on_expiry is not None:
        both = rare.on_expiry is rare.on_release
        text = handler_text("expiry or release" if both else "expiry", rare.on_expiry)
    if rare.on_release is not None and rare.on_release is not rare.on_expiry:
        text += handler_text("release", rare.on_release)
    return text
