"""Preloaded by the fork server: everything a worker imports, so that starting one costs 0.2 s, not 4.5 s.

Rule: no thread may be left behind. A fork of a process with an OpenMP pool hangs at its first update.
"""

import contextlib
import os

# Before the first import of numpy: its OpenBLAS starts its threads when it is loaded.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

import gymnasium
import gymnasium.envs.classic_control
import torch

import deeprl_agents.worker

with contextlib.suppress(gymnasium.error.DependencyNotInstalled):  # the worker of such an env says so
    import gymnasium.envs.box2d


def warm() -> None:
    """Build what is imported late: the first optimizer alone costs 1.3 s."""
    torch.set_num_threads(1)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([weight])
    weight.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert deeprl_agents.worker.main is not None


warm()
