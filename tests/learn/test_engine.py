"""The kernel and its numpy twin compute what torch and Stable-Baselines3 do, in whatever chunks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import stable_baselines3
import torch
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv

from deeprl_agents import build, envs
from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.dqn.rollout import Quiet
from deeprl_agents.envs.seeded import Seeded
from deeprl_agents.kernel import compile as kernel_compile
from deeprl_agents.kernel import layouts, library
from deeprl_agents.replay.base import Replay
from deeprl_tui.core import events
from deeprl_tui.errors import DeeprlError

Maker = Callable[..., DQN]

LEVELS = [level for level in ("baseline", "avx2", "avx512") if kernel_compile.library_path(level).exists()]
RUNGS = ["numpy", *LEVELS]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch, a_spec: Callable[..., Any]) -> Maker:
    """Build the model of a small run on a rung of the ladder."""

    def make(rung: str, **changes: Any) -> DQN:
        monkeypatch.setenv("DEEPRL_KERNEL", rung)
        if rung in LEVELS and rung != library.level():
            pytest.skip(f"this CPU does not run {rung}")
        spec = a_spec(**changes)
        return build.build(spec, DummyVecEnv([lambda: envs.make(spec, training=True)]))

    return make


def parameters(model: Any) -> Any:
    """All weights, online and target, and Adam's moments."""
    state: Any = model.policy.optimizer.state_dict()["state"]
    moments = [one[name].reshape(-1) for one in state.values() for name in ("exp_avg", "exp_avg_sq")]
    weights = [tensor.reshape(-1) for tensor in model.policy.state_dict().values()]
    return torch.cat([*weights, *moments]).numpy().copy()


def train(model: DQN, steps: int) -> DQN:
    """Train without output."""
    return model.learn(steps, log_interval=None)


def test_the_kernel_was_built() -> None:
    """Where a C compiler is, set-up has built the kernel, and it is as new as its sources."""
    if kernel_compile.compiler() is None:
        pytest.skip("no C compiler here")
    assert list(kernel_compile.levels()) == LEVELS
    assert library.load() is not None


SWITCHES: dict[str, dict[str, Any]] = {
    "vanilla": {"double_q": False},
    "double-q": {},
    "deep": {"net_arch": [20, 33, 7], "batch_size": 50},
    "linear": {"net_arch": []},
    "n-step": {"n_steps": 3, "timeouts": "bootstrap", "max_episode_steps": 20},
    "clip": {"max_grad_norm": 0.1},
    "clip-variable": {"max_grad_norm": 0.1, "grad_clip": "variable"},
    "soft": {"tau": 0.3, "target_update_interval": 7},
    "shaped": {"final_reward": -100.0},
    "rare": {"train_freq": 7, "gradient_steps": 3, "learning_starts": 301},
    "boltzmann": {"exploration": "boltzmann", "boltzmann_beta": 2.0},
    "episodes": {"total_episodes": 31, "total_timesteps": None},
}


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("name", SWITCHES)
def test_engines_do_what_torch_does(on: Maker, name: str, rung: str) -> None:
    """After 600 steps with a switch: the same actions, rewards and updates, weights equal within rounding."""
    theirs = train(on("torch", learning_rate=1e-4, **SWITCHES[name]), 600)
    ours = train(on(rung, learning_rate=1e-4, **SWITCHES[name]), 600)
    assert theirs.engine is None
    assert ours.engine is not None
    for column in ("actions", "rewards", "dones", "timeouts"):
        assert np.array_equal(getattr(ours.replay_buffer, column), getattr(theirs.replay_buffer, column))
    for counter in ("num_timesteps", "_episode_num", "_n_calls", "_n_updates", "exploration_rate"):
        assert getattr(ours, counter) == getattr(theirs, counter), counter
    assert ours._n_updates > 0
    assert np.allclose(parameters(ours), parameters(theirs), rtol=1e-3, atol=2e-5)
    assert np.mean(ours.take_losses()) == pytest.approx(np.mean(theirs.take_losses()), rel=0.2)


class Told(Replay):
    """Draws in Python and remembers what it is told."""

    kind = layouts.UNKNOWN

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.told: list[Any] = []

    def feedback(self, td_errors: Any, values: Any) -> None:
        """Remember."""
        self.told.append((td_errors.copy(), values.copy()))


