"""What came of a question to a name server, as a word, and as ISC's text in the log.

A word says why; two more facts hang on it: whether the next server of the zone is asked, and whether the zone itself is
in doubt. Nothing is decided here.

See docs/behaviour/dns-updates.md#results.
"""

from __future__ import annotations

from typing import Final, NamedTuple

NOERROR: Final = "NOERROR"
FORMERR: Final = "FORMERR"
NXDOMAIN: Final = "NXDOMAIN"
YXDOMAIN: Final = "YXDOMAIN"
YXRRSET: Final = "YXRRSET"
NXRRSET: Final = "NXRRSET"
NOTAUTH: Final = "NOTAUTH"
NOTZONE: Final = "NOTZONE"
TIMED_OUT: Final = "timed out"
# No server listens at the other end of TCP; or the connection ended before the answer.
UNREACHABLE: Final = "operation canceled"
BROKEN: Final = "unexpected error"
END_OF_INPUT: Final = "unexpected end of input"
BAD_POINTER: Final = "bad compression pointer"
BAD_LABEL: Final = "bad label type"
NAME_TOO_LONG: Final = "name too long"
UNSIGNED: Final = "expected a TSIG or SIG(0)"
TSIG_ERROR: Final = "tsig indicates error"
TSIG_WRONG: Final = "tsig verify failure"
TSIG_TIME: Final = "clocks are unsynchronized"
TSIG_PLACE: Final = "TSIG in wrong location"
# What is told of an answer that puts the zone in doubt.
FAILURE: Final = "failure"
NO_FAMILY: Final = "address family not supported"
NO_SUCH_NAME: Final = "ncache nxdomain"
NO_SUCH_RECORD: Final = "ncache nxrrset"
SERVFAIL: Final = "SERVFAIL"

# The codes of an answer (RFC 1035, RFC 2136); the others of four bits are a failure.
RCODES: Final = (
    NOERROR, FORMERR, SERVFAIL, NXDOMAIN, "NOTIMP", "REFUSED", YXDOMAIN, YXRRSET, NXRRSET, NOTAUTH, NOTZONE,
)  # fmt: skip
# Those of twelve bits that have a name.
_EXTENDED: Final[dict[int, str]] = {16: "BADVERS", 23: "BADCOOKIE"}
# An answer that says what DNS holds is the zone's, whoever gave it: no other server is asked.
_FINAL: Final = frozenset({
    NOERROR, NXDOMAIN, YXDOMAIN, YXRRSET, NXRRSET, NOTZONE, BROKEN, NO_SUCH_NAME, NO_SUCH_RECORD,
})  # fmt: skip


class Result(NamedTuple):
    """`word` is one of this module's, or a code's name; `final`: no other server of the zone is asked."""

    word: str
    final: bool


def result(word: str) -> Result:
    """The result of that word."""
    return Result(word, word in _FINAL)


def of_rcode(rcode: int, *, extended: bool) -> Result:
    """The result of an answer's code; `extended`: an OPT record has widened it."""
    if extended:
        return Result(_EXTENDED.get(rcode, str(rcode)), final=True)
    return result(RCODES[rcode] if rcode < len(RCODES) else FAILURE)
