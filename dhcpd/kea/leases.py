"""Kea's memfile (kea-leases4.csv) as dhcpd.leases. Its last row about an address counts, as with Kea."""

from __future__ import annotations

import csv
import re
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from ..engine.conf.writing.values import quoted as octal
from ..engine.lease.file.dates import DateWriter
from ..engine.model.lease import NEVER
from .conditions import quoted
from .configuration import Left

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COLUMNS: Final = frozenset({"address", "hwaddr", "client_id", "valid_lifetime", "expire", "state"})
_INFINITE: Final = 0xFFFFFFFF
# Kea's states (Kea's manual, "The Memfile"), as binding states; what is reclaimed has no lease.
_STATES: Final = {"0": "active", "1": "abandoned"}
_HEX: Final = re.compile(r"[0-9a-f]{1,2}(:[0-9a-f]{1,2})*")
_DATE_MAX_S: Final = 253_402_300_799
_DATES: Final = DateWriter(local=False, utc_offset_s=0)


class NotALeaseFile(ValueError):
    """The file's first line does not name the columns of Kea's lease file."""


class ConvertedLeases(NamedTuple):
    """`text` is the dhcpd.leases; `held` says how many leases it holds, `left` what was passed over."""

    text: str
    held: int
    left: list[Left]


def convert_leases(lines: Iterable[str]) -> ConvertedLeases:
    """The leases of a memfile; raises NotALeaseFile."""
    rows = csv.DictReader(lines)
    if not set(rows.fieldnames or ()) >= _COLUMNS:
        raise NotALeaseFile("the first line should name the columns address, hwaddr, client_id, ...")
    found: dict[str, str] = {}
    left: list[Left] = []
    for row in rows:
        try:
            address, record = _record(row)
        except (ValueError, TypeError) as error:
            left.append(Left(f"line {rows.line_num}", str(error)))
            continue
        found.pop(address, None)
        if record:
            found[address] = record
    return ConvertedLeases("authoring-byte-order little-endian;\n\n" + "".join(found.values()), len(found), left)


def _record(row: Mapping[str, str | None]) -> tuple[str, str]:
    """An address, and its record; none for a lease that is no more. Raises ValueError."""
    try:
        address = str(IPv4Address(row["address"] or ""))
    except AddressValueError as error:
        raise ValueError(f"{row['address']!r} is no address") from error
    state, length, end = _STATES.get(row["state"] or ""), int(row["valid_lifetime"] or ""), int(row["expire"] or "")
    if state is None or length <= 0:
        return address, ""
    if not 0 <= end - (length if length != _INFINITE else 0) <= end <= _DATE_MAX_S:
        raise ValueError(f"the times of {address} are no times")
    start, ends = _DATES.text(max(0, end - length)), _DATES.text(NEVER if length == _INFINITE else end)
    lines = [f"starts {start}", f"ends {ends}", f"cltt {start}"]
    lines += [f"binding state {state};", "next binding state free;"]
    lines += _client(row)
    return address, f"lease {address} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def _client(row: Mapping[str, str | None]) -> list[str]:
    """Who has it. Whatever is no octets in hexadecimal is left away."""
    lines = []
    hardware, client_id = (row["hwaddr"] or "").lower(), (row["client_id"] or "").lower()
    if _HEX.fullmatch(hardware):
        lines.append(f"hardware ethernet {hardware};")
    if _HEX.fullmatch(client_id):
        lines.append(f"uid {octal(bytes(int(one, 16) for one in client_id.split(':')))};")
    name = (row.get("hostname") or "").rstrip(".").partition(".")[0]
    return [*lines, f"client-hostname {quoted(name.encode())};"] if name else lines