@pytest.mark.parametrize("rung", RUNGS)
def test_a_buffer_that_draws_in_python_is_told_values_minus_targets(
    monkeypatch: pytest.MonkeyPatch, rung: str
) -> None:
    """TD errors are Q(s, a) minus the target of torch for the batch; with them comes Q(s, .)."""
    monkeypatch.setenv("DEEPRL_KERNEL", rung)
    env = DummyVecEnv([lambda: gymnasium.make("CartPole-v1", max_episode_steps=15)])
    arguments: dict[str, Any] = {"n_steps": 2, "gamma": 0.9}
    model = DQN("MlpPolicy", env, gamma=0.9, replay_buffer_class=Told, replay_buffer_kwargs=arguments, seed=0)
    train(model, 300)
    assert model.engine is not None
    model.q_net_target.load_state_dict({k: 0.5 * v for k, v in model.q_net_target.state_dict().items()})
    buffer: Any = model.replay_buffer
    state = np.random.get_state()
    batch = buffer.sample(model.batch_size)
    with torch.no_grad():
        values = model.q_net(batch.observations)
        expected = (values.gather(1, batch.actions) - model.target_values(batch))[:, 0].numpy()
    np.random.set_state(state)
    model.train(1, model.batch_size)
    errors, found = buffer.told[-1]
    assert np.allclose(errors, expected, atol=1e-5)
    assert np.allclose(found, values.numpy(), atol=1e-5)


def sb3_and_ours(steps: int, rung: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, DQN]:
    """Train stock SB3 and the vanilla settings of ours with one seed."""
    monkeypatch.setenv("DEEPRL_KERNEL", rung)
    shared: dict[str, Any] = {
        "policy_kwargs": {"net_arch": [64]},
        "learning_rate": 5e-4,
        "train_freq": 1,
        "learning_starts": 1000,
        "target_update_interval": 1000,
        "buffer_size": 3000,
        "exploration_fraction": 0.5,
        "max_grad_norm": 10,
        "seed": 3,
        "device": "cpu",
    }

    def env() -> DummyVecEnv:
        return DummyVecEnv([lambda: Seeded(gymnasium.make("CartPole-v1"), seed_of=lambda episode: episode)])

    stock = stable_baselines3.DQN("MlpPolicy", env(), **shared).learn(steps)
    ours = DQN("MlpPolicy", env(), double_q=False, random_warmup=True, **shared)
    return stock, ours.learn(steps)


@pytest.mark.parametrize("rung", ["numpy", "avx512"])
def test_the_first_5000_actions_are_those_of_stable_baselines3(
    monkeypatch: pytest.MonkeyPatch, rung: str
) -> None:
    """With vanilla settings and one seed, all of the first 5,000 steps of CartPole are the same."""
    stock, ours = sb3_and_ours(5000, rung, monkeypatch)
    assert ours.engine is not None
    assert ours.replay_buffer is not None
    for column in ("observations", "actions", "rewards", "dones"):
        assert np.array_equal(getattr(stock.replay_buffer, column), getattr(ours.replay_buffer, column))
    assert stock._n_updates == ours._n_updates == 4000


class Watch(BaseCallback):
    """Looks at every step, as SB3's callbacks may."""

    def _on_step(self) -> bool:
        assert "rewards" in self.locals
        return True


class Chunks(Quiet):
    """Looks after a few steps, never as many as before."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[int] = []

    def next_look(self) -> int:
        """Give a step some way off."""
        self.looks.append(self.model.num_timesteps)
        return self.model.num_timesteps + 1 + 37 * len(self.looks) % 90


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("settings", [{}, {"train_freq": 5, "gradient_steps": 2}], ids=["each", "fifth"])
def test_it_does_not_matter_who_looks_when(on: Maker, rung: str, settings: dict[str, Any]) -> None:
    """To the bit: one loop to the end, one in chunks, and SB3's own loop with a callback at each step."""
    results = []
    for callback in (None, Chunks(), Watch()):
        model = on(rung, **settings)
        model.learn(700, callback=callback, log_interval=None)
        stream: Any = np.random.get_state()
        results.append((parameters(model), stream[1], model._last_obs))
        if isinstance(callback, Chunks):
            assert len(callback.looks) > 10
    for result in results[1:]:
        assert all(np.array_equal(one, other) for one, other in zip(results[0], result, strict=True))


@pytest.mark.parametrize("rung", RUNGS)
def test_what_torch_loads_is_what_the_engine_goes_on_with(on: Maker, rung: str, tmp_path: Path) -> None:
    """A model saved and loaded trains on to the same weights as the one that was not."""
    whole = train(on(rung), 300)
    whole.save(tmp_path / "model.zip")
    loaded = DQN.load(tmp_path / "model.zip", env=whole.env)
    assert loaded.engine is not None
    loaded.replay_buffer = whole.replay_buffer
    loaded.set_logger(whole.logger)
    assert np.array_equal(parameters(whole), parameters(loaded))
    results = []
    for model in (whole, loaded):
        np.random.seed(1)
        model.train(5, model.batch_size)
        results.append(parameters(model))
    assert np.array_equal(*results)


