"""What a worker leaves behind: budgets to the step, files that others read, errors that say what to do."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.classic_control import CartPoleEnv
from stable_baselines3.common.monitor import load_results

from deeprl_agents.dqn.dqn import DQN
from deeprl_agents.durable import GaveUpError, Patience
from deeprl_agents.envs import make
from deeprl_tui.core import events, state
from deeprl_tui.core.lock import FileLock

Maker = Callable[..., Any]


@pytest.mark.parametrize("train_freq", [1, 4, 50])
def test_step_budget_is_exact(a_trial: Maker, train_freq: int) -> None:
    """A budget that is no multiple of train_freq is not rounded up."""
    trial = a_trial(total_timesteps=303, train_freq=train_freq)
    trial.train()
    assert trial.events(events.End)[0].step == 303


@pytest.mark.parametrize("train_freq", [1, 50])
def test_episode_budget_is_exact(a_trial: Maker, train_freq: int) -> None:
    """The run ends with the step that ends its last episode."""
    trial = a_trial(total_timesteps=None, total_episodes=17, train_freq=train_freq)
    trial.train()
    view = trial.view()
    assert view.episodes == 17
    assert view.step == sum(view.curves["length"].means())
    assert isinstance(view.state, state.Finished)


def test_a_finished_run_leaves_what_sb3_and_rl_zoo_look_for(a_trial: Maker) -> None:
    """monitor.csv, evaluations.npz, best and last model, and rl-zoo's two files."""
    trial = a_trial()
    trial.train()
    paths, view = trial.paths, trial.view()
    rows = load_results(str(paths.folder))
    assert rows["l"].cumsum().tolist() == list(view.curves["return"].buckets.step)
    assert rows["r"].tolist() == list(view.curves["return"].means())
    with np.load(paths.evaluations) as arrays:
        assert arrays["timesteps"].tolist() == [500, 1000, 1500]
        assert arrays["results"].shape == arrays["ep_lengths"].shape == (3, 2)
    for model in (paths.best_model, paths.last_model("CartPole-v1")):
        DQN.load(model, device="cpu")
    assert json.loads(paths.zoo_config("CartPole-v1").read_text())["policy"] == "MlpPolicy"
    assert json.loads(paths.zoo_args("CartPole-v1").read_text())["env"] == "CartPole-v1"


def test_evaluating_does_not_change_training(a_trial: Maker) -> None:
    """A run with evaluations has the same episodes as one without."""
    often, never = a_trial("often", eval_freq=50), a_trial("never", eval_freq=0)
    often.train()
    never.train()
    assert often.view().curves["return"].means() == never.view().curves["return"].means()


def test_equal_seeds_start_episodes_in_equal_states(a_spec: Maker) -> None:
    """Start states depend on the run's seed and the episode, not on the settings or on what happened."""
    one, other = make(a_spec(), training=True), make(a_spec(gamma=0.5), training=True)
    one.reset()
    one.step(1)
    other.reset()
    assert np.array_equal(one.reset()[0], other.reset()[0])


def test_a_beat_a_second(a_trial: Maker) -> None:
    """Beats carry step, updates, CPU time, memory, rate, loss and epsilon."""
    trial = a_trial()
    ticks = iter(range(10**9))
    trial.train(monotonic=lambda: next(ticks) * 0.01)
    beat = trial.events(events.Beat)[-1]
    assert beat.step == 1500
    assert beat.updates == 1300
    assert beat.rss > 1e6
    assert beat.cpu_s > 0
    assert beat.epsilon == pytest.approx(0.01)
    assert beat.loss > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"env": "Cartpole-v0"}, "Cartpole"),
        ({"env": "Pendulum-v1"}, "Discrete"),
        ({"env": "os:system"}, "not among the code of this run"),
        ({"replay": "reservoir"}, "reservoir"),
    ],
)
def test_a_run_that_cannot_be_trained_fails_with_a_reason(
    a_trial: Maker, changes: dict[str, Any], words: str
) -> None:
    """The last word names the fault, and the exit code is 1."""
    trial = a_trial(**changes)
    assert trial.train() == 1
    (end,) = trial.events(events.End)
    assert end.outcome == "failed"
    assert words in end.reason
    assert "\n" not in end.reason


class Broken(CartPoleEnv):
    """A user's game with a bug."""

    def step(self, action: Any) -> Any:
        """Fail at once."""
        return 1 / 0


