"""A host behind a wire that is cut at any byte, in either direction, many times a second.

Where ssh would be stands a shell that copies to a port here; behind it the real server speaks, in a thread.
"""

import contextlib
import os
import random
import select
import socket
import threading
import time
from pathlib import Path

from deeprl_tui.monitor.link import Link
from deeprl_tui.ops.serving import Server, speak

SHELL = 'exec 3<>"/dev/tcp/127.0.0.1/$1" 4<&0; cat <&4 >&3 2>/dev/null & cat <&3'
PIECE = 4096
KICK_S = 0.01


class Cutter:
    """Carries connections to a host until each has brought so many bytes or is so old, then cuts it."""

    def __init__(self, home: Path, seed: int) -> None:
        self.cuts = 0
        self.cut_within = 0  # a line was half sent
        self._home = home
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._stop = threading.Event()
        self._whole = False
        self._links: list[Link] = []
        for work in (self._accept, self._kick):
            threading.Thread(target=work, daemon=True).start()

    @property
    def command(self) -> list[str]:
        """What stands where ssh would."""
        return ["bash", "-c", SHELL, "bash", str(self._listener.getsockname()[1])]

    def hurry(self, link: Link) -> None:
        """Let a link come back at once after each cut."""
        self._links.append(link)

    def mend(self) -> None:
        """Cut no more."""
        self._whole = True

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._listener.close()

    def _kick(self) -> None:
        while not self._stop.wait(KICK_S):
            for link in self._links:
                link.kick()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                budget = self._budget()
                threading.Thread(target=self._carry, args=(client, *budget), daemon=True).start()

    def _budget(self) -> tuple[int, int]:
        """Bytes up and down that a connection will bring: often a few, sometimes many."""
        if self._whole:
            return 1 << 60, 1 << 60
        choose = self._random
        down = choose.randrange(choose.choice((300, 1_000, 3_000, 10_000, 100_000)))
        return choose.randrange(600) if choose.random() < 0.2 else 1 << 60, down

    def _carry(self, client: socket.socket, up: int, down: int) -> None:
        to_server, server_in = os.pipe()[::-1]
        server_out, from_server = os.pipe()[::-1]
        threading.Thread(target=self._serve, args=(server_in, server_out), daemon=True).start()
        last, until = b"\n", time.monotonic() + (1e9 if self._whole else self._random.expovariate(8.0))
        with contextlib.suppress(OSError):
            while up > 0 and down > 0 and (left := until - time.monotonic()) > 0:
                both = [client.fileno(), from_server]
                ready, _, _ = select.select(both, [], [], min(1.0, left))
                if client.fileno() in ready:
                    data = client.recv(min(PIECE, up))
                    if not data:
                        break
                    up -= os.write(to_server, data)
                if from_server in ready:
                    data = os.read(from_server, min(PIECE, down))
                    if not data:
                        break
                    client.sendall(data)
                    down, last = down - len(data), data[-1:]
        self.cuts += 1
        self.cut_within += last != b"\n"
        client.close()
        os.close(to_server)
        os.close(from_server)

    def _serve(self, server_in: int, server_out: int) -> None:
        try:
            speak(Server(self._home, supervise=lambda *_: None, wall=time.time), server_in, server_out)
        finally:
            os.close(server_in)
            os.close(server_out)
