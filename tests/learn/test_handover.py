"""What others read of a run: Stable-Baselines3 by itself, its plots, rl-zoo, readers of the model card."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common import results_plotter
from stable_baselines3.common.monitor import load_results

from deeprl_agents.dqn.dqn import DQN
from deeprl_tui.export.card import card
from deeprl_tui.export.logs import read_log
from deeprl_tui.runs.record import record_of

Maker = Callable[..., Any]

WITHOUT_US = """\
import sys

class Nobody:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("deeprl_agents", "deeprl_tui"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nobody())
"""
"""A colleague's computer: Stable-Baselines3 is there, this project is not."""


@pytest.mark.parametrize("replay", ["uniform", "prioritized", "retention"])
def test_sb3_alone_loads_the_models(a_trial: Maker, replay: str) -> None:
    """Without this project the best model acts as it does with it."""
    trial = a_trial(replay=replay)
    trial.train()
    observations = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    expected = DQN.load(trial.paths.best_model, device="cpu").predict(observations, deterministic=True)[0]
    code = f"""{WITHOUT_US}
import numpy as np
from stable_baselines3 import DQN

observations = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
print(DQN.load(sys.argv[1], device="cpu").predict(observations, deterministic=True)[0].tolist())
"""
    assert json.loads(_python(code, str(trial.paths.best_model))) == expected.tolist()


def test_sb3_plots_the_folder(a_trial: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """load_results, ts2xy and plot_results read a run directory as one of their own."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    trial = a_trial()
    trial.train()
    folder = str(trial.paths.folder)
    rows = read_log(trial.paths).episodes
    x, y = results_plotter.ts2xy(load_results(folder), results_plotter.X_TIMESTEPS)
    assert (x.tolist(), y.tolist()) == ([row.step for row in rows], [row.score for row in rows])
    results_plotter.plot_results([folder], None, results_plotter.X_EPISODES, "CartPole")
    drawn = pyplot.gca().collections[0].get_offsets()
    assert np.asarray(drawn).tolist() == [[place, row.score] for place, row in enumerate(rows)]
    pyplot.close("all")


def test_the_code_of_the_model_card_runs(a_trial: Maker) -> None:
    """Whoever copies it out of the card gets a mean reward, without this project."""
    trial = a_trial(max_episode_steps=60)
    trial.train()
    text = card(record_of(trial.view()), read_log(trial.paths), "best_model.zip")
    code = text.partition("```python\n")[2].partition("```")[0]
    said = _python(WITHOUT_US + code, folder=trial.paths.folder)
    assert said.startswith("mean reward ")
    assert 0 < float(said.split()[2]) <= 60  # the limit of the run's own env


def test_the_code_of_a_card_for_our_own_network_runs(a_trial: Maker) -> None:
    """A dueling network needs this project, and the card says so."""
    trial = a_trial(dueling=True)
    trial.train()
    text = card(record_of(trial.view()), read_log(trial.paths), "best_model.zip")
    assert "pip install deeprl-tui" in text
    code = text.partition("```python\n")[2].partition("```")[0]
    assert _python(code, folder=trial.paths.folder).startswith("return ")


def test_rl_zoo_gets_the_time_limit(a_trial: Maker) -> None:
    """enjoy makes the env with these arguments: the limit of the run, not the env's own."""
    trial = a_trial(max_episode_steps=60)
    trial.train()
    arguments = json.loads(trial.paths.zoo_args("CartPole-v1").read_text())
    env = gymnasium.make(arguments["env"], **arguments["env_kwargs"])
    assert env.spec is not None
    assert env.spec.max_episode_steps == 60


def test_rl_zoo_itself_reads_a_run(a_trial: Maker, tmp_path: Path) -> None:
    """all_plots tells the run's last evaluation, and enjoy plays its model."""
    pytest.importorskip(
        "rl_zoo3", reason="rl_zoo3 is not installed; benchmarks/rlzoo.py sets it up and runs it"
    )
    trial = a_trial("runs/trial", total_timesteps=1500)
    trial.train()
    folder = str(trial.paths.folder.parents[1])
    plotted = _module("rl_zoo3.plots.all_plots", "-a", "dqn", "-e", "CartPole", "-f", folder, "--no-display")
    mean = np.mean([evaluation.returns for evaluation in read_log(trial.paths).evaluations[-1:]])
    assert f"{mean:.0f} +/-" in plotted
    played = _module(
        "rl_zoo3.enjoy", "--algo", "dqn", "--env", "CartPole-v1", "-f", folder,
        "--exp-id", str(trial.spec.id.seed), "--no-render", "-n", "600", "--load-best",
    )  # fmt: skip
    assert "Mean reward" in played


def _module(name: str, *arguments: str) -> str:
    code = f"from runpy import run_module; run_module({name!r}, run_name='__main__', alter_sys=True)"
    return _python(code, *arguments)


def _python(code: str, *arguments: str, folder: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        capture_output=True, text=True, timeout=100, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
