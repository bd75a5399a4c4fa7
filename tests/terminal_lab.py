"""The app as a process of its own in a pseudo-terminal."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path


class Terminal:
    """The app in a real pseudo-terminal."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.output = b""
        self.descriptor, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(child)
        self.child = child
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deeprl_tui.tui.main", *arguments],
            cwd=folder, stdin=child, stdout=child, stderr=child, start_new_session=True,
            env={
                **os.environ, "TERM": "xterm-256color", "DEEPRL_THEME": "night",
                "DEEPRL_PREFS": "off", **environment,
            },
        )  # fmt: skip

    def wait_for(self, text: bytes, seconds: float = 30) -> None:
        """Read until a text was drawn."""
        end = time.monotonic() + seconds
        while text not in self.output:
            assert time.monotonic() < end, self.output[-2000:]
            self.read(0.1)

    def read(self, seconds: float) -> bool:
        """Read what there is; False if nothing came."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return False
        try:
            self.output += os.read(self.descriptor, 65536)
        except OSError:
            return False
        return True

    def end(self) -> int:
        """Wait for the process, and read the rest."""
        end = time.monotonic() + 20
        while self.process.poll() is None:
            assert time.monotonic() < end
            self.read(0.1)
        while self.read(0.05):
            pass
        return self.process.returncode

    def restored(self) -> bool:
        """Whether main screen, cursor, mouse and line mode are back."""
        last = {mode: self._last(mode) for mode in (25, 1000, 1049)}
        return (
            last == {25: b"h", 1000: b"l", 1049: b"l"} and termios.tcgetattr(self.child)[3] == self.before[3]
        )

    def _last(self, mode: int) -> bytes:
        """`h` if a mode was set last, `l` if it was reset."""
        start = b"\x1b[?%d" % mode
        places = [self.output.rfind(start + end) for end in (b"h", b"l")]
        return self.output[max(places) + len(start) :][:1]
