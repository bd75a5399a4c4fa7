"""A project folder with runs, and a way to call `deeprl` without a process."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import WALL, make_run, spec, start, training

from deeprl_tui.cli.main import call
from deeprl_tui.core import events
from deeprl_tui.core.layout import RunPaths

PROJECT = """\
[experiments.CP_basic]
env = "CartPole-v1"
baseline = true
notes = "Balance a pole."
total_timesteps = 1000

[experiments.CP_wide]
env = "CartPole-v1"
net_arch = [512]
"""


@dataclass(frozen=True)
class Said:
    """What one call of `deeprl` returned and wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def rows(self) -> list[Any]:
        """stdout as JSON lines."""
        return [json.loads(line) for line in self.lines]


Deeprl = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPRL_LOCK_DIR", str(tmp_path / ".locks"))
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Path:
    """The same with an experiments.toml."""
    (folder / "experiments.toml").write_text(PROJECT)
    return folder


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of `root`: making them syncs the disk hundreds of times."""
    runs = tmp_path_factory.mktemp("cli") / "runs"
    make_run(runs, spec(seed=0), [(0.0, start()), *training(30), (31.0, end("finished", 300))])
    make_run(runs, spec(seed=1), [(0.0, start()), *training(10), (11.0, end("stopped", 100))])
    make_run(runs, spec(seed=2), [(0.0, start()), (1.0, end("failed", 0, "KeyError: 'gamma' (x.py:3)"))])
    make_run(runs, spec("CP_wide"))
    return runs


@pytest.fixture
def root(folder: Path, made_once: Path) -> Path:
    """A runs folder with a finished, a stopped, a failed and a waiting run."""
    return shutil.copytree(made_once, folder / "runs")


@pytest.fixture
def deeprl(capsys: pytest.CaptureFixture[str]) -> Deeprl:
    """Call `deeprl` with arguments."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        code = call(list(arguments))
        written = capsys.readouterr()
        return Said(code, written.out, written.err)

    return run


def end(outcome: events.Outcome, step: int, reason: str = "") -> events.End:
    return events.End(at=WALL + 60, outcome=outcome, step=step, reason=reason)


def one(root: Path, seed: int = 0) -> RunPaths:
    return RunPaths(root / "CP_basic" / "dqn" / f"CartPole-v1_{seed}")
