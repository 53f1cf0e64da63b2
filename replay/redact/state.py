"""Snapshots: what the state of a machine names, and the same state with pseudonyms.

A state is plain data (engine/lease/snapshot.py says which part is what). Octets and texts in it are exchanged
wherever they stand; numbers, addresses among them, stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from . import sources

if TYPE_CHECKING:
    from .findings import Findings
    from .sources import Writer

_HARDWARE, _UID, _NAME, _RARE = 9, 10, 11, 13
_BOOT_SEED: Final = 7
_WHOSE: Final = (1, 2, 6, 12)


def survey(state: dict[str, Any], findings: Findings) -> None:
    """Take what a state names into `findings`."""
    for content in state["files"].values():
        if isinstance(content, bytes):
            sources.survey(content, findings)
    database = state["database"]
    if database is None:
        return
    for text, _written in database["declarations"]:
        sources.survey(_octets(text), findings)
    for row in database["leases"]:
        findings.hardware_address(row[_HARDWARE][1:])
        if row[_UID]:
            findings.identifier(row[_UID])
        if row[_NAME]:
            findings.name(_octets(row[_NAME]))
        if row[_RARE] is not None:
            _survey_rare(row[_RARE], findings)


def _survey_rare(rare: dict[str, Any], findings: Findings) -> None:
    for code, value in rare.get("agent_options", ()):
        if code in _WHOSE:
            findings.identifier(value)
    for _names, text in rare["handlers"]:
        sources.survey(_octets(text), findings)


def _octets(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def rewrite(state: dict[str, Any], writer: Writer) -> dict[str, Any]:
    """The state with pseudonyms in place of what it names."""
    made: dict[str, Any] = _rewritten(state, writer)
    made["files"] = {
        _rewritten(name, writer): writer.rewrite(content) if isinstance(content, bytes) else content
        for name, content in state["files"].items()
    }
    if state["boot"] is not None:
        boot = list(made["boot"])
        boot[_BOOT_SEED] = state["boot"][_BOOT_SEED]
        made["boot"] = tuple(boot)
    # Whose moment it is is a word of ours; what for may be a host name.
    made["agenda"] = [(owner, _rewritten(key, writer), at_us) for owner, key, at_us in state["agenda"]]
    if state["database"] is not None:
        made["database"]["history"] = state["database"]["history"]
        made["database"]["declarations"] = [
            (writer.rewrite(_octets(text)), written) for text, written in state["database"]["declarations"]
        ]
    return made


def _rewritten(value: Any, writer: Writer) -> Any:
    if isinstance(value, bytes):
        hidden = writer.octets(value)
        return writer.words(value) if hidden is None else hidden
    if isinstance(value, str):
        return writer.words(_octets(value)).decode("utf-8", "surrogatepass")
    if isinstance(value, dict):
        # Names of parts are our own, and no text of anybody's.
        return {name: _rewritten(part, writer) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_rewritten(part, writer) for part in value)
    return value
