"""Contracts of plug-ins: inherit one in a test, override `make`, and pytest checks your class.

    from deeprl_agents.testing import ReplayContract
    from my_buffer import Recent

    class TestRecent(ReplayContract):
        def make(self, buffer_size, observation_space, action_space):
            return Recent(buffer_size, observation_space, action_space, handle_timeout_termination=False)

Rule: each test is one promise that training or an exact resume relies on; its name says which. They need no
pytest, and draw from numpy's global random stream, which they seed.
"""

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.preprocessing import get_obs_shape

from deeprl_agents.replay.base import Replay
from deeprl_agents.replay.foreign import Foreign

CAPACITY = 24
BATCH = 16


class ReplayContract:
    """What the learner expects of a replay buffer for one environment."""

    observation_space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (3,), np.float32)
    action_space = spaces.Discrete(2)

    def make(self, buffer_size: int, observation_space: Any, action_space: Any) -> ReplayBuffer:
        """Make an empty buffer. Time limits are not bootstrapped through, returns are of one step."""
        raise NotImplementedError("override make")

    def test_it_is_a_buffer_of_stable_baselines3(self) -> None:
        """The algorithm calls `add` and `sample` of that class."""
        assert isinstance(self._empty(), ReplayBuffer), "derive it from deeprl_agents.replay.base.Replay"

    def test_it_gives_back_what_was_stored(self) -> None:
        """Every row of a batch is one stored transition, unchanged."""
        buffer = self._filled(CAPACITY - 2)
        for _ in range(20):
            for number, row in self._drawn(buffer):
                for got, stored in zip(row, self._transition(number), strict=True):
                    assert np.array_equal(got, np.asarray(stored, np.float32).reshape(-1)), (
                        f"transition {number} came back changed"
                    )

    def test_it_keeps_the_newest_and_no_more_than_fit(self) -> None:
        """After twice its size, only the newest transitions are left, and `size` says how many."""
        buffer = self._filled(2 * CAPACITY + 5)
        assert buffer.size() <= CAPACITY, "it says that it holds more than buffer_size"
        oldest = 2 * CAPACITY + 5 - CAPACITY
        numbers = {number for _ in range(50) for number, _ in self._drawn(buffer)}
        assert min(numbers) >= oldest, f"transition {min(numbers)} should be forgotten"

    def test_nothing_is_drawn_that_was_not_stored(self) -> None:
        """A buffer that is not full yet gives no empty slot."""
        buffer = self._filled(5)
        numbers = {number for _ in range(50) for number, _ in self._drawn(buffer)}
        assert numbers <= set(range(5)), "an empty slot was drawn"

    def test_a_batch_has_the_size_that_was_asked_for(self) -> None:
        """Rows of observations, actions, next observations, ends and rewards."""
        batch = self._filled(CAPACITY).sample(BATCH)
        parts = (batch.observations, batch.actions, batch.next_observations, batch.dones, batch.rewards)
        assert all(len(part) == BATCH for part in parts), f"not all parts of the batch have {BATCH} rows"

    def test_weights_are_finite_and_at_most_one(self) -> None:
        """Larger ones would change the learning rate."""
        buffer = self._filled(CAPACITY)
        buffer.sample(BATCH)
        if isinstance(buffer, Replay):
            assert buffer.weights.shape == (BATCH,), "set weights in draw"
            assert np.isfinite(buffer.weights).all(), "a weight is not finite"
            assert (buffer.weights <= 1 + 1e-9).all(), "a weight is larger than 1"
            assert (buffer.weights >= 0).all(), "a weight is negative"

    def test_it_stays_sound_while_it_learns(self) -> None:
        """Through many updates and past its size, `check_valid` raises nothing."""
        buffer = self._filled(CAPACITY)
        for number in range(3 * CAPACITY):
            self._add(buffer, CAPACITY + number)
            self._update(buffer, number)
            if isinstance(buffer, Replay):
                buffer.check_valid()

    def test_equal_seeds_draw_equal_batches(self) -> None:
        """A run that is repeated is the same run: no clock, no unseeded generator."""
        first, second = self._filled(CAPACITY), self._filled(CAPACITY)
        assert self._future(first) == self._future(second), "two equal buffers draw otherwise"

    def test_it_goes_on_exactly_after_a_checkpoint(self) -> None:
        """`tables` and `state` hold all that later batches depend on."""
        buffer = self._filled(CAPACITY + 7)
        for number in range(5):
            self._update(buffer, number)
        again = self._empty()
        _copy(buffer, again)
        assert self._future(buffer) == self._future(again), (
            "after a resume it draws otherwise: give what is missing in tables or state"
        )

    def _empty(self) -> ReplayBuffer:
        return self.make(CAPACITY, self.observation_space, self.action_space)

    def _filled(self, count: int) -> ReplayBuffer:
        buffer = self._empty()
        for number in range(count):
            self._add(buffer, number)
        return buffer

    def _transition(self, number: int) -> tuple[NDArray[np.float32], ...]:
        """Observation, action, next observation, end and reward: each tells the number."""
        shape = _shape(self.observation_space)
        return (
            np.full(shape, number / 1000, np.float32),
            np.array([number % 2], np.float32),
            np.full(shape, (number + 1) / 1000, np.float32),
            np.array([number % 7 == 6], np.float32),
            np.array([number + 1], np.float32),  # an empty slot has 0
        )

    def _add(self, buffer: ReplayBuffer, number: int) -> None:
        before, action, after, done, reward = self._transition(number)
        buffer.add(before[None], after[None], action[None].astype(np.int64), reward, done, [{}])

    def _drawn(self, buffer: ReplayBuffer) -> list[tuple[int, tuple[NDArray[Any], ...]]]:
        """Draw a batch; each row with the number that its reward tells."""
        batch = buffer.sample(BATCH)
        parts = (batch.observations, batch.actions, batch.next_observations, batch.dones, batch.rewards)
        arrays = [np.asarray(part, np.float32).reshape(BATCH, -1) for part in parts]
        return [(int(row[-1][0]) - 1, tuple(row)) for row in zip(*arrays, strict=True)]

    def _update(self, buffer: ReplayBuffer, number: int) -> list[int]:
        """Draw and give feedback as an update does; the numbers that were drawn."""
        np.random.seed(number)
        drawn = [each for each, _ in self._drawn(buffer)]
        if isinstance(buffer, Replay):
            errors = np.array([(each * 37 + number) % 11 - 5 for each in drawn], np.float32)
            values = np.array([[each % 5, (each + number) % 3] for each in drawn], np.float32)
            buffer.feedback(errors, values)
            slots = buffer.rescore_slots()
            if len(slots):
                buffer.rescore(slots, np.zeros((len(slots), 2), np.float32))
        return drawn

    def _future(self, buffer: ReplayBuffer) -> list[list[int]]:
        """What the next updates draw, with transitions that come between."""
        future = []
        for number in range(12):
            self._add(buffer, 3 * CAPACITY + number)
            future.append(self._update(buffer, 100 + number))
        return future


