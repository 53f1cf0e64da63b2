"""A loop that serves while a client of the test talks to it."""

import os
import signal
import threading
import time

import trio

from dhcpd.loop import Loop
from tests.dhcpd.network.waiting import PATIENCE_S


def serve(run, client):
    """Run the loop here, since only the main thread hears signals, and `client()` in a thread; then end it by SIGTERM.

    Returns the loop, when it has ended; raises what the client raised.
    """
    loop = Loop(run)
    failures = []

    async def talk():
        with trio.fail_after(2 * PATIENCE_S):
            await client()

    def work():
        try:
            _wait_until_signals_are_heard()
            trio.run(talk)
        except BaseException as error:  # noqa: BLE001 - it is raised where the test is
            failures.append(error)
        if loop.status is None:
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=work)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    thread.start()
    try:
        loop.run()
    finally:
        signal.signal(signal.SIGTERM, before)
    thread.join()
    if failures:
        raise failures[0]
    return loop


def _wait_until_signals_are_heard():
    until = time.monotonic() + PATIENCE_S
    while signal.getsignal(signal.SIGTERM) is signal.SIG_IGN and time.monotonic() < until:
        time.sleep(0.001)
