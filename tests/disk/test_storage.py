"""The storage thread: one sync for many replies, and none of them after a failure."""

import threading

import pytest

from dhcpd.disk import storage
from dhcpd.disk.lease_file import LeaseFile, StorageError
from dhcpd.disk.storage import Group, Storage, carry_out
from dhcpd.trace.effects import RewriteBegin, RewriteEnd, RewritePart, Send, Store, StreamSend


def reply(number):
    return Send("eth0", True, number, 68, b"", 1, True, "", b"x")


class CountingFile:
    def __init__(self, fail=""):
        self.calls = []
        self.gate = threading.Event()
        self.gate.set()
        self.fail = fail

    def append(self, data):
        self.gate.wait(5)
        self.calls.append(data)
        if self.fail == "append":
            raise StorageError("append", "f", OSError(28, "No space left on device"))

    def sync(self):
        self.calls.append("sync")
        if self.fail == "sync":
            raise StorageError("sync", "f", OSError(5, "Input/output error"))

    def check(self):
        if self.fail == "lost":
            raise StorageError("lost", "f", OSError(2, "No such file or directory"))

    def close(self):
        self.calls.append("close")


def test_a_file_that_is_gone_is_told_though_all_was_written():
    group = Group([Store(b"1")])
    carry_out(CountingFile("lost"), group)
    assert not group.failed
    assert group.lost.operation == "lost"
    look = Group(look=True)
    carry_out(CountingFile("lost"), look)
    assert look.lost.reason == "No such file or directory"


def test_what_comes_meanwhile_shares_the_next_sync():
    file, told = CountingFile(), threading.Semaphore(0)
    file.gate.clear()
    store = Storage(file, told.release)
    assert not store.hold(reply(0)), "nothing is on its way: the reply may leave"
    store.add(Store(b"1"))
    assert store.hold(reply(1))
    store.start()
    assert store.hold(reply(2)), "behind a record that is not on disk yet"
    store.add(Store(b"2"))
    store.start()
    store.add(Store(b"3"))
    assert store.hold(reply(3))
    file.gate.set()
    assert told.acquire(timeout=60)
    first = store.finished(0)
    assert [one.send.destination for one in first.replies] == [1, 2]
    second = store.wait()
    assert [one.send.destination for one in second.replies] == [3]
    assert not store.busy
    store.close()
    assert file.calls == [b"1", "sync", b"23", "sync", "close"]


def test_records_that_nobody_waits_for_share_the_sync_of_the_next_reply():
    file = CountingFile()
    store = Storage(file, lambda: None)
    for now_us in (1000, 2000, 3000):
        store.add(Store(b"%d" % now_us))
        store.start_or_rest(now_us)
    assert store.busy
    assert store.due_us == 1000 + storage.REST_US
    assert store.hold(reply(1)), "it may promise what rests"
    store.start_or_rest(3500)
    assert [one.send.destination for one in store.wait().replies] == [1]
    assert not store.due_us
    store.close()
    assert file.calls == [b"100020003000", "sync", "close"]


@pytest.mark.parametrize("impatient", ["its time", "a look", "a rewrite", "many"])
def test_records_rest_no_longer_than(impatient):
    file = CountingFile()
    store = Storage(file, lambda: None)
    store.add(Store(b"1"))
    store.start_or_rest(1000)
    now_us = 1000 + storage.REST_US - 1
    store.start_or_rest(now_us)
    assert not file.calls
    if impatient == "a look":
        store.look()
    elif impatient == "a rewrite":
        store.add(RewriteEnd(False))
        file.end_rewrite = lambda _install: False
    elif impatient == "many":
        for _ in range(storage.RESTING_MAXIMUM):
            store.add(Store(b"1"))
    else:
        now_us += 1
    store.start_or_rest(now_us)
    store.wait()
    assert file.calls[-1] == "sync"
    store.close()


