"""A run goes from host to host: it trains on as if it had never moved, and only one attempt counts."""

import io
import json
import zipfile
from pathlib import Path

import torch
from hosts_lab import deeprl, hosts, listed  # noqa: F401  a fixture
from process_lab import Lab
from support import wait_until

from deeprl_tui import ops
from deeprl_tui.config import Host
from deeprl_tui.core.events import Episode
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.log import read_lines
from deeprl_tui.errors import ExitCode
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.moves import is_home

STEPS = 30_000
RUN = f"base+total_timesteps={STEPS}/0"
WORDS = ("run", "base", "--seeds", "1", "--set", f"total_timesteps={STEPS}")


def only(lab: Lab) -> RunPaths:
    """The one run directory of a project."""
    (paths,) = RootPaths(lab.root).runs()
    return paths


def episodes(paths: RunPaths) -> list[tuple[int, float]]:
    """Steps and returns of all episodes that count: a resume drops what came after its checkpoint."""
    found: dict[int, tuple[int, float]] = {}
    for attempt in paths.attempts():
        lines, bad = read_lines(paths.events(attempt))
        assert not bad
        for line in lines:
            if isinstance(line.event, Episode):
                found[line.event.episode] = (line.event.step, line.event.r)
    return [found[number] for number in sorted(found)]


def weights(paths: RunPaths) -> dict[str, bytes]:
    """The bits of the network at the end of a run, as they are here."""
    with zipfile.ZipFile(paths.last_model("CartPole-v1")) as model, model.open("policy.pth") as file:
        tensors = torch.load(io.BytesIO(file.read()), weights_only=True)
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def begin_on(lab: dict[str, Lab], host: str, step: int) -> None:
    """Start the run on a host, and look on until it has a checkpoint here or there."""
    watching = deeprl(lab["here"], *WORDS, "--on", host)
    there = lab[host]
    try:
        wait_until(
            lambda: (
                bool(list(RootPaths(there.root).runs()))
                and (load_view(only(there), held=True).checkpoint_step or 0) >= step
            ),
            90,
            "a checkpoint on the host",
        )
    finally:
        watching.terminate()
        watching.communicate(timeout=30)


def undisturbed(lab: Lab) -> list[tuple[int, float]]:
    """The same run, trained here without a break, in a project of its own."""
    process = deeprl(lab, *WORDS, "--headless")
    out, err = process.communicate(timeout=150)
    assert process.returncode == ExitCode.OK, out + err
    return episodes(only(lab))


def test_move_mid_run(hosts: dict[str, Lab], tmp_path: Path) -> None:  # noqa: F811
    """A run that moves from one host to another ends with the episodes of a run that never moved."""
    here, one, two = hosts["here"], hosts["one"], hosts["two"]
    begin_on(hosts, "one", 1000)
    out, err = deeprl(here, "move", RUN, "--to", "two").communicate(timeout=120)
    assert "goes on from step" in out, out + err
    attach = deeprl(here, "attach", "two")
    attach.communicate(timeout=150)
    paths = only(here)
    assert listed(here)[RUN]["state"] == "finished"
    assert home_of(paths) == "two"
    assert is_home(paths)
    assert not is_held(only(one).lock)
    assert only(two).events(2).read_bytes() == paths.events(2).read_bytes()
    assert not load_view(paths).inexact
    alone = tmp_path / "alone"
    alone.mkdir()
    lab = Lab(alone)
    try:
        assert episodes(paths) == undisturbed(lab)
        assert weights(paths) == weights(only(lab))
    finally:
        lab.close()


def test_the_lost_host_comes_back(hosts: dict[str, Lab], tmp_path: Path) -> None:  # noqa: F811
    """A run that went on elsewhere while its host was away is given up there, and only one log is here."""
    here, one = hosts["here"], hosts["one"]
    begin_on(hosts, "one", 500)
    _, err = deeprl(here, "pull", "--all").communicate(timeout=60)
    home = tmp_path / "homes" / "one"
    away = home.with_name("away")
    home.rename(away)  # its worker goes on, out of reach
    out, err = deeprl(here, "move", RUN, "--to", "local").communicate(timeout=120)
    assert "does not answer" in out, out + err
    paths = only(here)
    assert not home_of(paths)
    wait_until(lambda: len(paths.attempts()) == 2, 60, "the second attempt here")
    away.rename(home)
    before = paths.events(1).read_bytes()
    looking = deeprl(here, "attach", "one")
    try:
        wait_until(lambda: only(one).host.exists(), 60, "the old host to give it up")
        wait_until(
            lambda: json.loads(only(one).attempt.read_bytes())["attempt"] > 1, 60, "its worker to be fenced"
        )
        wait_until(lambda: not is_held(only(one).lock), 60, "its worker to end")
    finally:
        looking.terminate()
        looking.communicate(timeout=30)
    assert paths.events(1).read_bytes() == before
    wait_until(lambda: listed(here)[RUN]["state"] == "finished", 120, "the run to finish here")
    found = episodes(paths)
    assert [step for step, _ in found] == sorted({step for step, _ in found})


def test_a_host_that_is_not_waited_for(hosts: dict[str, Lab], tmp_path: Path) -> None:  # noqa: F811
    """The runs of a host that was silent for too long go on by themselves on one that answers."""
    here, two = hosts["here"], hosts["two"]
    begin_on(hosts, "one", 500)
    deeprl(here, "pull", "--all").communicate(timeout=60)
    paths = only(here)
    fleet = Fleet(ops.clock)
    known = {name: Host(name, name) for name in ("one", "two")}
    links = ops.Hosts(here.root, "a study", known, fleet, old_after={"one": 1.0, "two": None}.get)
    home = tmp_path / "homes" / "one"
    home.rename(home.with_name("away"))
    try:
        links.pull_in_background()
        links.attach()
        wait_until(lambda: home_of(paths) == "two", 60, "the run to be given to the other host")
        wait_until(lambda: two.root.exists() and bool(list(RootPaths(two.root).runs())), 60, "its arrival")
        wait_until(lambda: paths.events(2).exists(), 60, "the second attempt's log")
    finally:
        links.close()
        home.with_name("away").rename(home)
    assert load_view(only(two), held=True).attempt == 2
