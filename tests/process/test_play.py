"""A real player of a real run: what it shows, and that it never stays behind."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from process_lab import Lab
from support import alive, wait_until

from deeprl_tui import ops
from deeprl_tui.core.playing import Wish
from deeprl_tui.core.spec import RunId
from deeprl_tui.launch.player import Player

RUN = RunId("base", 0)
PARENT = """
import sys, time
from pathlib import Path
from deeprl_tui import ops
from deeprl_tui.core.playing import Wish
from deeprl_tui.core.spec import RunId
player = ops.play(Path(sys.argv[1]), RunId("base", 0), Wish("quarters", 60, 20))
while player.seen.frame is None and not player.seen.over:
    time.sleep(0.02)
print(player.pid, flush=True)
time.sleep(1000)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A project with one run that is over."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("play")
        patch.setenv("DEEPRL_LOCK_DIR", str(folder / "locks"))
        lab = Lab(folder)
        try:
            lab.wait_over(*lab.launch())
            yield lab
        finally:
            lab.close()


@pytest.fixture
def player(trained: Lab) -> Iterator[Player]:
    """A player of that run, ended with the test."""
    player = ops.play(trained.root, RUN, Wish("quarters", 60, 20, ground="#0f1117"))
    yield player
    player.close()
    player.wait(10)


def shown(player: Player) -> None:
    """Wait for the first frame."""
    wait_until(lambda: player.seen.frame is not None or player.seen.over, 90, "a frame")
    assert player.seen.fault == ""


def test_it_plays_pauses_and_ends(player: Player) -> None:
    """Frames come, stop, go on, come from other weights, and end with the player."""
    shown(player)
    first, scene = player.seen.frame, player.seen.scene
    assert first is not None
    assert scene is not None
    assert first.picture is not None
    assert (scene.env, scene.checkpoint, scene.actions) == ("CartPole-v1", "best", ("left", "right"))
    assert (first.picture.width, first.picture.height) == (60, 20)
    wait_until(lambda: player.seen.frame is not first, 30, "another frame")
    player.ask(paused=True, nudges=1)
    player.ask(columns=30, rows=10)
    wait_until(lambda: _size(player) == (30, 10), 30, "a smaller picture while it is held")
    player.ask(checkpoint="last", paused=False)
    wait_until(lambda: _checkpoint(player) == "last", 30, "the last weights")
    player.ask(kind="none", speed=0.0)
    wait_until(lambda: len(player.seen.played) >= 3, 30, "episodes as fast as they go")
    player.close()
    wait_until(lambda: not alive(player.pid), 30, "the end of the process")
    player.wait(10)
    assert player.seen.over
    assert player.seen.fault == ""


def _size(player: Player) -> tuple[int, int]:
    picture = player.seen.frame.picture if player.seen.frame else None
    return (picture.width, picture.height) if picture else (0, 0)


def _checkpoint(player: Player) -> str:
    return player.seen.scene.checkpoint if player.seen.scene else ""


def test_it_ends_when_who_watches_is_killed(trained: Lab) -> None:
    """SIGKILL leaves no time to say anything; the closed pipe says it."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(trained.root)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        wait_until(lambda: not alive(pid), 20, "the end of the player")


def test_it_has_a_low_priority_and_a_session_of_its_own(player: Player) -> None:
    """Workers come first, and ctrl+c of the dashboard is not its."""
    shown(player)
    assert os.getpriority(os.PRIO_PROCESS, player.pid) > 5
    assert os.getsid(player.pid) == player.pid


def test_a_fault_is_told(trained: Lab) -> None:
    """With place and remedy, as the last message."""
    player = ops.play(trained.root, RUN, Wish(checkpoint="/nowhere.zip"))
    player.wait(90)
    assert player.seen.over
    assert player.seen.fault == "/nowhere.zip: cannot be read (No such file or directory); name another one"


class Window:
    """`deeprl play` on a terminal of its own."""

    def __init__(self, lab: Lab) -> None:
        self.ours, self.theirs = pty.openpty()
        self.before = termios.tcgetattr(self.theirs)
        command = [sys.executable, "-m", "deeprl_tui", "play", "base", "--runs", str(lab.root)]
        environ = {**os.environ, "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            command, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, env=environ
        )
        self.text = b""

    def read_until(self, words: bytes) -> None:
        """Read what it draws until words came."""
        while words not in self.text:
            self.text += os.read(self.ours, 4096)

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def window(trained: Lab) -> Iterator[Window]:
    """It has just begun to draw."""
    window = Window(trained)
    try:
        window.read_until(b"takes the stage")
        yield window
    finally:
        window.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_given_back(window: Window, number: signal.Signals) -> None:
    """Screen, cursor and settings, whatever ends it; the exit code says what it was."""
    assert b"\x1b[?1049h" in window.text
    window.process.send_signal(number)
    window.read_until(b"\x1b[?1049l")
    assert window.text.rindex(b"\x1b[?25h") > window.text.rindex(b"\x1b[?25l")
    assert window.process.wait(30) == 128 + number
    assert termios.tcgetattr(window.theirs) == window.before


def test_a_terminal_that_is_halted_holds_nobody(window: Window) -> None:
    """It ends when it is told, though nobody takes what it draws; settings are as they were."""
    wait_until(lambda: not select.select([], [window.theirs], [], 0)[1], 60, "it to take no more")
    window.process.terminate()
    assert window.process.wait(30) == 128 + signal.SIGTERM
    assert termios.tcgetattr(window.theirs) == window.before


def test_a_film_is_written(trained: Lab, tmp_path: Path) -> None:
    """From the command line, as a gif; nothing else is left in the folder."""
    done = subprocess.run(
        [sys.executable, "-m", "deeprl_tui", "record", "base", "-o", str(tmp_path / "a.gif"), "--runs",
         str(trained.root)],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'a.gif'}\n"
    assert "best weights of step" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]
    assert (tmp_path / "a.gif").read_bytes()[:6] == b"GIF89a"
