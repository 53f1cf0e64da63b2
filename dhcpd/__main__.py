"""`python -m dhcpd` and the console script `dhcpd`."""

import contextlib
import gc
import os
import sys
from typing import Final

_MODULE: Final = "__main__.py"
_STDERR: Final = 2
_OPTIMIZE: Final = "PYTHONOPTIMIZE"
_NO_CHECKS: Final = b"dhcpd: python -O takes away the checks that end a run before it breaks a promise: leave it out\n"


def _keep_assertions() -> None:
    """Start over with assertions where the environment has turned them off, as images of containers do.

    Raises SystemExit where the command line has.
    """
    if __debug__:
        return
    if os.environ.pop(_OPTIMIZE, ""):
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself
    os.write(_STDERR, _NO_CHECKS)
    sys.exit(1)


def main() -> int:
    """Run the program with the process's arguments; returns its exit status."""
    _keep_assertions()
    # What a start makes stays, its modules first: to look for garbage in it again and again costs more than making it.
    gc.disable()
    argv = list(sys.argv)
    if os.path.basename(argv[0]) == _MODULE:  # noqa: PTH119 - a name, not a file
        argv[0] = "dhcpd"
    from . import cli  # noqa: PLC0415 - as below

    wanted, _ = cli.first_pass(argv[1:])
    if wanted:
        text = cli.usage(os.path.basename(argv[0])) if wanted == "--help" else cli.version()  # noqa: PTH119
        with contextlib.suppress(OSError):  # standard error is closed: ISC does not mind either
            os.write(_STDERR, f"{text}\n".encode())
        return 0
    from .program import main as run  # noqa: PLC0415 - who asks for the version does not wait for the engine

    try:
        return run(argv)
    finally:
        # The system takes everything back: the interpreter need not look what of it is garbage.
        gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
