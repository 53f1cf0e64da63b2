"""Why a message that a client waits an answer for gets none, in a word: for who counts. The log has the sentence.

Whoever decides not to answer sets `Server.silence`, beside the line that it logs; each message begins with OTHER.
"""

from __future__ import annotations

from enum import StrEnum


class Silence(StrEnum):
    """The words. They are a metric's labels, so that they stay few and never hold anybody's name."""

    OTHER = "other"  # none of these has been said
    MALFORMED = "malformed"  # the datagram is no message, or its options cannot be read
    UNKNOWN_NETWORK = "unknown-network"  # no subnet declaration is for where it came from
    UNKNOWN_TYPE = "unknown-type"  # a message of a type that no server answers
    NO_FREE_LEASE = "no-free-lease"  # every address that the client may have is in use
    PARTNER_HAS_FREE = "partner-has-free"  # the free addresses are the failover partner's
    PARTNER_ANSWERS = "partner-answers"  # load balancing leaves the client to the failover partner
    PARTNER_STATE = "partner-state"  # the failover relationship is in a state in which nobody is served here
    NOT_ADMITTED = "not-admitted"  # unknown clients, BOOTP or booting are denied, or a class has no room
    NOT_AUTHORITATIVE = "not-authoritative"  # it is about another network, of which this server does not decide
    UNKNOWN_LEASE = "unknown-lease"  # nothing is known of the address
    WAITING = "waiting"  # the address waits for an answer of the world already
    REFUSED = "refused"  # a query or a selection that is not allowed, or not whole
    NOT_MADE = "not-made"  # the answer could not be made
