"""What this server says in its own words, where ISC dhcpd says nothing: each with an id that programs may lean on.

ISC's lines are known by their words, and stay as they are; they are not here. A line of ours is a `Notice` of this
table: said by calling it with the values that its text has places for. What comes is a `Log` whose text carries the
notice along, to the program's log (`--log-json` shows the id), and which is text as any other on the tape.
docs/messages.md has a paragraph for each, and a test holds the two together; another one lets nobody log words of
ours that are not here.

Refused: decisions. Whether a line is said is its caller's business, and how often it is shown the log's.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ...trace.effects import ERROR, INFO, Log
from .context import interpreted


class Notice(NamedTuple):
    """A line of ours: `id`, a level of syslog, and its text as a format of named values.

    `floods`: it may come with every packet, so that the log folds what is more than a few.
    """

    id: str
    level: int
    text: str
    floods: bool = False

    def __call__(self, **values: object) -> Log:
        """The line with these values."""
        return Log(self.level, Said(self, values))


@interpreted
class Said(str):
    """The text of a notice that is said: a text as any other, which knows its `notice`."""

    __slots__ = ("notice",)
    notice: Notice

    def __new__(cls, notice: Notice, values: dict[str, object]) -> Said:  # noqa: PYI034 - nothing derives from it
        """The notice's text with values in it."""
        made = str.__new__(cls, notice.text.format_map(values))
        made.notice = notice
        return made

    def __str__(self) -> Said:
        """Itself: an exception's text is what it was raised with."""
        return self


# The start, and the command line
VERSION: Final = Notice(
    "version", INFO, "Copyright 2026 The dhcpd authors: dhcpd {version}, speaking as ISC DHCP Server 4.4.3-P1"
)
DOCUMENTATION: Final = Notice("documentation", INFO, "For info, please visit the documentation under docs/")
TEST_OPTION_ALONE: Final = Notice(
    "test-option-alone", ERROR, "{option} is for a test of the configuration: give -t, too"
)
RECORDING_OPTION_ALONE: Final = Notice(
    "recording-option-alone", ERROR, "{option} is for a recording: give -tf FILE, too"
)
SEGMENT_OPTION_ALONE: Final = Notice(
    "segment-option-alone", ERROR, "{option} is for segments: give --trace-max-size SIZE, too"
)
TRACE_TOTAL_TOO_SMALL: Final = Notice(
    "trace-total-too-small", ERROR, "--trace-total is less than --trace-max-size: give at least as much"
)
BAD_QUANTITY: Final = Notice("bad-quantity", ERROR, "{option} {value}: {problem}")
PLAY_AND_RECORD: Final = Notice(
    "play-and-record", ERROR, "-tf and -play do not go together: a playback is not recorded."
)
NO_DHCPV6: Final = Notice("no-dhcpv6", ERROR, "This server speaks DHCPv4 only: -6 cannot be served.")
NO_RAW_SOCKETS: Final = Notice(
    "no-raw-sockets", ERROR, "No raw sockets here: plain UDP serves relays, not clients without an address."
)
LEASE_FILE_IN_USE: Final = Notice(
    "lease-file-in-use",
    ERROR,
    "The lease file {path} is in use by {who}: stop that server, or name another file with -lf.",
)
ADMIN_CANNOT_LISTEN: Final = Notice("admin-cannot-listen", ERROR, "Can't listen at {place} ({option}): {reason}")

# The configuration, and tests of it
TOO_MUCH_IN_FILE: Final = Notice("too-much-in-file", ERROR, "{file} line {line}: {what}")
INCLUDES_ITSELF: Final = Notice("includes-itself", ERROR, "{file}: includes itself")
TOO_MANY_INCLUSIONS: Final = Notice("too-many-inclusions", ERROR, "{file}: more than {most} inclusions")
NOBODY_OF_THAT_NAME: Final = Notice(
    "nobody-of-that-name", ERROR, "Nothing is called {what}: name an address, a subnet, a host, a class, or all"
)
AGAINST: Final = Notice("against", INFO, "{text}")
LINT_FINDING: Final = Notice("lint-finding", ERROR, "{text}")
LINT_CLEAN: Final = Notice("lint-clean", INFO, "{text}")
PAIR_HARM: Final = Notice("pair-harm", ERROR, "ERROR: {text}")
PAIR_WARNING: Final = Notice("pair-warning", INFO, "WARNING: {text}")
PAIR_MISFIT: Final = Notice("pair-misfit", ERROR, "{file} and this file do not make a failover pair.")
PAIR_FITS: Final = Notice("pair-fits", INFO, "{file} and this file make a failover pair.")
PARTNER_FLOODS: Final = Notice(
    "partner-floods", ERROR, "failover peer {peer}: the partner asks for more than can be done: the connection ends."
)

