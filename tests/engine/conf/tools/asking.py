"""What ISC's `dhcpd -t` and ours say of a configuration: the exit status, and the lines without banner and trailer.

Ours is asked in this process, through the machine's own events; `ask_program` runs a program, ISC's or ours.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from dhcpd.engine.conf.reading.parser import includes
from dhcpd.engine.machine import Machine
from dhcpd.trace.effects import Fatal, Log
from dhcpd.trace.events import Boot, ConfigurationEnd, ConfigurationFile

ISC = ("/usr/sbin/dhcpd", "-4")
OURS = (str(Path(sys.executable).parent / "dhcpd"),)
NAME = "dhcpd.conf"
CRASHED = -1
_BANNER = re.compile(
    r"(Internet Systems Consortium DHCP Server|Copyright |All rights reserved|For info, please visit"
    r"|(Config|Database|PID) file: )"
)
_TRAILER = "If you think you have received this message due to a bug rather"

# Left out on purpose (docs/differences.md): what ISC's server says of functions that are defined once more.
_LEFT_OUT = ("execute.c(387): invalid binding type: 4",)

Answer = tuple[int, list[str]]


def plain(lines: list[str]) -> list[str]:
    if _TRAILER in lines:
        lines = lines[: lines.index(_TRAILER)]
    text = "\n".join(line.rstrip() for line in lines if not _BANNER.match(line) and line not in _LEFT_OUT).strip("\n")
    return text.split("\n") if text else []


def ask_program(command: tuple[str, ...], files: dict[str, bytes], wait: float = 10.0) -> Answer:
    """Ask a program; the status is CRASHED where a signal ended it, or time did."""
    with tempfile.TemporaryDirectory(prefix="conf.") as home:
        for name, content in files.items():
            (Path(home) / name).write_bytes(content)
        leases = Path(home) / "leases"
        leases.touch()
        argv = [*command, "-t", "-cf", NAME, "-lf", str(leases), "-pf", str(Path(home) / "pid")]
        try:
            done = subprocess.run(
                argv, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, timeout=wait, check=False
            )
        except subprocess.TimeoutExpired:
            return CRASHED, ["no answer in time"]
    status = done.returncode if done.returncode >= 0 and done.returncode < 128 else CRASHED
    return status, plain(done.stderr.decode("latin-1").replace(home, "").split("\n"))


def ask_isc(files: dict[str, bytes]) -> Answer:
    return ask_program(ISC, files)


def ask_ours(files: dict[str, bytes]) -> Answer:
    """Ask our machine in this process."""
    machine = Machine()
    words = ("-cf", NAME, "-lf", "leases", "-pf", "pid", "-p", "67", "-t")
    effects = machine.apply(Boot(0, 0, "0", words, (), "vm", 1, bytes(32), 67, "little", 0))
    wanted, seen = [NAME], {NAME}
    while wanted:
        name = wanted.pop()
        content = files.get(name)
        error = "" if content is not None else "Is a directory" if name in (".", "/") else "No such file or directory"
        machine.apply(ConfigurationFile(0, 0, name, content or b"", error))
        fresh = [one for one in includes(content or b"") if one not in seen]
        seen.update(fresh)
        wanted += fresh
    effects = machine.apply(ConfigurationEnd(0, 0, NAME, reload=False))
    lines: list[str] = []
    status = 0
    for effect in effects:
        if isinstance(effect, (Log, Fatal)):
            lines += effect.text.split("\n")
            status = 1 if isinstance(effect, Fatal) else status
    return status, plain(lines)
