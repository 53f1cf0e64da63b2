"""How much of a recording a report may hold. A page says which of these it has met."""

from typing import Final

# Rows of the table of clients; all are counted.
CLIENTS_MAXIMUM: Final = 20_000
# Clients with a story, and the lines of all stories together; within a story its first and its last lines are kept.
STORIES_MAXIMUM: Final = 2_000
STORY_LINES_MAXIMUM: Final = 60_000
STORY_HEAD_MAXIMUM: Final = 20
STORY_TAIL_MAXIMUM: Final = 80
# Changes of a client's leases at events that are not its own, each a line of its story.
STORY_CHANGES_MAXIMUM: Final = 40
# Reasons cost four times the playing, so they are asked for a client's first messages, and for its first troubles.
REASONS_FIRST_MAXIMUM: Final = 4
REASONS_TROUBLE_MAXIMUM: Final = 4
# Different packets that are decoded: those that differ in more than their xid and secs.
PACKETS_MAXIMUM: Final = 15_000
# Texts are cut at this length, so that one packet cannot fill the page.
TEXT_MAXIMUM: Final = 400
# Addresses that are told of one client.
ADDRESSES_MAXIMUM: Final = 6
# Columns of a chart, charts of pools, and different reasons that are told apart.
BUCKETS_MAXIMUM: Final = 120
POOLS_MAXIMUM: Final = 24
REASONS_MAXIMUM: Final = 200
# Clients that are listed in a group of a what-if's differences.
WHATIF_CLIENTS_MAXIMUM: Final = 2_000
# What is known of one client: different reasons, and relays and circuits by which it came.
CLIENT_REASONS_MAXIMUM: Final = 8
WAYS_MAXIMUM: Final = 4
# Relays that are told apart; what operators and the failover partner did.
RELAYS_MAXIMUM: Final = 4_096
OPERATIONS_MAXIMUM: Final = 500
# Changes of state of a failover relationship.
CHANGES_MAXIMUM: Final = 200
