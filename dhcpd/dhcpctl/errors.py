"""What a call of dhcpctl may fail with; each error carries the status code and its text.

The codes are those of docs/behaviour/omapi.md#status-codes, also where the client itself makes them, as ISC's
library does it.
"""

from __future__ import annotations

from ..engine.omapi.status import CONNECTION_RESET, TIMED_OUT, text_of


class DhcpctlError(Exception):
    """A call failed. `code` is the status, `text` what clients print of it, `message` the server's words or ""."""

    def __init__(self, code: int, message: str = "") -> None:
        self.code = code
        self.text = text_of(code)
        self.message = message
        super().__init__(f"{self.text} ({message})" if message else self.text)


class Refused(DhcpctlError):
    """The server answered with a status that is no success; the connection lives on."""


class CannotConnect(DhcpctlError):
    """There is no connection: nobody is there, what is there speaks no OMAPI, or it refused the key."""


class ConnectionLost(DhcpctlError):
    """The connection ended before the answer came, so whether the server did what was asked is not known."""

    def __init__(self, message: str = "") -> None:
        super().__init__(CONNECTION_RESET, message)


class TimedOut(DhcpctlError):
    """The answer did not come in time; the request stays outstanding, and can be waited for again."""

    def __init__(self) -> None:
        super().__init__(TIMED_OUT)
