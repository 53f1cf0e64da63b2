"""Builds the compiled wheel: the modules that a packet passes made native by mypyc, each beside its own source.

They are all of engine/ and trace/, and those of the program that are named here.

It is run in a copy of the tree, as that copy's setup.py (`make wheel`); `pip install .` in the tree itself never sees
it, stays pure and needs no compiler. Nothing is patched: what mypyc gets wrong is not written in these modules
(tests/packaging/test_compiled_constructs.py says what that is).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mypyc.build import mypycify
from setuptools import setup

PACKAGES: Final = ("dhcpd/engine", "dhcpd/trace")
# The way of a packet through the program (docs/architecture.md).
PROGRAM: Final = (
    "dhcpd/backlog.py", "dhcpd/boot.py", "dhcpd/disk/lease_file.py", "dhcpd/disk/storage.py", "dhcpd/door.py",
    "dhcpd/loop.py", "dhcpd/network/fifo.py", "dhcpd/network/ring.py", "dhcpd/network/sockets.py",
    "dhcpd/network/stream.py", "dhcpd/network/streams.py", "dhcpd/process/folding.py", "dhcpd/process/logging.py",
    "dhcpd/recording/recorder.py",
)  # fmt: skip

# The interpreter imports a package by its __init__.py; there is nothing in one to be quick.
MODULES: Final = sorted([
    *PROGRAM, *(str(path) for package in PACKAGES for path in Path(package).rglob("*.py") if path.name != "__init__.py")
])

setup(ext_modules=mypycify(MODULES, opt_level="2", debug_level="0", multi_file=True, group_name="dhcpd"))
