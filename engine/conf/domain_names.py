"""Domain names in wire form (RFC 1035, 3.1 and 4.1.4): lists of them taken apart, joined, and compressed again.

Needed where `append` and `prepend` meet a compressed list, and to show names. Nothing here reads
the text of a configuration. Pointers are offsets from the option's first octet; they may only point backwards.

See docs/behaviour/configuration.md#assignment-of-options.
"""

from __future__ import annotations

LABEL_MAX_OCTETS = 63
NAME_MAX_OCTETS = 255
# The two upper bits of a length say that 14 bits of offset follow; a length with one of them is of no kind in use.
_POINTER = 0xC0
_POINTER_OFFSET_MAX = 0x3FFF

Name = tuple[bytes, ...]


class BadNameError(ValueError):
    """The octets at `offset` are no domain name."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"no domain name at octet {offset}")
        self.offset = offset


def read_name(value: bytes, start: int) -> tuple[Name, int]:
    """The labels of the name at `start` (without the root's) and the offset behind it. Raises BadNameError."""
    labels: list[bytes] = []
    at, behind, length = start, -1, 1
    limit = start
    while True:
        if at >= len(value):
            raise BadNameError(start)
        octet = value[at]
        if octet == 0:
            return tuple(labels), behind if behind >= 0 else at + 1
        if octet >= _POINTER:
            target = int.from_bytes(value[at : at + 2], "big") & _POINTER_OFFSET_MAX
            # Each must lead in front of where the one before led: the walk ends, whatever the octets are.
            if at + 2 > len(value) or target >= limit:
                raise BadNameError(start)
            behind = at + 2 if behind < 0 else behind
            at = limit = target
            continue
        label = value[at + 1 : at + 1 + octet]
        length += octet + 1
        if octet > LABEL_MAX_OCTETS or len(label) != octet or length > NAME_MAX_OCTETS:
            raise BadNameError(start)
        labels.append(label)
        at += octet + 1


def read_names(value: bytes) -> list[Name]:
    """All names of a list. Raises BadNameError."""
    names: list[Name] = []
    at = 0
    while at < len(value):
        name, at = read_name(value, at)
        names.append(name)
    return names


def compress(names: list[Name]) -> bytes:
    """The list with pointers to tails that occurred before, letter case aside."""
    made = bytearray()
    known: dict[Name, int] = {}
    for name in names:
        append_name(made, name, known)
    return bytes(made)


def append_name(made: bytearray, name: Name, known: dict[Name, int]) -> None:
    """Put a name behind what was made; `known` holds where each tail in lower case stands already."""
    for index in range(len(name)):
        tail = tuple(label.lower() for label in name[index:])
        if tail in known:
            made += (known[tail] | _POINTER << 8).to_bytes(2, "big")
            return
        # What starts farther off cannot be pointed at.
        if len(made) <= _POINTER_OFFSET_MAX:
            known[tail] = len(made)
        made.append(len(name[index]))
        made += name[index]
    made.append(0)


_ESCAPED = frozenset(b'"().;@$\\')
_PRINTABLE = range(0x21, 0x7F)


def label_text(label: bytes) -> str:
    r"""A label as people read it: special characters behind a backslash, unprintable ones as `\DDD`, decimal."""
    return "".join(
        (("\\" if octet in _ESCAPED else "") + chr(octet)) if octet in _PRINTABLE else f"\\{octet:03d}"
        for octet in label
    )


def name_text(name: Name) -> str:
    """The name with a dot behind every label; `.` for the root."""
    return "".join(label_text(label) + "." for label in name) or "."
