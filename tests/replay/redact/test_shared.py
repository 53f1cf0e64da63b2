"""Recordings of failover pairs under pseudonyms: who is whose stays, and nobody has to be named for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.failover.rules.sharing import bucket, last_octet
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.redact import redact
from dhcpd.replay.redact.pseudonyms import HARDWARE, Pseudonyms
from dhcpd.trace import open_tape
from tests.replay.redact.test_redact import everything

FAILOVER = Path(__file__).parents[3] / "fixtures" / "failover"
RUNS = [
    "balance-secs.primary", "balance-secs.secondary", "bootp-reserved.primary", "crash-primary-under-load.secondary",
    "interrupted-and-back.primary", "lost-database.primary", "max-unacked.secondary", "normal-service.primary",
    "potential-conflict.primary", "release-expire-decline.secondary", "start-alone.primary",
]  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_nobody_is_spared_for_the_load_balancing(name: str, tmp_path: Path) -> None:
    """Nor for OMAPI's name of the relationship, where a word of it is hidden elsewhere."""
    path = FAILOVER / f"{name}.trace"
    with open_tape(path) as tape:
        report = redact(tape, str(tmp_path / "out"), b"key")
    assert (report.spared, report.showing) == ({}, ())
    assert play_file(str(tmp_path / "out"), None).status is play_file(str(path), None).status is Status.SAME
    assert report.hidden["hardware addresses"] > 2
    assert b"\2\0\0\0\0\2" not in everything(tmp_path / "out")


def test_a_client_named_by_a_text_is_spared_and_told(tmp_path: Path) -> None:
    """The buckets of `hba` are written as octets, and identify nobody."""
    with open_tape(FAILOVER / "balance-hba.primary.trace") as tape:
        report = redact(tape, str(tmp_path / "out"), b"key")
    assert report.spared == {"words": ("abc", "client-1")}
    assert report.showing == ()
    assert play_file(str(tmp_path / "out"), None).status is Status.SAME


@given(st.binary(min_size=1, max_size=20))
def test_one_last_octet_leads_to_a_bucket(key: bytes) -> None:
    assert last_octet(key[:-1], bucket(key)) == key[-1]


@given(st.lists(st.binary(min_size=6, max_size=6), min_size=2, max_size=9, unique=True), st.sampled_from([b"", b"\1"]))
def test_pseudonyms_of_shared_clients_keep_their_buckets_and_never_meet(values: list[bytes], before: bytes) -> None:
    hide = Pseudonyms(b"key", balanced={(HARDWARE, value): before for value in values})
    made = [hide.hardware(value) for value in values]
    assert len(set(made)) == len(values)
    for value, other in zip(values, made, strict=True):
        assert bucket(before + other) == bucket(before + value) or value[:-1] == other[:-1]
