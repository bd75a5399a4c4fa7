"""Everything that decides how training goes on, out of a model and back into one.

Networks, Adam, counters, every random stream, priorities; the environment as the number of its episode and
the actions since its start. Taken between rollouts only: inside a step SB3 has not stored the transition yet.
"""

import random
from collections import deque
from typing import Any

import numpy as np
import torch

from deeprl_agents.checkpoint import Arrays, Saved
from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.envs.seeded import Seeded, replay
from deeprl_agents.replay.prioritized import PrioritizedReplayBuffer

COUNTERS = (
    "num_timesteps",
    "_episode_num",
    "_n_calls",
    "_n_updates",
    "exploration_rate",
    "_current_progress_remaining",
)


def take(model: DQN, env: Seeded) -> Saved:
    """Copy the state of a model between two rollouts; the replay buffer's transitions are left out."""
    assert model._last_obs is not None
    arrays: Arrays = {f"policy/{name}": _numpy(t) for name, t in model.policy.state_dict().items()}
    for index, moments in model.policy.optimizer.state_dict()["state"].items():
        arrays |= {f"adam/{index}/{name}": _numpy(value) for name, value in moments.items()}
    name, keys, *position = np.random.get_state()
    version, words, gauss = random.getstate()
    arrays["random/numpy"] = np.asarray(keys)
    arrays["random/python"] = np.array(words, dtype=np.uint32)
    arrays["random/torch"] = _numpy(torch.get_rng_state())
    arrays["last_obs"] = np.array(model._last_obs)
    arrays["actions"] = np.array(env.actions, dtype=np.int64)
    values: dict[str, Any] = {counter: getattr(model, counter) for counter in COUNTERS}
    values["random"] = {
        "numpy": [str(name), *position],
        "python": [version, gauss],
        "actions": model.action_space.np_random.bit_generator.state,
    }
    values["env_episode"] = env.episode
    values["recent"] = [{key: float(row[key]) for key in "rlt"} for row in model.ep_info_buffer or ()]
    if isinstance(model.replay_buffer, PrioritizedReplayBuffer):
        extra, values["replay"] = model.replay_buffer.state()
        arrays |= {f"replay/{name}": array for name, array in extra.items()}
    return Saved(values, arrays)


def put(model: DQN, env: Seeded, saved: Saved) -> str:
    """Bring a model back, its replay buffer being filled already; why it is not exact, or nothing."""
    arrays, values = saved.arrays, saved.values
    policy = {name: _tensor(arrays[f"policy/{name}"]) for name in model.policy.state_dict()}
    model.policy.load_state_dict(policy)
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, array in arrays.items():
        if name.startswith("adam/"):
            _, index, moment = name.split("/")
            moments.setdefault(int(index), {})[moment] = _tensor(array)
    model.policy.optimizer.load_state_dict({**model.policy.optimizer.state_dict(), "state": moments})
    for counter in COUNTERS:
        setattr(model, counter, values[counter])
    if isinstance(model.replay_buffer, PrioritizedReplayBuffer):
        extra = {name[7:]: array for name, array in arrays.items() if name.startswith("replay/")}
        model.replay_buffer.set_state(extra, values["replay"])
    why = _put_env(model, env, arrays, int(values["env_episode"]))
    # The random streams come last: building and replaying draw from them.
    streams = values["random"]
    name, *position = streams["numpy"]
    np.random.set_state((name, arrays["random/numpy"], *position))
    version, gauss = streams["python"]
    random.setstate((version, tuple(arrays["random/python"].tolist()), gauss))
    torch.set_rng_state(_tensor(arrays["random/torch"]))
    model.action_space.np_random.bit_generator.state = streams["actions"]
    model.ep_info_buffer = deque(values["recent"], maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    return why


def _put_env(model: DQN, env: Seeded, arrays: Arrays, episode: int) -> str:
    assert model.env is not None
    monitored = model.env.envs[0]  # type: ignore[attr-defined]
    model._last_episode_starts = np.ones((1,), dtype=bool)
    last = arrays["last_obs"]
    observation = replay(monitored, episode, arrays["actions"].tolist())
    if observation is not None and np.array_equal(np.asarray(observation)[None], last):
        model._last_obs = last.copy()
        return ""
    # Not the same env any more: the unfinished episode is cut off as by a time limit, the next one begins.
    assert model.replay_buffer is not None
    if arrays["actions"].size:
        model.replay_buffer.timeouts[model.replay_buffer.pos - 1] = 1
    env.episode = episode
    observation, _ = monitored.reset()
    model._last_obs = np.asarray(observation, dtype=last.dtype)[None]
    return "the environment did not repeat the unfinished episode"


def _numpy(tensor: torch.Tensor) -> Any:
    return tensor.detach().cpu().numpy().copy()


def _tensor(array: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(array))
