"""The contracts of plug-ins: our own parts keep them, and each promise can be broken."""

import re
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer
from torch import nn

from deeprl_agents.envs.seeded import Seeded
from deeprl_agents.replay.base import Replay
from deeprl_agents.testing import EnvContract, NetworkContract, ReplayContract, WrapperContract


class Uniform(ReplayContract):
    """Our base."""

    buffer: Any = Replay

    def make(self, buffer_size: int, observation_space: Any, action_space: Any) -> ReplayBuffer:
        made: ReplayBuffer = self.buffer(
            buffer_size, observation_space, action_space, handle_timeout_termination=False
        )
        return made


class Net(NetworkContract):
    """A small network."""

    network: Any = None

    def make(self, observation_space: Any, n_actions: int) -> nn.Module:
        make = self.network or (lambda space, n: nn.Sequential(nn.Linear(space.shape[0], 8), nn.Linear(8, n)))
        made: nn.Module = make(observation_space, n_actions)
        return made


class Plain(WrapperContract):
    """A wrapper that does nothing."""

    wrapper: Any = gymnasium.Wrapper

    def wrap(self, env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
        made: gymnasium.Env[Any, Any] = self.wrapper(env)
        return made


class Pole(EnvContract):
    """Gymnasium's own."""

    env: Any = None

    def make(self) -> gymnasium.Env[Any, Any]:
        made: gymnasium.Env[Any, Any] = (self.env or (lambda: gymnasium.make("CartPole-v1")))()
        return made


def promises(contract: type) -> list[str]:
    return [name for name in dir(contract) if name.startswith("test_")]


SB3: dict[str, Any] = {"buffer": ReplayBuffer}
KEPT: list[tuple[Any, str, dict[str, Any]]] = [
    (kind, name, {}) for kind in (Uniform, Net, Plain, Pole) for name in promises(kind)
]
KEPT += [(Uniform, name, SB3) for name in promises(Uniform)]


@pytest.mark.parametrize(("kind", "promise", "changes"), KEPT)
def test_parts_that_are_right_keep_every_promise(kind: Any, promise: str, changes: dict[str, Any]) -> None:
    """Ours, and Stable-Baselines3's own buffer."""
    getattr(type("Right", (kind,), changes)(), promise)()


# Each of these breaks the promise that it is listed with.


class Forgetful(Replay):
    def add(self, obs: Any, next_obs: Any, *rest: Any) -> None:
        super().add(obs, obs, *rest)


class Stale(ReplayBuffer):
    """Never overwrites."""

    def add(self, *arguments: Any) -> None:
        if not self.full:
            super().add(*arguments)


class Boastful(Replay):
    def size(self) -> int:
        return self.added


class Empty(Replay):
    def draw(self, batch_size: int) -> None:
        self.indices, self.weights = np.arange(batch_size) % self.buffer_size, np.ones(batch_size)


class Half(Replay):
    def draw(self, batch_size: int) -> None:
        super().draw(batch_size // 2)


class Heavy(Replay):
    def draw(self, batch_size: int) -> None:
        super().draw(batch_size)
        self.weights = 2 * self.weights


class Unweighted(Replay):
    def draw(self, batch_size: int) -> None:
        super().draw(batch_size)
        self.weights = np.ones(1)


class Rotting(Replay):
    def feedback(self, td_errors: Any, values: Any) -> None:
        self.pos = -1 if self.added > 40 else self.pos


class Unseeded(Replay):
    def draw(self, batch_size: int) -> None:
        super().draw(batch_size)
        self.indices = np.random.default_rng().integers(0, self.size(), batch_size)


class Amnesiac(Replay):
    """Its own stream is in no state."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.own = np.random.default_rng(1)

    def draw(self, batch_size: int) -> None:
        super().draw(batch_size)
        self.indices = self.own.integers(0, self.size(), batch_size)


class Net1(nn.Module):
    """One linear layer, to be broken by overriding forward."""

    def __init__(self, space: Any, actions: int) -> None:
        super().__init__()
        self.layer, self.spare = nn.Linear(space.shape[0], actions), nn.Parameter(torch.ones(1))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.layer(batch) * self.spare
        return values


class Flat(Net1):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).max(dim=1).values


class Mixing(Net1):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch) - batch.mean()


class Hidden(Net1):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.secret = np.random.default_rng().random()

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch) + self.secret


class Idle(Net1):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.layer(batch)
        return values


class Double(Net1):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return super().forward(batch).double()


class Line(gymnasium.Env[Any, Any]):
    """Walks at random; to be broken."""

    observation_space: Any = spaces.Box(0, 100, (1,), np.float32)
    action_space: Any = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.place = float(self.np_random.integers(9))
        return self.see(), {}

    def see(self) -> Any:
        return np.array([self.place], np.float32)

    def step(self, action: Any) -> Any:
        self.place += 1 + int(action)
        return self.see(), 1.0, self.place > 90, False, {}


class Shifted(Line):
    action_space = spaces.Discrete(2, start=1)


class Outside(Line):
    def see(self) -> Any:
        return np.array([-1.0], np.float32)


class Unrewarding(Line):
    def step(self, action: Any) -> Any:
        return (*super().step(action)[:1], float("nan"), True, False, {})


class Endless(Line):
    def step(self, action: Any) -> Any:
        return self.see(), 1.0, False, False, {}


class Deaf(Line):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return super().reset(options=options)


class Remembering(Line):
    """Episodes depend on those before."""

    count = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        found = super().reset(seed=seed)
        self.count += 1
        self.place = self.place + self.count
        return self.see(), found[1]


class Global(Line):
    def step(self, action: Any) -> Any:
        np.random.random()
        return super().step(action)


def unseeding(env: Any) -> Any:
    return Seeded(env, seed_of=lambda episode: episode)


BROKEN: list[tuple[Any, str, str, Any]] = [
    (Uniform, "test_it_is_a_buffer_of_stable_baselines3", "buffer", lambda *_, **__: []),
    (Uniform, "test_it_gives_back_what_was_stored", "buffer", Forgetful),
    (Uniform, "test_it_keeps_the_newest_and_no_more_than_fit", "buffer", Stale),
    (Uniform, "test_it_keeps_the_newest_and_no_more_than_fit", "buffer", Boastful),
    (Uniform, "test_nothing_is_drawn_that_was_not_stored", "buffer", Empty),
    (Uniform, "test_a_batch_has_the_size_that_was_asked_for", "buffer", Half),
    (Uniform, "test_weights_are_finite_and_at_most_one", "buffer", Heavy),
    (Uniform, "test_weights_are_finite_and_at_most_one", "buffer", Unweighted),
    (Uniform, "test_it_stays_sound_while_it_learns", "buffer", Rotting),
    (Uniform, "test_equal_seeds_draw_equal_batches", "buffer", Unseeded),
    (Uniform, "test_it_goes_on_exactly_after_a_checkpoint", "buffer", Amnesiac),
    (Net, "test_it_is_a_module_with_parameters", "network", lambda *_: nn.Flatten()),
    (Net, "test_it_gives_one_value_for_each_action", "network", Flat),
    (Net, "test_rows_do_not_depend_on_each_other", "network", Mixing),
    (Net, "test_equal_weights_give_equal_values", "network", Hidden),
    (Net, "test_every_parameter_learns", "network", Idle),
    (Net, "test_values_are_finite_float32", "network", Double),
    (Pole, "test_its_spaces_are_ones_that_dqn_takes", "env", Shifted),
    (Pole, "test_observations_are_in_their_space", "env", Outside),
    (Pole, "test_rewards_and_ends_are_numbers_and_truths", "env", Unrewarding),
    (Pole, "test_episodes_end", "env", Endless),
    (Pole, "test_a_seed_and_actions_give_the_same_episode_again", "env", Deaf),
    (Pole, "test_a_seed_and_actions_give_the_same_episode_again", "env", Remembering),
    (Pole, "test_it_leaves_the_global_random_streams_alone", "env", Global),
    (Plain, "test_it_passes_seeds_on", "wrapper", unseeding),
]


@pytest.mark.parametrize(("kind", "promise", "part", "broken"), BROKEN)
def test_a_broken_part_is_found(kind: Any, promise: str, part: str, broken: Callable[..., Any]) -> None:
    """By the promise that it breaks, with words that say what to do."""
    contract = type("Wrong", (kind,), {part: staticmethod(broken)})()
    with pytest.raises((AssertionError, ValueError)) as caught:
        getattr(contract, promise)()
    assert re.search("[a-z]{3}", str(caught.value))


def test_every_promise_can_be_broken() -> None:
    """None of them always holds."""
    assert {promise for _, promise, _, _ in BROKEN} == {
        promise for kind in (Uniform, Net, Pole, Plain) for promise in promises(kind)
    }
