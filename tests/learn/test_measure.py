"""The measurement before a launch: short, real, and without traces."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from deeprl_agents import measure
from deeprl_tui.config import load
from deeprl_tui.core.trust import digest

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
    assert measure.main([unknown.to_json(), "1", "0", "/"]) != 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "Nothing-v0" in said.err


def test_code_that_is_not_trusted_is_not_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is not even imported."""
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    text = f"open({str(tmp_path / 'trace')!r}, 'w')\nMine = 1\n".encode()
    (tmp_path / "mine.py").write_bytes(text)
    settings = {**SPEC.settings, "replay": "mine:Mine"}
    own = replace(SPEC, settings=settings, code={"mine.py": digest(text)})
    assert measure.main([own.to_json(), "1", "0", str(tmp_path)]) != 0
    assert "is not trusted here" in capsys.readouterr().err
    assert not (tmp_path / "trace").exists()
