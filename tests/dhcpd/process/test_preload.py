"""What a start loads, and what it does not: to test a configuration is a matter of a fifth of a second."""

from __future__ import annotations

import subprocess
import sys

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


def test_before_the_root_changes_everything_is_loaded_that_the_engine_may_need_later() -> None:
    code = (
        "import sys; import dhcpd.program; from dhcpd.process import preload; preload.load_everything(); "
        "before = {*sys.modules}; "
        "from dhcpd.engine.ddns.wire.message import name_from_text, name_at, wire_form; "
        "name_at(wire_form(name_from_text(b'a.b.')), 0); "
        "late = {*sys.modules} - before; assert not late, late"
    )
    assert "dns" in loaded(code)
