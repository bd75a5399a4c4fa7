"""Everything that decides how training goes on, out of a model and back into one.

Networks, Adam, counters, every random stream; the environment as the number of its episode and the actions
since its start. The replay buffer's rows are in the replay log, the rest of it is here.
Rule: taken between rollouts only; inside a step SB3 has not stored the transition yet.
"""

import random
from collections import deque
from typing import Any

import numpy as np
import torch

from deeprl_agents.checkpoint import Arrays, DamagedError, Recorded, Saved
from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.envs.seeded import Seeded, replay
from deeprl_agents.replay.foreign import Foreign

COUNTERS = (
    "num_timesteps",
    "_episode_num",
    "_n_calls",
    "_n_updates",
    "exploration_rate",
    "_current_progress_remaining",
)


def recorded(buffer: Any) -> Recorded:
    """Give what a checkpoint keeps of a replay buffer; once for each buffer, before its first transition."""
    known = all(hasattr(buffer, name) for name in ("tables", "state", "set_state", "cut"))
    return buffer if known else Foreign(buffer)


def take(model: DQN, env: Seeded, buffer: Recorded) -> Saved:
    """Copy the state of a model between two rollouts; the rows of the replay buffer are left out."""
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
    values["replay"] = buffer.state()
    return Saved(values, arrays)


def check(model: DQN, saved: Saved) -> None:
    """Raise DamagedError if this is no state of such a model; nothing is changed."""
    needed = {f"policy/{name}": tuple(tensor.shape) for name, tensor in model.policy.state_dict().items()}
    needed |= {"last_obs": (1, *(model.observation_space.shape or ()))}
    for name, shape in needed.items():
        if name not in saved.arrays or saved.arrays[name].shape != shape:
            raise DamagedError(f"array {name} is not there or of another shape")
    names = {"actions", "random/numpy", "random/python", "random/torch"}
    missing = names - saved.arrays.keys()
    names = {*COUNTERS, "random", "env_episode", "recent", "replay", "buffer", "versions", "next_eval"}
    if missing := missing | (names - saved.values.keys()):
        raise DamagedError(f"without {', '.join(sorted(missing))}")


def put(model: DQN, env: Seeded, buffer: Recorded, saved: Saved) -> str:
    """Bring a model back, the rows of its buffer being there already; why it is not exact, or nothing."""
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
    buffer.set_state(values["replay"])
    why = _put_env(model, env, buffer, arrays, int(values["env_episode"]))
    if isinstance(buffer, Foreign) and (unknown := buffer.unknown()):
        why = (
            why
            or f"{type(model.replay_buffer).__name__} has what a checkpoint cannot keep: {', '.join(unknown)}"
        )
    if not why and model.device.type != "cpu":
        why = "a GPU does not repeat its sums bit for bit"
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


def _put_env(model: DQN, env: Seeded, buffer: Recorded, arrays: Arrays, episode: int) -> str:
    assert model.env is not None
    monitored = model.env.envs[0]  # type: ignore[attr-defined]
    model._last_episode_starts = np.ones((1,), dtype=bool)
    last = arrays["last_obs"]
    observation = replay(monitored, episode, arrays["actions"].tolist())
    if observation is not None and np.array_equal(np.asarray(observation)[None], last):
        model._last_obs = last.copy()
        return ""
    # Not the same env any more: the unfinished episode is cut off as by a time limit, the next one begins.
    if arrays["actions"].size:
        buffer.cut()
    env.episode = episode
    observation, _ = monitored.reset()
    model._last_obs = np.asarray(observation, dtype=last.dtype)[None]
    return "the environment did not repeat the unfinished episode"


def _numpy(tensor: torch.Tensor) -> Any:
    return tensor.detach().cpu().numpy().copy()


def _tensor(array: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(array))
