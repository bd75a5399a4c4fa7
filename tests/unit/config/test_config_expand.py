"""Layers, sweeps and the differences to a baseline."""

import pytest

from deeprl_tui import config
from deeprl_tui.config.keys import SETTINGS

FILE = """
[project]
name = "layers"

[experiments.CP_basic]
env = "CartPole-v1"
baseline = true
solved = 195
seeds = [3, 5]
total_episodes = 2_000
gamma = 0.9
tau = 0.5
n_steps = 2

[experiments.CP_parent]
env = "CartPole-v1"
tau = 0.6
n_steps = 3

[experiments.CP_child]
extends = "CP_parent"
n_steps = 4
seeds = 2

[experiments.CP_grid]
extends = "CP_parent"
[experiments.CP_grid.sweep]
tau = [0.25, 1]
net_arch = [[64], [64, 32]]

[experiments.AB_alone]
env = "Acrobot-v1"
"""


@pytest.fixture(scope="module")
def project() -> config.Project:
    checked = config.check_bytes(FILE.encode())
    assert checked.project is not None, checked.errors
    return checked.project


@pytest.mark.parametrize(
    ("key", "value", "origin"),
    [
        ("learning_rate", 1e-4, "default"),
        ("gamma", 0.9, "baseline CP_basic"),
        ("tau", 0.6, "extends CP_parent"),
        ("n_steps", 4, "experiment"),
    ],
)
def test_the_highest_layer_wins(project: config.Project, key: str, value: object, origin: str) -> None:
    """A setting comes from the highest layer that has it, and `origin` says which."""
    child = project.experiments["CP_child"]
    assert (child.settings[key], child.origin[key]) == (value, origin)


def test_set_is_above_the_experiment(project: config.Project) -> None:
    """--set wins over every layer of the file."""
    child = config.override(project.experiments["CP_child"], {"n_steps": 7})
    assert (child.settings["n_steps"], child.origin["n_steps"]) == (7, "--set")


def test_a_budget_replaces_the_other(project: config.Project) -> None:
    """A layer that sets total_episodes takes the default's total_timesteps away."""
    child = project.experiments["CP_child"]
    assert (child.settings["total_episodes"], child.settings["total_timesteps"]) == (2000, None)
    assert child.origin["total_timesteps"] == "baseline CP_basic"


def test_every_setting_is_resolved_in_order(project: config.Project) -> None:
    """A spec has exactly the keys of SETTINGS."""
    for experiment in project.experiments.values():
        assert list(experiment.settings) == [key.name for key in SETTINGS]
        assert list(experiment.origin) == [key.name for key in SETTINGS]


def test_changes_are_told_against_the_baseline(project: config.Project) -> None:
    """`changes` names the keys that differ, the baseline's value first."""
    child = project.experiments["CP_child"]
    assert child.baseline == "CP_basic"
    assert child.changes == {"n_steps": (2, 4), "tau": (0.5, 0.6)}


def test_a_baseline_has_no_baseline(project: config.Project) -> None:
    """The baseline itself is compared with nothing."""
    basic = project.experiments["CP_basic"]
    assert (basic.baseline_of_env, basic.baseline, basic.changes) == (True, None, {})


def test_an_env_without_baseline_starts_from_the_defaults(project: config.Project) -> None:
    """Without a baseline of the env, all settings are defaults."""
    alone = project.experiments["AB_alone"]
    assert alone.baseline is None
    assert set(alone.origin.values()) == {"default"}


def test_seeds_and_solved_are_inherited(project: config.Project) -> None:
    """Seeds and the solved line come from the nearest layer that has them."""
    assert [project.experiments[name].seeds for name in ("CP_parent", "CP_child", "AB_alone")] == [
        (3, 5),
        (0, 1),
        (0,),
    ]
    assert project.experiments["CP_child"].solved == 195.0


def test_a_sweep_makes_a_grid(project: config.Project) -> None:
    """A sweep makes one experiment for each combination, and none with the plain name."""
    names = [
        "CP_grid-net_arch=64,tau=0.25",
        "CP_grid-net_arch=64x32,tau=0.25",
        "CP_grid-net_arch=64,tau=1",
        "CP_grid-net_arch=64x32,tau=1",
    ]
    assert list(project.groups["CP_grid"]) == names
    assert "CP_grid" not in project.experiments
    assert project.experiments[names[3]].settings["net_arch"] == [64, 32]
    assert project.experiments[names[3]].origin["tau"] == "sweep"


def test_specs_carry_the_resolved_settings(project: config.Project) -> None:
    """An experiment describes one run for each seed, ready for a worker."""
    first, second = project.experiments["CP_parent"].specs()
    assert (str(first.id), str(second.id)) == ("CP_parent/3", "CP_parent/5")
    assert first.digest == second.digest
    assert type(first).from_json(first.to_json()) == first


def test_equal_settings_have_equal_digests() -> None:
    """1 and 1.0 for a float make the same run."""
    both = [
        config.check_bytes(f'[experiments.A]\nenv = "CartPole-v1"\ntau = {text}'.encode()).project
        for text in ("1", "1.0")
    ]
    digests = {one.experiments["A"].specs()[0].digest for one in both if one}
    assert len(digests) == 1
