"""Where the time of a training step goes, beside what it cannot be less than.

    .venv/bin/python benchmarks/budget.py

CPU time on one core, the best of several rounds, microseconds for each environment step. The limit is the
bare environment plus the update's arithmetic at the rate of torch's fastest matrix product on this core:
nothing for drawing, gathering, choosing, storing or telling. Prints a table for RESULTS.md.
"""

import itertools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import gymnasium
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents import build, envs
from deeprl_agents.durable import Patience
from deeprl_agents.envs.monitor import EpisodeMonitor
from deeprl_tui.config.keys import SETTINGS
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.spec import RunId, RunSpec

STUDY = {"net_arch": [64], "batch_size": 32}
ZOO = {"net_arch": [256, 256], "batch_size": 128}
CASES = (
    ("CartPole-v1", STUDY),
    ("Acrobot-v1", STUDY),
    ("LunarLander-v3", STUDY),
    ("LunarLander-v3", ZOO),
)
ROUNDS = 7


def best(work: Callable[[int], None], count: int) -> float:
    """Microseconds of CPU time for one of `count` pieces of work."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work(count)
        found.append((time.process_time() - began) / count * 1e6)
    return min(found)


def peak() -> float:
    """Floating-point operations in a microsecond, of the fastest matrix product."""
    one, two, out = torch.rand(768, 768), torch.rand(768, 768), torch.empty(768, 768)

    def multiply(count: int) -> None:
        for _ in range(count):
            torch.mm(one, two, out=out)

    return 2 * 768**3 / best(multiply, 10)


def operations(sizes: list[int], batch: int) -> int:
    """Count those of an update: two passes forward, one backward that ends before the observations."""
    layers = [2 * one * two * batch for one, two in itertools.pairwise(sizes)]
    return 4 * sum(layers) - layers[0]


def stepper(env: Any, actions: int) -> Callable[[int], None]:
    """Take steps, first this action and then that."""
    env.reset()

    def step(count: int) -> None:
        for number in range(count):
            result = env.step(number % actions)
            if result[2] or result[3]:
                env.reset()

    return step


def measure(env_id: str, changes: dict[str, Any], rate: float, folder: Path) -> list[float]:
    """Bare environment, with our wrappers, choosing, updating, the whole step, and the limit."""
    settings = {key.name: key.default for key in SETTINGS} | changes
    settings |= {"total_timesteps": 10**9, "buffer_size": 50_000, "train_freq": 1, "double_q": False}
    settings |= {"exploration_final_eps": 0.05, "exploration_steps": 1, "max_grad_norm": 10.0}
    spec = RunSpec(RunId("budget", 0), env_id, settings)
    bare = gymnasium.make(env_id).unwrapped
    actions = int(bare.action_space.n)  # type: ignore[attr-defined]
    paths = RootPaths(folder).run(spec)
    paths.folder.mkdir(parents=True)
    patience = Patience(paths.status, sleep=time.sleep, wall_text=lambda: "")

    def monitored() -> EpisodeMonitor:
        seeded = envs.make(spec, training=True)
        return EpisodeMonitor(seeded, paths, 1, env_id, on_episode=lambda *_: None, patience=patience)

    model = build.build(spec, DummyVecEnv([monitored]))
    model.learn(3_000, log_interval=None)
    engine: Any = model.engine
    assert engine is not None, model.engine_why
    slow = settings["batch_size"] > 32

    def learn(count: int) -> None:
        model.learn(count, log_interval=None, reset_num_timesteps=False)

    def update(count: int) -> None:
        model.train(count, model.batch_size)

    def choose(count: int) -> None:
        for _ in range(count):
            engine.choose()

    sizes = [int(bare.observation_space.shape[0]), *settings["net_arch"], actions]  # type: ignore[index]
    env_us = best(stepper(bare, actions), 3000)
    wrapped = best(stepper(monitored(), actions), 3000)
    updating = best(update, 100 if slow else 2000)
    whole = best(learn, 300 if slow else 5000)
    model.exploration_rate = 0.0
    engine.begin(model._last_obs)
    choosing = best(choose, 2000)
    limit = env_us + operations(sizes, settings["batch_size"]) / rate
    return [env_us, wrapped - env_us, choosing, updating, whole - wrapped - choosing - updating, whole, limit]


def main() -> int:
    """Print the table."""
    torch.set_num_threads(1)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rate = peak()
    print(f"fastest matrix product: {rate / 1e3:.0f} GFLOP/s on one core\n")
    print("| env | network, batch | bare env | our wrappers | action | update | rest | whole | limit | x |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for env_id, changes in CASES:
        with TemporaryDirectory() as folder:
            found = measure(env_id, changes, rate, Path(folder))
        cells = " | ".join(f"{value:.1f}" for value in found)
        print(
            f"| {env_id} | {changes['net_arch']}, {changes['batch_size']} | {cells} "
            f"| {found[-2] / found[-1]:.2f} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
