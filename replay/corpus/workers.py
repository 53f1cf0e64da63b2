"""Where the parts are played: in this process, in a process a core, or by a Dask cluster. One interface for the three.

A part is three words and its result a few lines, so that what moves between processes costs nothing; every worker
opens the recording for itself. Dask is imported when it is asked for, and only then.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

Work = TypeVar("Work")
Done = TypeVar("Done")
Done_co = TypeVar("Done_co", covariant=True)

DASK_MISSING: Final = "--dask needs the package distributed, which is not installed: pip install 'dhcpd[dask]'"
DASK_CONNECT_S: Final = 15


class WorkersLost(Exception):
    """The workers are gone, or cannot be reached; the text says what to do."""


class Future(Protocol[Done_co]):
    """The result of work that was handed in: there already, or to come."""

    def result(self) -> Done_co:
        """Wait for it; raises what the work raised."""
        ...


class Executor(Protocol):
    """Has work done, in any number; a context manager, as those of concurrent.futures. `workers`: how many."""

    workers: int

    def submit(self, work: Callable[[Work], Done], on: Work) -> Future[Done]:
        """Have `work(on)` done by somebody. Raises WorkersLost, here or when the result is asked for."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Later(Generic[Work, Done_co]):
    """Work that is done when its result is asked for."""

    def __init__(self, work: Callable[[Work], Done_co], on: Work) -> None:
        self._work = work
        self._on = on

    def result(self) -> Done_co:
        return self._work(self._on)


class InProcess:
    """No worker: the work is done in this process, when its result is asked for."""

    workers = 1

    def submit(self, work: Callable[[Work], Done], on: Work) -> Future[Done]:
        """As Executor.submit."""
        return _Later(work, on)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Do nothing: no worker was started."""


class _Watched(Generic[Done_co]):
    """A result of a process that may die."""

    def __init__(self, future: Any, lost: tuple[type[BaseException], ...]) -> None:
        self._future = future
        self._lost = lost

    def result(self) -> Done_co:
        try:
            found: Done_co = self._future.result()
        except self._lost as error:
            why = str(error) or type(error).__name__
            raise WorkersLost(f"a worker died ({why}); is there memory enough?") from None
        return found


class Processes:
    """Processes of this machine. `workers` 0 or None: as many as there are cores that we may use.

    They come from a fork server that has the engine imported: each start costs milliseconds, and no process inherits
    threads or open files of ours.
    """

    def __init__(self, workers: int | None, preload: str) -> None:
        self.workers = workers or cores()
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([preload])
        resource_tracker.ensure_running()  # which the fork server's start would do else, and let ^C in again by that
        with _uninterrupted():
            forkserver.ensure_running()
        self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_listen)

    def submit(self, work: Callable[[Work], Done], on: Work) -> Future[Done]:
        """As Executor.submit."""
        try:
            with _uninterrupted():
                return _Watched(self._pool.submit(_work, work, on), (BrokenProcessPool,))
        except BrokenProcessPool as error:
            raise WorkersLost(f"a worker died ({error}); is there memory enough?") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """What has not begun is given up."""
        self._pool.shutdown(wait=_error[0] is None, cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Without ^C, which would leave a pool half made, or end a fork server that is importing with a traceback."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


class _Interruption:
    """^C in a worker. It is for the whole group of processes: what is being done ends, and its result tells that.

    The worker lives on, so that nobody takes its death, which may be seen before the ^C, for a finding.
    """

    def __init__(self) -> None:
        self._working = False

    def listen(self) -> None:
        signal.signal(signal.SIGINT, self._heard)
        # The fork server was started without it.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def work(self, work: Callable[[Work], Done], on: Work) -> Done:
        """Do it. Raises KeyboardInterrupt, which the pool hands over as it does every exception."""
        self._working = True
        try:
            return work(on)
        finally:
            self._working = False

    def _heard(self, *_signal: object) -> None:
        if self._working:
            raise KeyboardInterrupt


_interruption: Final = _Interruption()


def _listen() -> None:
    _interruption.listen()


def _work(work: Callable[[Work], Done], on: Work) -> Done:
    return _interruption.work(work, on)


class Dask:
    """The workers of a cluster whose scheduler is at `address`. They must see the recordings under the same names.

    Raises WorkersLost where `distributed` is not installed, or nobody answers.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed  # noqa: PLC0415 - an extra, imported only where it is asked for
        except ImportError:
            raise WorkersLost(DASK_MISSING) from None
        self._lost = (distributed.KilledWorker, distributed.client.FutureCancelledError)
        try:
            self._client = distributed.Client(address, timeout=DASK_CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise WorkersLost(f"--dask {address}: no scheduler answers there: {error}") from None
        self.workers = sum(self._client.nthreads().values()) or 1

    def submit(self, work: Callable[[Work], Done], on: Work) -> Future[Done]:
        """As Executor.submit."""
        # Files may have changed since the same part was last played there: never answered from memory.
        return _Watched(self._client.submit(work, on, pure=False), self._lost)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the cluster; it is not ours to stop."""
        self._client.close()
