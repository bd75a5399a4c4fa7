"""A cloud behind a program named gcloud, and a project whose commands find it."""

from collections.abc import Iterator
from pathlib import Path

import gce_lab
import pytest

PROJECT = '[project]\nname = "My Study"\n[experiments.base]\nenv = "CartPole-v1"\n'


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[gce_lab.Compute]:
    """A cloud; the folder of the test is a project."""
    found = gce_lab.Compute()
    (tmp_path / "experiments.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with gce_lab.serve(found) as port:
        for key, value in gce_lab.stand_in(port, tmp_path / "bin").items():
            monkeypatch.setenv(key, value)
        yield found
