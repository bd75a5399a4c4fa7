"""The measurement before a launch: short, real, and without traces."""

import json
from pathlib import Path

import pytest

from deeprl_agents import measure
from deeprl_tui.config import load

SPEC = load(Path(__file__).parents[2] / "experiments.toml").experiments["CP_basic"].specs((0,))[0]


def test_a_measurement_trains_and_counts() -> None:
    """Steps per second of training, and the length of random episodes."""
    found = measure.measure(SPEC, 0.2)
    assert found["steps_per_second"] > 10
    assert 10 < found["episode_length"] < 40


def test_an_env_that_cannot_be_made_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown env ends with its reason on stderr and nothing on stdout."""
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: None)
    body = json.loads(SPEC.to_json())
    unknown = type(SPEC)(SPEC.id, "Nothing-v0", body["settings"])
    assert measure.main([unknown.to_json(), "1", "0"]) != 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "Nothing-v0" in said.err
