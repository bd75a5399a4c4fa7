"""One update from images: ours against Stable-Baselines3's CnnPolicy with the same layers.

    .venv/bin/python benchmarks/pixels_update.py [--height 67 --width 100] [--rounds 9]

Batches of 32 stacks of 4 images through (32, 8, 4), (64, 4, 2), (64, 3, 1) and 512 units, gradients clipped
at 10, from full buffers; with Double-Q ours does one pass more than Stable-Baselines3. All take turns in one
process in both orders; time is the process's own, on one thread. A ratio is the median over the rounds.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import gymnasium  # noqa: E402
import numpy as np  # noqa: E402
import stable_baselines3  # noqa: E402
import torch  # noqa: E402
from stable_baselines3.common.logger import Logger  # noqa: E402

from deeprl_agents.dqn.convs import Convs  # noqa: E402
from deeprl_agents.dqn.dqn import DQN  # noqa: E402
from deeprl_agents.replay.base import Replay  # noqa: E402
from deeprl_agents.replay.frames import Frames  # noqa: E402

LAYERS = [[32, 8, 4], [64, 4, 2], [64, 3, 1]]
STACK, BATCH, STEPS, UPDATES, LOOKS = 4, 32, 600, 4, 20


class Noise(gymnasium.Env[Any, Any]):
    """Images of noise that scroll through the stack, in episodes of 50 steps."""

    action_space = gymnasium.spaces.Discrete(4)

    def __init__(self, height: int, width: int) -> None:
        self.observation_space = gymnasium.spaces.Box(0, 255, (STACK, height, width), np.uint8)
        self._frames = np.random.default_rng(0).integers(0, 256, (60, height, width), dtype=np.uint8)
        self._step = 0

    def _stack(self) -> Any:
        return self._frames[self._step : self._step + STACK]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Scroll back."""
        self._step = 0
        return self._stack(), {}

    def step(self, action: Any) -> Any:
        """Scroll on."""
        self._step += 1
        return self._stack(), float(action == 1), self._step == 50, False, {}


def models(height: int, width: int) -> dict[str, Any]:
    """Make the contenders, each with a filled buffer."""
    common: dict[str, Any] = {
        "env": Noise(height, width),
        "learning_rate": 1e-4,
        "buffer_size": STEPS,
        "batch_size": BATCH,
        "seed": 0,
        "device": "cpu",
    }

    def ours(double_q: bool) -> DQN:
        policy = {
            "net_arch": [512],
            "features_extractor_class": Convs,
            "features_extractor_kwargs": {"layers": LAYERS},
            "optimizer_kwargs": {"eps": 1e-8, "fused": True},
        }
        return DQN(
            "CnnPolicy",
            **common,
            double_q=double_q,
            max_grad_norm=10.0,
            policy_kwargs=policy,
            replay_buffer_class=Replay,
            replay_buffer_kwargs={"store": Frames},
        )

    made: dict[str, Any] = {
        "Stable-Baselines3": stable_baselines3.DQN("CnnPolicy", policy_kwargs={"net_arch": []}, **common),
        "ours": ours(double_q=False),
        "ours, Double-Q": ours(double_q=True),
    }
    for model in made.values():
        model.set_logger(Logger(folder=None, output_formats=[]))
        _fill(model)
    return made


def _fill(model: Any) -> None:
    env = model.env
    observation = env.reset()
    for _ in range(STEPS):
        action = np.array([model.action_space.sample()])
        following, reward, done, infos = env.step(action)
        real = infos[0]["terminal_observation"][None] if done[0] else following
        model.replay_buffer.add(observation, real, action, reward, done, infos)
        observation = following
    model._last_obs = observation


def milliseconds(work: Callable[[], object], count: int) -> float:
    """Give the CPU time of one call."""
    began = time.process_time()
    for _ in range(count):
        work()
    return (time.process_time() - began) / count * 1e3


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--height", type=int, default=67)
    parser.add_argument("--width", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made = models(arguments.height, arguments.width)
    update: dict[str, list[float]] = {name: [] for name in made}
    sample: dict[str, list[float]] = {name: [] for name in made}
    act: dict[str, list[float]] = {name: [] for name in made}
    for turn in range(arguments.rounds + 1):  # the first one warms up
        for name in list(made)[:: 1 if turn % 2 else -1]:
            model = made[name]
            update[name].append(milliseconds(lambda m=model: m.train(1, BATCH), UPDATES))  # type: ignore[misc]
            sample[name].append(milliseconds(lambda m=model: m.replay_buffer.sample(BATCH), LOOKS))  # type: ignore[misc]
            act[name].append(
                milliseconds(lambda m=model: m.predict(m._last_obs, deterministic=True), LOOKS)  # type: ignore[misc]
            )
    print(f"images of {arguments.height} x {arguments.width}, batch {BATCH}\n")
    print("| | update, ms | times as fast (lowest to highest) | sample, ms | act, ms |")
    print("|---|---|---|---|---|")
    stock = update["Stable-Baselines3"][1:]
    for name in made:
        ratios = [a / b for a, b in zip(stock, update[name][1:], strict=True)]
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        medians = [statistics.median(times[name][1:]) for times in (update, sample, act)]
        print(f"| {name} | {medians[0]:.1f} | {ratio} | {medians[1]:.2f} | {medians[2]:.2f} |")


if __name__ == "__main__":
    main()
