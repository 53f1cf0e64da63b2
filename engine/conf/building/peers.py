"""Keys, zones and failover peers, with the defaults filled in.

See docs/behaviour/configuration.md#keys-and-zones, docs/behaviour/configuration.md#failover-peers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...model import peers, syntax

if TYPE_CHECKING:
    from .builder import Builder
    from .drafts import Block

# The words of a definition and the field of peers.FailoverPeer that each fills, where 0 stands for the default ...
_OR_DEFAULT: Final[dict[str, str]] = {
    "port": "port",
    "peer port": "peer_port",
    "max-response-delay": "max_response_delay",
    "max-unacked-updates": "max_unacked_updates",
    "max-lease-misbalance": "max_lease_misbalance",
    "max-lease-ownership": "max_lease_ownership",
    "max-balance": "max_balance",
    "min-balance": "min_balance",
}
# ... and where it is as good as any other value.
_AS_SAID: Final[dict[str, str]] = {
    "address": "address",
    "peer address": "peer_address",
    "mclt": "mclt",
    "hba": "hash_buckets",
    "load": "load_balance_max_seconds",
    "auto-partner-down": "auto_partner_down",
}
_BUCKETS_OCTETS: Final = 32


def key(builder: Builder, node: syntax.Key, _where: Block) -> None:
    """A key, in place of one of its name."""
    builder.keys[node.name] = peers.Key(node.name, node.algorithm, node.secret, node.place)


def zone(builder: Builder, node: syntax.Zone, _where: Block) -> None:
    """A zone, in place of one of its name, whose letters' case does not count."""
    builder.zones[node.name.lower()] = peers.Zone(
        node.name, node.primary, node.secondary, node.primary6, node.secondary6, node.key, node.place
    )
    for address in (*node.primary, *node.secondary):
        if isinstance(address, str):
            builder.compiler.meet_host_name(address)


def failover_peer(builder: Builder, node: syntax.FailoverPeer, _where: Block) -> None:
    """A failover relationship, in place of one of its name."""
    builder.failover_peers[node.name] = _peer(node)
    for words, value in node.settings:
        if words in ("address", "peer address") and isinstance(value, str):
            builder.compiler.meet_host_name(value)


def _peer(node: syntax.FailoverPeer) -> peers.FailoverPeer:
    """Of two settings of one thing the later one counts: `split` and `hba`, `primary` and `secondary`, too."""
    fields: dict[str, Any] = {}
    for words, value in node.settings:
        if words in ("primary", "secondary"):
            fields["primary"] = words == "primary"
        elif words == "split" and isinstance(value, int):
            fields["hash_buckets"] = split_buckets(value)
        elif words in _AS_SAID:
            fields[_AS_SAID[words]] = value
        elif words in _OR_DEFAULT and value:
            fields[_OR_DEFAULT[words]] = value
    return peers.FailoverPeer(node.name, node.place, **fields)


def split_buckets(split: int) -> bytes:
    """The hash buckets 0 to `split` - 1, least significant bit first, in 32 octets."""
    return ((1 << split) - 1).to_bytes(_BUCKETS_OCTETS, "little")
