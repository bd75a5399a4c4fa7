"""The dashboard in a real terminal: it launches, it dies, the runs go on."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import pytest
from process_lab import Lab

from deeprl_tui import ops
from deeprl_tui.core import state

pytestmark = pytest.mark.timeout(180)


class Terminal:
    """The dashboard on a pseudo-terminal of its own."""

    def __init__(self, lab: Lab, *arguments: str, columns: int = 120, rows: int = 36) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deeprl_tui.tui.main", *arguments],
            cwd=lab.file.parent,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": "xterm-256color", "DEEPRL_THEME": "night"},
            start_new_session=True,
        )
        os.close(slave)
        self.output = b""

    def read(self, seconds: float = 0.2) -> bytes:
        """Take what it has painted; a terminal that nobody reads would block it."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and select.select([self._master], [], [], left)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # it is gone
                break
            if not data:
                break
            self.output += data
        return self.output

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def close(self) -> None:
        """End it if it lives."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(lab: Lab) -> Iterator[Terminal]:
    """A dashboard that launches two seeds when it opens."""
    lab.file.write_text(lab.file.read_text().replace("total_timesteps = 4000", "total_timesteps = 8000"))
    opened = Terminal(lab, "--launch", "base", "--seeds", "2")
    try:
        yield opened
    finally:
        opened.close()


def trained(lab: Lab, terminal: Terminal, step: int) -> bool:
    """Whether both seeds passed a step, while the screen is read."""
    terminal.read(0.1)
    views = ops.views_of(lab.root).values()
    return len(views) == 2 and all(view.step >= step for view in views)


def test_killing_the_dashboard_changes_nothing(lab: Lab, terminal: Terminal) -> None:
    """The runs that it launched finish, in the same workers."""
    lab.wait("training", lambda: trained(lab, terminal, 1000))
    before = {run: view.pid for run, view in ops.views_of(lab.root).items()}
    assert b"base" in terminal.output
    os.kill(terminal.process.pid, signal.SIGKILL)
    views = lab.wait_over(*before)
    assert all(isinstance(view.state, state.Finished) for view in views)
    assert {view.id: view.pid for view in views} == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_the_terminal_as_it_was(
    lab: Lab, terminal: Terminal, number: signal.Signals, code: int
) -> None:
    """Main screen, cursor and no mouse reports; else the user's shell is unusable."""
    lab.wait("the first picture", lambda: b"Experiments" in terminal.read(0.1))
    os.kill(terminal.process.pid, number)
    lab.wait("its end", lambda: bool(terminal.read(0.1)) and terminal.process.poll() is not None, 20)
    assert terminal.process.returncode == code
    terminal.read(0.5)
    for sequence in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l"):
        assert sequence in terminal.output


def test_quitting_leaves_the_runs(lab: Lab, terminal: Terminal) -> None:
    """`q` never stops a run."""
    lab.wait("training", lambda: trained(lab, terminal, 200))
    terminal.press("q")
    lab.wait("its end", lambda: bool(terminal.read(0.1)) and terminal.process.poll() is not None, 20)
    assert terminal.process.returncode == 0
    views = lab.wait_over(*ops.views_of(lab.root))
    assert all(isinstance(view.state, state.Finished) for view in views)
