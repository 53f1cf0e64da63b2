"""Clients behind relays, told by lines of JSON on standard input: [[step, client, subnet, name], ...] a line.

Steps: `obtain` (DISCOVER, REQUEST), `renew`, `release`. A line of the clients' addresses answers each.
"""

import json
import select
import socket
import sys
import time

from dhcpd.replay.world.messages import message

SERVER = "10.66.0.1"
PATIENCE_S = 60
AGAIN_S = 2


class Clients:
    def __init__(self):
        self.sockets = {}
        self.addresses = {}
        self.xid = 0

    def relay(self, subnet):
        if subnet not in self.sockets:
            made = self.sockets[subnet] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.bind((f"10.66.{subnet}.1", 67))
        return self.sockets[subnet]

    def exchange(self, client, subnet, kind, options, ciaddr=0):
        """The reply to one message, which is sent again until it comes."""
        self.xid += 1
        relay = self.relay(subnet)
        giaddr = 0x0A420001 | subnet << 8
        hardware = b"\x02\0\0\0" + client.to_bytes(2, "big")
        sent = message(kind, hardware, options, xid=self.xid, giaddr=giaddr, ciaddr=ciaddr)
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            relay.sendto(sent, (SERVER, 67))
            if kind == 7:
                return sent
            while select.select([relay], [], [], AGAIN_S)[0]:
                reply = relay.recv(2000)
                if reply[4:8] == self.xid.to_bytes(4, "big"):
                    return reply
        raise TimeoutError(f"client {client}: nothing came")

    def obtain(self, client, subnet, name):
        named = {12: name.encode()} if name else {}
        offer = self.exchange(client, subnet, 1, named)
        wanted = {**named, 50: offer[16:20], 54: socket.inet_aton(SERVER)}
        ack = self.exchange(client, subnet, 3, wanted)
        self.addresses[client] = ack[16:20]

    def renew(self, client, subnet, name):
        ciaddr = int.from_bytes(self.addresses[client], "big")
        self.exchange(client, subnet, 3, {12: name.encode()} if name else {}, ciaddr)

    def release(self, client, subnet, _name):
        ciaddr = int.from_bytes(self.addresses.pop(client), "big")
        self.exchange(client, subnet, 7, {54: socket.inet_aton(SERVER)}, ciaddr)


def main():
    clients = Clients()
    for line in sys.stdin:
        for step, client, subnet, name in json.loads(line):
            getattr(clients, step)(client, subnet, name)
        print(json.dumps({client: socket.inet_ntoa(one) for client, one in clients.addresses.items()}), flush=True)


if __name__ == "__main__":
    main()
