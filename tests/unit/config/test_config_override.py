"""--set, --seeds and names of a command line."""

import pytest

from deeprl_tui import config
from deeprl_tui.errors import ConfigError, UnknownNameError

FILE = """
[experiments.CP_basic]
env = "CartPole-v1"
baseline = true
total_episodes = 2_000
seeds = [4, 9]

[experiments.CP_gamma]
env = "CartPole-v1"
[experiments.CP_gamma.sweep]
gamma = [0.5, 0.9]

[experiments.CP_wide]
env = "CartPole-v1"
net_arch = [512]
"""

EXAMPLES = "it has CP_basic, CP_gamma-gamma=0.5, CP_gamma-gamma=0.9, CP_wide, ..."


@pytest.fixture(scope="module")
def project() -> config.Project:
    checked = config.check_bytes(FILE.encode())
    assert checked.project is not None, checked.errors
    return checked.project


def derived(project: config.Project, *sets: str) -> config.Experiment:
    return config.override(project.experiments["CP_basic"], dict(config.parse_override(one) for one in sets))


@pytest.mark.parametrize(
    ("sets", "name"),
    [
        (["total_timesteps=20000"], "CP_basic+total_timesteps=20000"),
        (["total_timesteps=20_000", "total_episodes=none"], "CP_basic+total_timesteps=20000"),
        (["tau=0.5", "gamma=0.9"], "CP_basic+gamma=0.9+tau=0.5"),
        (["net_arch=[64, 32]"], "CP_basic+net_arch=64x32"),
        (["net_arch=64x32"], "CP_basic+net_arch=64x32"),
        (["net_arch=64"], "CP_basic+net_arch=64"),
        (["learning_rate=0.0000001"], "CP_basic+learning_rate=1e-7"),
        (["gamma=1"], "CP_basic+gamma=1"),
        (["max_grad_norm=10"], "CP_basic+max_grad_norm=10"),
        (["replay=prioritized"], "CP_basic+replay=prioritized"),
        (['replay="prioritized"'], "CP_basic+replay=prioritized"),
        (["dueling=true"], "CP_basic+dueling=true"),
        (["convs=[[32, 8, 4], [64, 4, 2]]"], "CP_basic+convs=32x8x4_64x4x2"),
        (["gamma=0.99"], "CP_basic"),
        (["total_episodes=2000"], "CP_basic"),
        (["total_timesteps=none"], "CP_basic"),
    ],
)
def test_a_derived_name_says_what_was_set(project: config.Project, sets: list[str], name: str) -> None:
    """The name tells the settings that changed, sorted, and is plain if nothing did."""
    assert derived(project, *sets).name == name


def test_a_derived_experiment_is_compared_with_its_baseline(project: config.Project) -> None:
    """What is derived from the baseline itself is compared with it."""
    shorter = derived(project, "total_timesteps=20000")
    assert (shorter.baseline, shorter.baseline_of_env) == ("CP_basic", False)
    assert shorter.changes == {"total_episodes": (2000, None), "total_timesteps": (None, 20000)}


def test_overrides_add_up(project: config.Project) -> None:
    """An override of a derived experiment is named from the plain one, and can take back what was set."""
    once = derived(project, "gamma=0.9", "total_timesteps=5")
    twice = config.override(once, {"tau": 0.5, "total_episodes": 7})
    assert twice.name == "CP_basic+gamma=0.9+tau=0.5+total_episodes=7"
    assert config.override(once, {"gamma": 0.99, "total_episodes": 2000}).name == "CP_basic"


