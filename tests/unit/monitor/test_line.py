"""A connection for files: each request has its answer, a break is mended, and what is wrong is said."""

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import support
from pull_lab import RUN, Away, mirrored

from deeprl_tui.config import Host
from deeprl_tui.core.events import End
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts import ssh
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.line import Line
from deeprl_tui.ops.remote import Hosts
from deeprl_tui.runs.moves import is_home

FAKE = Path(__file__).parents[2] / "fake_ssh.py"


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Away:
    """A host without a network, with a run."""
    monkeypatch.setenv("DEEPRL_SSH", f"{sys.executable} {FAKE}")
    monkeypatch.setenv("DEEPRL_FAKE_HOMES", str(tmp_path / "homes"))
    monkeypatch.setenv("DEEPRL_LOCK_DIR", str(tmp_path / "locks"))
    serve = tmp_path / "homes" / "vm" / ".deeprl" / "serve"
    serve.parent.mkdir(parents=True)
    serve.write_text(f"#!/bin/sh\nexec {sys.executable} -m deeprl_tui serve\n")
    serve.chmod(0o755)
    return Away(tmp_path / "homes" / "vm" / "deeprl" / "study" / "runs")


@pytest.fixture
def line(away: Away) -> Iterator[Line]:
    """A connection to it."""
    made = Line("vm", ssh.command("vm"), {"folder": "~/deeprl/study"})
    yield made
    made.hang_up()


def test_answers(line: Line) -> None:
    """Each request has its answer, and what cannot be done is said without losing the connection."""
    assert isinstance(line.ask("files", {"run": str(RUN)}), dict)
    with pytest.raises(DeeprlError, match="does not know 'fly'"):
        line.ask("fly", {})
    assert line.ask("files", {"run": "none/0"}) is None


def test_after_a_break(line: Line) -> None:
    """The next request makes another connection."""
    line.ask("ping", {})
    line.hang_up()
    assert line.ask("ping", {})


def test_nobody_there(away: Away, tmp_path: Path) -> None:
    """A host that cannot be reached is told at once, with what to do."""
    with pytest.raises(HostError, match="no machine of this name"):
        Line("gone", ssh.command("gone"), {"folder": "~/x"}).ask("ping", {})


def test_it_comes_by_itself(away: Away, tmp_path: Path) -> None:
    """Once attached, a run that ends comes home without being asked for."""
    here = tmp_path / "here"
    paths: RunPaths = mirrored(here, away)
    fleet = Fleet(time.time)
    hosts = Hosts(here, "study", {"vm": Host("vm", "vm")}, fleet, random=random.Random(1))
    hosts.pull_in_background()
    hosts.attach()
    try:
        support.wait_until(paths.checkpoint.exists, 30, "the checkpoint")
        support.write(away.paths, 1, [(99.0, End(at=support.WALL, outcome="stopped", step=100))])
        log = away.paths.events(1).read_bytes()
        support.wait_until(lambda: paths.events(1).read_bytes() == log, 30, "its last word")
        hosts._pull("vm")  # as at the end of its worker
        support.wait_until(lambda: is_home(paths), 30, "the rest")
    finally:
        hosts.close()
    (view,) = fleet.snapshot().hosts
    assert not view.coming.why
