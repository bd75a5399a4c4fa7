"""The thread that brings a host's frames into the fleet."""

import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import deeprl_tui
from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core.spec import FORMAT
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.follow import POLL_S
from deeprl_tui.monitor.frames import Data, Frame, Hello
from deeprl_tui.monitor.machine import boot_id
from deeprl_tui.monitor.watch import Watcher

BREATH_S = 0.02
"""Between two slices of reading, so that the screen has its turn."""
POURS = 1 << 16
"""So many new bytes in one look are a host that tells what was missed: more follows at once."""


class LocalFeed:
    """Follows a runs folder on this machine."""

    def __init__(self, root: Path, fleet: Fleet, cores: tuple[int, ...]) -> None:
        self._root = root
        self._fleet = fleet
        self._cores = cores
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._hurry = False
        self._pours = False  # the last look found much that was new
        self._thread = threading.Thread(target=self._run, name="feed-local", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def wake(self) -> None:
        """Look at once: the user has just asked for something."""
        self._hurry = True
        self._wake.set()

    def close(self) -> None:
        """End the thread; it holds nothing that anybody waits for."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout=0.2)  # a disk that hangs must not hold up the exit

    def _run(self) -> None:
        hello = Hello(FORMAT, deeprl_tui.__version__, socket.gethostname(), boot_id(), self._cores)
        self._fleet.apply(LOCAL, hello)
        elsewhere = partial(self._fleet.held_elsewhere, LOCAL)
        watcher = Watcher(self._root, self._cores, time.time, elsewhere=elsewhere)
        self._fleet.on_want = self._wake.set
        while not self._stop.is_set():
            if self._hurry:
                self._hurry = False
                watcher.hurry()
            self._take(watcher.poll(self._fleet.wanted()))
            self._pause(watcher)

    def _take(self, frames: Iterator[Frame]) -> None:
        size = 0
        try:
            for frame in frames:
                self._fleet.apply(LOCAL, frame)
                if self._stop.is_set():
                    return
                if isinstance(frame, Data):
                    size += len(frame.data)
        except OSError as error:
            self._fleet.fault(LOCAL, f"{self._root} cannot be read: {error.strerror}")
        self._pours = size >= POURS

    def _pause(self, watcher: Watcher) -> None:
        """Wait for the next look; while logs come from hosts by the megabyte, follow them meanwhile."""
        until = time.monotonic() + (BREATH_S if watcher.behind else POLL_S)
        while (left := until - time.monotonic()) > 0:
            if self._wake.wait(min(left, BREATH_S) if self._pours else left):
                break
            if self._pours:
                self._take(watcher.catch_up())
        self._wake.clear()
