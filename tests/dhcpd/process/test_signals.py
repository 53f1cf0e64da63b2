import os
import select
import signal

import pytest

from dhcpd.process.signals import Signals
from tests.dhcpd.network.waiting import PATIENCE_S


@pytest.fixture
def heard():
    made = Signals((signal.SIGUSR1, signal.SIGUSR2))
    made.begin()
    yield made
    made.end()


def test_what_came_can_be_waited_for_and_is_told_in_order_each_once(heard):
    assert heard.take() == []
    for number in (signal.SIGUSR2, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(os.getpid(), number)
    assert select.select([heard], [], [], PATIENCE_S)[0] == [heard]
    assert heard.take() == [signal.SIGUSR2, signal.SIGUSR1]
    assert heard.take() == []


def test_a_signal_of_somebody_else_is_not_told(heard):
    before = signal.signal(signal.SIGWINCH, lambda _number, _frame: None)
    os.kill(os.getpid(), signal.SIGWINCH)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert heard.take() == [signal.SIGUSR1]
    signal.signal(signal.SIGWINCH, before)


def test_who_heard_before_hears_again():
    found = []
    before = signal.signal(signal.SIGUSR1, lambda number, _frame: found.append(number))
    made = Signals((signal.SIGUSR1,))
    made.begin()
    os.kill(os.getpid(), signal.SIGUSR1)
    assert made.take() == [signal.SIGUSR1]
    made.end()
    os.kill(os.getpid(), signal.SIGUSR1)
    assert found == [signal.SIGUSR1]
    signal.signal(signal.SIGUSR1, before)