@pytest.mark.parametrize("rung", RUNGS)
def test_zips_of_stable_baselines3_train_on(
    monkeypatch: pytest.MonkeyPatch, rung: str, tmp_path: Path
) -> None:
    """A stock zip loads here, ours loads there, and both go on."""
    stock, ours = sb3_and_ours(1200, rung, monkeypatch)
    stock.save(tmp_path / "stock.zip")
    ours.save(tmp_path / "ours.zip")
    here = DQN.load(tmp_path / "stock.zip", env=ours.env)
    there = stable_baselines3.DQN.load(tmp_path / "ours.zip", env=stock.env)
    assert np.array_equal(parameters(here), parameters(stock))
    assert np.array_equal(parameters(there), parameters(ours))
    for model in (here, there):
        model.learning_starts = 0
        before = model._n_updates
        model.learn(40, reset_num_timesteps=False)
        assert model._n_updates == before + 40
        assert np.isfinite(parameters(model)).all()


@pytest.mark.parametrize("rung", RUNGS)
def test_evaluations_take_the_best_action(on: Maker, rung: str) -> None:
    """The engine's greedy action is torch's."""
    model = train(on(rung), 400)
    assert model.engine is not None
    observations = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    expected, _ = model.predict(observations, deterministic=True)
    assert [model.engine.greedy(one) for one in observations] == expected.tolist()


@pytest.mark.parametrize("rung", LEVELS)
def test_the_kernel_leaves_floating_point_as_it_was(on: Maker, rung: str) -> None:
    """Denormal numbers still exist in the process after updates that flush them."""
    train(on(rung), 300)
    assert np.float32(1e-40) * np.float32(0.5) > 0


LADDER = [
    ({"dueling": True}, "network"),
    ({"pixels": True, "image_pool": 40, "frame_stack": 2, "convs": [[4, 4, 2]]}, "observations"),
]


@pytest.mark.parametrize(("changes", "why"), LADDER, ids=["dueling", "pixels"])
def test_what_the_kernel_does_not_know_goes_to_torch(on: Maker, changes: dict[str, Any], why: str) -> None:
    """The model trains on the torch path and says why."""
    model = train(on("avx512", total_timesteps=250, **changes), 250)
    assert (model.engine, model.engine_why) == (None, why)
    assert model._n_updates > 0


def test_the_rung_is_told_in_the_run(a_trial: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The log says what computed, and why it was no better."""
    monkeypatch.setenv("DEEPRL_KERNEL", "numpy")
    trial = a_trial(total_timesteps=300)
    assert trial.train() == 0
    assert trial.events(events.Backend) == [events.Backend("numpy", "DEEPRL_KERNEL is numpy")]
    assert trial.view().backend == "numpy (DEEPRL_KERNEL is numpy)"


def test_an_old_library_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the sources are newer than the library, numpy computes, and the reason is known."""
    if not LEVELS:
        pytest.skip("no C compiler here")
    monkeypatch.setattr(kernel_compile, "source_hash", lambda: "another")
    library._load.cache_clear()
    try:
        assert library.load() is None
        assert "older than its sources" in library.reason()
    finally:
        library._load.cache_clear()


def test_a_level_that_was_chosen_by_hand_is_another_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks compute by a lower level unless it is named, so a resume must tell the two apart."""
    monkeypatch.delenv("DEEPRL_KERNEL", raising=False)
    if library.level() != "avx512":
        pytest.skip("this CPU has one level for all networks")
    free = library.identity()
    monkeypatch.setenv("DEEPRL_KERNEL", "avx512")
    assert library.level(0) == "avx512"
    assert library.identity() != free


OTHERS: dict[str, dict[str, Any]] = {
    "layers": {"policy_kwargs": {"activation_fn": torch.nn.Tanh}},
    "optimizer": {"policy_kwargs": {"optimizer_class": torch.optim.RMSprop}},
    "replay ReplayBuffer": {"replay_buffer_class": ReplayBuffer},
}


@pytest.mark.parametrize("why", OTHERS)
def test_other_parts_of_torch_and_stable_baselines3_go_to_torch(why: str) -> None:
    """Other layers, optimizers and buffers train, and the reason is known."""
    env = DummyVecEnv([lambda: gymnasium.make("CartPole-v1")])
    model = train(DQN("MlpPolicy", env, learning_starts=50, seed=0, device="cpu", **OTHERS[why]), 200)
    assert (model.engine, model.engine_why) == (None, why)
    assert model._n_updates > 0


def test_an_unknown_rung_is_an_error() -> None:
    """A typing error in the variable does not silently make training slow."""
    with pytest.raises(DeeprlError, match="avx513"):
        library.highest({"DEEPRL_KERNEL": "avx513"})
