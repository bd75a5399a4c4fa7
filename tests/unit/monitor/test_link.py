"""A host's runs come home over a link that breaks: byte for byte, and every request is done once."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import support

import deeprl_tui
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.spec import FORMAT, RunId
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts import ssh
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.monitor import link as linking
from deeprl_tui.monitor.fleet import Fleet, HostView
from deeprl_tui.monitor.link import Link
from deeprl_tui.runs.homes import home_of

FAKE = Path(__file__).parents[2] / "fake_ssh.py"
RUN = RunId("CP_basic", 0)
PATIENCE_S = 30.0
OTHER = """-c '
import deeprl_tui
from pathlib import Path
from deeprl_tui.ops import serving
deeprl_tui.__version__, serving.FORMAT = "9.9", {format}
serving.speak(serving.Server(Path.home()), 0, 1)'"""


class Lab:
    """A host in a folder, and this machine in another."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "homes" / "vm"
        self.there = self.home / "deeprl" / "study" / "runs"
        self.here = folder / "here"
        self.there.mkdir(parents=True)
        self.here.mkdir()
        self.fleet = Fleet(time.time)
        self.links: list[Link] = []
        (self.home / ".deeprl").mkdir()
        self.serve_with("-m deeprl_tui serve")

    def serve_with(self, words: str) -> None:
        """Let the host answer with another Python program than ours."""
        serve = self.home / ".deeprl" / "serve"
        serve.write_text(f"#!/bin/sh\nexec {sys.executable} {words}\n")
        serve.chmod(0o755)

    def host(self) -> HostView:
        """What is known of the host."""
        return next(iter(self.fleet.snapshot().hosts), HostView("vm"))

    def link(self) -> Link:
        """Connect."""
        link = Link(
            "vm",
            ssh.command("vm", client=[sys.executable, str(FAKE)]),
            {"folder": "~/deeprl/study", "cores": 1},
            Mirror(self.here, "vm"),
            self.fleet,
            monotonic=time.monotonic,
            random=random.Random(1),
        )
        self.links.append(link)
        link.start()
        return link

    def log(self) -> bytes:
        """What is here of the run's log."""
        found = list(RootPaths(self.here).runs())
        return found[0].events(1).read_bytes() if found and found[0].events(1).exists() else b""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A host without a network."""
    monkeypatch.setenv("DEEPRL_FAKE_HOMES", str(tmp_path / "homes"))
    monkeypatch.setenv("DEEPRL_LOCK_DIR", str(tmp_path / "locks"))
    made = Lab(tmp_path)
    yield made
    for link in made.links:
        link.close()


def until(true: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def grow(paths: RunPaths, episodes: range) -> None:
    """Append to a log as a worker does."""
    support.write(paths, 1, support.training(len(episodes), first=episodes.start, step=10 * episodes.start))


def test_a_run_comes_home(lab: Lab) -> None:
    """The log of a run arrives, and what is appended follows."""
    paths = support.make_run(lab.there, support.spec(), [(0.0, support.start())])
    lab.link()
    until(lambda: lab.log() == paths.events(1).read_bytes())
    grow(paths, range(1, 20))
    until(lambda: lab.log() == paths.events(1).read_bytes())
    (mirrored,) = RootPaths(lab.here).runs()
    assert home_of(mirrored) == "vm"
    assert mirrored.spec.read_bytes() == paths.spec.read_bytes()


def test_killed_links(lab: Lab) -> None:
    """However often the connection dies, nothing comes twice and nothing is lost."""
    paths = support.make_run(lab.there, support.spec(), [(0.0, support.start())])
    done = threading.Event()

    def write() -> None:
        for first in range(1, 400, 10):
            grow(paths, range(first, first + 10))
            done.wait(0.02)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    kills = 0
    while not done.is_set() or kills < 5:
        link = lab.link()
        size = len(lab.log())
        until(lambda size=size: len(lab.log()) > size or done.is_set())  # type: ignore[misc]
        link.close()
        kills += 1
    writer.join()
    lab.link()
    until(lambda: lab.log() == paths.events(1).read_bytes())


def test_replaced_there(lab: Lab) -> None:
    """A run that was made anew on the host is put aside here, and comes again."""
    paths = support.make_run(lab.there, support.spec(), [(0.0, support.start())])
    first = lab.link()
    until(lambda: bool(lab.log()))
    first.close()
    subprocess.run(["rm", "-r", str(paths.folder)], check=True)
    paths = support.make_run(lab.there, support.spec(), [(9.0, support.start())])
    lab.link()
    until(lambda: lab.log() == paths.events(1).read_bytes())
    assert list((lab.here / ".archive").rglob("events-1.jsonl"))


def test_launch_once(lab: Lab) -> None:
    """A launch that is asked for twice makes one run."""
    link, specs = lab.link(), [support.spec().to_json()]
    assert link.call("launch", {"specs": specs}, PATIENCE_S) == {str(RUN): "created"}
    assert link.call("launch", {"specs": specs}, PATIENCE_S) == {str(RUN): "already"}


def test_unknown_request(lab: Lab) -> None:
    """What a host does not know is refused in words, and the link goes on."""
    link = lab.link()
    with pytest.raises(DeeprlError, match="does not know 'fly'"):
        link.call("fly", {}, PATIENCE_S)
    assert link.call("ping", {}, PATIENCE_S)


def test_unreachable(lab: Lab) -> None:
    """A host that cannot be reached is a state with a reason, and a request to it ends in time."""
    lab.home.rename(lab.home.with_name("gone"))
    link = lab.link()
    until(lambda: bool(lab.fleet.snapshot().hosts))
    (host,) = lab.fleet.snapshot().hosts
    assert "no machine of this name" in host.fault
    with pytest.raises(DeeprlError, match="no machine of this name"):
        link.call("ping", {}, 0.1)


def test_other_version_there(lab: Lab) -> None:
    """Another version that writes runs alike is warned of, with the remedy, and its runs come home."""
    paths = support.make_run(lab.there, support.spec(), [(0.0, support.start())])
    lab.serve_with(OTHER.format(format=FORMAT))
    lab.link()
    until(lambda: lab.log() == paths.events(1).read_bytes())
    assert lab.host().warning == f"runs deeprl-tui 9.9, here is {deeprl_tui.__version__}: deeprl push vm"


def test_other_format_there(lab: Lab) -> None:
    """A version that writes runs differently is not read: the fault names both versions and the remedy."""
    lab.serve_with(OTHER.format(format=FORMAT + 1))
    lab.link()
    until(lambda: bool(lab.host().fault))
    assert lab.host().fault == (
        f"runs deeprl-tui 9.9, here is {deeprl_tui.__version__}: other run directories; deeprl push vm"
    )


def test_what_cannot_be_kept_comes_later(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a log cannot be written here the host stays in sight and it is said; then the log comes."""
    monkeypatch.setattr(linking, "KEEP_AGAIN_S", 0.1)
    paths = support.make_run(lab.there, support.spec(), [(0.0, support.start())])
    Mirror(lab.here, "vm").describe(RUN, paths.spec.read_bytes())
    (mirrored,) = RootPaths(lab.here).runs()
    mirrored.events(1).mkdir()  # stands for a disk that takes nothing
    link = lab.link()
    until(lambda: "cannot be kept here (is a directory)" in lab.host().warning)
    assert link.call("ping", {}, PATIENCE_S)
    until(lambda: lab.host().memory_total > 0)
    assert not lab.host().fault
    mirrored.events(1).rmdir()
    until(lambda: lab.log() == paths.events(1).read_bytes())
    until(lambda: not lab.host().warning)