def _copy(old: ReplayBuffer, new: ReplayBuffer) -> None:
    """Do what a checkpoint and a resume do."""
    source: Any = old if isinstance(old, Replay) else Foreign(old)
    target: Any = new if isinstance(new, Replay) else Foreign(new)
    kept = source.state()
    for table, fresh in zip(source.tables(), target.tables(), strict=True):
        for start, end in table.ranges:
            for name, column in table.columns.items():
                fresh.columns[name][start:end] = column[start:end]
    target.set_state(kept)


class NetworkContract:
    """What the learner expects of a network: Q-values of batches, from float32 observations."""

    observation_space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (4,), np.float32)
    actions = 3

    def make(self, observation_space: Any, n_actions: int) -> torch.nn.Module:
        """Make a network."""
        raise NotImplementedError("override make")

    def test_it_is_a_module_with_parameters(self) -> None:
        """Adam needs some."""
        network = self._network()
        assert isinstance(network, torch.nn.Module), "return a torch.nn.Module"
        assert any(parameter.requires_grad for parameter in network.parameters()), "nothing to train"

    def test_it_gives_one_value_for_each_action(self) -> None:
        """Batch x actions, for batches of any size; other shapes would be broadcast and train nonsense."""
        network = self._network()
        for batch in (1, 2, 32):
            shape = tuple(network(self._batch(batch)).shape)
            assert shape == (batch, self.actions), f"{batch} observations give {shape}"

    def test_rows_do_not_depend_on_each_other(self) -> None:
        """An action is chosen for one observation alone, and learned in a batch."""
        network, batch = self._network().eval(), self._batch(8)
        with torch.no_grad():
            together = network(batch)
            alone = torch.cat([network(row[None]) for row in batch])
        assert torch.allclose(together, alone, atol=1e-5), "a row's values depend on the others"

    def test_equal_weights_give_equal_values(self) -> None:
        """The target network is a copy of the online one by its `state_dict`."""
        network, copy = self._network(), self._network()
        copy.load_state_dict(network.state_dict())
        batch = self._batch(8)
        network.eval()
        copy.eval()
        with torch.no_grad():
            assert torch.equal(network(batch), copy(batch)), "something is not in state_dict"

    def test_every_parameter_learns(self) -> None:
        """A gradient reaches all of them; one that is not used is a slip, and clipping trips over it."""
        network = self._network()
        network(self._batch(32)).square().sum().backward()
        idle = [name for name, one in network.named_parameters() if one.requires_grad and one.grad is None]
        assert not idle, f"no gradient reaches {', '.join(idle)}"

    def test_values_are_finite_float32(self) -> None:
        """At the start already."""
        values = self._network()(self._batch(32))
        assert values.dtype == torch.float32, f"values are {values.dtype}"
        assert bool(torch.isfinite(values).all()), "a value is not finite"

    def _network(self) -> torch.nn.Module:
        torch.manual_seed(7)
        return self.make(self.observation_space, self.actions)

    def _batch(self, size: int) -> torch.Tensor:
        shape = (size, *_shape(self.observation_space))
        return torch.rand(shape, generator=torch.Generator().manual_seed(size))


