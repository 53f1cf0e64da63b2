"""Run a command under the filter of system calls of a unit, as systemd would: `unit_filter.py UNIT COMMAND...`.

Whoever runs it needs no privilege, only libseccomp (systemd's own) and systemd-analyze, which knows the groups.
`SystemCallFilter=` and `SystemCallErrorNumber=` are carried out, and `MemoryDenyWriteExecute=` where the kernel can.
It stands alone, for any user and any Python.
"""

import ctypes
import errno
import os
import re
import subprocess
import sys
from pathlib import Path

PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 38, 65
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


def members(names):
    """The system calls that names and groups (`@file-system`) stand for."""
    found = set()
    for name in names:
        if name.startswith("@"):
            command = ["systemd-analyze", "syscall-filter", name]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found |= members(re.findall(r"^    ([@\w-]+)", told, re.MULTILINE))
        else:
            found.add(name)
    return found


def allowed(unit):
    """What a unit's lines leave, in their order."""
    found = members(["@default"])
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        names = members(line.lstrip("~").split())
        found = found - names if line.startswith("~") else found | names
    return found


def restrict(unit):
    """Restrict this process, and what it becomes, to what the unit allows."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    error = getattr(errno, re.search(r"^SystemCallErrorNumber=(\w+)$", unit, re.MULTILINE)[1])
    names = allowed(unit)
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ERRNO | error)))
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            library.seccomp_rule_add(context, ctypes.c_uint32(ALLOW), number, 0)
    process = ctypes.CDLL(None)
    process.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if "MemoryDenyWriteExecute=yes" in unit:
        process.prctl(PR_SET_MDWE, 1, 0, 0, 0)
    if library.seccomp_load(context):
        sys.exit("the filter cannot be loaded")


if __name__ == "__main__":
    restrict(Path(sys.argv[1]).read_text())
    os.execvp(sys.argv[2], sys.argv[2:])
