"""Many recordings at once: found in folders, cut at their snapshots, played on every core or on a cluster.

The verdict of a recording is the one that playing it from its first event to its last would give; the work is only
divided. Nothing here writes a file but the report that it was asked for.
"""
