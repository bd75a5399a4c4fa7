"""However often and wherever a link is cut, runs come home byte for byte and requests are done once."""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import support
from cut_lab import Cutter

from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.link import Link

CUTS = int(os.environ.get("DEEPRL_CUTS", "2000"))
RUNS = 3
LAUNCHES = 12
DASHBOARDS = 3
PATIENCE_S = 600.0


class Campaign:
    """A host whose runs grow while its wire is cut, and dashboards that share a mirror."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.there, self.here = folder / "home" / "study" / "runs", folder / "here"
        self.there.mkdir(parents=True)
        self.here.mkdir()
        self.random = random.Random(seed)
        self.cutter = Cutter(folder / "home", seed)
        self.done = threading.Event()
        self.logs = [
            support.make_run(self.there, support.spec(seed=number), [(0.0, support.start())])
            for number in range(RUNS)
        ]
        self.links = [self._link(number) for number in range(DASHBOARDS)]
        self.answers: list[Json] = []
        self._threads = [threading.Thread(target=work) for work in (self._grow, self._ask)]

    def _link(self, number: int) -> Link:
        link = Link(
            "vm",
            self.cutter.command,
            {"folder": "~/study", "cores": 1},
            Mirror(self.here, "vm"),
            Fleet(time.time),
            monotonic=time.monotonic,
            random=random.Random(number),
        )
        self.cutter.hurry(link)
        return link

    def _grow(self) -> None:
        """Write as workers do: now a line, now hundreds."""
        episodes = [1] * RUNS
        while not self.done.wait(0.02):
            number = self.random.randrange(RUNS)
            first, many = episodes[number], self.random.choice((1, 1, 5, 40))
            timed = support.training(many, first=first, step=10 * first)
            support.write(self.logs[number], 1, timed)
            episodes[number] += many

    def _ask(self) -> None:
        """Launch one run after the other, each until the host has answered."""
        seed = RUNS
        while len(self.answers) < LAUNCHES and not self.done.wait(0.02):
            link = self.random.choice(self.links)
            try:
                told = link.call("launch", {"specs": [support.spec(seed=seed).to_json()]}, 10.0)
            except DeeprlError:
                continue  # no answer in time: it may be repeated
            self.answers.append(told)
            seed += 1

    def run(self, cuts: int) -> None:
        """Cut so often, then let everything arrive."""
        for link in self.links:
            link.start()
        for thread in self._threads:
            thread.start()
        try:
            support.wait_until(lambda: self.cutter.cuts >= cuts, PATIENCE_S, f"{cuts} cuts")
        finally:
            self.done.set()
            self.cutter.mend()
            for thread in self._threads:
                thread.join(30.0)

    def close(self) -> None:
        """End the links."""
        for link in self.links:
            link.close()
        self.cutter.close()


@pytest.fixture
def campaign(tmp_path: Path) -> Iterator[Campaign]:
    """A host and its mirror."""
    made = Campaign(tmp_path, seed=7)
    yield made
    made.close()


@pytest.mark.timeout(PATIENCE_S)
def test_cuts_at_any_byte(campaign: Campaign) -> None:
    """Three dashboards share a mirror over wires cut at random bytes; it becomes the host's, exactly."""
    campaign.run(CUTS)
    support.wait_until(same(campaign), 60.0, "the mirror to be equal")
    assert campaign.cutter.cut_within > CUTS // 3  # most cuts are not between two lines
    assert len(runs(campaign.there)) == RUNS + LAUNCHES
    assert not (campaign.here / ".archive").exists()  # nothing was taken for another run


def runs(root: Path) -> dict[str, RunPaths]:
    """Run directories, by their place in the folder."""
    return {str(paths.folder.relative_to(root)): paths for paths in RootPaths(root).runs()}


def same(campaign: Campaign) -> Callable[[], bool]:
    """Whether what is here is what is there."""

    def look() -> bool:
        here, there = runs(campaign.here), runs(campaign.there)
        return here.keys() == there.keys() and all(
            here[name].spec.read_bytes() == paths.spec.read_bytes() and log(here[name]) == log(paths)
            for name, paths in there.items()
        )

    return look


def log(paths: RunPaths) -> bytes:
    """The log of the first attempt."""
    return paths.events(1).read_bytes() if paths.events(1).exists() else b""
