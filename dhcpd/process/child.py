"""Work that takes long, without holding packets up: a child process, forked between batches, that makes octets.

Threads would share the interpreter's lock. A fork takes a millisecond with 250,000 leases (memory.py), and its child
has the state of that moment for as long as it likes. What the child makes goes into a file in memory, since a folder
may have become unwritable when privileges were dropped, and nothing is left over whoever is killed. The loop watches
the child's pipe, which becomes readable when it has ended.

The child is a bare copy with one thread: it closes every socket and file of the server at once, does nothing but what
it was made for, and leaves by _exit. Threads that were in the middle of something do not matter to it, because it
touches nothing of theirs. It dies with its parent, it runs at a low priority, and where memory is short it is the
one to be killed. A child that fails costs what it was to make.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
import os
import signal
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from . import memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NICENESS: Final = 10
_REASON_OCTETS_MAXIMUM: Final = 400
_DESCRIPTORS_KEPT: Final = 3
_DONE: Final = b"\0"
_PR_SET_PDEATHSIG: Final = 1
_ALL_SIGNALS: Final = signal.valid_signals()
_LIBC: Final = ctypes.CDLL(None)


class ChildFailed(Exception):
    """The child did not bring what it was to make; the text says why."""


class Child:
    """A child at work; `fileno` becomes readable when it is done.

    `busy_s` is the processor time that it took, known when it has ended, 0 where the system does not tell.
    `make` gives the octets, in the child. Raises OSError where there is no process, or no memory, to be had.
    """

    __slots__ = ("_memory", "_pid", "_pipe", "busy_s")

    def __init__(self, make: Callable[[], bytes]) -> None:
        self.busy_s = 0.0
        self._memory = os.memfd_create("dhcpd-child", os.MFD_CLOEXEC)
        self._pipe, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        parent = os.getpid()
        # A signal that came before the child has its own handling would run the server's.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ALL_SIGNALS)
        try:
            self._pid = _fork()
            if not self._pid:
                _be_child(parent, make, self._memory, writing)
        except OSError:
            self._close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.close(writing)

    def fileno(self) -> int:
        """For epoll."""
        return self._pipe

    def ended(self) -> bool:
        """Whether the child is gone; does not wait."""
        with contextlib.suppress(ChildProcessError):  # who started us ignores SIGCHLD: the pipe tells
            pid, _, usage = os.wait4(self._pid, os.WNOHANG)
            self.busy_s = usage.ru_utime + usage.ru_stime
            return pid == self._pid
        return True

    @contextlib.contextmanager
    def made(self) -> Iterator[bytes | mmap.mmap]:
        """What the child that ended has made, as it lies in its file, uncopied; to be used once. Raises ChildFailed.

        Memory is put in order when the caller has done with it: beside that, copying megabytes takes ten times as long.
        """
        with contextlib.ExitStack() as behind:
            behind.callback(self._close)
            yield self._mapped(behind)

    def octets(self) -> bytes:
        """The same as octets of one's own; to be called once. Raises ChildFailed."""
        with self.made() as made:
            return bytes(made)

    def _mapped(self, behind: contextlib.ExitStack) -> bytes | mmap.mmap:
        try:
            told = os.read(self._pipe, _REASON_OCTETS_MAXIMUM)
            if told != _DONE:
                raise ChildFailed(told.decode("utf-8", "replace") or "its process was killed")
            size = os.fstat(self._memory).st_size
            if not size:
                return b""
            mapped = mmap.mmap(self._memory, size, mmap.MAP_SHARED | mmap.MAP_POPULATE, mmap.PROT_READ)
        except OSError as error:
            raise ChildFailed(error.strerror or str(error)) from error
        return behind.enter_context(mapped)

    def abandon(self) -> None:
        """End the child; its work is not wanted any more."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self._close()

    def _close(self) -> None:
        os.close(self._pipe)
        os.close(self._memory)
        memory.gather_soon()


def _fork() -> int:
    with warnings.catch_warnings():
        # Newer Pythons warn of locks that other threads may hold: the child takes none of ours.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _be_child(parent: int, make: Callable[[], bytes], memory: int, writing: int) -> NoReturn:
    """Everything that the child does."""
    try:
        gc.disable()
        _yield_to(parent)
        _let_go(memory, writing)
        _write_all(memory, make())
        os.write(writing, _DONE)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent says it
        with contextlib.suppress(OSError):
            os.write(writing, f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:_REASON_OCTETS_MAXIMUM])
    finally:
        os._exit(0)


def _yield_to(parent: int) -> None:
    """End with the parent and on any signal, run at low priority, and be the first that dies where memory runs out."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with contextlib.suppress(OSError):  # a filter of system calls may refuse it
        os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _let_go(*kept: int) -> None:
    """Close what is the server's, so that its port, its files and its pipes are free when it dies."""
    low = _DESCRIPTORS_KEPT
    for fd in sorted(kept):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
