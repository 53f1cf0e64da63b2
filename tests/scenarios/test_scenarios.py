"""Every scenario, played to the engine in this process, gets the answers that ISC dhcpd gave when it was recorded.

Ours stand here with ISC's answers beside them (`make oracle` records them). Of the public ones only the
answers are kept; they are played where ../shared is beside the tree. What is knowingly different stands in
DELIBERATE with the reason, and in docs/differences.md.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from tests.scenarios.comparison import differences
from tests.scenarios.player import Player

HERE: Final = Path(__file__).resolve().parent
SHARED: Final = HERE.parents[2] / "shared/oracle/scenarios"
OWN: Final = sorted(HERE.glob("*.toml"))
PUBLIC: Final = sorted(SHARED.glob("*.toml"))
DELIBERATE: Final[dict[str, str]] = {
    "class-hears-itself": "ISC runs the conditions of classes on its own replies to relays",
    "eval-nothing-extracted": "ISC's extract-int reads what stands behind an empty value",
    "inform-file-name": "ISC leaves the file name of an INFORM empty where it asks for an option of the reply",
    "file-damaged": "ISC loses the leases around a bad statement, ours loses the statement",
}


def answers(path: Path) -> dict[str, Any]:
    folder = HERE if path.parent == HERE else HERE / "public"
    return json.loads((folder / f"{path.stem}.isc.json").read_text())


def play(path: Path, *, restoring: bool = False) -> list[str]:
    scenario = tomllib.loads(path.read_text())
    scenario.setdefault("interface", [{"name": "eth0", "addresses": ["10.0.0.1/16"]}])
    isc = answers(path)
    ours = Player(scenario, isc["moments"], restoring=restoring).run()
    return differences(scenario, ours, isc)


@pytest.mark.parametrize("path", [*OWN, *PUBLIC], ids=lambda path: path.stem)
def test_answers_as_isc(path: Path):
    found = play(path)
    if path.stem in DELIBERATE:
        assert found, f"{path.stem} is like ISC's by now: take it out of DELIBERATE"
    else:
        assert not found, "\n".join(["", *found])


# A snapshot behind each of hundreds of events takes its time: three of the crowds are enough.
RESTORED: Final = [path for path in [*OWN, *PUBLIC] if not path.stem.startswith("crowd-") or path.stem[6:] in "123"]


@pytest.mark.parametrize("path", RESTORED, ids=lambda path: path.stem)
def test_a_machine_made_from_its_snapshot_answers_the_same(path: Path):
    assert play(path, restoring=True) == play(path)


def test_every_recording_belongs_to_a_scenario():
    recorded = {path.name.removesuffix(".isc.json") for path in HERE.glob("*.isc.json")}
    assert recorded == {path.stem for path in OWN}
