"""Everything that serving can need is loaded before privileges go, and before the root directory changes.

Behind that no module can be found: the interpreter is outside of the new root, or in a folder that the user may not
read. Python looks up codecs by importing them, when a text is first encoded by a name; and who formats a traceback
reads source files. So what is loaded here is what the program itself does not import.
"""

from __future__ import annotations

import codecs
import importlib
import linecache
import socket
from typing import Final

# What serving needs, and a test of a configuration, which is to be quick, does not: imported where it is used.
_SERVING: Final = (
    "ctypes", "dhcpd.loop", "dhcpd.engine.commands", "dhcpd.engine.failover.relationships", "dhcpd.engine.omapi.part",
)  # fmt: skip
# By text files of /proc, host names, names of files, and messages of the system.
_CODECS: Final = ("ascii", "latin-1", "utf-8", "idna", "punycode", "raw_unicode_escape", "unicode_escape")
# By a traceback, by the threads that look names up, and by the engine when it first has a name for DNS.
_MODULES: Final = (
    "concurrent.futures.thread", "dns.exception", "dns.name", "stringprep", "tokenize", "traceback", "unicodedata",
)  # fmt: skip


def load_everything() -> None:
    """Load it; to be called once."""
    for name in _CODECS:
        codecs.lookup(name)
    for module in (*_SERVING, *_MODULES):
        importlib.import_module(module)
    linecache.getlines(__file__)
    socket.getaddrinfo("127.0.0.1", None, socket.AF_INET, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