def _shape(space: Any) -> tuple[int, ...]:
    shape: Any = get_obs_shape(space)
    return tuple(shape)


class EnvContract:
    """What the learner, the curves and an exact resume expect of an environment."""

    episodes = 3
    most_steps = 2000
    """Steps after which an episode of random actions must have ended."""

    def make(self) -> gymnasium.Env[Any, Any]:
        """Make an environment, as your class or function does without arguments."""
        raise NotImplementedError("override make")

    def test_its_spaces_are_ones_that_dqn_takes(self) -> None:
        """Discrete actions from 0; observations of a Box or a Discrete space."""
        env = self.make()
        assert isinstance(env, gymnasium.Env), "return a gymnasium.Env"
        assert isinstance(env.action_space, spaces.Discrete), "actions must be Discrete"
        assert env.action_space.start == 0, "actions must begin at 0"
        assert isinstance(env.observation_space, spaces.Box | spaces.Discrete), "neither Box nor Discrete"

    def test_observations_are_in_their_space(self) -> None:
        """Shape, type and bounds."""
        env = self.make()
        for observation, *_ in self._play(env, seed=5):
            assert env.observation_space.contains(observation), f"{observation!r} is not in its space"

    def test_rewards_and_ends_are_numbers_and_truths(self) -> None:
        """A reward is a finite number, an end is true or false."""
        for _, reward, terminated, truncated in self._play(self.make(), seed=5):
            assert np.isfinite(float(reward)), "a reward is not finite"
            assert isinstance(terminated, bool | np.bool_), "terminated is no bool"
            assert isinstance(truncated, bool | np.bool_), "truncated is no bool"

    def test_episodes_end(self) -> None:
        """Or give it a time limit with max_episode_steps."""
        steps = self._play(self.make(), seed=5)
        assert steps[-1][2] or steps[-1][3], f"no end after {self.most_steps} steps"

    def test_a_seed_and_actions_give_the_same_episode_again(self) -> None:
        """In another instance too, whatever was played before: a resumed run repeats its last episode."""
        first, second = self.make(), self.make()
        for seed in range(self.episodes):
            once = self._play(first, seed=seed)
            self._play(second, seed=seed + 1000)
            assert _same(once, self._play(second, seed=seed)), (
                f"seed {seed} gives two different episodes: draw only from self.np_random, "
                "and forget the last episode in reset"
            )

    def test_it_leaves_the_global_random_streams_alone(self) -> None:
        """An evaluation must not change the training around it."""
        env = self.make()
        np.random.seed(1)
        state, words = repr(np.random.get_state()), torch.get_rng_state()
        self._play(env, seed=5)
        assert repr(np.random.get_state()) == state, "it draws from np.random"
        assert torch.equal(torch.get_rng_state(), words), "it draws from torch's global stream"

    def _play(self, env: gymnasium.Env[Any, Any], seed: int) -> list[tuple[Any, Any, Any, Any]]:
        """Play an episode of random actions: observation, reward and the two ends of each step."""
        actions = np.random.default_rng(seed)
        observation, info = env.reset(seed=seed)
        assert isinstance(info, dict), "reset must give an observation and a dict"
        steps: list[tuple[Any, Any, Any, Any]] = [(np.array(observation), 0.0, False, False)]
        for _ in range(self.most_steps):
            action = int(actions.integers(int(env.action_space.n)))  # type: ignore[attr-defined]
            observation, reward, terminated, truncated, _ = env.step(action)
            steps.append((np.array(observation), reward, terminated, truncated))
            if terminated or truncated:
                break
        return steps


def _same(one: list[tuple[Any, Any, Any, Any]], other: list[tuple[Any, Any, Any, Any]]) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a, b, equal_nan=True) and tuple(map(float, ends)) == tuple(map(float, others))
        for (a, *ends), (b, *others) in zip(one, other, strict=True)
    )


class WrapperContract(EnvContract):
    """What holds of an environment must hold with a wrapper around it."""

    def wrap(self, env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
        """Put the wrapper around an environment."""
        raise NotImplementedError("override wrap")

    def inner(self) -> gymnasium.Env[Any, Any]:
        """Make the environment inside."""
        return gymnasium.make("CartPole-v1")

    def make(self) -> gymnasium.Env[Any, Any]:
        """Make an environment with the wrapper around it."""
        return self.wrap(self.inner())

    def test_it_passes_seeds_on(self) -> None:
        """Otherwise every run of an experiment would begin anew at random."""
        seen: list[int | None] = []

        class Listening(gymnasium.Wrapper[Any, Any, Any, Any]):
            def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
                seen.append(seed)
                return self.env.reset(seed=seed, options=options)

        wrapped = self.wrap(Listening(self.inner()))
        seen.clear()
        wrapped.reset(seed=11)
        assert 11 in seen, "pass seed on in reset: self.env.reset(seed=seed, options=options)"
