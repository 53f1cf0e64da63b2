"""The world around a machine: what carries its effects out and brings it events.

For your own tests: `World` has servers of your configuration and clients, in one process and without waiting
(docs/testing-a-configuration.md). For who runs a machine some other way: host.py.
"""

from .simulated.client import Client, NoAnswer, Reply
from .simulated.server import NotStarted, Server
from .simulated.tcp import Peer
from .simulated.world import World

__all__ = ["Client", "NoAnswer", "NotStarted", "Peer", "Reply", "Server", "World"]
