"""The type `control`: the server itself, one object. Writing 2 to its `state` shuts it down.

A shutdown that begins is not answered: the connection's end is the answer.

Source: docs/behaviour/omapi.md#control-object-and-shutdown, docs/behaviour/omapi.md#what-this-server-does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..handles import Reference
from ..status import INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED
from ..wire import integer
from .base import Refused, Shown, found_by_handle, integer_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..handles import Handles
    from ..wire import Values

CONTROL: Final = "control"
SHUTDOWN: Final = 2
_THE_SERVER: Final = Reference(CONTROL)


class Control(Shown):
    """The one object of its type, which is never made nor removed. `shut_down` begins the shutdown.

    It may raise requests.Silence: who asked gets no answer.
    """

    name = CONTROL
    create_code = PERMISSION_DENIED
    remove_code = PERMISSION_DENIED

    def __init__(self, handles: Handles, shut_down: Callable[[], None]) -> None:
        self._handles = handles
        self._shut_down = shut_down

    def exists(self, _reference: Reference) -> bool:
        """There is always one."""
        return True

    def find(self, values: Values) -> Reference:
        """Whatever is asked for, it is this one."""
        return found_by_handle(self._handles, values, CONTROL, self.exists) or _THE_SERVER

    def attributes(self, _reference: Reference) -> Values:
        """ISC's server has never said anything but 0."""
        return {b"state": integer(0)}

    def change(self, reference: Reference) -> _ControlChange:
        """The server, to be shut down."""
        return _ControlChange(reference, self._shut_down)


class _ControlChange:
    def __init__(self, reference: Reference, shut_down: Callable[[], None]) -> None:
        self._reference = reference
        self._shut_down = shut_down

    def set(self, name: bytes, value: bytes) -> None:
        if name != b"state":
            raise Refused(NOT_FOUND)
        if integer_in(value) != SHUTDOWN:
            raise Refused(INVALID_ARGUMENT)
        self._shut_down()

    def finish(self) -> Reference:
        return self._reference

    def keep(self) -> None:
        """Nothing was applied."""