@pytest.mark.parametrize(
    ("sets", "messages"),
    [
        (["gama=0.9"], ["--set gama: unknown key; did you mean gamma?"]),
        (["lr=0.9"], ["--set lr: is a key of the 2017 study; write learning_rate"]),
        (["gamma"], ["--set gamma: is not KEY=VALUE; write --set gamma=0.9"]),
        (["seeds=3"], ["--set seeds: is not a setting; use --seeds"]),
        (["env=Acrobot-v1"], ["--set env: is not a setting; write it into experiments.toml"]),
        (["n_steps=1.0"], ["--set n_steps: must be an integer, not a float; write 1"]),
        (["buffer_size=1e6"], ["--set buffer_size: must be an integer, not a float; write 1000000"]),
        (["dueling=True"], ["--set dueling: must be true or false, not a string; write true"]),
        (["batch_size=none"], ["--set batch_size: cannot be none; write 32"]),
        (
            ["total_timesteps=1", "total_episodes=1"],
            ["--set total_episodes: stands beside total_timesteps; a run has one budget: set one"],
        ),
        (
            ["total_episodes=none"],
            ["--set total_timesteps: is none, and so is total_episodes; give the run one of the two"],
        ),
        (
            ["gamma=2", "n_steps=0"],
            ["--set gamma: must be at most 1, not 2", "--set n_steps: must be at least 1, not 0"],
        ),
        (
            ["buffer_size=8"],
            ["--set batch_size: 32 is more than buffer_size 8; make the buffer larger"],
        ),
        (
            [
                f"net_arch={'x'.join(['128'] * 16)}",
                "exploration_initial_eps=0.123456789012",
                "tau=0.123456789",
            ],
            ["--set: makes a name of 136 letters, at most 120 are allowed; write an experiment with it"],
        ),
    ],
)
def test_a_bad_override_is_explained(project: config.Project, sets: list[str], messages: list[str]) -> None:
    """All problems of --set are told at once, with remedies."""
    with pytest.raises(ConfigError) as caught:
        derived(project, *sets)
    assert [str(one) for one in caught.value.problems] == messages


def test_a_value_cannot_smuggle_in_another_key() -> None:
    """A line break in a value is text, not TOML."""
    assert config.parse_override("gamma=0.9\ntau = 1") == ("gamma", "0.9\ntau = 1")


@pytest.mark.parametrize(
    ("text", "first", "seeds"),
    [
        ("3", 0, (0, 1, 2)),
        ("3", 4, (4, 5, 6)),
        ("0,3,7", 4, (0, 3, 7)),
        ("0-4", 9, (0, 1, 2, 3, 4)),
        ("7,", 0, (7,)),
        (" 0-1, 9 ", 0, (0, 1, 9)),
    ],
)
def test_seeds_are_a_count_or_a_list(text: str, first: int, seeds: tuple[int, ...]) -> None:
    """A count goes on from the experiment's first seed; lists and ranges say what they mean."""
    assert config.parse_seeds(text, first) == seeds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "--seeds 0: is a count, and 0 runs nothing; write [0] for the seed 0"),
        ("1,1", "--seeds 1,1: has the seed 1 twice; remove one"),
        ("4-0", "--seeds 4-0: goes backwards; write 0-4"),
        ("-1", "--seeds -1: is not a count or a list of seeds; write 5, or 0,3,7, or 0-4"),
        ("0-99999999", "--seeds 0-99999999: has more than 10000 seeds"),
    ],
)
def test_bad_seeds_are_explained(text: str, message: str) -> None:
    """Seeds that make no sense are refused with a remedy."""
    with pytest.raises(ConfigError) as caught:
        config.parse_seeds(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["CP_wide", "CP_basic", "CP_wide"], ["CP_wide", "CP_basic"]),
        (["CP_gamma"], ["CP_gamma-gamma=0.5", "CP_gamma-gamma=0.9"]),
        (["*wide"], ["CP_wide"]),
        (["CP_basic+gamma=0.9+net_arch=64x64"], ["CP_basic+gamma=0.9+net_arch=64x64"]),
    ],
)
def test_names_select_experiments(project: config.Project, wanted: list[str], found: list[str]) -> None:
    """Names, sweeps, patterns and derived names select, each experiment once."""
    assert [one.name for one in config.select(project, wanted)] == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CP_basik", 'experiments.toml: no experiment "CP_basik"; did you mean CP_basic?'),
        ("zz", 'experiments.toml: no experiment "zz"; ' + EXAMPLES),
        ("X*", 'experiments.toml: no experiment matches "X*"; ' + EXAMPLES),
    ],
)
def test_an_unknown_name_gets_the_nearest(project: config.Project, name: str, message: str) -> None:
    """A name that finds nothing is an error with the nearest name or with examples."""
    with pytest.raises(UnknownNameError) as caught:
        config.select(project, [name])
    assert str(caught.value) == message
