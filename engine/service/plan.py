"""What the statements of a client's scopes come to: options, parameters, handlers; kept where it is always the same.

Most sites' scopes only assign constants. Then the outcome depends on subnet, pool, classes and host alone, and is made
once for each such combination (a Plan). Other scopes run for every packet. What the parameters mean is grant.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..conf.running import parameters as par
from ..conf.running.scopes import ScopeCache
from ..wire.codes import ADDRESS_OCTETS, REBINDING_TIME, RENEWAL_TIME, SERVER_IDENTIFIER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.configuration import Class, Handler, Host, Pool, Scope, Subnet
    from ..model.context import Context, OptionSet

# Plans are told apart by the classes of clients, too, which may be combined at will: their number is bounded.
KEPT_MAX: Final = 4096
# What `min-lease-time` is where the configuration does not say, unless no lease is to be as long.
MIN_LEASE_TIME_S: Final = 300
# `dhcp-cache-threshold`, ISC's default: a client that renews in a hurry costs no write.
CACHE_PERCENT: Final = 25
# From here on it and `adaptive-lease-time-threshold` mean nothing, as if they were not set.
_PERCENT: Final = 100

# Every parameter that Terms reads.
_READ: Final = frozenset({
    par.DEFAULT_LEASE_TIME, par.MAX_LEASE_TIME, par.MIN_LEASE_TIME, par.DYNAMIC_BOOTP_LEASE_CUTOFF,
    par.DYNAMIC_BOOTP_LEASE_LENGTH, par.BOOT_UNKNOWN_CLIENTS, par.ALLOW_BOOTP, par.ALLOW_BOOTING,
    par.ONE_LEASE_PER_CLIENT, par.GET_LEASE_HOSTNAMES, par.USE_HOST_DECL_NAMES, par.USE_LEASE_ADDR_FOR_DEFAULT_ROUTE,
    par.MIN_SECS, par.FILENAME, par.SERVER_NAME, par.NEXT_SERVER, par.ALWAYS_BROADCAST, par.DUPLICATES,
    par.STASH_AGENT_OPTIONS, par.PING_CHECK, par.PING_TIMEOUT, par.PING_TIMEOUT_MS, par.PING_CLTT_SECS,
    par.INFINITE_IS_RESERVED, par.ADAPTIVE_LEASE_TIME_THRESHOLD, par.DHCP_CACHE_THRESHOLD, par.IGNORE_CLIENT_UIDS,
    par.LOG_THRESHOLD_LOW, par.LOG_THRESHOLD_HIGH, par.ECHO_CLIENT_ID,
})  # fmt: skip

# The parameters of NameTerms that are read, and not evaluated for each client.
_NAMES_READ: Final = frozenset({
    par.DDNS_UPDATES, par.CLIENT_UPDATES, par.DO_FORWARD_UPDATES, par.DO_REVERSE_UPDATES, par.UPDATE_OPTIMIZATION,
    par.FQDN_REPLY, par.UPDATE_STATIC_LEASES, par.DDNS_TTL,
})  # fmt: skip


class Terms:
    """The parameters of a grant, evaluated: first `read_early`, then, after `on commit`, `read_late`.

    See docs/behaviour/decisions.md#parameters.
    """

    __slots__ = (
        "adaptive_threshold", "admits_all", "allow_booting", "allow_bootp", "always_broadcast", "boot_unknown",
        "bootp_cutoff", "bootp_length", "cache_percent", "default_time", "deny_duplicates", "echo_client_id",
        "filename", "get_lease_hostnames", "ignore_client_uids", "infinite_is_reserved", "log_high", "log_low",
        "max_time", "min_secs", "min_time", "next_server", "one_lease", "ping_check", "ping_cltt_s",
        "ping_timeout_us", "server_name", "stash_agent", "use_host_names", "use_lease_route",
        "usual_time",
    )  # fmt: skip

    def read_before_host(self, context: Context, options: OptionSet) -> None:
        """Those that count before the host's own statements run."""
        self.min_secs = (par.text(context, options, par.MIN_SECS) or b"\0")[0]
        self.one_lease = par.flag(context, options, par.ONE_LEASE_PER_CLIENT, False)
        duplicates = par.value(context, options, par.DUPLICATES)
        self.deny_duplicates = duplicates is not None and duplicates != b"\x01"

    def read_early(self, context: Context, options: OptionSet, *, bootp: bool | None = None) -> None:
        """Those that ISC evaluates among the lease's variables; of the times only those of the protocol.

        `bootp`: which it is; None reads the times of both.
        """
        self.boot_unknown = par.choice(context, options, par.BOOT_UNKNOWN_CLIENTS, par.ALLOW)
        self.allow_bootp = par.choice(context, options, par.ALLOW_BOOTP, par.ALLOW)
        self.allow_booting = par.choice(context, options, par.ALLOW_BOOTING, par.ALLOW)
        self.admits_all = self.boot_unknown == self.allow_bootp == self.allow_booting == par.ALLOW
        self.filename = par.text(context, options, par.FILENAME)
        self.server_name = par.text(context, options, par.SERVER_NAME)
        if bootp is not True:
            self._read_times(context, options)
        if bootp is not False:
            self.bootp_length = par.number(context, options, par.DYNAMIC_BOOTP_LEASE_LENGTH)
            self.bootp_cutoff = par.number(context, options, par.DYNAMIC_BOOTP_LEASE_CUTOFF)
        self.log_high = par.number(context, options, par.LOG_THRESHOLD_HIGH, 0) or 0
        self.log_low = par.number(context, options, par.LOG_THRESHOLD_LOW, 0) or 0
        self.ignore_client_uids = par.flag(context, options, par.IGNORE_CLIENT_UIDS, False)
        self.stash_agent = par.flag(context, options, par.STASH_AGENT_OPTIONS, True)
        self.get_lease_hostnames = par.flag(context, options, par.GET_LEASE_HOSTNAMES, False)

    def _read_times(self, context: Context, options: OptionSet) -> None:
        self.default_time = par.number(context, options, par.DEFAULT_LEASE_TIME, 43_200) or 0
        self.max_time = par.number(context, options, par.MAX_LEASE_TIME, 86_400) or 0
        shortest = par.number(context, options, par.MIN_LEASE_TIME)
        self.min_time = min(MIN_LEASE_TIME_S, self.max_time) if shortest is None else shortest
        self.usual_time = self.within(self.default_time)
        adaptive = par.number(context, options, par.ADAPTIVE_LEASE_TIME_THRESHOLD, 0) or 0
        self.adaptive_threshold = adaptive if adaptive < _PERCENT else 0
        self.infinite_is_reserved = par.flag(context, options, par.INFINITE_IS_RESERVED, False)

    def within(self, seconds: int) -> int:
        """The time of a lease where so much is asked for; `usual_time` where nothing is."""
        return max(min(seconds, self.max_time), self.min_time)

    def read_late(self, context: Context, options: OptionSet) -> None:
        """Those that a fixed address's variables do not reach any more.

        See docs/behaviour/configuration.md#variables-and-where-they-live.
        """
        percent = par.number(context, options, par.DHCP_CACHE_THRESHOLD, CACHE_PERCENT) or 0
        self.cache_percent = percent if percent < _PERCENT else CACHE_PERCENT
        self.always_broadcast = par.flag(context, options, par.ALWAYS_BROADCAST, False)
        found = par.value(context, options, par.NEXT_SERVER)
        address = found[:ADDRESS_OCTETS] if found is not None else b""
        self.next_server = int.from_bytes(address, "big") if len(address) == ADDRESS_OCTETS else 0
        self.use_host_names = par.flag(context, options, par.USE_HOST_DECL_NAMES, False)
        self.echo_client_id = par.flag(context, options, par.ECHO_CLIENT_ID, False)
        self.use_lease_route = par.flag(context, options, par.USE_LEASE_ADDR_FOR_DEFAULT_ROUTE, False)
        self.ping_check = par.flag(context, options, par.PING_CHECK, True)
        self.ping_cltt_s = par.number(context, options, par.PING_CLTT_SECS, 60) or 0
        milliseconds = par.number(context, options, par.PING_TIMEOUT_MS, 0) or 0
        seconds = par.number(context, options, par.PING_TIMEOUT, 1)
        self.ping_timeout_us = milliseconds * 1000 if milliseconds else (1 if seconds is None else seconds) * 1_000_000


