"""Snapshots: what the state of a machine names, and the same state with pseudonyms.

A state is plain data (engine/machine.py). The tables here say of each part what it is, as those of records.py do of
fields; a part that they do not name is a number or a word of ours, and a test holds that nothing else is. Addresses
stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...engine import startup
from ...engine.agenda import Owner
from ...engine.attach import interfaces_from, plain_interfaces
from ...engine.lease.snapshot import LeaseRow
from ...engine.service.waiting import UnnamedPacket
from ...trace.effects import Send
from . import sources
from .protocols import dns_state, guards, messages
from .protocols.dns_state import NamesWriter
from .sources import IDENTIFYING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .findings import Findings
    from .protocols.dns import DnsWriter
    from .protocols.messages import Messages
    from .protocols.streams import Streams, StreamWriter
    from .records import Records
    from .sources import Writer


def survey(state: dict[str, Any], findings: Findings, streams: Streams) -> None:
    """Take what a state names into `findings`, and what connections have brought in part into `streams`."""
    _survey_boot(state, findings)
    _survey_files(state["files"], findings)
    _survey_files(state["new_files"], findings)
    if state["candidate"] is not None:
        _survey_files(state["candidate"][1], findings)
    if state["interfaces"] is not None:
        for link in interfaces_from(state["interfaces"]).links:
            findings.hardware_address(link.hardware)
            findings.interface(link.name)
    for name in (*state["names"]["answers"], *state["names"]["outstanding"]):
        findings.name(_octets(name), plain=True)
    lease_file = b"".join(state["lease_parts"])
    sources.survey(lease_file, findings)
    guards.survey(lease_file, findings)
    if state["server"] is not None:
        _survey_server(state["server"], findings)
    if state["database"] is not None:
        _survey_database(state["database"], findings)
    if state["server"] is not None and state["database"] is not None:
        leases = (LeaseRow(*fields) for fields in (*state["database"]["leases"], *state["database"]["orphans"]))
        dns_state.survey(state["server"]["ddns"], leases, findings)
    streams.take_state(state)


def _survey_files(files: dict[str, bytes | str], findings: Findings) -> None:
    for name, content in files.items():
        findings.path(_octets(name))
        if isinstance(content, bytes):
            sources.survey(content, findings)


def _survey_boot(state: dict[str, Any], findings: Findings) -> None:
    if state["boot"] is not None:
        boot = startup.boot_from(state["boot"])
        findings.name(_octets(boot.host_name))
        for value in (*startup.read_command_line(boot.arguments).values.values(), *dict(boot.environment).values()):
            findings.path(_octets(value))


def _survey_server(server: dict[str, Any], findings: Findings) -> None:
    for _address, _line, sent, _event in server["offers"]:
        messages.survey(Send(*sent).payload, findings)
    for _address, packet in server["unnamed"]:
        messages.survey(UnnamedPacket(*packet).payload, findings)
    _survey_variables(server["bindings"], findings)


def _survey_database(database: dict[str, Any], findings: Findings) -> None:
    for text, _written in database["declarations"]:
        sources.survey(_octets(text), findings)
    if database["server_duid"] is not None:
        findings.leave("the server's DUID")
    for fields in (*database["leases"], *database["orphans"]):
        row = LeaseRow(*fields)
        findings.hardware_address(row.hardware[1:])
        if row.uid:
            findings.identifier(row.uid)
        if row.hostname:
            findings.name(row.hostname)
        if row.rare is not None:
            _survey_rare(row.rare, findings)


def _survey_rare(rare: dict[str, Any], findings: Findings) -> None:
    for code, value in rare.get("agent_options", ()):
        messages.survey_sub_option(code, value, findings)
    _survey_variables(rare.get("variables", ()), findings)
    for _names, text in rare["handlers"]:
        sources.survey(_octets(text), findings)


def _survey_variables(variables: Any, findings: Findings) -> None:
    for name, value in variables:
        lower = name.lower().encode("utf-8", "surrogatepass")
        if isinstance(value, bytes) and lower in IDENTIFYING:
            findings.identifier(value)
        elif isinstance(value, bytes) and lower in sources.NAMING:
            findings.name(value)
        elif isinstance(value, bytes) and value:
            findings.leave("values of other variables of leases")


def _octets(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


class StateWriter:
    """Gives states with pseudonyms. `PARTS` of a state, and `parts` of what is in them, say how."""

    def __init__(
        self, records: Records, writer: Writer, messages: Messages, streams: StreamWriter, names: DnsWriter
    ) -> None:
        self._records = records
        self._writer = writer
        self._messages = messages
        self._streams = streams
        self._ddns = NamesWriter(writer, messages, names)
        self.parts: Mapping[str, Callable[[Any], Any]] = {
            "boot": lambda boot: tuple(records.event(startup.boot_from(boot))),
            "files": self._files,
            "new_files": self._files,
            "configuration": records.text,
            "candidate": self._candidate,
            "parameters": self._texts,
            "lease_parts": self._lease_parts,
            "interfaces": self._interfaces,
            "agenda": lambda entries: [(owner, self._agenda_key(owner, key), at_us) for owner, key, at_us in entries],
            "names": self._names,
            "rewriting": self._texts,
            "server": self._server,
            "database": self._database,
            "omapi": streams.omapi_state,
            "failover": streams.failover_state,
        }

    def rewrite(self, state: dict[str, Any]) -> dict[str, Any]:
        """The state with pseudonyms in place of what it names."""
        return {
            name: part if part is None or name not in self.parts else self.parts[name](part)
            for name, part in state.items()
        }

    def _text_or(self, value: Any) -> Any:
        return self._records.text(value) if isinstance(value, str) else value

    def _agenda_key(self, owner: str, key: Any) -> Any:
        """A host name; of a failover relationship's alarms the relationship's name, which is the last word."""
        if owner == Owner.FAILOVER:
            *alarm, name = str(key).split(" ", 2)
            return " ".join([*alarm, self._records.text(name)])
        return self._text_or(key)

    def _texts(self, part: dict[str, Any]) -> dict[str, Any]:
        return {name: self._text_or(value) for name, value in part.items()}

    def _files(self, files: dict[str, Any]) -> dict[str, Any]:
        return {
            self._records.text(name): self._writer.rewrite(content) if isinstance(content, bytes) else content
            for name, content in files.items()
        }

    def _candidate(self, candidate: Any) -> Any:
        name, files, parameters = candidate
        return self._records.text(name), self._files(files), self._texts(parameters)

    def _lease_parts(self, parts: Any) -> Any:
        return [self._writer.rewrite(b"".join(parts))] if parts else parts

    def _interfaces(self, data: Any) -> Any:
        event: Any = self._records.event(interfaces_from(data))
        return plain_interfaces(event)

    def _names(self, names: dict[str, Any]) -> dict[str, Any]:
        return {
            "answers": {self._records.text(name): addresses for name, addresses in names["answers"].items()},
            "outstanding": [self._records.text(name) for name in names["outstanding"]],
        }

    def _server(self, server: dict[str, Any]) -> dict[str, Any]:
        return server | {
            "bindings": self._variables(server["bindings"]),
            "ddns": self._ddns.rewrite(server["ddns"]),
            "offers": [
                (address, self._records.text(line), tuple(self._records.effect(Send(*sent))), event)
                for address, line, sent, event in server["offers"]
            ],
            "unnamed": [
                (address, packet._replace(payload=self._messages.rewrite(packet.payload)))
                for address, packet in ((address, UnnamedPacket(*fields)) for address, fields in server["unnamed"])
            ],
            "programs": [(call, self._records.text(name)) for call, name in server["programs"]],
            "nak_text": self._text_or(server["nak_text"]),
        }

    def _variables(self, variables: Any) -> list[list[Any]]:
        return [[name, self._value(value)] for name, value in variables]

    def _value(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return self._writer.anything(value)
        if isinstance(value, dict):
            return {name: self._source(text) for name, text in value.items()}
        return value

    def _source(self, text: str) -> str:
        octets = text.encode("utf-8", "surrogateescape")
        return self._writer.rewrite(octets).decode("utf-8", "surrogateescape")

    def _database(self, database: dict[str, Any]) -> dict[str, Any]:
        anything = self._writer.anything
        return database | {
            "leases": [self._lease(LeaseRow(*fields)) for fields in database["leases"]],
            "orphans": [self._lease(LeaseRow(*fields)) for fields in database["orphans"]],
            "by_uid": [(self._messages.identifier(uid), addresses) for uid, addresses in database["by_uid"]],
            "by_hardware": [(self._hardware(key), addresses) for key, addresses in database["by_hardware"]],
            "declarations": [
                (self._writer.rewrite(_octets(text)), written) for text, written in database["declarations"]
            ],
            "spawned": [
                [self._text_or(name), [anything(key) for key in keys], sweep_at]
                for name, keys, sweep_at in database["spawned"]
            ],
            "failover": {self._text_or(name): state for name, state in database["failover"].items()},
            "server_duid": None if database["server_duid"] is None else anything(database["server_duid"]),
        }

    def _hardware(self, value: bytes) -> bytes:
        """Type and address."""
        hidden = self._writer.octets(value)
        return value if hidden is None else hidden

    def _lease(self, row: LeaseRow) -> LeaseRow:
        return row._replace(
            hardware=self._hardware(row.hardware),
            uid=self._messages.identifier(row.uid) if row.uid else row.uid,
            hostname=self._writer.text(row.hostname) if row.hostname else row.hostname,
            rare=None if row.rare is None else self._rare(row.rare),
        )

    def _rare(self, rare: dict[str, Any]) -> dict[str, Any]:
        made = dict(rare)
        if "agent_options" in rare:
            made["agent_options"] = [
                [code, self._messages.sub_option(code, value)] for code, value in rare["agent_options"]
            ]
        if "variables" in rare:
            made["variables"] = self._variables(rare["variables"])
        if "billing" in rare:
            name, *rest = rare["billing"]
            made["billing"] = [self._text_or(name), *[self._value(part) for part in rest]]
        if "padding" in rare:
            made["padding"] = self._messages.meaningless(rare["padding"])
        if "host" in rare:
            made["host"] = self._text_or(rare["host"])
        made["handlers"] = [[names, self._source(text)] for names, text in rare["handlers"]]
        return made
