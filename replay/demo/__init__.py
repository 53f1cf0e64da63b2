"""A server on the loopback with recorded exchanges, to be tried in a minute, and the clients that load it."""
