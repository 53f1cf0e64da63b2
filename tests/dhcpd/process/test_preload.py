"""What a start loads, and what it does not: to test a configuration is a matter of a fifth of a second."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dhcpd

# By importing it, a package's name.
_LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def loaded(code: str) -> set[str]:
    """The packages that a fresh interpreter has loaded behind some code."""
    run = subprocess.run([sys.executable, "-c", f"{code}; {_LOADED}"], capture_output=True, check=True, text=True)
    return set(run.stdout.split())


def test_the_program_loads_no_library_that_a_test_of_a_configuration_does_not_need() -> None:
    found = loaded("import dhcpd.program")
    assert "dhcpd" in found
    assert not found & {"dns", "trio", "email", "rich", "click", "jinja2", "h11", "structlog", "platform"}
    assert not found & {"concurrent", "ctypes", "logging", "encodings.idna"}


def test_parts_that_only_a_serving_server_may_have_wait_for_one() -> None:
    found = loaded("import dhcpd.program; import sys; print(*[n for n in sys.modules if n.startswith('dhcpd.')])")
    assert "dhcpd.engine.machine" in found
    late = {"dhcpd.loop", "dhcpd.recording.recorder", "dhcpd.engine.failover.relationships", "dhcpd.engine.omapi.part"}
    assert not found & late


def test_before_the_root_changes_everything_is_loaded_that_the_engine_may_need_later() -> None:
    code = (
        "import sys; import dhcpd.program; from dhcpd.process import preload; preload.load_everything(); "
        "before = {*sys.modules}; "
        "from dhcpd.engine.ddns.wire.message import name_from_text, name_at, wire_form; "
        "name_at(wire_form(name_from_text(b'a.b.')), 0); "
        "late = {*sys.modules} - before; assert not late, late"
    )
    assert "dns" in loaded(code)


def test_before_the_root_changes_the_whole_engine_is_loaded() -> None:
    steps = "from dhcpd.process import preload; preload.load_everything()"
    code = f"import sys; import dhcpd.program; {steps}; print(*sys.modules)"
    root = Path(dhcpd.__file__).parent
    names = {"dhcpd." + ".".join(path.relative_to(root).with_suffix("").parts) for path in root.glob("engine/**/*.py")}
    # For `-t --peer`, before anything is served; for `dhcpd-trace`.
    elsewhere = {"dhcpd.engine.failover.rules.fitting", "dhcpd.engine.failover.standing"}
    missing = {name.removesuffix(".__init__") for name in names} - loaded(code) - elsewhere
    assert not missing
