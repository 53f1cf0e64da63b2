"""The parameters that count once, at the start: what the global scope says when it is run without a packet.

Reads them out of an option set that the global statements have filled, with ISC's
refusals of a wrong length. It runs nothing and logs nothing.

See docs/behaviour/configuration.md#server-parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .conf.running import parameters as par
from .ddns.part import Settings
from .ddns.rules import manner

if TYPE_CHECKING:
    from .model.context import Context, OptionSet

_AD_HOC: Final = 1
BROADCAST: Final = 0xFFFFFFFF


class ParameterError(ValueError):
    """A start parameter cannot be used; the message is ISC's fatal text."""


@dataclass
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
    ddns_conflict_detection: bool = True
    ddns_guard_id_must_match: bool = True
    ddns_dual_stack_mixed_mode: bool = False
    ddns_other_guard_is_dynamic: bool = False
    ddns_retry: bool = True
    ddns_local_address4: bytes = bytes(4)
    ddns_local_address6: bytes = bytes(16)
    log_facility: int = -1
    delayed_ack: int = 0
    max_ack_delay_us: int = 250_000
    sync: bool = True
    server_id_check: bool = False
    abandon_lease_time: int = 86_400
    check_secs_byte_order: bool = False

    @property
    def ddns(self) -> Settings:
        """Those of dynamic DNS."""
        way = manner(
            detects=self.ddns_conflict_detection,
            matches=self.ddns_guard_id_must_match,
            mixed=self.ddns_dual_stack_mixed_mode,
            other_is_dynamic=self.ddns_other_guard_is_dynamic,
        )
        return Settings(
            self.ddns_update_style, way, self.ddns_local_address4, self.ddns_local_address6, self.ddns_retry
        )  # fmt: skip


# parameter -> (code, octets, ISC's refusal of any other length); numbers only.
_NUMBERS: Final[dict[str, tuple[int, int, str]]] = {
    "omapi_port": (par.OMAPI_PORT, 2, "invalid omapi port data length"),
    "local_port": (par.LOCAL_PORT, 2, "invalid local port data length"),
    "remote_port": (par.REMOTE_PORT, 2, "invalid remote port data length"),
    "broadcast_address": (par.LIMITED_BROADCAST_ADDRESS, 4, "invalid broadcast address data length"),
    "local_address": (par.LOCAL_ADDRESS, 4, "invalid local address data length"),
    "ddns_update_style": (par.DDNS_UPDATE_STYLE, 1, "invalid dns update type"),
    "log_facility": (par.LOG_FACILITY, 1, "invalid log facility"),
    "delayed_ack": (par.DELAYED_ACK, 2, "invalid max delayed ACK count "),
    "max_ack_delay_us": (par.MAX_ACK_DELAY, 4, "invalid max ack delay configuration"),
    "abandon_lease_time": (par.ABANDON_LEASE_TIME, 4, "invalid abandon-lease-time"),
}

_FLAGS: Final[dict[str, int]] = {
    "ddns_conflict_detection": par.UPDATE_CONFLICT_DETECTION,
    "ddns_guard_id_must_match": par.DDNS_GUARD_ID_MUST_MATCH,
    "ddns_dual_stack_mixed_mode": par.DDNS_DUAL_STACK_MIXED_MODE,
    "ddns_other_guard_is_dynamic": par.DDNS_OTHER_GUARD_IS_DYNAMIC,
    "ddns_retry": par.DDNS_RETRY,
}

_ADDRESSES: Final[dict[str, int]] = {
    "ddns_local_address4": par.DDNS_LOCAL_ADDRESS4,
    "ddns_local_address6": par.DDNS_LOCAL_ADDRESS6,
}

_TEXTS: Final[dict[str, int]] = {
    "lease_file": par.LEASE_FILE_NAME,
    "pid_file": par.PID_FILE_NAME,
    "omapi_key": par.OMAPI_KEY,
}


def read_start_parameters(options: OptionSet, context: Context) -> StartParameters:
    """Evaluate the start parameters; raises ParameterError with ISC's text for one that cannot be used."""
    made = StartParameters()
    for name, code in _TEXTS.items():
        text = par.value(context, options, code)
        if text:
            setattr(made, name, text.decode("latin-1"))
    for name, (code, octets, refusal) in _NUMBERS.items():
        data = par.value(context, options, code)
        if data is None:
            continue
        if len(data) != octets:
            raise ParameterError(refusal)
        setattr(made, name, int.from_bytes(data, "big"))
    if made.ddns_update_style == _AD_HOC:
        raise ParameterError("ddns-update-style ad_hoc no longer supported")
    for name, code in _FLAGS.items():
        setattr(made, name, par.flag(context, options, code, getattr(made, name)))
    for name, code in _ADDRESSES.items():
        address = par.value(context, options, code)
        if address is not None and len(address) == len(getattr(made, name)):
            setattr(made, name, address)
    made.sync = par.value(context, options, par.DONT_USE_FSYNC) != b"\x01"
    made.server_id_check = par.value(context, options, par.SERVER_ID_CHECK) == b"\x01"
    made.check_secs_byte_order = par.value(context, options, par.CHECK_SECS_BYTE_ORDER) == b"\x01"
    return made
