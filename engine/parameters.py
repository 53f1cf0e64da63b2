"""The parameters that count once, at the start: what the global scope says when it is run without a packet.

Reads them out of an option set that the global statements have filled, with ISC's
refusals of a wrong length. It runs nothing and logs nothing.

See docs/behaviour/configuration.md#server-parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .model.context import Context, OptionSet

_LEASE_FILE_NAME: Final = 26
_PID_FILE_NAME: Final = 27
_OMAPI_PORT: Final = 31
_LOCAL_PORT: Final = 32
_LIMITED_BROADCAST_ADDRESS: Final = 33
_REMOTE_PORT: Final = 34
_LOCAL_ADDRESS: Final = 35
_OMAPI_KEY: Final = 36
_DDNS_UPDATE_STYLE: Final = 39
_LOG_FACILITY: Final = 44
_DELAYED_ACK: Final = 58
_MAX_ACK_DELAY: Final = 59
_DONT_USE_FSYNC: Final = 79
_SERVER_ID_CHECK: Final = 86
_ABANDON_LEASE_TIME: Final = 89
_CHECK_SECS_BYTE_ORDER: Final = 92

_AD_HOC: Final = 1
BROADCAST: Final = 0xFFFFFFFF


class ParameterError(ValueError):
    """A start parameter cannot be used; the message is ISC's fatal text."""


@dataclass(slots=True)
class StartParameters:
    """Defaults are ISC's; None where the command line decides. Times in seconds but for `max_ack_delay_us`."""

    lease_file: str | None = None
    pid_file: str | None = None
    local_port: int | None = None
    remote_port: int | None = None
    local_address: int = 0
    broadcast_address: int | None = None
    omapi_port: int | None = None
    omapi_key: str | None = None
    ddns_update_style: int = 0
    log_facility: int = -1
    delayed_ack: int = 0
    max_ack_delay_us: int = 250_000
    sync: bool = True
    server_id_check: bool = False
    abandon_lease_time: int = 86_400
    check_secs_byte_order: bool = False


# parameter -> (code, octets, ISC's refusal of any other length); numbers only.
_NUMBERS: Final[dict[str, tuple[int, int, str]]] = {
    "omapi_port": (_OMAPI_PORT, 2, "invalid omapi port data length"),
    "local_port": (_LOCAL_PORT, 2, "invalid local port data length"),
    "remote_port": (_REMOTE_PORT, 2, "invalid remote port data length"),
    "broadcast_address": (_LIMITED_BROADCAST_ADDRESS, 4, "invalid broadcast address data length"),
    "local_address": (_LOCAL_ADDRESS, 4, "invalid local address data length"),
    "ddns_update_style": (_DDNS_UPDATE_STYLE, 1, "invalid dns update type"),
    "log_facility": (_LOG_FACILITY, 1, "invalid log facility"),
    "delayed_ack": (_DELAYED_ACK, 2, "invalid max delayed ACK count "),
    "max_ack_delay_us": (_MAX_ACK_DELAY, 4, "invalid max ack delay configuration"),
    "abandon_lease_time": (_ABANDON_LEASE_TIME, 4, "invalid abandon-lease-time"),
}

_TEXTS: Final[dict[str, int]] = {
    "lease_file": _LEASE_FILE_NAME,
    "pid_file": _PID_FILE_NAME,
    "omapi_key": _OMAPI_KEY,
}


def read_start_parameters(options: OptionSet, context: Context) -> StartParameters:
    """Evaluate the start parameters; raises ParameterError with ISC's text for one that cannot be used."""
    made = StartParameters()
    for name, code in _TEXTS.items():
        text = _value(options, code, context)
        if text:
            setattr(made, name, text.decode("latin-1"))
    for name, (code, octets, refusal) in _NUMBERS.items():
        data = _value(options, code, context)
        if data is None:
            continue
        if len(data) != octets:
            raise ParameterError(refusal)
        setattr(made, name, int.from_bytes(data, "big"))
    if made.ddns_update_style == _AD_HOC:
        raise ParameterError("ddns-update-style ad_hoc no longer supported")
    made.sync = _value(options, _DONT_USE_FSYNC, context) != b"\x01"
    made.server_id_check = _value(options, _SERVER_ID_CHECK, context) == b"\x01"
    made.check_secs_byte_order = _value(options, _CHECK_SECS_BYTE_ORDER, context) == b"\x01"
    return made


def _value(options: OptionSet, code: int, context: Context) -> bytes | None:
    value = options.server.get(code)
    return value(context) if callable(value) else value
