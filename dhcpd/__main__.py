"""`python -m dhcpd` and the console script `dhcpd`."""

import os
import sys
from typing import Final

_MODULE: Final = "__main__.py"


def main() -> int:
    """Run the program with the process's arguments; returns its exit status."""
    argv = list(sys.argv)
    if os.path.basename(argv[0]) == _MODULE:  # noqa: PTH119 - a name, not a file
        argv[0] = "dhcpd"
    from .program import main as run  # noqa: PLC0415 - --version must not wait for trio

    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
