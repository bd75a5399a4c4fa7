"""How fast an env trains here: `python -m deeprl_agents.measure RUN_JSON SECONDS CORE PROJECT`.

Prints one JSON object: steps_per_second of training with updates and few random actions, as in most of a run,
and episode_length of a random policy. Writes nothing.
"""

import contextlib
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents import build, envs, resolve
from deeprl_agents.dqn.rollout import Quiet
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.errors import DeeprlError

WARM_UP_STEPS = 300
"""Steps that are not timed: the first updates allocate and the buffer must hold a batch."""
RANDOM_S = 1.0
RANDOM_EPISODES = 50


class _Done(Exception):
    """The time is over."""


class _Stopwatch(Quiet):
    """Ends training after some seconds; steps and time count from the end of the warm-up."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._began: float | None = None
        self._from = self.steps = 0
        self.elapsed = 0.0

    def next_look(self) -> int:
        """Look again after about as many steps as before, at most a tenth of a second's."""
        return int(self.model.num_timesteps + max(WARM_UP_STEPS, 0.1 * self.steps / max(self.elapsed, 0.1)))

    def _on_rollout_start(self) -> None:
        step = self.model.num_timesteps
        if step < WARM_UP_STEPS + self.model.learning_starts:  # type: ignore[attr-defined]
            return
        now = time.perf_counter()
        if self._began is None:
            self._began, self._from = now, step
            return
        self.steps, self.elapsed = step - self._from, now - self._began
        if self.elapsed >= self._seconds:
            raise _Done


def measure(spec: RunSpec, seconds: float) -> dict[str, float]:
    """Train for some seconds."""
    settings: Any = spec.settings
    short = {
        "learning_starts": settings["batch_size"],
        "exploration_initial_eps": settings["exploration_final_eps"],
        "total_timesteps": 10**9,
        "total_episodes": None,
        # Beyond this size only the memory grows, and nothing here fills it.
        "buffer_size": min(settings["buffer_size"], 50_000),
    }
    spec = replace(spec, settings={**spec.settings, **short})
    torch.set_num_threads(1)
    env = DummyVecEnv([lambda: envs.make(spec, training=True)])
    try:
        length = _random_length(env)
        stopwatch = _Stopwatch(seconds)
        model = build.build(spec, env)
        with contextlib.suppress(_Done):
            model.learn(10**9, callback=stopwatch, log_interval=None)
    finally:
        env.close()
    return {"steps_per_second": stopwatch.steps / stopwatch.elapsed, "episode_length": length}


def _random_length(env: DummyVecEnv) -> float:
    env.seed(0)
    env.action_space.seed(0)
    env.reset()
    steps = episodes = done_steps = 0
    began = time.perf_counter()
    while episodes < RANDOM_EPISODES and (time.perf_counter() - began < RANDOM_S or not episodes):
        _, _, dones, _ = env.step([env.action_space.sample()])  # type: ignore[arg-type]
        steps += 1
        if dones[0]:
            episodes += 1
            done_steps = steps
    return done_steps / episodes


def main(arguments: list[str]) -> int:
    """Measure on one core and print the result."""
    text, seconds, core, project = arguments
    os.sched_setaffinity(0, {int(core)})
    try:
        spec = RunSpec.from_json(text)
        resolve.admit(spec, Path(project))
        found = measure(spec, float(seconds))
    except DeeprlError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    print(json.dumps(found))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
