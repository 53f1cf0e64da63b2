"""Sharing, lease times, ownership, duels and transitions: the published values, and what must hold of any."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.failover.messages import BindingUpdate
from dhcpd.engine.failover.rules import binding, lease_time, ownership, patience, sharing, states
from dhcpd.engine.failover.rules.binding import Binding, Reason, Receiver, Refusal, examine, is_allowed, partner_wins
from dhcpd.engine.failover.rules.ownership import Stand, mine
from dhcpd.engine.failover.rules.states import Service
from dhcpd.engine.model.lease import (
    ABANDONED,
    ACTIVE,
    BACKUP,
    BOOTP_FLAG,
    EXPIRED,
    FREE,
    RELEASED,
    RESERVED_FLAG,
    RESET,
    Lease,
)

NOW = 1_795_468_820
MCLT = 60
HALF = sharing.buckets_of_split(128)
ALL = (FREE, ACTIVE, EXPIRED, RELEASED, ABANDONED, RESET, BACKUP)
CLIENT = bytes.fromhex("01020000000001")
OTHER = bytes.fromhex("01020000000002")


# Sharing


@pytest.mark.parametrize(
    ("key", "bucket", "primarys"),
    [
        ("", 0, True), ("00", 175, False), ("616263", 170, False), ("020000000001", 133, False),
        ("020000000002", 45, True), ("020000000003", 182, False), ("020000000005", 13, True),
        ("020000000008", 62, True), ("01020000000001", 14, True), ("636c69656e742d31", 1, True),
        (bytes(range(16)).hex(), 155, False),
    ],
)  # fmt: skip
def test_keys_hash_as_published(key: str, bucket: int, primarys: bool) -> None:
    assert sharing.bucket(bytes.fromhex(key)) == bucket
    assert sharing.is_primarys(HALF, bytes.fromhex(key)) is primarys


def test_the_permutation_is_one() -> None:
    assert sorted(sharing.PERMUTATION) == list(range(256))


@pytest.mark.parametrize(
    ("split", "octets"),
    [(0, bytes(32)), (100, b"\xff" * 12 + b"\x0f" + bytes(19)), (128, b"\xff" * 16 + bytes(16)), (256, b"\xff" * 32)],
)
def test_a_split_is_the_first_buckets(split: int, octets: bytes) -> None:
    assert sharing.buckets_of_split(split) == octets


@given(st.integers(0, 256))
def test_a_split_gives_the_primary_as_many_buckets(split: int) -> None:
    hba = sharing.buckets_of_split(split)
    assert sum(octet.bit_count() for octet in hba) == split
    owners = [sharing.is_primarys(hba, bytes((octet,))) for octet in range(256)]
    # One octet hashes to every bucket once.
    assert sum(owners) == split


def test_waiting_ends_sharing_only_beyond_the_limit() -> None:
    assert [sharing.is_shared(secs, 3) for secs in (0, 3, 4)] == [True, True, False]
    assert not sharing.is_shared(0, 0)
    assert sharing.seconds_waited(0x0400, swapped=True) == 4
    assert sharing.seconds_waited(0x0401, swapped=True) == 0x0401
    assert sharing.seconds_waited(0x0400, swapped=False) == 0x0400


# Lease times


def test_the_first_lease_is_mclt_long_and_the_second_full() -> None:
    grant = lease_time.granted(NOW, 300, 0, MCLT)
    assert grant == MCLT
    assert lease_time.promised(NOW, 300, grant, 0) == (NOW + 330, 0)
    again = NOW + 23
    grant = lease_time.granted(again, 300, NOW + 330, MCLT)
    assert grant == 300
    assert lease_time.promised(again, 300, grant, NOW + 330) == (again + 450, NOW + 330)


@pytest.mark.parametrize(
    ("wanted", "tsfp", "grant"),
    [(300, NOW + 1, 61), (3600, NOW + 100, 160), (300, NOW, 60), (59, 0, 59), (60, 0, 60), (300, NOW + 240, 300)],
)
def test_grants(wanted: int, tsfp: int, grant: int) -> None:
    assert lease_time.granted(NOW, wanted, tsfp, MCLT) == grant


def test_what_has_no_end_is_told_as_never() -> None:
    assert lease_time.promised(NOW, lease_time.INFINITE, MCLT, 0).tstp == lease_time.NEVER
    assert lease_time.promised(NOW, lease_time.INFINITE - 5, MCLT, 0).tstp == lease_time.LATEST


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 10**6))
def test_no_promise_goes_beyond_what_the_partner_knows_and_mclt(wanted: int, tsfp: int, mclt: int) -> None:
    grant = lease_time.granted(NOW, wanted, tsfp, mclt)
    assert grant <= wanted
    assert NOW + grant <= max(NOW, tsfp) + mclt
    promise = lease_time.promised(NOW, wanted, grant, tsfp)
    assert promise.tsfp <= promise.tstp
    if NOW + wanted + grant // 2 < lease_time.INFINITE:
        assert promise.tstp >= NOW + grant


# Ownership


def lease(state: int, **fields: int | bytes) -> Lease:
    made = Lease(0x0A2C0064, None, None)
    made.state = made.next_state = made.rewind_state = state
    tsfp = fields.pop("tsfp", 0)
    for name, value in fields.items():
        setattr(made, name, value)
    if tsfp:
        made.rarely().tsfp = tsfp  # type: ignore[assignment]  # the table's values are numbers
    return made


def stand(primary: bool, state: states.State = states.NORMAL, since: int = 0, now: int = NOW) -> Stand:
    return Stand(now, primary, state, since, states.serving(state, states.NORMAL).service, MCLT)


def test_each_server_has_its_free_state_and_what_never_left_it() -> None:
    owned = {
        primary: [
            (state, rewind)
            for state, rewind in itertools.product(ALL, ALL)
            if mine(lease(state, rewind_state=rewind), stand(primary))
        ]
        for primary in (True, False)
    }
    assert {pair[0] for pair in owned[True]} == {FREE, ABANDONED, EXPIRED, RELEASED}
    assert {pair[0] for pair in owned[False]} == {BACKUP, EXPIRED, RELEASED}
    for primary, free in ((True, FREE), (False, BACKUP)):
        assert {pair[1] for pair in owned[primary] if pair[0] in (EXPIRED, RELEASED)} == {free}


@pytest.mark.parametrize(("primary", "others"), [(True, BACKUP), (False, FREE)])
def test_the_partners_leases_are_mine_when_mclt_is_over(primary: bool, others: int) -> None:
    since = NOW - MCLT
    assert not mine(lease(others), stand(primary, states.P_DOWN, since))
    assert mine(lease(others), stand(primary, states.P_DOWN, since, NOW + 1))
    later = NOW + 100
    assert not mine(lease(others, tsfp=later), stand(primary, states.P_DOWN, since, later + MCLT))
    assert mine(lease(others, tsfp=later), stand(primary, states.P_DOWN, since, later + MCLT + 1))
    assert not mine(lease(others), stand(primary, states.COMM_INT, 0))


def test_an_active_lease_is_nobodys_to_give() -> None:
    for primary, state in itertools.product((True, False), states.State):
        if state in states.SERVICE:
            assert not mine(lease(ACTIVE), stand(primary, state))


def test_time_ends_leases_by_state_and_part() -> None:
    assert ACTIVE in ownership.untimed_states(states.NORMAL, primary=False)
    assert ACTIVE not in ownership.untimed_states(states.NORMAL, primary=True)
    for state in states.State:
        untimed = ownership.untimed_states(state, primary=False)
        assert ABANDONED not in untimed
        assert (EXPIRED in untimed) == (state is not states.P_DOWN)
        assert (ACTIVE in untimed) == (state is states.NORMAL)


def test_a_lease_that_was_never_told_goes_straight_back_without_a_link_only() -> None:
    told, untold = lease(ACTIVE), lease(ACTIVE, rewind_state=FREE)
    assert ownership.untold(untold, stand(True, states.COMM_INT))
    assert not ownership.untold(untold, stand(True, states.NORMAL))
    assert not ownership.untold(untold, stand(False, states.COMM_INT))
    assert not ownership.untold(told, stand(True, states.COMM_INT))


# Duels


def test_one_of_two_crossing_updates_gives_way_and_both_only_where_somebody_may_use_the_lease() -> None:
    for primarys, secondarys, (cltt_p, cltt_s) in itertools.product(ALL, ALL, [(5, 5), (5, 9), (9, 5)]):
        primary_gives_way = partner_wins(primarys, cltt_p, secondarys, cltt_s, primary=True)
        secondary_gives_way = partner_wins(secondarys, cltt_s, primarys, cltt_p, primary=False)
        assert primary_gives_way or secondary_gives_way, (primarys, secondarys)
        if (primarys == ACTIVE) == (secondarys == ACTIVE):
            assert primary_gives_way != secondary_gives_way, (primarys, secondarys)


def test_duels() -> None:
    assert partner_wins(ACTIVE, 5, ACTIVE, 6, primary=True)
    assert not partner_wins(ACTIVE, 5, ACTIVE, 5, primary=True)
    assert partner_wins(ACTIVE, 5, ACTIVE, 5, primary=False)
    assert partner_wins(ACTIVE, 5, EXPIRED, 0, primary=True)
    assert not partner_wins(ACTIVE, 5, RELEASED, 0, primary=True)
    assert partner_wins(RELEASED, 5, ACTIVE, 0, primary=True)
    assert not partner_wins(FREE, 0, FREE, 0, primary=True)


# Transitions

# (receiver, my state) -> the states that are refused whatever the times are, and those that hang on a time.
REFUSED: dict[tuple[Receiver, int], tuple[set[int], set[int]]] = {
    (Receiver.SECONDARY_NORMAL, ACTIVE): (set(), {EXPIRED, FREE, BACKUP}),
    (Receiver.SECONDARY_NORMAL, EXPIRED): (set(), {FREE, BACKUP}),
    (Receiver.SECONDARY_NORMAL, RESET): (set(), {FREE, BACKUP}),
    (Receiver.PRIMARY_NORMAL, ACTIVE): ({FREE, EXPIRED, RESET, BACKUP}, set()),
    (Receiver.PRIMARY_NORMAL, EXPIRED): (set(), {FREE, BACKUP}),
    (Receiver.PRIMARY_NORMAL, RESET): (set(), {FREE, BACKUP}),
    (Receiver.OTHERWISE, ACTIVE): ({FREE, BACKUP}, {EXPIRED}),
}


@pytest.mark.parametrize("who", list(Receiver))
@pytest.mark.parametrize("old", ALL)
def test_transitions(who: Receiver, old: int) -> None:
    never, sometimes = REFUSED.get((who, old), (set(), set()))
    for new in ALL:
        over = is_allowed(who, old, new, NOW - 1, NOW - 1, NOW)
        early = is_allowed(who, old, new, NOW + 1000, NOW + 1000, NOW)
        assert over == (new not in never), (old, new)
        assert early == (new not in never and (new not in sometimes or new == old)), (old, new)
    for bogus in (0, 8, 255):
        assert not is_allowed(who, old, bogus, 0, 0, NOW)


def test_an_end_may_be_65_seconds_early() -> None:
    assert is_allowed(Receiver.SECONDARY_NORMAL, ACTIVE, EXPIRED, NOW + 65, 0, NOW)
    assert not is_allowed(Receiver.SECONDARY_NORMAL, ACTIVE, EXPIRED, NOW + 66, 0, NOW)


# Updates


def update(state: int, **fields: int | bytes | None) -> BindingUpdate:
    values: dict[str, object] = {"hardware": CLIENT, "ends": NOW + 60, "potential": NOW + 330, "starts": NOW}
    values.update(fields)
    return BindingUpdate(NOW, 7, 0x0A2C0064, state, **values)  # type: ignore[arg-type]  # drawn by name


def judge(message: BindingUpdate, old: Lease, *, normal: bool = True, primary: bool = False) -> Refusal | Binding:
    return examine(message, old, NOW, normal=normal, primary=primary)


@pytest.mark.parametrize(
    ("message", "old", "reason", "text"),
    [
        (update(ACTIVE, hardware=None), FREE, 3, "BNDUPD without CHADDR"),
        (update(ABANDONED), FREE, 6, "BNDUPD to ABANDONED with a CHADDR"),
        (update(ABANDONED, hardware=None, uid=b"abc"), FREE, 6, "BNDUPD to ABANDONED with client-id"),
        (update(ACTIVE, hardware=bytes(22)), FREE, 6, "chaddr too long"),
        (update(ACTIVE, hardware=b"\1"), FREE, 6, "chaddr too short"),
        (update(ACTIVE, uid=bytes(1901)), FREE, 6, "client-id too long"),
        (update(BACKUP, ip_flags=1), BACKUP, 19, "Address is not reserved."),
        (update(BACKUP, ip_flags=2), BACKUP, 6, "Address is not allocated to BOOTP."),
        (update(EXPIRED, ends=NOW - 5), ACTIVE, 2, "10.44.0.100: invalid state transition: active to expired"),
        (update(8), ACTIVE, 2, "10.44.0.100: invalid state transition: active to unknown"),
        (update(0), FREE, 2, "10.44.0.100: invalid state transition: free to unknown"),
    ],
)
def test_refusals(message: BindingUpdate, old: int, reason: int, text: str) -> None:
    assert judge(message, lease(old, ends=NOW + 300)) == Refusal(Reason(reason), text)


def test_the_end_of_an_earlier_use_does_not_end_this_one() -> None:
    held = lease(ACTIVE, starts=NOW - 10, ends=NOW + 60, hardware=OTHER)
    for normal, primary in itertools.product((True, False), (True, False)):
        stale = judge(update(RELEASED, ends=NOW - 100), held, normal=normal, primary=primary)
        assert stale == Refusal(Reason(2), "10.44.0.100: invalid state transition: active to released")
        assert isinstance(judge(update(RELEASED, ends=NOW), held, normal=normal, primary=primary), Binding)


def test_an_end_that_came_before_the_client_was_told_again_what_it_has_is_outdated() -> None:
    held = lease(ACTIVE, starts=NOW - 200, cltt=NOW - 10, ends=NOW + 60)
    stale = judge(update(RELEASED, ends=NOW - 100), held)
    assert isinstance(stale, Refusal)
    assert stale.outdated
    assert isinstance(judge(update(RELEASED, ends=NOW - 5), held), Binding)


def test_a_release_is_as_old_as_its_potential_expiry_and_an_end_by_time_is_not() -> None:
    held = lease(ACTIVE, starts=NOW - 200, cltt=NOW - 10, ends=NOW + 60)
    released, expired = (update(state, ends=NOW + 30, potential=NOW - 100) for state in (RELEASED, EXPIRED))
    release, end = judge(released, held, primary=True), judge(expired, held, primary=True)
    assert isinstance(release, Refusal)
    assert isinstance(end, Refusal)
    assert (release.outdated, end.outdated) == (True, False)


@given(
    st.sampled_from((EXPIRED, RELEASED, RESET)), st.booleans(), st.booleans(),
    st.integers(0, NOW * 2), st.integers(0, NOW * 2), st.integers(0, NOW * 2), st.none() | st.integers(0, NOW * 2),
)  # fmt: skip
def test_who_was_told_of_the_present_use_is_not_told_again(
    state: int, normal: bool, primary: bool, starts: int, ends: int, cltt: int, potential: int | None
) -> None:
    held = lease(ACTIVE, starts=starts, ends=ends, cltt=cltt)
    ended = update(state, starts=starts, ends=ends, potential=potential)
    found = judge(ended, held, normal=normal, primary=primary)
    assert isinstance(found, Binding) or not found.outdated


def test_an_update_gives_client_times_and_flags() -> None:
    found = judge(update(ACTIVE, uid=b"abc", ip_flags=2), lease(FREE))
    assert isinstance(found, Binding)
    assert (found.hardware, found.uid, found.flags) == (CLIENT, b"abc", BOOTP_FLAG)
    assert (found.starts, found.ends, found.tsfp, found.atsfp) == (NOW, NOW + 60, NOW + 330, NOW + 330)
    assert found.anew


def test_what_an_update_leaves_out_stays_or_goes() -> None:
    old = lease(FREE, hardware=OTHER, uid=b"old", starts=1, ends=2, tsfp=3, flags=RESERVED_FLAG)
    kept = judge(update(FREE, hardware=None, ends=None, potential=None, starts=None), old, primary=False)
    assert isinstance(kept, Binding)
    assert (kept.hardware, kept.uid, kept.starts, kept.ends, kept.tsfp, kept.flags) == (OTHER, b"old", 1, 2, 3, 0)
    held = judge(update(RELEASED), old)
    assert isinstance(held, Binding)
    assert held.uid == b""
    gone = judge(update(ABANDONED, hardware=None), old)
    assert isinstance(gone, Binding)
    assert (gone.hardware, gone.uid, gone.forgets) == (b"", b"", True)


@pytest.mark.parametrize(("flag", "kept"), [(1, RESERVED_FLAG), (2, BOOTP_FLAG)])
@pytest.mark.parametrize("state", [ACTIVE, EXPIRED, RELEASED])
def test_what_the_partner_did_with_my_address_is_taken_with_its_flag(state: int, flag: int, kept: int) -> None:
    for primary, own in ((True, FREE), (False, BACKUP)):
        found = judge(update(state, ip_flags=flag, ends=NOW - 5, potential=NOW - 5), lease(own), primary=primary)
        assert isinstance(found, Binding)
        assert (found.state, found.flags) == (state, kept)


def test_flags_without_a_meaning_are_told_and_nothing_else() -> None:
    found = judge(update(ACTIVE, ip_flags=8), lease(FREE))
    assert isinstance(found, Binding)
    assert (found.unknown_flags, found.flags) == (8, 0)


@given(st.sampled_from([1, 2, 3, 4, 5, 6, 7]), st.sampled_from(ALL), st.booleans(), st.booleans(), st.booleans())
def test_a_lease_in_use_is_never_freed_for_somebody_else_behind_its_back(
    new: int, old: int, normal: bool, primary: bool, known: bool
) -> None:
    held = lease(old, ends=NOW + 3600, hardware=OTHER)
    found = judge(
        update(new, hardware=None if new in (ABANDONED, FREE, BACKUP) or not known else CLIENT), held,
        normal=normal, primary=primary,
    )  # fmt: skip
    if old == ACTIVE and new in (FREE, BACKUP, EXPIRED):
        assert isinstance(found, Refusal)


def test_service_states_have_words_for_reasons() -> None:
    assert binding.reason_text(16) == "Less critical binding information."
    assert binding.reason_text(200).startswith("Undefined-200: ")
    assert Service.COOPERATING in {found.service for found in states.SERVICE.values()}


def test_a_partner_that_has_asked_for_much_is_heeded_at_once_where_the_clock_was_set_back():
    now_us = busy_us = 1_800_000_000_000_000
    while patience.due_us(busy_us, now_us) <= now_us:
        busy_us = patience.heeded(busy_us, now_us)
    earlier_us = now_us - 3_600_000_000
    assert patience.due_us(busy_us, earlier_us) == earlier_us
    assert patience.heeded(busy_us, earlier_us) == earlier_us + patience.EACH_US
