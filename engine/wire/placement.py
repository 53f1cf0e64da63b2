"""Where each option of a reply stands: main area, file, sname, in pieces or whole.

The rules reproduce ISC dhcpd's placement byte for byte. They look odd (an option of exactly the room that is left goes
elsewhere unless it is the last) and are not to be tidied: clients and golden files have seen them. Which options, in
which order, with which values, is decided elsewhere.

See docs/behaviour/packets.md#placement-of-options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .codes import AGENT_OPTIONS, OVERLOAD

if TYPE_CHECKING:
    from collections.abc import Sequence

COOKIE: Final = b"\x63\x82\x53\x63"
# The header fields that may take options where they hold nothing of their own (RFC 2131, 4.1).
FILE_OCTETS: Final = 128
SNAME_OCTETS: Final = 64
OPTION_OCTETS_MAXIMUM: Final = 255
_END: Final = b"\xff"
_FILE_BIT: Final = 1
_SNAME_BIT: Final = 2


class Area(NamedTuple):
    """A reply's options: `main` from the cookie to END; `file` and `sname` whole fields, or None where unused."""

    main: bytes
    file: bytes | None
    sname: bytes | None


class Item(NamedTuple):
    """One option to place: `last` where it is the very last candidate."""

    code: int
    value: bytes
    last: bool


class _Store:
    """The three buffers while they fill. `capacity` is that of main without the cookie.

    See docs/behaviour/packets.md#placement-of-options.
    """

    __slots__ = ("capacity", "file", "file_room", "main", "sname", "sname_room")

    def __init__(self, capacity: int, file_room: int, sname_room: int) -> None:
        self.capacity = capacity
        self.file_room = file_room
        self.sname_room = sname_room
        self.main = bytearray()
        self.file = bytearray()
        self.sname = bytearray()

    def put(self, item: Item) -> None:
        """Place one option; it is left out where there is no room."""
        length = len(item.value)
        if length <= OPTION_OCTETS_MAXIMUM:
            place = self._whole(length, item.last)
            if place is not None:
                place += bytes((item.code & 255, length)) + item.value
                return
        self._split(item.code & 255, item.value)

    def _whole(self, length: int, last: bool) -> bytearray | None:
        used = len(self.main)
        # Behind it option 52 (three octets) and END must still fit, in case a later option goes into file or sname.
        if used + length + 5 < self.capacity:
            return self.main
        # Nothing comes any more, so that there will be no option 52: only END must fit.
        if last and not self.file and not self.sname and used + length + 2 < self.capacity:
            return self.main
        # END needs one octet; that one more always stays free is ISC's counting.
        if len(self.file) + length + 3 < self.file_room:
            return self.file
        if len(self.sname) + length + 3 < self.sname_room:
            return self.sname
        return None

    def _split(self, code: int, value: bytes) -> None:
        marks = len(self.main), len(self.file), len(self.sname)
        done = 0
        while done < len(value):
            place, room = self._piece()
            if place is None:
                # All of it or nothing: a client would take a part for the value.
                del self.main[marks[0] :], self.file[marks[1] :], self.sname[marks[2] :]
                return
            piece = value[done : done + min(room, OPTION_OCTETS_MAXIMUM)]
            place += bytes((code, len(piece))) + piece
            done += len(piece)

    def _piece(self) -> tuple[bytearray | None, int]:
        """The buffer for the next piece, and how many octets of data it may hold."""
        # A piece may leave room for option 52 alone: an area that it fills has no END.
        if len(self.main) + 6 < self.capacity:
            return self.main, self.capacity - len(self.main) - 5
        if len(self.file) + 4 < self.file_room:
            return self.file, self.file_room - 3 - len(self.file)
        if len(self.sname) + 4 < self.sname_room:
            return self.sname, self.sname_room - 3 - len(self.sname)
        return None, 0


def place_options(
    items: Sequence[Item], size: int, agent: bytes, *, file_free: bool, sname_free: bool
) -> tuple[Area, bool]:
    """Fill an option area of `size` octets, the cookie and `agent` (a packed block) included.

    The second result is false where the relay block found no room. Nothing in main: nothing at all.

    See docs/behaviour/packets.md#placement-of-options.
    """
    store = _Store(size - len(agent) - len(COOKIE), FILE_OCTETS * file_free, SNAME_OCTETS * sname_free)
    for item in items:
        store.put(item)
    file = _field(store.file, FILE_OCTETS)
    sname = _field(store.sname, SNAME_OCTETS)
    # Only BOOTP comes here, with a request list that nothing matches. ISC then sends no cookie either.
    if not store.main:
        return Area(b"", file, sname), True
    main = COOKIE + store.main
    if store.file or store.sname:
        main += bytes((OVERLOAD, 1, bool(store.file) * _FILE_BIT + bool(store.sname) * _SNAME_BIT))
    # The relay block stands last, and never in file or sname (RFC 3046, 2.1 and 2.2).
    fits = size - len(main) >= len(agent)
    if fits:
        main += agent
    # A full area has no END. Readers stop at its end all the same, and a shorter area would lose an option.
    if len(main) < size:
        main += _END
    return Area(main, file, sname), fits


def _field(used: bytearray, octets: int) -> bytes | None:
    return bytes(used + _END).ljust(octets, b"\x00") if used else None


def pack_agent_block(value: bytes) -> bytes:
    """Option 82 as one or, over 255 octets, several instances; nothing for no octets.

    See docs/behaviour/packets.md#relay-agent-information-on-output.
    """
    pieces = [value[start : start + OPTION_OCTETS_MAXIMUM] for start in range(0, len(value), OPTION_OCTETS_MAXIMUM)]
    return b"".join(bytes((AGENT_OPTIONS, len(piece))) + piece for piece in pieces)
