"""A recording played again: from its beginning or from a snapshot, and compared."""
