"""Count how often each slot of a replay buffer is drawn, against how often it should be.

    .venv/bin/python benchmarks/frequencies.py

Filled to the last slot, TD errors 1, 2, 3 ..., alpha 0.6 where there are priorities, drawn one at a time (a
batch is stratified and has less spread than chi-square assumes). Prints Pearson's statistic with its p-value,
and the last slot's share, which OpenAI's baselines of 2017 never drew. Exit code 1 if a p is below 1e-4.
"""

import sys
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from deeprl_agents.kernel import library
from deeprl_agents.replay.base import Replay
from deeprl_agents.replay.prioritized import PrioritizedReplay
from deeprl_agents.replay.retention import RetentionReplay

SLOTS = 64
DRAWS = 200_000
ALPHA = 0.6


def filled(kind: type[Replay], seed: int, **arguments: Any) -> Replay:
    """A full buffer whose slots have the TD errors 1, 2, 3 ..."""
    np.random.seed(seed)
    random = {} if kind is Replay else {"rng": np.random.default_rng(seed)}
    space = spaces.Box(-np.inf, np.inf, (1,), np.float32)
    buffer = kind(SLOTS, space, spaces.Discrete(2), device="cpu", **random, **arguments)
    row = np.zeros((1, 1), np.float32)
    for _ in range(SLOTS):
        buffer.add(row, row, np.array([0]), np.array([0.0]), np.array([False]), [{}])
    buffer.indices = np.arange(SLOTS)
    buffer.feedback(np.arange(1, SLOTS + 1, dtype=np.float32), np.zeros((SLOTS, 2), np.float32))
    return buffer


def tail(statistic: float, freedom: int) -> float:
    """Probability of a larger chi-square: the regularized upper incomplete gamma function."""
    halves = torch.tensor([freedom / 2, statistic / 2], dtype=torch.float64)
    return float(torch.special.gammaincc(halves[0], halves[1]))


def main() -> int:
    """Print the table."""
    errors = np.arange(1.0, SLOTS + 1) ** ALPHA
    half = SLOTS // 2
    uniform, priorities = np.full(SLOTS, 1 / SLOTS), errors / errors.sum()
    low, high = errors[:half], errors[half:]
    halves = np.concatenate([0.3 * low / low.sum(), 0.7 * high / high.sum()])
    steps = np.repeat([0.3 / half, 0.7 / half], half)
    cases: list[tuple[str, type[Replay], dict[str, Any], Any]] = [
        ("uniform", Replay, {}, uniform),
        ("prioritized", PrioritizedReplay, {"alpha": ALPHA}, priorities),
        ("prioritized, alpha 0", PrioritizedReplay, {"alpha": 0.0}, uniform),
        ("retention, omega 0.3", RetentionReplay, {"omega": 0.3}, steps),
        (
            "retention, omega 0.3, by priority",
            RetentionReplay,
            {"omega": 0.3, "sampler": "prioritized", "alpha": ALPHA},
            halves,
        ),
    ]
    least = 1.0
    print(f"{DRAWS:,} draws from {SLOTS} slots; {library.identity()}\n")
    print("| buffer | seed | chi-square | p | last slot: drawn | expected |")
    print("|---|---|---|---|---|---|")
    for name, kind, arguments, shares in cases:
        for seed in range(3):
            buffer = filled(kind, seed, **arguments)
            counts = np.zeros(SLOTS)
            for _ in range(DRAWS):
                buffer.draw(1)
                counts[buffer.indices] += 1
            expected = shares * DRAWS
            statistic = float(((counts - expected) ** 2 / expected).sum())
            p = tail(statistic, SLOTS - 1)
            least = min(least, p)
            print(
                f"| {name} | {seed} | {statistic:.1f} | {p:.4f} | {counts[-1] / DRAWS:.4f} "
                f"| {shares[-1]:.4f} |"
            )
    return int(least < 1e-4)


if __name__ == "__main__":
    sys.exit(main())
