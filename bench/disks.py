"""A disk whose syncs take as long as on ordinary hardware: what a server gains by one sync for many is seen there only.

A virtual machine's disk says after a tenth of a millisecond that all is safe, a disk with moving parts after some ten,
a flash disk without a battery after a few. So the servers that are compared are started with a library before the C
library, in which fsync and fdatasync take so much longer. It slows the measured programs alone, all of them alike,
and makes nothing safer or less safe.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

SYNC_MS: Final = 4

_SOURCE: Final = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#define SLOWED(name) int name(int fd) { \\
    struct timespec pause = {0, %d * 1000000L}; \\
    nanosleep(&pause, 0); \\
    return ((int (*)(int)) dlsym(RTLD_NEXT, #name))(fd); }
SLOWED(fsync)
SLOWED(fdatasync)
"""


def missing() -> str:
    """Why there is no slow disk here, or empty."""
    return "" if shutil.which("gcc") else "not installed: gcc"


def slowed(home: Path) -> str:
    """The path of a library made in `home`, for LD_PRELOAD; raises CalledProcessError."""
    source, library = home / "slow_sync.c", home / "slow_sync.so"
    source.write_text(_SOURCE % SYNC_MS)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return str(library)