def test_an_error_in_the_user_s_code_names_its_line(a_trial: Maker, capfd: Any) -> None:
    """The reason is one line with the user's file; the whole traceback is on stderr."""
    gymnasium.register("Broken-v0", entry_point=lambda **_: Broken())
    trial = a_trial(env="Broken-v0")
    assert trial.train() == 1
    reason = trial.events(events.End)[0].reason
    assert reason.startswith("ZeroDivisionError: division by zero (test_worker.py:")
    assert reason.endswith("in step)")
    assert "Traceback" in capfd.readouterr().err


class Endless(CartPoleEnv):
    """A game without an end."""

    def step(self, action: Any) -> Any:
        """Stay."""
        return np.zeros(4, np.float32), 1.0, False, False, {}


def test_an_endless_evaluation_can_be_stopped(a_trial: Maker) -> None:
    """A greedy episode that never ends hears a request; the evaluation is still due afterwards."""
    gymnasium.register("Endless-v0", entry_point=lambda **_: Endless())
    trial = a_trial(env="Endless-v0", eval_freq=100)
    seconds = iter(range(10**9))

    def monotonic() -> float:
        now = next(seconds)
        if now == 5000:
            trial.paths.request.write_text("pause")
        return now * 0.01

    assert trial.train(monotonic=monotonic) == 0
    assert isinstance(trial.view().state, state.Paused)
    assert trial.view().step == 100
    assert trial.events(events.Eval) == []


def test_diverging_weights_are_warned_about(a_trial: Maker) -> None:
    """A loss that is not finite is said once, and the run goes on."""
    trial = a_trial(learning_rate=1e20, total_timesteps=400, save_freq=50)
    assert trial.train() == 0
    (warning,) = trial.events(events.Warn)
    assert "learning_rate" in warning.text


def test_only_one_worker_has_a_run(a_trial: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second worker of the same run leaves without a trace."""
    monkeypatch.setattr("deeprl_agents.worker.LOCK_WAIT_S", 0.0)
    trial = a_trial()
    with FileLock.acquire(trial.paths.lock, "pid 1"):
        assert trial.train() == 73
    assert not trial.paths.events(1).exists()


def full_disk(times: int) -> Callable[[], str]:
    """An action that finds no space some times."""
    left = iter(range(times))

    def act() -> str:
        if next(left, None) is not None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return "written"

    return act


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    """The write is repeated every five seconds; the status file says so meanwhile and is empty after."""
    said: list[str] = []
    status = tmp_path / "status"
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        said.append(status.read_text().strip())

    patience = Patience(status, sleep=sleep, wall_text=lambda: "noon")
    assert patience(full_disk(3)) == "written"
    assert slept == [5.0] * 3
    assert set(said) == {"disk full since noon: make room there, it goes on by itself"}
    assert status.read_text().strip() == ""
    assert status.stat().st_size == 256


def test_a_stop_is_heard_while_there_is_no_space(tmp_path: Path) -> None:
    """Nothing can be saved, but the process does not hang."""
    patience = Patience(
        tmp_path / "status", sleep=lambda _: None, wall_text=lambda: "noon", leaving=lambda: True
    )
    with pytest.raises(GaveUpError):
        patience(full_disk(5))


def test_it_learns(a_trial: Maker) -> None:
    """8,000 steps of CartPole with the study's settings: the last returns are far above random's 22."""
    trial = a_trial(
        total_timesteps=8000,
        learning_rate=1e-3,
        learning_starts=500,
        buffer_size=50_000,
        exploration_steps=3000,
        exploration_final_eps=0.02,
        eval_freq=0,
        save_freq=8000,
    )
    trial.train()
    assert np.mean(trial.view().curves["return"].recent(20)) > 60


def test_a_buffer_that_cannot_fit_is_refused(a_trial: Maker) -> None:
    """The reason names the gigabytes, before any step is taken."""
    trial = a_trial(buffer_size=10**12, total_timesteps=10**12)
    assert trial.train() == 1
    assert "GB" in trial.events(events.End)[0].reason


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a GPU here")
def test_a_gpu_that_is_not_there_is_an_error_of_the_user(a_trial: Maker) -> None:
    """Nothing is computed elsewhere in silence, and the remedy is said."""
    trial = a_trial(device="cuda")
    trial.train()
    ended = trial.events(events.End)[0]
    assert ended.outcome == "failed"
    assert 'no GPU here; write device = "cpu"' in ended.reason
