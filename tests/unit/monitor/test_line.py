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
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.lock import FileLock
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts import ssh
from deeprl_tui.hosts.fetch import Asked
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.monitor.fleet import Fleet
from deeprl_tui.monitor.hostview import Coming
from deeprl_tui.monitor.line import Line
from deeprl_tui.ops.pulling import WAITING_S, Background
from deeprl_tui.ops.remote import Hosts
from deeprl_tui.runs.homes import remember
from deeprl_tui.runs.moves import assign, is_home

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


def test_many_under_way(line: Line, away: Away) -> None:
    """Many requests have their answers in order, also one that is refused."""
    asked = [Asked("ping", {}), Asked("fly", {}), *(Asked("files", {"run": str(RUN)}) for _ in range(500))]
    ping, fly, *files = line.ask_all(asked)
    assert isinstance(ping, dict)
    assert isinstance(fly, DeeprlError)
    assert len(files) == 500
    assert all(isinstance(one, dict) and one["held"] is False for one in files)


def test_bounded(line: Line) -> None:
    """What is asked for waits until there is room for it on the way."""
    made: list[int] = []

    def asked() -> Iterator[Asked]:
        for number in range(40):
            made.append(number)
            yield Asked("ping", {}, size=1000)

    answers = line.ask_all(asked(), window=10_000)
    next(answers)
    assert len(made) < 12
    assert len(list(answers)) == 39


def test_one_connection(line: Line) -> None:
    """Who took as many answers as he has questions leaves the connection to the next one."""
    answers = line.ask_all([Asked("ping", {})])
    next(answers)
    process = line._process
    del answers
    assert line.ask("ping", {})
    assert line._process is process


def test_who_takes_no_more_answers(line: Line) -> None:
    """Answers that nobody waits for do not reach the next one who asks."""
    answers = line.ask_all(iter([Asked("ping", {})] * 100))
    next(answers)
    del answers
    assert line.ask("files", {"run": "none/0"}) is None


def test_after_a_break(line: Line) -> None:
    """The next request makes another connection."""
    line.ask("ping", {})
    line.hang_up()
    assert line.ask("ping", {})


HELLO = "import sys, json; ask = json.loads(sys.stdin.readline()); out = sys.stdout.write; "


@pytest.mark.parametrize(
    ("says", "fault"),
    [
        ("[out('x' * 100_000) for _ in range(10_000)]", "speaks something else"),
        ("out('[' * 1_000_000 + chr(10)); sys.stdin.read()", "no JSON"),
        ("out('7' * 100_000 + chr(10)); sys.stdin.read()", "no JSON"),
        ('out(\'{"f": "answer"}\' + chr(10)); sys.stdin.read()', "answer: 'id'"),
        ("", "the connection ended"),
    ],
)
def test_a_host_that_speaks_nonsense(away: Away, line: Line, tmp_path: Path, says: str, fault: str) -> None:
    """Lines without an end, nested without an end, numbers without an end: refused by name, and hung up."""
    code = tmp_path / "nonsense.py"
    code.write_text(HELLO + says)
    serve = tmp_path / "homes" / "vm" / ".deeprl" / "serve"
    serve.write_text(f"#!/bin/sh\nexec {sys.executable} {code}\n")
    with pytest.raises(HostError, match=fault):
        line.ask("ping", {})
    assert line._process is None


def test_a_project_that_cannot_be_opened(away: Away) -> None:
    """What the host refuses is said, and the next request tries again."""
    line = Line("vm", ssh.command("vm"), {"folder": "~/../x"})
    for _ in range(2):
        with pytest.raises(DeeprlError, match="open needs a folder"):
            line.ask("ping", {})


def test_nobody_there(away: Away, tmp_path: Path) -> None:
    """A host that cannot be reached is told at once, with what to do."""
    with pytest.raises(HostError, match="no machine of this name"):
        Line("gone", ssh.command("gone"), {"folder": "~/x"}).ask("ping", {})


def test_what_a_host_was_told_is_done(away: Away, tmp_path: Path) -> None:
    """Who leaves at once waits until the host has given up what lives elsewhere."""
    here = tmp_path / "here"
    assign(mirrored(here, away), "", 2)
    fleet = Fleet(time.time)
    hosts = Hosts(here, "study", {"vm": Host("vm", "vm")}, fleet, random=random.Random(1))
    hosts.attach()
    try:
        support.wait_until(lambda: any(view.memory_total for view in fleet.snapshot().hosts), 30, "a word")
        hosts.finish()
        assert away.paths.host.exists()
    finally:
        hosts.close()


def test_another_dashboard_brings_them(away: Away, line: Line, tmp_path: Path) -> None:
    """Who comes second in the background does not wait and finds no fault; later it looks again."""
    here = tmp_path / "here"
    paths = mirrored(here, away)
    RootPaths(here).pull_lock("vm").parent.mkdir()
    told: list[Coming] = []
    background = Background(here, "vm", line, told.append, keep_free=0)
    paths.events(1).write_bytes(away.paths.events(1).read_bytes())
    with FileLock.acquire(RootPaths(here).pull_lock("vm"), "the other one"):
        assert background._round() == ""
    assert not paths.checkpoint.exists()
    assert told[-1] == Coming()
    background._waits.clear()
    assert background._round() == ""
    assert paths.checkpoint.exists()


def test_a_damaged_file_is_told(away: Away, line: Line, tmp_path: Path) -> None:
    """The dashboard says which file does not come, and it is no reason to try again at once."""
    here = tmp_path / "here"
    paths = mirrored(here, away)
    paths.events(1).write_bytes(away.paths.events(1).read_bytes())
    away.paths.checkpoint.write_bytes(b"nothing")
    told: list[Coming] = []
    assert Background(here, "vm", line, told.append, keep_free=0)._round() == ""
    assert told[-1].why.startswith("CP_basic/0: checkpoint is damaged there")


def test_the_first_checkpoint_comes_soon(away: Away, line: Line, tmp_path: Path) -> None:
    """A run that trains and has no checkpoint here is looked at every minute, not every five."""
    here, now = tmp_path / "here", 0.0
    paths = mirrored(here, away)
    paths.events(1).write_bytes(away.paths.events(1).read_bytes())
    remember(RootPaths(here), "vm", 0.0, [RUN])
    background = Background(here, "vm", line, lambda coming: None, monotonic=lambda: now, keep_free=0)
    checkpoint = away.paths.checkpoint.read_bytes()
    away.paths.checkpoint.unlink()
    background._round()
    away.paths.checkpoint.write_bytes(checkpoint)
    now = WAITING_S - 1
    background._round()
    assert not paths.checkpoint.exists()
    now = WAITING_S
    background._round()
    assert paths.checkpoint.exists()


def test_it_comes_by_itself(away: Away, tmp_path: Path) -> None:
    """Once attached, a run that ends comes home without being asked for."""
    here = tmp_path / "here"
    paths: RunPaths = mirrored(here, away)
    fleet = Fleet(time.time)
    hosts = Hosts(here, "study", {"vm": Host("vm", "vm")}, fleet, random=random.Random(1))
    hosts.pull_in_background()
    hosts.attach()
    try:
        with FileLock.acquire(away.paths.lock, "training"):
            support.wait_until(paths.checkpoint.exists, 30, "the checkpoint")
            end = End(at=support.WALL, outcome="stopped", step=100)
            support.write(away.paths, 1, [(99.0, end)])
        support.wait_until(lambda: is_home(paths), 30, "the rest")
    finally:
        hosts.close()
    (view,) = fleet.snapshot().hosts
    assert not view.coming.why
