"""Train stock Stable-Baselines3 and this package's DQN on CartPole with the same seeds and settings; compare.

    .venv/bin/python benchmarks/same.py

Vanilla settings, and episodes that start alike. Prints the mean return of each 5,000 steps over 10 seeds, and
for the mean over all steps a permutation test of the difference: two-sided, paired by seed, since the first
thousands of steps are the same. Prints tables for RESULTS.md; exit code 1 if p < 0.05.
"""

import argparse
import sys
from typing import Any

import gymnasium
import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.envs.seeded import Seeded, episode_seed

BIN = 5_000
SETTINGS: dict[str, Any] = {
    "policy_kwargs": {"net_arch": [64]},
    "learning_rate": 5e-4,
    "buffer_size": 50_000,
    "learning_starts": 1000,
    "train_freq": 1,
    "target_update_interval": 1000,
    "exploration_fraction": 0.25,
    "device": "cpu",
}


def train(kind: str, seed: int, steps: int) -> list[float]:
    """Train; the mean return of the episodes that ended in each bin of steps."""
    episodes: list[Monitor] = []

    def make() -> Monitor:
        seeded = Seeded(gymnasium.make("CartPole-v1"), seed_of=lambda episode: episode_seed(seed, episode))
        episodes.append(Monitor(seeded))
        return episodes[0]

    env = DummyVecEnv([make])
    if kind == "sb3":
        model: Any = stable_baselines3.DQN("MlpPolicy", env, seed=seed, **SETTINGS)
    else:
        model = DQN(
            "MlpPolicy", env, seed=seed, double_q=False, random_warmup=True, max_grad_norm=10, **SETTINGS
        )
    model.learn(steps)
    ends = np.cumsum(episodes[0].get_episode_lengths())
    returns = np.array(episodes[0].get_episode_rewards())
    inside = [(ends > low) & (ends <= low + BIN) for low in range(0, steps, BIN)]
    return [float(returns[mask].mean()) if mask.any() else float("nan") for mask in inside]


def permutation_p(differences: np.ndarray[Any, Any]) -> float:
    """Give the share of sign patterns with a mean difference at least as large: all 2^n of them."""
    n = len(differences)
    signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    means = np.abs((signs * differences).mean(axis=1))
    return float((means >= abs(differences.mean()) - 1e-12).mean())


def main() -> int:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=40_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    curves = {}
    for kind in ("sb3", "ours"):
        curves[kind] = np.array([train(kind, seed, options.steps) for seed in range(options.seeds)])
    print("| steps | sb3: mean ± sd | ours: mean ± sd |")
    print("|---|---|---|")
    for number in range(options.steps // BIN):
        cells = [
            f"{curve[:, number].mean():.0f} ± {curve[:, number].std(ddof=1):.0f}" for curve in curves.values()
        ]
        print(f"| {number * BIN:,} to {(number + 1) * BIN:,} | {cells[0]} | {cells[1]} |")
    areas = {kind: np.nanmean(curve, axis=1) for kind, curve in curves.items()}
    difference = areas["ours"] - areas["sb3"]
    p = permutation_p(difference)
    print(
        f"\nmean return over all steps, ours - sb3: {difference.mean():+.2f} "
        f"(sd over seeds {difference.std(ddof=1):.2f}), p = {p:.2f}, {options.seeds} seeds"
    )
    return int(p < 0.05)


if __name__ == "__main__":
    sys.exit(main())
