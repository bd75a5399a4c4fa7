"""How fast images come: ours against gymnasium's wrappers, at equal frames.

    python benchmarks/pixels.py [--steps 400] [--rounds 7]

Both give 84 x 84 gray images by area, stacks of 4, no frameskip, the same random actions. They take turns in
short chunks within one process, the first one alternating; time is the process's own, on one core. A ratio is
the median over the rounds. gymnasium's area resize needs OpenCV: install `gymnasium[other]` to run this.
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
from gymnasium.wrappers import (  # noqa: E402
    AddRenderObservation,
    FrameStackObservation,
    GrayscaleObservation,
    ResizeObservation,
)

from deeprl_agents.envs.pixels import Pixels  # noqa: E402

GAMES = ("CartPole-v1", "Acrobot-v1", "LunarLander-v3")
SIDE, STACK = 84, 4


def ours(game: str) -> gymnasium.Env[Any, Any]:
    """Make the game with this project's images."""
    env = gymnasium.make(game, render_mode="rgb_array")
    return Pixels(env, size=[SIDE, SIDE], stack=STACK, skip=1)


def theirs(game: str) -> gymnasium.Env[Any, Any]:
    """Make the game with gymnasium's images."""
    env: Any = AddRenderObservation(gymnasium.make(game, render_mode="rgb_array"))
    return FrameStackObservation(ResizeObservation(GrayscaleObservation(env), (SIDE, SIDE)), STACK)


def chunk(env: gymnasium.Env[Any, Any], actions: list[int], seed: int) -> float:
    """Give the CPU seconds of these steps."""
    began = time.process_time()
    env.reset(seed=seed)
    for action in actions:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()
    return time.process_time() - began


def compare(game: str, steps: int, rounds: int) -> tuple[float, float, float, float, float]:
    """Give steps per second of both, and the ratio: median, lowest, highest."""
    rng = np.random.default_rng(0)
    makers: dict[str, Callable[[str], gymnasium.Env[Any, Any]]] = {"ours": ours, "theirs": theirs}
    envs = {name: make(game) for name, make in makers.items()}
    times: dict[str, list[float]] = {name: [] for name in envs}
    for turn in range(rounds + 1):  # the first one warms up
        actions = rng.integers(0, envs["ours"].action_space.n, steps).tolist()  # type: ignore[attr-defined]
        for name in ("ours", "theirs")[:: 1 if turn % 2 else -1]:
            times[name].append(chunk(envs[name], actions, seed=turn))
    mine, other = (times[name][1:] for name in ("ours", "theirs"))
    ratios = [b / a for a, b in zip(mine, other, strict=True)]
    speeds = [steps / statistics.median(taken) for taken in (mine, other)]
    return speeds[0], speeds[1], statistics.median(ratios), min(ratios), max(ratios)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print("| game | ours, steps/s | gymnasium, steps/s | ratio (lowest to highest) |")
    print("|---|---|---|---|")
    for game in GAMES:
        mine, other, middle, low, high = compare(game, arguments.steps, arguments.rounds)
        print(f"| {game} | {mine:,.0f} | {other:,.0f} | {middle:.1f} ({low:.1f} to {high:.1f}) |", flush=True)


if __name__ == "__main__":
    main()