# Another configuration while the server runs
RELOAD_IN_FORCE: Final = Notice(
    "reload-in-force", INFO, "The new configuration of {file} is in force: {leases} leases are kept."
)
RELOAD_REFUSED: Final = Notice(
    "reload-refused", ERROR, "The new configuration is not taken over, because of these mistakes: {what}"
)
RELOAD_MORE_LINES: Final = Notice(
    "reload-more-lines", ERROR, "{lines} more lines about mistakes are left out: dhcpd -t -cf {file} says all."
)
RELOAD_OTHER_KEY: Final = Notice("reload-other-key", ERROR, "OMAPI key {key}, with which this run has begun: not found")
RELOAD_OTHER_PEER: Final = Notice(
    "reload-other-peer", ERROR, "failover peer {peer}, other than this run has begun with"
)
RELOAD_NEEDS_RESTART: Final = Notice(
    "reload-needs-restart", ERROR, "{what} has changed in the configuration: it takes a restart to have effect."
)
RELOAD_NEW_INTERFACE: Final = Notice(
    "reload-new-interface", ERROR, "Interface {name} is in the new configuration: it takes a restart to be served."
)
RELOAD_LOST_INTERFACE: Final = Notice(
    "reload-lost-interface",
    ERROR,
    "No subnet declaration for {name} any more: requests on it are ignored from now on.",
)
RELOAD_LEASES_BACK: Final = Notice("reload-leases-back", INFO, "{leases} leases whose range was gone have one again.")
RELOAD_LEASES_HOMELESS: Final = Notice(
    "reload-leases-homeless", ERROR, "{leases} leases have no range any more: they are kept on file until they end."
)

# Serving
REQUESTS_TOO_LATE: Final = Notice(
    "requests-too-late",
    ERROR,
    "{count} requests dropped that had waited too long or found no room - more load than this server can carry",
)
REPLY_WITHHELD: Final = Notice(
    "reply-withheld", ERROR, "Reply withheld: {whose} is not on disk ({reason})", floods=True
)
LEASE_FILE_GONE: Final = Notice(
    "lease-file-gone", ERROR, "The lease file {path} was taken away ({reason}): writing a whole new one"
)
LEASE_FILE_UNWRITABLE: Final = Notice(
    "lease-file-unwritable", ERROR, "write_lease: unable to write to {path}: {reason}"
)
NEW_LEASE_FILE_UNWRITABLE: Final = Notice(
    "new-lease-file-unwritable", ERROR, "Can't write new lease file {path}: {reason}"
)
OPERATOR_CHANGE: Final = Notice("operator-change", INFO, "{what}, as {who} has asked")
TAKEN_BACK: Final = Notice(
    "change-taken-back", ERROR, "OMAPI: {what} is as it was before: its change could not be stored"
)
NAME_GIVEN_UP: Final = Notice(
    "name-given-up", ERROR, "DDNS: {name} for {address} is not tried again: {why}", floods=True
)
VALUE_TOO_LONG: Final = Notice("value-too-long", ERROR, "data: {what}: more than {most} bytes", floods=True)
CALLS_TOO_DEEP: Final = Notice("calls-too-deep", ERROR, "{function}: too many calls within calls.", floods=True)
OPTION_TOO_LONG_TO_PRINT: Final = Notice(
    "option-too-long-to-print", ERROR, "{option}: option value too long to print", floods=True
)
LOG_LINES_DROPPED: Final = Notice(
    "log-lines-dropped", ERROR, "{count} log lines were dropped: the reader of /dev/log did not read"
)

# The recording
TRACE_MOVED: Final = Notice("trace-moved", INFO, "The trace that was in {path} is now in {moved_to}")
RECORDING_NEW_FILE: Final = Notice(
    "recording-new-file", INFO, "The recording up to here is in {old}; it goes on from event {seq} in {path}{gap}"
)
RECORDING_SAME_FILE: Final = Notice("recording-same-file", ERROR, "The recording goes on in {path}: {why}")
RECORDING_PART_DELETED: Final = Notice("recording-part-deleted", ERROR, "{why}: {old}, the oldest part, was deleted")
RECORDING_PAUSED: Final = Notice(
    "recording-paused",
    ERROR,
    "{why} - the recording ends here, the service goes on; when there is room it goes on in a new file",
)
RECORDING_STILL_PAUSED: Final = Notice(
    "recording-still-paused", ERROR, "The recording pauses since event {seq}: there is no room on the disk"
)
RECORDING_FAILED: Final = Notice("recording-failed", ERROR, "{why} - the recording ends here, the service goes on")
RECORDING_NOT_ENDED: Final = Notice("recording-not-ended", ERROR, "{why}")

# Defects of this program
TRACEBACK: Final = Notice("traceback", ERROR, "{line}")
DEFECT_UNRECORDED: Final = Notice(
    "defect-unrecorded", ERROR, "This is a defect of dhcpd; a trace (-tf) of this run shows it again."
)
DEFECT_OF_ENGINE: Final = Notice(
    "defect-of-engine",
    ERROR,
    "The recording of this run is in {path}, to event {seq}; this shows the failure again:",
)
DEFECT_SHOWN: Final = Notice("defect-shown", ERROR, "dhcpd -play {path} -lf /tmp/played.leases")
DEFECT_PRIVACY: Final = Notice(
    "defect-privacy",
    ERROR,
    "Please report it with the recording, which holds your configuration and your clients' names and addresses.",
)
DEFECT_OF_PROGRAM: Final = Notice(
    "defect-of-program",
    ERROR,
    "The recording of this run is in {path}, to event {seq}. The program failed, and not the engine, so that",
)
DEFECT_NOT_SHOWN: Final = Notice(
    "defect-not-shown", ERROR, "playing it shows no difference; please report it with the lines above."
)
DEFECT: Final = Notice("defect", ERROR, "This is a defect of dhcpd.")

# By id; the log shows no other.
NOTICES: Final = {one.id: one for one in tuple(globals().values()) if isinstance(one, Notice)}
