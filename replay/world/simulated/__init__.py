"""A world to test in: servers, clients, their wires and connections, on one clock and with one seed."""
