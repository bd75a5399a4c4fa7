"""Runs on other machines: sent, watched, stopped, home byte for byte. ssh is a program that stays here."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from process_lab import PROJECT, Lab
from support import wait_until

from deeprl_tui.core.layout import RootPaths
from deeprl_tui.errors import ExitCode
from deeprl_tui.runs.homes import home_of
from deeprl_tui.supervisor.slots import LOCK_FOLDER

FAKE = Path(__file__).parents[1] / "fake_ssh.py"
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


def test_a_batch_on_two_hosts_comes_home(hosts: dict[str, Lab]) -> None:
    """Four runs on two hosts finish, and every log is here byte for byte."""
    words = ("run", "base", "--seeds", "4", "--set", "total_timesteps=1500", "--on", "one,two")
    process = deeprl(hosts["here"], *words)
    out, err = process.communicate(timeout=150)
    assert process.returncode == ExitCode.OK, out + err
    homes = set()
    for paths in RootPaths(hosts["here"].root).runs():
        home = home_of(paths)
        homes.add(home)
        there = hosts[home].root / paths.folder.relative_to(hosts["here"].root)
        assert paths.events(1).read_bytes() == (there / "events-1.jsonl").read_bytes()
    assert homes == {"one", "two"}
    assert {row["state"] for row in listed(hosts["here"]).values()} == {"finished"}


def test_stop_there_and_go_on(hosts: dict[str, Lab]) -> None:
    """A run on a host counts as running while nobody watches, stops when asked from here, and goes on."""
    here = hosts["here"]
    words = ("run", "base", "--seeds", "1", "--set", "total_timesteps=100000", "--on", "one")
    watching = deeprl(here, *words)
    run = "base+total_timesteps=100000/0"
    wait_until(lambda: listed(here).get(run, {}).get("state") == "running", 60, "the run to begin")
    watching.terminate()
    watching.communicate(timeout=30)
    assert listed(here)[run]["state"] == "running"
    out, err = deeprl(here, "stop", run).communicate(timeout=60)
    assert "done" in out, err
    with_looking = deeprl(here, "attach", "one")
    with_looking.communicate(timeout=60)
    assert listed(here)[run]["state"] == "stopped"
    out, err = deeprl(here, "resume", run).communicate(timeout=60)
    assert "done" in out, err
    (there,) = RootPaths(hosts["one"].root).runs()
    wait_until(lambda: there.events(2).exists(), 60, "the second attempt")
