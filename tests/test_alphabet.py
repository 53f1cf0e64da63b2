"""Every effect is carried out, or passed over on purpose, by each host; every event is known wherever events are told.

A record that is added to the alphabet and forgotten somewhere fails here, not in the run of who first meets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import pytest

from dhcpd import run as program
from dhcpd.cli import Paths, second_pass
from dhcpd.disk.lease_file import LeaseFile
from dhcpd.door import Door
from dhcpd.engine.machine import HANDLERS, Machine
from dhcpd.loop import Loop
from dhcpd.process.daemon import Daemon
from dhcpd.process.logging import Logger
from dhcpd.process.privileges import Privileges
from dhcpd.replay.looking.explain import Explanation, as_object
from dhcpd.replay.redact.records import EFFECTS as EFFECT_REDACTORS
from dhcpd.replay.redact.records import EVENTS as EVENT_REDACTORS
from dhcpd.replay.retell.gate import CHECKS
from dhcpd.replay.showing.describe import LABELS, answer_line, effect_line, event_line, record_fields
from dhcpd.replay.world.host import CARRIERS
from dhcpd.start import Start
from dhcpd.trace.effects import EFFECT_IDS
from dhcpd.trace.events import EVENT_IDS
from tests.replay.engine_runs import Run

if TYPE_CHECKING:
    from pathlib import Path

EVENT_NAMES = [cls.__name__ for cls in EVENT_IDS]


def sample(hint: Any) -> Any:
    """A value for a field annotated with `hint`; for a record one of its class."""
    if hasattr(hint, "_fields"):
        return hint._make(map(sample, get_type_hints(hint).values()))
    if get_origin(hint) is tuple:
        return tuple(sample(one) for one in get_args(hint) if one is not Ellipsis)
    return {int: 1, str: "word", bytes: b"abcd", bool: True}[hint]


@pytest.fixture
def run(tmp_path: Path) -> program.Run:
    machine = Run().machine
    log = Logger("dhcpd")
    paths = Paths("dhcpd.conf", "leases", "", lease_file_given=False)
    door = Door(machine, None, log.line)
    made = program.Run(second_pass(["-f"]), paths, log, machine, door, Daemon(), Privileges())
    made.lease_file = LeaseFile(str(tmp_path / "leases"))
    return made


def test_the_start_and_the_loop_carry_out_every_effect(run: program.Run) -> None:
    assert set(Start(run, lambda: None).doing) == set(EFFECT_IDS)
    assert set(Loop(run).doing) == set(EFFECT_IDS)


def test_a_run_made_of_what_others_recorded_answers_every_effect() -> None:
    assert set(CARRIERS) == set(EFFECT_IDS)


def test_the_engine_answers_every_event() -> None:
    assert set(HANDLERS) == set(EVENT_IDS)


def test_every_event_has_a_gate_and_every_record_a_redactor() -> None:
    assert set(CHECKS) == set(EVENT_IDS)
    assert set(EVENT_REDACTORS) == set(EVENT_IDS)
    assert set(EFFECT_REDACTORS) == set(EFFECT_IDS)


def test_a_redactor_names_fields_that_are_there() -> None:
    for cls, fields in {**EVENT_REDACTORS, **EFFECT_REDACTORS}.items():
        assert set(fields) <= set(cls._fields), cls


@pytest.mark.parametrize("cls", [*EVENT_IDS, *EFFECT_IDS], ids=lambda cls: cls.__name__)
def test_every_record_has_a_line_and_its_fields(cls: Any) -> None:
    record = sample(cls)
    line = event_line(record) if cls in EVENT_IDS else effect_line(record)
    assert line.startswith(cls.__name__)
    assert "\n" not in line
    wanted = {LABELS.get(name, name) for name in cls._fields} - {"payload"}
    assert {field.name for field in record_fields(record)} >= wanted


@pytest.fixture(scope="module")
def serving() -> dict[str, Any]:
    return Run().machine.snapshot()


@pytest.mark.parametrize("cls", EVENT_IDS, ids=EVENT_NAMES)
def test_every_event_is_explained_and_changes_nothing_by_that(cls: Any, serving: dict[str, Any]) -> None:
    asked, told = Machine.restore(serving), Machine.restore(serving)
    event = sample(cls)
    effects, reasons = asked.explain(event)
    assert effects == told.apply(event)
    assert asked.snapshot() == told.snapshot()
    shown = as_object(Explanation(9, event, tuple(effects), tuple(reasons), tuple(asked.changes), differs=False))
    assert shown["event"] == cls.__name__
    assert shown["answer"] == answer_line(effects)
