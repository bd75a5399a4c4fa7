"""The switches of DQN, each on numbers made by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import stable_baselines3
import torch
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents import build, envs
from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.envs.seeded import Seeded

Maker = Callable[..., DQN]


@pytest.fixture
def a_model(a_spec: Callable[..., Any]) -> Maker:
    """Build the model of a small run."""

    def make(**changes: Any) -> DQN:
        spec = a_spec(**changes)
        return build.build(spec, DummyVecEnv([lambda: envs.make(spec, training=True)]))

    return make


class Table(torch.nn.Module):
    """A Q-network that looks up its values by the first number of the observation."""

    def __init__(self, rows: list[list[float]]) -> None:
        super().__init__()
        self.rows = torch.nn.Parameter(torch.tensor(rows))

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Look up."""
        return self.rows[observations[:, 0].long()]


def batch(*, dones: list[float], discounts: torch.Tensor | None = None) -> ReplayBufferSamples:
    """Two transitions, to the states 0 and 1, with rewards 1 and 2."""
    return ReplayBufferSamples(
        observations=torch.zeros(2, 1),
        actions=torch.zeros(2, 1, dtype=torch.int64),
        next_observations=torch.tensor([[0.0], [1.0]]),
        dones=torch.tensor(dones)[:, None],
        rewards=torch.tensor([[1.0], [2.0]]),
        discounts=discounts,
    )


ONLINE = [[1.0, 5.0], [7.0, 3.0]]
TARGET = [[10.0, 20.0], [30.0, 40.0]]


@pytest.mark.parametrize(
    ("double_q", "expected"),
    [(True, [1 + 0.5 * 20, 2 + 0.5 * 30]), (False, [1 + 0.5 * 20, 2 + 0.5 * 40])],
)
def test_target_of_a_batch(a_model: Maker, double_q: bool, expected: list[float]) -> None:
    """Double-Q picks the next action by the online network and values it by the target network."""
    model = a_model(double_q=double_q, gamma=0.5)
    model.q_net, model.q_net_target = Table(ONLINE), Table(TARGET)  # type: ignore[assignment]
    assert model.target_values(batch(dones=[0, 0]))[:, 0].tolist() == expected


def test_target_stops_at_the_end_and_takes_n_step_discounts(a_model: Maker) -> None:
    """A terminal transition is worth its reward; n-step batches bring their own discounts."""
    model = a_model(gamma=0.5)
    model.q_net, model.q_net_target = Table(ONLINE), Table(TARGET)  # type: ignore[assignment]
    discounts = torch.tensor([[0.25], [0.125]])
    targets = model.target_values(batch(dones=[1, 0], discounts=discounts))
    assert targets[:, 0].tolist() == [1.0, 2 + 0.125 * 30]


def test_epsilon_falls_by_steps(a_model: Maker) -> None:
    """Epsilon is linear in env steps, then stays."""
    model = a_model(exploration_steps=10_000)
    found = [model.epsilon(step) for step in (0, 5_000, 10_000, 20_000)]
    assert found == pytest.approx([1.0, 0.505, 0.01, 0.01])


def test_actions_are_epsilon_greedy_from_the_first_step(a_model: Maker) -> None:
    """Without epsilon the very first actions are greedy: there is no random warm-up."""
    model = a_model(exploration_initial_eps=0.0, exploration_final_eps=0.0, learning_starts=1000)
    model.learn(20, log_interval=None)
    buffer = model.replay_buffer
    assert isinstance(buffer, ReplayBuffer)
    greedy, _ = model.policy.predict(buffer.observations[:20, 0], deterministic=True)
    assert buffer.actions[:20, 0, 0].tolist() == greedy.tolist()


