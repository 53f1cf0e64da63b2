"""What is held against the servers: the promises that they made, and what they said of them on the wire."""
