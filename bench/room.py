"""Room for what perfdhcp has not read yet: its sockets have the system's default, some three hundred packets.

That is ten milliseconds of a quick server's replies. A client that the scheduler leaves waiting for so long drops what
the server has answered in time, and perfdhcp counts it as the server's loss. So it is started with a library before
the C library, in which each socket has ROOM_OCTETS. It changes nothing of the servers, and nothing of what is sent.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

ROOM_OCTETS: Final = 4 << 20

_SOURCE: Final = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
int socket(int domain, int type, int protocol) {
    int octets = %d;
    int made = ((int (*)(int, int, int)) dlsym(RTLD_NEXT, "socket"))(domain, type, protocol);
    if (made >= 0)
        setsockopt(made, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets);
    return made;
}
"""


@cache
def _library() -> str:
    """Its path: made once a run, and removed with it; raises CalledProcessError."""
    home = Path(tempfile.mkdtemp(prefix="bench.room."))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    source, library = home / "room.c", home / "room.so"
    source.write_text(_SOURCE % ROOM_OCTETS)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return str(library)


def before() -> list[str]:
    """What stands before the words of a command that is to have the room; nothing where there is no compiler."""
    return ["env", f"LD_PRELOAD={_library()}"] if shutil.which("gcc") else []
