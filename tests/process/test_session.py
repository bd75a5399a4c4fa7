"""A whole session in tmux, without a mouse: the real app on real training, watched through what it paints.

The steps share one terminal and one project and run in this order; each waits for what it must see.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from process_lab import Lab

from deeprl_tui import ops
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.supervisor.slots import LOCK_FOLDER

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

PROJECT = """
[project]
name = "session"

[experiments.base]
env = "CartPole-v1"
baseline = true
total_timesteps = {long}
learning_starts = 200
net_arch = [32]
learning_rate = 1e-3
buffer_size = 5000
save_freq = 1000
eval_freq = 5000
n_eval_episodes = 2

[experiments.short]
env = "CartPole-v1"
total_timesteps = 3000

[experiments.other]
env = "Acrobot-v1"
baseline = true
"""
LONG = 1_000_000
ENDED = "the app ended with"


class Tmux:
    """A terminal of 120 by 36 cells on a server of its own."""

    def __init__(self, folder: Path, command: list[str], environ: dict[str, str]) -> None:
        self._socket = str(folder / "tmux")
        self._folder = folder
        words = ["env", "-u", "COLUMNS", "-u", "LINES", *(f"{k}={v}" for k, v in environ.items()), *command]
        line = " ".join(map(shlex.quote, words)) + f"; echo {ENDED} $?; cat"
        self._call("new-session", "-d", "-x", "120", "-y", "37", "-s", "s", "-c", str(folder), line)

    def _call(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *arguments],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
        return done.stdout

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names, one after the other."""
        for key in keys:
            self._call("send-keys", "-t", "s", key)

    def type(self, text: str) -> None:
        """Type letters."""
        self._call("send-keys", "-t", "s", "-l", text)

    @property
    def screen(self) -> str:
        """What is painted now."""
        return self._call("capture-pane", "-t", "s", "-p")

    def wait(self, condition: str | Callable[[str], bool], seconds: float = 45.0) -> str:
        """Wait until the screen shows something; the screen then."""
        check = condition if callable(condition) else (lambda screen: condition in screen)
        deadline = time.monotonic() + seconds
        while True:
            screen = self.screen
            if check(screen):
                return screen
            late = time.monotonic() >= deadline or ENDED in screen
            assert not late, f"waited {seconds:g} s at most for {condition!r} on\n{screen}"
            time.sleep(0.05)

    def close(self) -> None:
        """End the terminal, and the app in it."""
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)


