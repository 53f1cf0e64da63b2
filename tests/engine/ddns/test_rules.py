"""The tables of messages and results are whole, and say what docs/behaviour/dns-updates.md says."""

from __future__ import annotations

from itertools import product

import pytest

from dhcpd.engine.ddns.records import DHCID, Names
from dhcpd.engine.ddns.rules import MESSAGES, REMOVING_STEPS, RESULTS, Manner, Step, Verdict, manner, outcome
from dhcpd.engine.ddns.wire import result
from dhcpd.engine.ddns.wire.update import update

GUARD = bytes.fromhex("0000010e4ee1e51c425c02186f307aa2a1160d15ead4787e5ac16a165096ac92086269")
FORWARD = b"example.org.", b"alpha.example.org"
REVERSE = b"0.77.10.in-addr.arpa", b"100.0.77.10.in-addr.arpa."


def test_every_setting_of_the_flags_has_its_messages_and_results() -> None:
    for flags in product((False, True), repeat=4):
        way = manner(**dict(zip(("detects", "matches", "mixed", "other_is_dynamic"), flags, strict=True)))
        for step in Step:
            assert MESSAGES[step, way].updates
            for word in (*result.RCODES, result.TIMED_OUT, "anything"):
                following = outcome(step, word, way).next
                assert following is None or (following in REMOVING_STEPS) is (step in REMOVING_STEPS)
            assert RESULTS[step, way][None].verdict is not Verdict.GOES_ON


def octets(step: Step, names: Names, address: int) -> str:
    zone, owner = REVERSE if "ptr" in step else FORWARD
    return update(zone, owner, MESSAGES[step, Manner()], names, address).hex()


# docs/behaviour/dns-updates.md#messages-octet-by-octet
HEAD = "076578616d706c65036f72670000060001"
TXT = Names(b"alpha.example.org", 16, b"00d5202e153f96daeebc0c3d85c6743e98", b"100.0.77.10.in-addr.arpa.", 300)
TXT_DATA = "22" + TXT.guard.hex()


@pytest.mark.parametrize(
    ("step", "names", "address", "expected"),
    [
        (Step.ADD_1, TXT, 0x0A4D0064, "0000280000010001" + "00020000" + HEAD + "05616c706861c00c00ff00fe000000000000"
         "c01d000100010000012c00040a4d0064" "c01d001000010000012c0023" + TXT_DATA),
        (Step.ADD_1, TXT._replace(guard_type=DHCID, guard=GUARD), 0x0A4D0064, "0000280000010001" "00020000" + HEAD +
         "05616c706861c00c00ff00fe000000000000c01d000100010000012c00040a4d0064" "c01d003100010000012c0023"
         + GUARD.hex()),
        (Step.ADD_2, TXT._replace(guard_type=DHCID, guard=GUARD), 0x0A4D0065, "0000280000010001" "00020000" + HEAD +
         "05616c706861c00c003100010000000000" "23" + GUARD.hex() + "c01d000100ff000000000000"
         "c01d000100010000012c00040a4d0065"),
        (Step.REM_1, TXT, 0x0A4D0064, "0000280000010001" "00010000" + HEAD + "05616c706861c00c00100001000000000023"
         + TXT_DATA + "c01d000100fe0000000000040a4d0064"),
        (Step.REM_2, TXT, 0x0A4D0064, "0000280000010002" "00010000" + HEAD + "05616c706861c00c000100fe000000000000"
         "c01d001c00fe000000000000" "c01d001000fe000000000023" + TXT_DATA),
        (Step.ADD_PTR, TXT, 0x0A4D0064, "000028000001000000020000" + "013002373702313007696e2d61646472" + "0461727061"
         + "000006000103313030c00c000c00ff000000000000c026000c00010000012c001305616c706861076578616d706c65036f726700"),
    ],
)  # fmt: skip
def test_messages_are_iscs_octet_by_octet(step: Step, names: Names, address: int, expected: str) -> None:
    assert octets(step, names, address) == expected


def test_without_conflict_detection_the_other_flags_do_not_count() -> None:
    off = manner(detects=False, matches=True, mixed=True, other_is_dynamic=True)
    assert off == Manner(False, False, False, False)
    assert not MESSAGES[Step.REM_1, off].prerequisites
