"""OMAPI as a part of the machine: keys, objects, connections and the shutdown, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .requests import Access, Silence
from .server import Omapi
from .shutdown import Shutdown, Step
from .signing import Key
from .types import object_types

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..failover.relationships import Relationships
    from ..model.configuration import Configuration
    from ..service.server import Server


class OmapiPart:
    """The machine's one object for OMAPI, where the configuration of the start has an `omapi-port`.

    It stays for as long as the process lives: a reload changes keys and objects (`serve`), never the port.
    """

    __slots__ = ("_key_name", "_partners", "_server", "connections", "shutdown")

    def __init__(
        self,
        server: Server,
        port: int,
        key_name: str | None,
        partners: Relationships | None,
        stop_serving: Callable[[], None],
    ) -> None:
        """`key_name` is that of `omapi-key`, None where nobody must sign; `partners` None without failover."""
        self._server = server
        self._key_name = key_name
        self._partners = partners
        # With their types: mypyc meets machine.py, which asks for them, before it could infer any here.
        self.connections: Omapi = Omapi(server, port)
        self.shutdown: Shutdown = Shutdown(server, self.connections, stop_serving)
        self.shutdown.partners = partners
        self.serve()

    def serve(self) -> None:
        """Take the keys and objects of the configuration in force."""
        access = _access(self._server.configuration, self._key_name)
        handles = self.connections.handles
        self.connections.serve(access, object_types(self._server, handles, self._partners, self._shut_down))

    def _shut_down(self) -> None:
        self.shutdown.begin()
        raise Silence

    def snapshot(self) -> dict[str, Any]:
        """The state as plain data."""
        step = self.shutdown.step
        return {"connections": self.connections.snapshot(), "shutdown": None if step is None else step.value}

    def restore(self, data: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self.connections.restore(data["connections"])
        self.shutdown.step = None if data["shutdown"] is None else Step(data["shutdown"])


def _access(configuration: Configuration, key_name: str | None) -> Access:
    keys = {
        name.lower(): Key(known.name, known.algorithm, known.secret) for name, known in configuration.keys.items()
    }
    return Access(keys, None if key_name is None else keys[key_name.lower()])
