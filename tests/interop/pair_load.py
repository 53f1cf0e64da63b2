"""Clients of a pair behind one relay: `pair_load.py CLIENTS A_SECOND STOP_FILE SERVER...`, until the file is there.

Each client asks for an address, and then renews it for ever; whatever it says goes to every server, as on one LAN. When
all of them hold an address, or a minute after the file, it prints what they met, as JSON. `given_twice`: an address was
acknowledged to a client while another one held it. `lost`: a client that holds an address was refused it, or was not
acknowledged before its time was over.
"""

from __future__ import annotations

import contextlib
import json
import random
import select
import socket
import sys
import time
from pathlib import Path

RELAY = "10.44.0.3"
PORT = 67
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
UNHEARD_MIN = 10
STOP_S = 60.0
TRIES_S = 8.0
COOKIE = b"\x63\x82\x53\x63"


class Client:
    def __init__(self, number: int) -> None:
        self.hardware = b"\x02\0\0\0" + number.to_bytes(2, "big")
        self.address = b""
        self.until = 0.0
        self.asked = 0.0
        self.unheard = 0
        # Of the last message, as a client has it: an offer is taken once, and an answer to an earlier one is not heard.
        self.xid = 0
        self.chosen = False
        self.anew = 0.0


def message(client: Client, kind: int, xid: int, secs: int, options: bytes = b"", ciaddr: bytes = bytes(4)) -> bytes:
    head = bytes([1, 1, 6, 1]) + xid.to_bytes(4, "big") + secs.to_bytes(2, "big") + bytes(2) + ciaddr + bytes(8)
    head += socket.inet_aton(RELAY) + client.hardware + bytes(10 + 192)
    return head + COOKIE + bytes([53, 1, kind]) + options + b"\xff"


def options_of(data: bytes) -> dict[int, bytes]:
    found, at = {}, 240
    while at + 1 < len(data) and data[at] != 255:
        if data[at]:
            found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
            at += data[at + 1]
            at += 1
        at += 1
    return found


class Load:
    def __init__(self, count: int, servers: list[str]) -> None:
        self.clients = [Client(number) for number in range(1, count + 1)]
        self.by_hardware = {client.hardware: client for client in self.clients}
        self.servers = servers
        self.holders: dict[bytes, Client] = {}
        self.found = {"acks": 0, "offers": 0, "asked": 0, "given_twice": [], "lost": []}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((RELAY, PORT))

    def send(self, data: bytes) -> None:
        for server in self.servers:
            with contextlib.suppress(OSError):  # nobody is there at the moment
                self.socket.sendto(data, (server, PORT))

    def speak(self, client: Client, now: float) -> None:
        self.found["asked"] += 1
        client.unheard += 1
        if client.address and client.until <= now:
            if client.unheard > UNHEARD_MIN:  # else it is this program that had no time
                names = [client.hardware.hex(":"), socket.inet_ntoa(client.address), "not acknowledged"]
                self.found["lost"].append(names)
            self.forget(client)
        if client.address or now > client.anew:
            client.xid, client.chosen, client.anew = random.getrandbits(32), False, now + TRIES_S
        if client.address:
            self.send(message(client, REQUEST, client.xid, 0, ciaddr=client.address))
        else:
            secs = min(int(now - client.asked), 60) if client.asked else 0
            client.asked = client.asked or now
            self.send(message(client, DISCOVER, client.xid, secs))

    def forget(self, client: Client) -> None:
        if self.holders.get(client.address) is client:
            del self.holders[client.address]
        client.address, client.asked, client.anew = b"", 0.0, 0.0

    def hear(self, data: bytes, now: float) -> None:
        client, options = self.by_hardware.get(data[28:34]), options_of(data)
        kind = options.get(53, b"\0")[0]
        if client is None:
            return
        current = int.from_bytes(data[4:8], "big") == client.xid
        if kind == OFFER and current and not client.chosen:
            self.found["offers"] += 1
            client.chosen = True
            wanted = bytes([50, 4]) + data[16:20] + bytes([54, 4]) + options[54]
            self.send(message(client, REQUEST, client.xid, 0, wanted))
        elif kind == ACK and (current or data[16:20] == client.address):
            self.take(client, data[16:20], now + int.from_bytes(options[51], "big"), now)
        elif kind == NAK and current and client.address:
            self.found["lost"].append([client.hardware.hex(":"), socket.inet_ntoa(client.address), "refused"])
            self.forget(client)

    def take(self, client: Client, address: bytes, until: float, now: float) -> None:
        self.found["acks"] += 1
        client.unheard = 0
        other = self.holders.get(address)
        if other is not None and other is not client and other.until > now:
            names = [socket.inet_ntoa(address), other.hardware.hex(":"), client.hardware.hex(":")]
            self.found["given_twice"].append(names)
        if client.address and client.address != address:
            names = [client.hardware.hex(":"), socket.inet_ntoa(client.address), socket.inet_ntoa(address)]
            self.found["lost"].append(names)
            self.forget(client)
        client.address, client.until = address, max(until, client.until if client.address == address else 0)
        self.holders[address] = client

    def holding(self, now: float) -> int:
        return sum(client.until > now for client in self.clients if client.address)

    def run(self, a_second: float, stop: str) -> None:
        turn, due, stopping = 0, time.monotonic(), 0.0
        while True:
            now = time.monotonic()
            stopping = stopping or (now if Path(stop).exists() else 0.0)
            if stopping and (self.holding(now) == len(self.clients) or now > stopping + STOP_S):
                break
            while due <= now:
                self.speak(self.clients[turn % len(self.clients)], now)
                turn += 1
                due = max(due + 1 / a_second, now - 1)
            ready, _, _ = select.select([self.socket], [], [], max(due - now, 0))
            if ready:
                self.hear(self.socket.recv(2048), time.monotonic())
        self.found["holding"] = self.holding(time.monotonic())
        print(json.dumps(self.found))


if __name__ == "__main__":
    Load(int(sys.argv[1]), sys.argv[4:]).run(float(sys.argv[2]), sys.argv[3])
