"""Configurations that the doors serve with, read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dhcpd.engine import startup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhcpd.trace import events as ev
    from dhcpd.trace.effects import Effect


class KnownWorlds:
    """Stands in for reading a configuration: that of a world is read once, and shared by the machines.

    Reading would take nine tenths of the fuzzer's time at the door `packet`, and is the other door's.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Any] = {}
        self._load = startup.load_configuration

    def __call__(
        self, files: dict[str, bytes | str], event: ev.ConfigurationEnd, effects: list[Effect], named: Sequence[str]
    ) -> Any:
        content = files[event.name]
        assert isinstance(content, bytes)
        if content not in self._known:
            self._known[content] = self._load(files, event, effects, named)
        return self._known[content]


KNOWN_WORLDS: Final = KnownWorlds()
