"""docs/trace-format.md tells every record's fields as the classes document them, and its example can be read."""

import re
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

from dhcpd.trace import Entry, open_tape
from dhcpd.trace import events as ev
from dhcpd.trace.effects import EFFECT_IDS
from dhcpd.trace.events import EVENT_IDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "trace-format.md"
PLAIN = {int: "integer", str: "text", bytes: "octets", bool: "boolean"}
TIMES = ("wall_us", "mono_us")


def type_text(hint):
    if hint in PLAIN:
        return PLAIN[hint]
    if hasattr(hint, "_fields"):
        return f"array ({fields_text(hint)})"
    inner = get_args(hint)
    if get_origin(hint) is tuple and inner[-1] is Ellipsis:
        return f"array of {type_text(inner[0])}"
    if get_origin(hint) is tuple:
        return f"array ({', '.join(map(type_text, inner))})"
    return " or ".join("nil" if one is type(None) else type_text(one) for one in inner)


def fields_text(cls):
    hints = [(name, hint) for name, hint in get_type_hints(cls).items() if name not in TIMES]
    return ", ".join(f"*{name}* {type_text(hint)}" for name, hint in hints) or "none"


def section():
    lines = []
    for cls, number in {**EVENT_IDS, **EFFECT_IDS}.items():
        meaning = " ".join((cls.__doc__ or "").split())
        lines.append(f"- **{cls.__name__}** ({number}): {fields_text(cls)}. {meaning}")
    return "\n".join(lines)


def test_every_field_has_its_type_and_meaning():
    text = PAGE.read_text()
    for line in section().split("\n"):
        assert line in text, f"the page lacks: {line}"


def test_the_example_is_a_recording(tmp_path):
    example = PAGE.read_text().split("## An example in octets")[1].split("\n## ")[0]
    rows = re.findall(r"^    ((?:[0-9a-f]{2} )*[0-9a-f]{2})(?:   .*)?$", example, re.MULTILINE)
    path = tmp_path / "example.trace"
    path.write_bytes(bytes.fromhex("".join(rows)))
    with open_tape(path) as tape:
        (entry,) = tape.iterate()
    assert isinstance(entry, Entry)
    assert entry.event == ev.Remark(1_000_000, 500_000, 6, "hello")
    assert [effect.__class__.__name__ for effect in entry.effects or ()] == ["Wake"]
