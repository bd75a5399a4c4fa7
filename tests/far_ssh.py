"""Stands where ssh would, as `fake_ssh.py` does, but far away: what is said arrives later, both ways.

DEEPRL_FAKE_ROUND_TRIP is in seconds. As in OpenSSH, at most 2 MiB of each direction are under way until the
other side has said that it took them, so a round trip of 200 ms carries no more than 10 MB a second.
"""

import os
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

WINDOW = 1 << 21
LARGEST = 1 << 15


def carry(source: int, target: int, later: float) -> None:
    """Carry bytes from one pipe to another, each some time later, until the first ends."""
    way: deque[tuple[float, bytes]] = deque()
    change = threading.Condition()

    def send() -> None:
        while True:
            with change:
                change.wait_for(lambda: bool(way))
                due, data = way[0]
            time.sleep(max(0.0, due - time.monotonic()))
            if not data:
                os.close(target)
                return
            view = memoryview(data)
            while view:
                view = view[os.write(target, view) :]
            with change:
                way.popleft()
                back.append((time.monotonic() + later, len(data)))
                change.notify_all()

    back: deque[tuple[float, int]] = deque()
    threading.Thread(target=send, daemon=True).start()
    room = WINDOW
    while True:
        while room < LARGEST:
            with change:
                change.wait_for(lambda: bool(back))
                due, size = back.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            room += size
        data = os.read(source, LARGEST)
        room -= len(data)
        with change:
            way.append((time.monotonic() + later, data))
            change.notify_all()
        if not data:
            return


def main() -> None:
    """Run a command in a home folder, on the other side of a long way."""
    near = Path(__file__).with_name("fake_ssh.py")
    process = subprocess.Popen(
        [sys.executable, str(near), *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    later = float(os.environ["DEEPRL_FAKE_ROUND_TRIP"]) / 2
    into = os.dup(process.stdin.fileno())
    process.stdin.close()
    threading.Thread(target=carry, args=(0, into, later), daemon=True).start()
    try:
        carry(process.stdout.fileno(), 1, later)
        time.sleep(later)
    except BrokenPipeError:
        process.terminate()
    os._exit(process.wait())


if __name__ == "__main__":
    main()
