"""Carries packets between two network interfaces, each some time later, and loses some: latency and loss.

Stands where the kernel's netem would, which many machines lack.
"""

import heapq
import random
import select
import socket
import struct
import sys
import time

EVERYTHING = 0x0003  # ETH_P_ALL
SOL_PACKET, VNET_HEADER, IGNORE_OUTGOING = 263, 15, 23
LARGEST = 1 << 17


def opened(name: str) -> socket.socket:
    """All packets that come in at an interface, with what its driver left undone of their checksums."""
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    port.setsockopt(SOL_PACKET, VNET_HEADER, struct.pack("i", 1))
    port.setsockopt(SOL_PACKET, IGNORE_OUTGOING, struct.pack("i", 1))
    port.bind((name, EVERYTHING))
    return port


def main(one: str, other: str, seconds: float, loss: float) -> None:
    """Carry until killed."""
    ports = [opened(one), opened(other)]
    chance = random.Random(1)
    waiting: list[tuple[float, int, int, bytes]] = []
    number = 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select(ports, [], [], patience)
        for port in ready:
            try:
                packet = port.recv(LARGEST)
            except OSError:
                continue  # its link went down
            if chance.random() >= loss:
                number += 1
                to = 1 - ports.index(port)
                heapq.heappush(waiting, (time.monotonic() + seconds, number, to, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, to, packet = heapq.heappop(waiting)
            try:
                ports[to].send(packet)
            except OSError:
                continue  # its link is down: the packet is lost


main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
