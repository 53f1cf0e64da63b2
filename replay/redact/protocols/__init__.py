"""What crosses the network: what messages of each protocol name, and the same messages with pseudonyms."""
