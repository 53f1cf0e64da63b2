"""Which network, host and lease a client's message is about."""