def test_what_has_gathered_behind_a_group_rests_as_well():
    file, told = CountingFile(), threading.Semaphore(0)
    store = Storage(file, told.release)
    store.add(Store(b"1"))
    assert store.hold(reply(1))
    store.start_or_rest(0)
    store.add(Store(b"2"))
    store.start_or_rest(0)
    assert told.acquire(timeout=60)
    assert store.finished(5000)
    assert store.due_us == 5000 + storage.REST_US
    assert store.busy
    store.start()
    assert store.wait().work == [Store(b"2")]
    store.close()


def change(store):
    """A record that a stream waits for."""
    store.add(Store(b"host;"))
    assert store.hold(StreamSend(2, b"made", True))


def test_a_change_that_comes_alone_needs_no_thread_where_the_disk_is_quick(monkeypatch):
    file = CountingFile()
    store = Storage(file, lambda: None)
    change(store)
    assert not store.alone_with_streams(1), "nothing is known of the disk yet"
    store.start()
    change(store)
    assert not store.alone_with_streams(1), "the thread has the file"
    store.wait()
    store.wait()
    change(store)
    assert store.alone_with_streams(1)
    assert [one.send.stream for one in store.carry_out_now().replies] == [2]
    assert file.calls == [b"host;", "sync"] * 3
    assert not store.busy
    change(store)
    assert store.hold(reply(1))
    assert not store.alone_with_streams(1), "a client of DHCP waits, too"
    store.start()
    store.wait()
    monkeypatch.setattr(storage, "_QUICK_US", -1)
    change(store)
    assert not store.alone_with_streams(1), "the disk was slow"
    store.close()


def test_changes_that_come_together_need_no_thread_where_the_disk_is_very_quick(monkeypatch):
    store = Storage(CountingFile(), lambda: None)
    change(store)
    store.start()
    store.wait()
    change(store)
    change(store)
    monkeypatch.setattr(storage, "_QUICK_FOR_SEVERAL_US", -1)
    assert store.alone_with_streams(1)
    assert not store.alone_with_streams(2), "others gather while the thread is at work"
    monkeypatch.setattr(storage, "_QUICK_FOR_SEVERAL_US", 1_000_000)
    assert store.alone_with_streams(2)
    assert len(store.carry_out_now().replies) == 2
    store.close()


def test_a_change_that_could_not_be_synced_at_once_has_failed():
    file = CountingFile()
    store = Storage(file, lambda: None)
    change(store)
    store.start()
    store.wait()
    file.fail = "sync"
    change(store)
    group = store.carry_out_now()
    assert group.failed
    assert [failure.operation for failure in group.failures] == ["sync"]
    store.close()


@pytest.mark.parametrize("fail", ["append", "sync"])
def test_a_failed_group_promises_nothing(fail):
    group = Group([Store(b"1")])
    carry_out(CountingFile(fail), group)
    assert group.failed
    assert [failure.operation for failure in group.failures] == [fail]


def test_a_failed_rewrite_holds_no_reply_back(tmp_path):
    path = tmp_path / "leases"
    file = LeaseFile(str(path))
    work = [Store(b"a"), RewriteBegin("no/such"), Store(b"b"), RewritePart(b"x"), RewriteEnd(True), Store(b"c")]
    group = Group(work)
    carry_out(file, group)
    assert not group.failed
    assert not group.installed
    assert [failure.operation for failure in group.failures] == ["create"]
    assert path.read_bytes() == b"abc"


def test_a_rewrite_in_order_with_records(tmp_path):
    path = tmp_path / "leases"
    file = LeaseFile(str(path))
    work = [Store(b"a"), RewriteBegin("1"), RewritePart(b"N"), Store(b"b"), RewriteEnd(True), Store(b"c")]
    group = Group(work)
    carry_out(file, group)
    assert group.installed
    assert path.read_bytes() == b"Nbc"


def test_backpressure():
    store = Storage(CountingFile(), lambda: None)
    store.add(Store(b"1"))
    for number in range(storage.WAITING_REPLIES_MAXIMUM):
        assert not store.full
        store.hold(reply(number))
    assert store.full
    store.start()
    assert not store.full
    store.wait()
    store.close()
