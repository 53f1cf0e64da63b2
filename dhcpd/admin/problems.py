"""How a request is refused: one error for all of this package, with the status and what to do about it."""

from __future__ import annotations

from typing import Final

# RFC 9110's names, for those statuses that are answered.
PHRASES: Final = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class Problem(Exception):
    """A request is refused: `status` is HTTP's, `detail` a sentence that says what is wrong, `advice` what to do."""

    def __init__(self, status: int, detail: str, advice: str = "") -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.advice = advice

    def as_object(self) -> dict[str, object]:
        """As JSON has it (RFC 9457, without `type`)."""
        said: dict[str, object] = {"title": PHRASES[self.status], "status": self.status, "detail": self.detail}
        return {**said, "advice": self.advice} if self.advice else said
