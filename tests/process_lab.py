"""Real supervisors and workers in a folder of their own, ended by the ids that the test started."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from support import alive, wait_until

from deeprl_tui import config, ops
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import holder, is_held
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView

PROJECT = """
[experiments.base]
env = "CartPole-v1"
baseline = true
total_timesteps = 4000
learning_starts = 200
train_freq = 1
net_arch = [32]
learning_rate = 1e-3
buffer_size = 5000
save_freq = 500
eval_freq = 2000
n_eval_episodes = 2
"""


class Lab:
    """A project whose runs really train."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / config.FILE
        self.file.write_text(PROJECT)
        self.root = folder / ops.RUNS

    def launch(self, seeds: str = "1", *overrides: str) -> list[RunId]:
        """Make runs and see that a supervisor works on them."""
        request = ops.choose(config.load(self.file), ["base"], seeds, overrides)
        launched = ops.launch(request, self.root)
        ops.supervise(self.root)
        return list(launched.ids)

    def view(self, run: RunId) -> RunView:
        """Read one run."""
        return ops.views_of(self.root)[run]

    def wait(self, what: str, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait for something that the processes do."""
        wait_until(condition, seconds, what)

    def wait_trained(self, run: RunId, step: int) -> RunView:
        """Wait until a run has a checkpoint at or after a step."""
        self.wait(f"{run} to pass {step}", lambda: (self.view(run).checkpoint_step or 0) >= step)
        return self.view(run)

    def wait_over(self, *runs: RunId, seconds: float = 90.0) -> list[RunView]:
        """Wait until runs are over."""
        self.wait(
            "the runs to end", lambda: all(state.is_over(self.view(run).state) for run in runs), seconds
        )
        return [self.view(run) for run in runs]

    def supervisor(self) -> int | None:
        """The pid of the living supervisor."""
        lock = RootPaths(self.root).supervisor_lock
        return int(holder(lock).split()[2]) if is_held(lock) else None

    def workers(self) -> list[int]:
        """The pids of the living workers."""
        held = [holder(paths.lock) for paths in RootPaths(self.root).runs() if is_held(paths.lock)]
        return [int(note.split()[1]) for note in held if note.startswith("pid ")]

    def close(self) -> None:
        """End everything that this folder started."""
        for _ in range(50):
            pids = [*self.workers(), *([pid] if (pid := self.supervisor()) else [])]
            for pid in pids:
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)
            if not pids:
                return
