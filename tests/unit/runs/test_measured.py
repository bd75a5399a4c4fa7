"""Speeds that were measured before a launch: what is kept, what is believed, and how wide the guess is."""

from pathlib import Path

import pytest

from deeprl_tui.core.layout import RootPaths
from deeprl_tui.runs import measured
from deeprl_tui.runs.stats import LEARNED, Throughput, expected

KEY = {"host": "here", "cpu": "fast", "torch": "2"}
SPEED = Throughput(1000.0, 25.0, 0)


def test_a_measurement_is_kept_for_this_machine(tmp_path: Path) -> None:
    """What was saved comes back, one env beside the other."""
    measured.save(tmp_path / "runs", KEY, "CartPole-v1", SPEED)
    measured.save(tmp_path / "runs", KEY, "Acrobot-v1", Throughput(700.0, 500.0, 0))
    assert set(measured.load(tmp_path / "runs", KEY)) == {"CartPole-v1", "Acrobot-v1"}
    assert measured.load(tmp_path / "runs", KEY)["CartPole-v1"] == SPEED


def test_another_machine_or_version_knows_nothing(tmp_path: Path) -> None:
    """A number of another host or of another torch is not taken."""
    measured.save(tmp_path, KEY, "CartPole-v1", SPEED)
    assert measured.load(tmp_path, {**KEY, "torch": "3"}) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"machine": {"host": "here", "cpu": "fast", "torch": "2"}, "envs": []}',
        '{"machine": {"host": "here", "cpu": "fast", "torch": "2"}, "envs": {"a": {}}}',
        '{"machine": {"host": "here", "cpu": "fast", "torch": "2"},'
        ' "envs": {"a": {"steps_per_second": NaN, "episode_length": 1}}}',
    ],
)
def test_a_damaged_file_is_like_none(tmp_path: Path, text: str) -> None:
    """Whatever stands in the file, nothing fails and nothing wrong is believed."""
    RootPaths(tmp_path).throughput.write_text(text)
    assert measured.load(tmp_path, KEY) == {}


def test_a_random_policy_says_little_of_a_learned_one() -> None:
    """From random episodes of 25 steps and a limit of 200, a run of episodes takes a wide range of time."""
    left = expected({"total_timesteps": None, "total_episodes": 1000, "max_episode_steps": 200}, SPEED)
    assert left is not None
    assert left.low < 25 < 200 < left.high
    assert left.low < left.mid < left.high


def test_without_a_limit_the_range_is_a_factor() -> None:
    """An env's own limit is unknown here, so the length may grow by a factor."""
    left = expected({"total_timesteps": None, "total_episodes": 1000, "max_episode_steps": None}, SPEED)
    assert left is not None
    assert left.high == pytest.approx(25 * LEARNED * 1.3)