def test_target_network_is_copied_exactly_at_its_interval(a_model: Maker) -> None:
    """One step before the interval the target is as at the start; at the interval it is the online one."""
    model = a_model(target_update_interval=50, learning_starts=10)
    first = [parameter.clone() for parameter in model.q_net_target.parameters()]
    model.learn(49, log_interval=None)
    assert all(map(torch.equal, first, model.q_net_target.parameters()))
    online = [parameter.clone() for parameter in model.q_net.parameters()]
    assert not all(map(torch.equal, first, online))
    model.learning_starts = 10_000  # no update after the copy
    model.learn(1, reset_num_timesteps=False, log_interval=None)
    assert all(map(torch.equal, online, model.q_net_target.parameters()))


def test_dueling_is_value_plus_centered_advantage(a_model: Maker) -> None:
    """Q = V + A - mean A, so the mean of Q over the actions is V."""
    model = a_model(dueling=True, net_arch=[16, 8])
    network: Any = model.q_net
    observations = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        hidden = network.q_net(observations)
        value, advantage = network.value_net(hidden), network.advantage_net(hidden)
        values = network(observations)
    assert torch.allclose(values, value + advantage - advantage.mean(1, keepdim=True))
    assert torch.allclose(values.mean(1, keepdim=True), value, atol=1e-6)


def _norms(model: DQN) -> list[float]:
    for parameter in model.q_net.parameters():
        parameter.grad = torch.full_like(parameter, 3.0)
    model.clip_gradients()
    return [float(p.grad.norm()) for p in model.q_net.parameters() if p.grad is not None]


def test_clipping_by_the_global_norm(a_model: Maker) -> None:
    """The norm of all gradients together is limited."""
    norms = _norms(a_model(max_grad_norm=2.0, grad_clip="global"))
    assert np.linalg.norm(norms) == pytest.approx(2.0, rel=1e-4)


def test_clipping_each_variable(a_model: Maker) -> None:
    """Each variable's norm is limited on its own, as in the study."""
    norms = _norms(a_model(max_grad_norm=2.0, grad_clip="variable"))
    assert norms == pytest.approx([2.0] * 4, rel=1e-4)


def test_no_clipping_when_unset(a_model: Maker) -> None:
    """Without a limit gradients stay as they are."""
    model = a_model(max_grad_norm=None)
    shapes = [p.numel() for p in model.q_net.parameters()]
    assert _norms(model) == pytest.approx([3.0 * size**0.5 for size in shapes], rel=1e-4)


@pytest.mark.parametrize(("timeouts", "done"), [("terminal", 1.0), ("bootstrap", 0.0)])
def test_time_limits(a_model: Maker, timeouts: str, done: float) -> None:
    """A time limit is stored as the end, as in the study, or bootstrapped through."""
    model = a_model(timeouts=timeouts, max_episode_steps=5, learning_starts=1000)
    model.learn(5, log_interval=None)
    assert model.replay_buffer is not None
    drawn = model.replay_buffer._get_samples(np.arange(5))
    assert drawn.dones[:, 0].tolist() == [0, 0, 0, 0, done]


def test_n_step_return_ends_at_a_done_inside_the_window(a_model: Maker) -> None:
    """Rewards after the end of an episode do not count, and nothing is bootstrapped there."""
    model = a_model(n_steps=3, gamma=0.5)
    buffer = model.replay_buffer
    assert buffer is not None
    for index, done in enumerate((False, True, False, False, False)):
        observation = np.full((1, 4), float(index), np.float32)
        reward = np.array([float(index + 1)])
        buffer.add(observation, observation + 1, np.array([0]), reward, np.array([done]), [{}])
    drawn = buffer._get_samples(np.array([0, 2]))
    assert drawn.rewards[:, 0].tolist() == [1 + 0.5 * 2, 3 + 0.5 * 4 + 0.25 * 5]
    assert drawn.dones[:, 0].tolist() == [1, 0]
    assert drawn.discounts is not None
    assert float(drawn.discounts[1, 0]) == 0.125
    assert drawn.next_observations[:, 0].tolist() == [2, 5]