class NameTerms:
    """The parameters that names are made of, as octets or expressions (`host`, `domain`, `reverse_domain`) or read.

    `ttl` in seconds, None where it follows the lease. `constant`: none of those that are read is an expression.
    """

    __slots__ = (
        "client_updates", "constant", "domain", "forward", "host", "optimizes", "replies", "reverse", "reverse_domain",
        "static_updates", "ttl", "updates",
    )  # fmt: skip

    def __init__(self, context: Context, options: OptionSet) -> None:
        """What stands in `options`, for the packet of `context`."""
        self.updates = par.flag(context, options, par.DDNS_UPDATES, True)
        self.client_updates = par.choice(context, options, par.CLIENT_UPDATES, par.ALLOW)
        self.forward = par.flag(context, options, par.DO_FORWARD_UPDATES, True)
        self.reverse = par.flag(context, options, par.DO_REVERSE_UPDATES, True)
        self.optimizes = par.flag(context, options, par.UPDATE_OPTIMIZATION, True)
        self.replies = par.flag(context, options, par.FQDN_REPLY, True)
        self.static_updates = par.flag(context, options, par.UPDATE_STATIC_LEASES, False)
        self.ttl = par.number(context, options, par.DDNS_TTL)
        server = options.server
        self.host = server.get(par.DDNS_HOSTNAME)
        self.domain = server.get(par.DDNS_DOMAINNAME)
        self.reverse_domain = server.get(par.DDNS_REV_DOMAINNAME)
        self.constant = not any(callable(server.get(code)) for code in _NAMES_READ)


