"""The client side of OMAPI: look at a running server's objects, and change them.

The calls of dhcpctl(3) in Python's manner; `omshell` stands on them, and programs may. Works with this server and with
ISC dhcpd 4.4.

    from dhcpd import dhcpctl

    key = dhcpctl.key_from_base64("omapi_key", "AAECAwQFBgcICQoLDA0ODw==")
    with dhcpctl.connect("127.0.0.1", key=key, timeout_s=10) as server:
        host = dhcpctl.Object("host", {"name": "printer", "hardware-address": bytes.fromhex("020000000061")})
        host["hardware-type"] = 1
        server.open(host, create=True, exclusive=True)

`connect` gives a blocking client, `connect_trio` one for trio; `Session` is the protocol without any input or output,
for who has another event loop. What an attribute means, and which may be written, is the server's to say.

Source: docs/behaviour/omapi.md#the-calls-of-dhcpctl; docs/changing-a-running-server.md has examples.
"""

from ..engine.omapi.signing import Key
from ..engine.omapi.wire import PORT
from .client import Client, connect
from .errors import CannotConnect, ConnectionLost, DhcpctlError, Refused, TimedOut
from .keys import BadKey, key_from_base64, key_from_file
from .objects import Object, Value
from .session import Request, Session, State
from .trio_client import TrioClient, connect_trio

__all__ = [
    "connect", "Client", "connect_trio", "TrioClient",
    "Object", "Value",
    "Key", "key_from_base64", "key_from_file",
    "DhcpctlError", "Refused", "CannotConnect", "ConnectionLost", "TimedOut", "BadKey",
    "Session", "State", "Request",
    "PORT",
]  # fmt: skip