def test_xavier_init_has_zero_biases_and_bounded_weights(a_model: Maker) -> None:
    """Weights lie within Glorot's bound, biases are zero, and the target starts as a copy."""
    model = a_model(net_init="xavier")
    weight, bias = (parameter.detach() for parameter in list(model.q_net.parameters())[:2])
    bound = (6 / (4 + 64)) ** 0.5
    assert 0.9 * bound < float(weight.abs().max()) <= bound
    assert not bias.any()
    assert all(map(torch.equal, model.q_net.parameters(), model.q_net_target.parameters()))


def test_final_reward_is_learned_in_place_of_the_last_one(a_model: Maker) -> None:
    """The buffer holds the replaced reward; the other rewards are the env's."""
    model = a_model(final_reward=-100.0, max_episode_steps=5, learning_starts=1000)
    model.learn(10, log_interval=None)
    assert model.replay_buffer is not None
    assert model.replay_buffer.rewards[:10, 0].tolist() == [1, 1, 1, 1, -100] * 2


@pytest.mark.parametrize("beta", [0.2, 2.0])
def test_boltzmann_draws_by_the_exponent_of_q(a_model: Maker, beta: float) -> None:
    """Action frequencies are those of softmax(beta Q)."""
    model = a_model(exploration="boltzmann", boltzmann_beta=beta)
    model.q_net = Table([[0.0, 1.0]])  # type: ignore[assignment]
    np.random.seed(0)
    actions, _ = model.predict(np.zeros((4000, 4), np.float32))
    expected = 1 / (1 + np.exp(-beta))
    assert abs(actions.mean() - expected) < 4 * (expected * (1 - expected) / 4000) ** 0.5


def test_boltzmann_survives_huge_values(a_model: Maker) -> None:
    """The study's version overflowed; a Q of 1e30 is just a certain choice."""
    model = a_model(exploration="boltzmann", boltzmann_beta=2.0)
    model.q_net = Table([[0.0, 1e30]])  # type: ignore[assignment]
    actions, _ = model.predict(np.zeros((100, 4), np.float32))
    assert actions.all()


def test_with_all_switches_off_the_torch_path_is_stable_baselines3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same actions, same weights, to the bit: stock SB3 is the oracle of the training loop."""
    monkeypatch.setenv("DEEPRL_KERNEL", "torch")
    shared: dict[str, Any] = {
        "learning_starts": 100,
        "train_freq": 4,
        "target_update_interval": 100,
        "max_grad_norm": 10,
        "seed": 5,
        "device": "cpu",
    }

    def env() -> DummyVecEnv:
        return DummyVecEnv([lambda: Seeded(gymnasium.make("CartPole-v1"), seed_of=lambda episode: episode)])

    stock = stable_baselines3.DQN("MlpPolicy", env(), **shared).learn(801)
    ours = DQN("MlpPolicy", env(), double_q=False, random_warmup=True, **shared)
    ours.learn(804)  # SB3 rounds 801 up to the end of a rollout
    assert stock.num_timesteps == ours.num_timesteps
    assert stock.replay_buffer is not None
    assert ours.replay_buffer is not None
    assert np.array_equal(stock.replay_buffer.actions, ours.replay_buffer.actions)
    assert all(map(torch.equal, stock.policy.parameters(), ours.policy.parameters()))


@pytest.mark.parametrize("changes", [{}, {"dueling": True, "replay": "prioritized", "n_steps": 3}])
def test_zips_load_again(a_model: Maker, tmp_path: Path, changes: dict[str, Any]) -> None:
    """Our own load and stock SB3's give a policy with the same values."""
    model = a_model(**changes)
    model.learn(20, log_interval=None)
    model.save(tmp_path / "model.zip")
    observations = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    expected, _ = model.predict(observations, deterministic=True)
    for kind in (DQN, stable_baselines3.DQN):
        loaded = kind.load(tmp_path / "model.zip", device="cpu")
        assert loaded.predict(observations, deterministic=True)[0].tolist() == expected.tolist()
        assert all(map(torch.equal, model.policy.parameters(), loaded.policy.parameters()))
