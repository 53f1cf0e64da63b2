"""Stands for the machine where statements and expressions are tested alone: keeps what they ask of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhcpd.engine.lease.charges import Charges

if TYPE_CHECKING:
    from dhcpd.engine.model.configuration import Class, ClassRun, Configuration


class Host:
    """Logs, programs and host names are kept or given as told; the classes are those of a configuration, if any."""

    host_name = "server.example"

    def __init__(self, configuration: Configuration | None = None) -> None:
        self.classes: tuple[Class, ...] = () if configuration is None else configuration.classes
        self.class_runs: tuple[ClassRun, ...] = () if configuration is None else configuration.class_runs
        self.charges = Charges()
        self.lines: list[tuple[int | str, str]] = []
        self.executed: list[tuple[bytes, ...]] = []
        self.answers: dict[str, tuple[int, ...]] = {}

    def class_named(self, name: str) -> Class | None:
        return next((one for one in self.classes if one.name == name), None)

    def spawned(self, parent: Class, key: bytes) -> Class | None:
        return self.charges.spawned(parent, key)

    def log(self, level: int, text: str) -> None:
        self.lines.append((level, text))

    def fatal(self, text: str) -> None:
        self.lines.append(("fatal", text))

    def execute(self, arguments: tuple[bytes, ...]) -> None:
        self.executed.append(arguments)

    def addresses_of(self, name: str) -> tuple[int, ...] | None:
        return self.answers.get(name)
