"""A project here and two hosts beside it. ssh is a program that stays on this machine."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from process_lab import PROJECT, Lab

from deeprl_tui.supervisor.slots import LOCK_FOLDER

FAKE = Path(__file__).parent / "fake_ssh.py"
HOSTS = """
[project]
name = "a study"
[hosts.one]
cores = 1
[hosts.two]
address = "me@two"
cores = 1
"""


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Lab]]:
    """A project here and two hosts; each host's part of it is ended like a project of its own."""
    monkeypatch.setenv(LOCK_FOLDER, str(tmp_path / "locks"))
    monkeypatch.setenv("DEEPRL_KERNEL", "torch")  # runs that last
    monkeypatch.setenv("DEEPRL_SSH", f"{sys.executable} {FAKE}")
    monkeypatch.setenv("DEEPRL_FAKE_HOMES", str(tmp_path / "homes"))
    labs = {}
    for name in ("one", "two"):
        home = tmp_path / "homes" / name
        (home / ".deeprl").mkdir(parents=True)
        serve = home / ".deeprl" / "serve"
        serve.write_text(f"#!/bin/sh\nexec {sys.executable} -m deeprl_tui serve\n")
        serve.chmod(0o755)
        folder = home / "deeprl" / "a-study"
        folder.mkdir(parents=True)
        labs[name] = Lab(folder)
    here = tmp_path / "here"
    here.mkdir()
    labs["here"] = Lab(here)
    labs["here"].file.write_text(HOSTS + PROJECT)
    yield labs
    for lab in labs.values():
        lab.close()


def deeprl(lab: Lab, *words: str) -> subprocess.Popen[str]:
    """Start the command line in the project."""
    return subprocess.Popen(
        [sys.executable, "-m", "deeprl_tui", *words],
        cwd=lab.file.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def listed(lab: Lab) -> dict[str, dict[str, object]]:
    """What `deeprl ls --json` says, by run."""
    out, _ = deeprl(lab, "ls", "--json").communicate(timeout=60)
    return {row["run"]: row for row in map(json.loads, out.splitlines())}
