"""Other servers that the configuration names: keys, zones of dynamic DNS, failover peers. Plain data.

What stands here is what dhcpd.conf(5) and dhcpd.conf's failover chapter say, with every default filled in, so that
nobody who uses it needs to know what was written and what was not. Nothing is connected, signed or looked up here.
"""

from __future__ import annotations

from dataclasses import dataclass

from .syntax import Place


@dataclass(frozen=True)
class Key:
    """`key NAME { algorithm ALGORITHM; secret SECRET; }`.

    `name` is in lower case. `algorithm` ends in a dot, as a DNS name (`HMAC-MD5.SIG-ALG.REG.INT.`); `secret` is no
    longer in base64.
    """

    name: str
    algorithm: str
    secret: bytes
    place: Place


@dataclass(frozen=True)
class Zone:
    """`zone NAME { primary ...; secondary ...; key KEY; }`; `name` is as written, and ends in a dot.

    `primary`, `secondary`: IPv4 addresses (numbers) or host names, in the order to be tried; `primary6`,
    `secondary6`: 16 octets each. `key` is a `Key.name`, None for updates without a signature.
    """

    name: str
    primary: tuple[int | str, ...]
    secondary: tuple[int | str, ...]
    primary6: tuple[bytes, ...]
    secondary6: tuple[bytes, ...]
    key: str | None
    place: Place


@dataclass(frozen=True)
class FailoverPeer:
    """`failover peer NAME { ... }`: one relationship, from this server's side. Times are in seconds, shares in percent.

    `primary`: the server's part in the pair. `address`, `peer_address`: a number, or a host name of which the first
    address counts; `address` None where it was not said (the server then cannot take part). `hash_buckets`: the 32
    octets of the load balance, a set bit for a bucket of the primary's; None for a secondary, which hears them from
    its partner. 0 in `load_balance_max_seconds` and `auto_partner_down` turns these off.
    """

    name: str
    place: Place
    primary: bool = True
    address: int | str | None = None
    port: int = 647
    peer_address: int | str | None = None
    peer_port: int = 647
    max_response_delay: int = 20
    max_unacked_updates: int = 100
    mclt: int = 0
    hash_buckets: bytes | None = None
    load_balance_max_seconds: int = 0
    max_lease_misbalance: int = 15
    max_lease_ownership: int = 10
    max_balance: int = 3600
    min_balance: int = 60
    auto_partner_down: int = 0
