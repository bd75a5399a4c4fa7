"""Greedy episodes on fixed seeds, the same for all runs of an env, and the files that SB3 makes of them.

Rule: training does not notice: own env, no draw from a global random stream.
"""

import io
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.durable import replace
from deeprl_agents.envs import Seeded
from deeprl_tui.core.layout import RunPaths


def play(
    model: DQN, env: Seeded, episodes: int, abandon: Callable[[], bool] = lambda: False
) -> tuple[list[float], list[int]] | None:
    """Play greedy episodes; returns and lengths. abandon: asked at every step; None if it said so.

    An env without a time limit may have a greedy episode that never ends.
    """
    streams = random.getstate(), np.random.get_state(), torch.get_rng_state()
    act = model.engine.greedy if model.engine is not None else _torch_greedy(model)
    returns, lengths = [], []
    env.episode = 0
    try:
        for _ in range(episodes):
            observation, _ = env.reset()
            total, length, over = 0.0, 0, False
            while not over:
                observation, reward, terminated, truncated, _ = env.step(act(observation))
                total, length, over = total + float(reward), length + 1, terminated or truncated
                if abandon():
                    return None
            returns.append(total)
            lengths.append(length)
    finally:
        random.setstate(streams[0])
        np.random.set_state(streams[1])
        torch.set_rng_state(streams[2])
    return returns, lengths


def _torch_greedy(model: DQN) -> Callable[[Any], int]:
    return lambda observation: int(model.policy.predict(observation, deterministic=True)[0])


class Evaluations:
    """evaluations.npz: the arrays of SB3's EvalCallback."""

    def __init__(self, paths: RunPaths, until: int) -> None:
        """Go on after the evaluations up to a step; those of an abandoned future are dropped."""
        self._path = paths.evaluations
        self.timesteps: list[int] = []
        self.results: list[list[float]] = []
        self.lengths: list[list[int]] = []
        for step, returns, lengths in self._read():
            if step <= until:
                self.add(step, returns, lengths)

    @property
    def best(self) -> float:
        """The largest mean return so far."""
        return max((float(np.mean(returns)) for returns in self.results), default=-np.inf)

    def add(self, step: int, returns: list[float], lengths: list[int]) -> None:
        """Take one evaluation."""
        self.timesteps.append(step)
        self.results.append(returns)
        self.lengths.append(lengths)

    def write(self) -> None:
        """Replace the file."""
        data = io.BytesIO()
        np.savez(
            data,
            timesteps=np.array(self.timesteps),
            results=np.array(self.results),
            ep_lengths=np.array(self.lengths),
        )
        replace(self._path, [data.getvalue()])

    def _read(self) -> list[tuple[int, list[float], list[int]]]:
        try:
            with np.load(self._path, allow_pickle=False) as arrays:
                rows: list[Any] = [arrays[name].tolist() for name in ("timesteps", "results", "ep_lengths")]
        except (OSError, ValueError, KeyError, EOFError):
            return []
        return list(zip(*rows, strict=False))