class Session:
    """The project, and the dashboard in its terminal."""

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(folder)
        self.lab.file.write_text(PROJECT.format(long=LONG))
        environ = {
            "TERM": "xterm-256color",
            "DEEPRL_THEME": "night",
            "DEEPRL_PREFS": "off",
            "DEEPRL_KERNEL": "torch",
            LOCK_FOLDER: str(folder / "locks"),
        }
        command = [sys.executable, "-m", "deeprl_tui.tui.main"]
        self.tmux = Tmux(folder, command, environ)

    def state(self, run: str) -> str:
        """The word of a run, from its files; empty if it is not there."""
        name, _, seed = run.partition("/")
        view = ops.views_of(self.lab.root).get(RunId(name, int(seed)))
        return state.word(view.state) if view is not None else ""

    def close(self) -> None:
        """End terminal, workers and supervisor."""
        self.tmux.close()
        self.lab.close()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One session for all steps."""
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    session = Session(tmp_path_factory.mktemp("session"))
    try:
        yield session
    finally:
        session.close()


def test_launch(session: Session) -> None:
    """n, seeds, the plan, enter: two runs train."""
    tmux = session.tmux
    tmux.wait("No runs yet.")
    tmux.wait("base")
    tmux.press("n")
    tmux.wait("$ deeprl run base")
    tmux.type("/base")
    tmux.press("Enter", "Right")
    tmux.wait(lambda screen: "$ deeprl run base --seeds 2" in screen and "2 new runs" in screen)
    tmux.press("Enter")
    tmux.wait("2 runs of base launched")
    session.lab.wait("a first run to train", lambda: session.state("base/0") == "running")


def test_watch(session: Session) -> None:
    """The first episodes are drawn; the run has a screen of its own with what happened."""
    tmux = session.tmux
    session.lab.wait_trained(RunId("base", 0), 2000)
    tmux.wait(lambda screen: "running" in screen and "env steps" in screen and "•" in screen)
    tmux.press("Enter")
    tmux.wait("‹ Experiments / base")
    tmux.press("e")
    tmux.wait("· checkpoint")
    tmux.press("Escape")
    tmux.wait("╭─ Experiments")


def test_stop_and_take_it_back(session: Session) -> None:
    """x asks; the safe answer has the focus; u lets the run go on from its checkpoint."""
    tmux = session.tmux
    tmux.press("x")
    tmux.wait("Keep running")
    tmux.press("Escape")
    tmux.wait(lambda screen: "Keep running" not in screen)
    assert session.state("base/0") == "running"
    tmux.press("x")
    tmux.wait("Keep running")
    tmux.press("Tab", "Enter")
    tmux.wait("u lets it go on")
    tmux.press("u")
    tmux.wait("will go on")
    session.lab.wait(
        "the second attempt",
        lambda: any(view.attempt == 2 for view in ops.views_of(session.lab.root).values()),
    )


def test_stop_launch_another_resume(session: Session) -> None:
    """x ends both runs at a checkpoint, the palette launches an experiment, r lets the stopped ones go on."""
    tmux = session.tmux
    session.lab.wait("training", lambda: session.state("base/0") == session.state("base/1") == "running")
    tmux.press("x")
    tmux.wait("Keep running")
    tmux.press("Tab", "Enter")
    session.lab.wait("both to stop", lambda: session.state("base/0") == session.state("base/1") == "stopped")
    tmux.wait("2 stopped")
    tmux.press(":")
    tmux.wait("Search")
    tmux.type("launch short")
    tmux.wait("shows the plan first")
    tmux.press("Enter")
    tmux.wait("$ deeprl run short")
    tmux.wait("1 new run")
    tmux.press("Enter")
    tmux.wait("short launched")
    session.lab.wait("it to finish", lambda: session.state("short/0") == "finished")
    tmux.wait("short/0 finished")
    tmux.press("r")
    tmux.wait(lambda screen: "● 2 running" in screen and "✓ 1 finished" in screen)


def test_filter(session: Session) -> None:
    """/ shows only rows with these letters; escape shows all."""
    tmux = session.tmux
    tmux.press("a")
    tmux.wait("Acrobot-v1")
    tmux.press("/")
    tmux.wait("words of name")
    tmux.type("cart !short")
    tmux.press("Enter")
    tmux.wait(lambda screen: "Acrobot-v1" not in screen and "/ cart !short" in screen)
    tmux.press("Escape")
    tmux.wait("Acrobot-v1")


def test_compare(session: Session) -> None:
    """2 shows the results of all runs; space picks, = draws what was picked over each other."""
    tmux = session.tmux
    tmux.press("2")
    tmux.wait(lambda screen: "╭─ Results" in screen and "short" in screen and "base" in screen)
    tmux.press("Home", "Space", "Space", "=")
    told = ("base is the baseline", "short against base")
    tmux.wait(lambda screen: "Settings that differ" in screen and any(text in screen for text in told))
    if "short against base" not in tmux.screen:  # the other row has the cursor: they stand by their returns
        tmux.press("j")
    tmux.wait("short against base")


def test_export(session: Session) -> None:
    """^s writes what is compared to a file beside the runs folder; ^s again in the dialog does it."""
    tmux = session.tmux
    tmux.press("C-s")
    tmux.wait("Export 3 runs")
    before = set(session.lab.file.parent.rglob("*"))
    tmux.press("C-s")
    session.lab.wait(
        "a file",
        lambda: any(
            path.suffix in (".csv", ".json", ".html", ".md", ".png") and path.stat().st_size
            for path in set(session.lab.file.parent.rglob("*")) - before
            if session.lab.root not in path.parents
        ),
    )


def test_play(session: Session) -> None:
    """w plays the best checkpoint, with Q-values and the return so far; escape ends it."""
    tmux = session.tmux
    tmux.press("1")
    tmux.wait("╭─ Experiments")
    tmux.press("w")
    tmux.wait(lambda screen: "‹" in screen and ("▀" in screen or "▄" in screen), 120.0)
    tmux.press("Escape")
    tmux.wait("╭─ Experiments")


def test_quit_leaves_the_runs(session: Session) -> None:
    """q ends the dashboard, says how many go on, and they do."""
    tmux = session.tmux
    tmux.press("q")
    deadline = 20.0
    session.lab.wait("its end", lambda: ENDED in tmux.screen, deadline)
    assert "2 runs go on" in tmux.screen
    assert {session.state("base/0"), session.state("base/1")} <= {"running", "queued"}
