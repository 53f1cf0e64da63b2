"""Which build this is: the sources as they are, or with the way of a packet compiled (packaging/compiled).

Both are the same program to the octet; a recording says which one made it, for who looks into a difference.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from .. import __version__


def _is_compiled() -> bool:
    found = find_spec("dhcpd.engine.machine")
    return found is not None and not (found.origin or "").endswith(".py")


COMPILED: Final = _is_compiled()
VERSION: Final = f"{__version__}+compiled" if COMPILED else __version__
"""As `--version`, the log and recordings tell it: `0.1.0`, or `0.1.0+compiled`."""
