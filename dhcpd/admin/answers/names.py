"""What DNS is owed: names that could not be added or removed, and will be tried again."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from ..slices import in_slices

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from ...engine.ddns.owed import Owed
    from ...engine.ddns.records import Names
    from ..shapes import Debt, Dns
    from ..site import Site


def dns(site: Site, values: Mapping[str, Any]) -> Generator[None, None, Dns]:
    """How many updates are under way, and what is owed, at most `limit` of it."""
    updates = site.server.ddns.updates
    rows: list[Debt] = []
    for owed, pause in in_slices(updates.debts.everything()[: values["limit"]]):
        rows.append(_debt(owed))
        if pause:
            yield
    return {"under_way": len(updates), "owed": len(updates.debts), "debts": rows}


def _debt(owed: Owed) -> Debt:
    return {
        "address": str(IPv4Address(owed.address)),
        "add": _name(owed.adding),
        "remove": _name(owed.removing),
        "tries": owed.tries,
        "zone": owed.zone,
        "why": owed.word,
    }


def _name(names: Names | None) -> str:
    return "" if names is None else (names.forward or names.reverse).decode("utf-8", "backslashreplace")
