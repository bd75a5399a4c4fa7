"""Small runs for the learner's tests."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deeprl_agents.worker import main
from deeprl_tui.config.keys import SETTINGS
from deeprl_tui.core.fold import RunFold
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.log import read_lines
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.core.state import RunView

SMALL: dict[str, Any] = {
    "total_timesteps": 1500,
    "learning_rate": 5e-4,
    "net_arch": [64],
    "train_freq": 1,
    "learning_starts": 200,
    "target_update_interval": 250,
    "buffer_size": 1000,  # less than the steps: the ring wraps around
    "exploration_steps": 1000,
    "eval_freq": 500,
    "n_eval_episodes": 2,
    "save_freq": 400,
}

SpecMaker = Callable[..., RunSpec]


@dataclasses.dataclass(frozen=True)
class Trial:
    """A run directory to train in."""

    paths: RunPaths
    spec: RunSpec

    def train(self, attempt: int = 1, **arguments: Any) -> int:
        """Train one attempt in this process."""
        return main(self.paths.folder, attempt=attempt, **arguments)

    def view(self) -> RunView:
        """What the dashboard would show."""
        fold = RunFold(self.spec)
        for attempt in self.paths.attempts():
            lines, bad = read_lines(self.paths.events(attempt))
            assert bad == 0
            for line in lines:
                fold.apply(attempt, line)
        return fold.view(held=False)

    def events(self, kind: type, attempt: int = 1) -> list[Any]:
        """Events of a kind of one attempt."""
        lines, _ = read_lines(self.paths.events(attempt))
        return [line.event for line in lines if isinstance(line.event, kind)]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def a_spec() -> SpecMaker:
    """Make a spec of a small CartPole run; keywords change settings."""

    def make(env: str = "CartPole-v1", seed: int = 3, **changes: Any) -> RunSpec:
        settings = {key.name: key.default for key in SETTINGS} | SMALL | changes
        return RunSpec(RunId("trial", seed), env, settings)

    return make


@pytest.fixture
def a_trial(tmp_path: Path, a_spec: SpecMaker) -> Callable[..., Trial]:
    """Make a run directory; `where` names its root."""

    def make(where: str = "runs", **changes: Any) -> Trial:
        spec = a_spec(**changes)
        paths = RootPaths(tmp_path / where).run(spec)
        paths.folder.mkdir(parents=True)
        paths.spec.write_text(spec.to_json())
        return Trial(paths, spec)

    return make


@pytest.fixture
def rng() -> np.random.Generator:
    """A stream with a fixed seed."""
    return np.random.default_rng(20170)
