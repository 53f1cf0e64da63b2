"""Guards are ISC's to the bit: what a server finds in DNS after a change of servers must be its own."""

from __future__ import annotations

import pytest

from dhcpd.engine.ddns.guard import interim_guard, standard_guard
from dhcpd.engine.ddns.wire.message import name_from_text, wire_form

CARD = bytes.fromhex("0102000000aa01")
NAME = wire_form(name_from_text(b"pc.example.org"))

# docs/behaviour/dns-updates.md#worked-examples
CASES = [
    ("hardware", CARD, b"", "00dd8e58ad2d3b3df611793d7bc2ea2c78",
     "00000154b6b8f40c7a9a3ebe324c2b487852a46d5e4d5e804b0d1a50fe81471b3ecad5"),
    ("client identifier", CARD, bytes.fromhex("01020000001234"), "315a9faa69837e9dd86b07e8f769797e19",
     "00010192204852a38b4c06a8e2f3c2383826b22c2e4f814582d01515388e00d764dafe"),
    ("DUID", CARD, bytes.fromhex("ff000000010003000102000000aabb"), "31e185cdb76d4af20acaf5e1a0e370d417",
     "000201cfa1354c9c51f69ab219426381cf9ead7b12cb7fb635960e8c19015767132203"),
    ("long hardware", bytes.fromhex("0602000000aa010203"), b"", "004586f808f402cdb2c29880c85870f91d",
     "0000012a9476ae134809b0f809ff264b421d05969c8673071d3813883a96902215b350"),
]  # fmt: skip


@pytest.mark.parametrize(("hardware", "identifier", "interim", "standard"), [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])  # fmt: skip
def test_guards_of_worked_examples(hardware: bytes, identifier: bytes, interim: str, standard: str) -> None:
    assert interim_guard(hardware, identifier).decode() == interim
    found = standard_guard(hardware, identifier, NAME)
    assert found is not None
    assert found.hex() == standard


def test_an_empty_duid_counts_and_a_short_one_does_not() -> None:
    found = standard_guard(CARD, bytes.fromhex("ff00000001"), NAME)
    assert found is not None
    assert found.hex() == "0002011eaedd58cbf168a9152f0e3f608b77e3f6e627adfa7af22d5dcf69a19e8e0411"
    assert standard_guard(CARD, bytes.fromhex("ff000000"), NAME) is None


def test_case_counts_and_the_final_dot_does_not() -> None:
    mixed = standard_guard(CARD, b"", wire_form(name_from_text(b"PC.Example.org")))
    assert mixed is not None
    assert mixed.hex() == "0000012cdaefb513dabcfe4101d84eb8d8231b3f179ef25fa8adab34e5342abb7a866a"
    assert standard_guard(CARD, b"", wire_form(name_from_text(b"pc.example.org."))) == standard_guard(CARD, b"", NAME)
