"""The server's memory, so that a fork, which every packet waits for, is short (child.py).

A fork copies the page tables: with 250,000 leases in pages of 4 KiB that took five milliseconds of a processor, with a
million twenty. In pages of 2 MiB it takes one. The kernel is asked to put what the process has written into such pages
(MADV_COLLAPSE, Linux 6.1): once behind the start, and again whenever a child has ended, because what was written while
the child shared a page took it apart. That is done in a thread of its own, a page at a time, and holds a packet up for
no longer than one page. The thread has the server's own priority: one of a lower would be made to wait with the lock on
the memory in its hands.

A process whose fork is short anyway is left as it is. Where the kernel cannot do it at once it is asked to do so in
its own time (MADV_HUGEPAGE), and where it cannot do that, forks take as long as they do. Python allocates in
mappings that only /proc/self/maps tells: behind a chroot without it nothing is done.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# The storage thread must get the interpreter back quickly when a sync is done.
_THREAD_SWITCH_S: Final = 0.0005
# While another thread works for long, the loop must get it back with each of its system calls, several for a packet.
_BESIDE_SWITCH_S: Final = 0.00002
# What is young is looked at often and shortly, also while a large configuration is read; what is older, hardly ever.
GC_THRESHOLDS: Final = (10_000, 500, 100)
# With less than this a fork takes a millisecond.
SMALL_OCTETS: Final = 48 << 20
HUGE_OCTETS: Final = 2 << 20
_MAPS: Final = Path("/proc/self/maps")
# linux/mman.h
_MADV_HUGEPAGE: Final = 14
_MADV_COLLAPSE: Final = 25
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_wanted = threading.Event()


def settle() -> None:
    """What the start made stays for good: collections look at it no more, later ones are rare and short, and forks are.

    To be called once, behind the last change of privileges.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(_THREAD_SWITCH_S)
    threading.Thread(target=_gather_again_and_again, name="memory", daemon=True).start()
    gather_soon()


@contextlib.contextmanager
def beside_service() -> Iterator[None]:
    """Work of another thread than the loop's that takes long, and is to hold no packet up."""
    sys.setswitchinterval(_BESIDE_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(_THREAD_SWITCH_S)


def gather_soon() -> None:
    """Have the pages gathered that a child has shared; returns at once, and does nothing before `settle`."""
    _wanted.set()


def _gather_again_and_again() -> None:
    while _wanted.wait():
        _wanted.clear()
        gather()


def gather() -> int:
    """Put what was written in huge pages; how many octets are in mappings for which the kernel has done it at once."""
    try:
        ranges = list(_ranges(_MAPS.read_text("ascii", "replace")))
    except OSError:
        return 0
    if sum(octets for _start, octets in ranges) < SMALL_OCTETS:
        return 0
    return sum(octets for start, octets in ranges if _is_gathered(start, octets))


def _ranges(maps: str) -> Iterator[tuple[int, int]]:
    """Start and length of what can be in huge pages: private memory that is read and written and is no file's."""
    for line in maps.splitlines():
        where, mode, _offset, _device, inode, *name = line.split()
        if mode != "rw-p" or inode != "0" or name not in ([], ["[heap]"]):
            continue
        first, end = (int(one, 16) for one in where.split("-"))
        start = -(-first // HUGE_OCTETS) * HUGE_OCTETS
        octets = end // HUGE_OCTETS * HUGE_OCTETS - start
        if octets > 0:
            yield start, octets


def _is_gathered(start: int, octets: int) -> bool:
    """Whether the kernel has put all of a range into huge pages; where it does not know how, it is to do it later."""
    if _LIBC.madvise(start, octets, _MADV_COLLAPSE) == 0:
        return True
    if ctypes.get_errno() == errno.EINVAL:
        _LIBC.madvise(start, octets, _MADV_HUGEPAGE)
    return False
