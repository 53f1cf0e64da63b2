"""What is held against the servers: what they promised, said, stored and became; and what of all that was met."""