class Prepared:
    """A reply's option set but for option 51, which is set anew for each packet; `source` is option 54's address.

    `kept`: what stood behind the header of such replies, by all that decides on it; None where other things do, too.
    """

    __slots__ = ("kept", "options", "source")

    def __init__(self, options: OptionSet, source: int) -> None:
        self.options = options
        self.source = source
        self.kept: dict[tuple[object, ...], bytes] | None = None


class Plan:
    """The outcome of constant scopes. `options` and `handlers` are shared: copy before changing.

    `terms` is None where a parameter is an expression. `names`: what names are made of, once it was asked for and where
    it is always the same. `prepared` keeps reply sets by (kind, interface); `plain`: they may be kept.
    """

    __slots__ = ("handlers", "names", "options", "plain", "prepared", "terms")

    def __init__(self, options: OptionSet, handlers: dict[str, Handler | None], terms: Terms | None) -> None:
        self.options = options
        self.handlers = handlers
        self.terms = terms
        self.names: NameTerms | None = None
        dhcp = options.dhcp
        self.plain = (
            terms is not None
            and not terms.echo_client_id
            and not terms.get_lease_hostnames
            and not terms.use_lease_route
            and RENEWAL_TIME not in dhcp
            and REBINDING_TIME not in dhcp
            and not callable(dhcp.get(SERVER_IDENTIFIER))
        )
        self.prepared: dict[tuple[int, str], Prepared] = {}


class Plans:
    """The plans of one configuration, by (subnet, pool, host, *classes); bounded."""

    __slots__ = ("_kept", "_scopes")

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], Plan | None] = {}
        self._scopes = ScopeCache()

    def forget(self) -> None:
        """The configuration changed while running (OMAPI)."""
        self._kept.clear()
        self._scopes = ScopeCache()

    def plan(
        self, context: Context, subnet: Subnet, pool: Pool | None, classes: Sequence[Class], host: Host | None
    ) -> Plan | None:
        """The plan, or None where the scopes must run for the packet."""
        key = (subnet, pool, host, *classes)
        try:
            return self._kept[key]
        except KeyError:
            pass
        if len(self._kept) >= KEPT_MAX:
            self.forget()
        made = self._kept[key] = self._make(context, subnet, pool, classes, host)
        return made

    def scopes(
        self, subnet: Subnet, pool: Pool | None, classes: Sequence[Class], host: Host | None
    ) -> tuple[Scope, ...]:
        """The scopes of a client, outermost first."""
        return self._scopes.lease_scopes(subnet, pool, classes, host)

    def _make(
        self, context: Context, subnet: Subnet, pool: Pool | None, classes: Sequence[Class], host: Host | None
    ) -> Plan | None:
        before = self._scopes.template(self._scopes.lease_scopes(subnet, pool, classes, None))
        whole = self._scopes.template(self._scopes.lease_scopes(subnet, pool, classes, host))
        if before is None or whole is None:
            return None
        terms: Terms | None = None
        if not any(callable(whole.options.server.get(code) or before.options.server.get(code)) for code in _READ):
            terms = Terms()
            terms.read_before_host(context, before.options)
            terms.read_early(context, whole.options)
            terms.read_late(context, whole.options)
        if terms is None and host is not None:
            return None
        return Plan(whole.options, whole.handlers, terms)
