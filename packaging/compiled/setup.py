"""Builds the compiled wheel: every module of engine/ and trace/ made native by mypyc, beside its own source.

It is run in a copy of the tree, as that copy's setup.py (`make wheel`); `pip install .` in the tree itself never sees
it, stays pure and needs no compiler. Nothing is patched: what mypyc gets wrong is not written in these two packages
(tests/packaging/test_compiled_constructs.py says what that is).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mypyc.build import mypycify
from setuptools import setup

PACKAGES: Final = ("dhcpd/engine", "dhcpd/trace")

# The interpreter imports a package by its __init__.py; there is nothing in one to be quick.
MODULES: Final = sorted(
    str(path) for package in PACKAGES for path in Path(package).rglob("*.py") if path.name != "__init__.py"
)

setup(ext_modules=mypycify(MODULES, opt_level="2", debug_level="0", multi_file=True, group_name="dhcpd"))
