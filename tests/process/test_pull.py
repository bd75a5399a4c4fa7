"""Pulls that are killed, run beside each other or find no space: the result is the host's, byte for byte."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pull_lab
import pytest
from pull_lab import Away

from deeprl_tui.core.layout import RunPaths
from deeprl_tui.runs.moves import is_home

TESTS = Path(__file__).parents[1]
SIZE = 30_000_000
KILLS = int(os.environ.get("DEEPRL_KILLS", "12"))
SERVE = '#!/bin/sh\n{python} -m deeprl_tui serve | tee --output-error=exit -a "$HOME/said"\n'


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Away:
    """A host with a run that is over, whose replay log is large; what it says is counted."""
    monkeypatch.setenv("DEEPRL_SSH", f"{sys.executable} {TESTS / 'fake_ssh.py'}")
    monkeypatch.setenv("DEEPRL_FAKE_HOMES", str(tmp_path / "homes"))
    home = tmp_path / "homes" / "vm"
    (home / ".deeprl").mkdir(parents=True)
    (home / ".deeprl" / "serve").write_text(SERVE.format(python=sys.executable))
    (home / ".deeprl" / "serve").chmod(0o755)
    made = Away(home / "study" / "runs")
    made.train(2, over=True)
    made.paths.buffer_log.write_bytes(random.Random(3).randbytes(SIZE))
    pull_lab.replace(made.paths.checkpoint, pull_lab.checkpoint(0, SIZE, mark=3))
    return made


@pytest.fixture
def here(tmp_path: Path, away: Away) -> RunPaths:
    """Its mirror, with nothing yet."""
    return pull_lab.mirrored(tmp_path / "here", away)


class Puller:
    """A program that pulls when told to."""

    def __init__(self, here: RunPaths, around: Sequence[str] = ()) -> None:
        words = [*around, sys.executable, str(TESTS / "puller.py"), str(here.folder.parents[2])]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
        )

    def begin(self) -> int:
        """Start a pull; its process."""
        return int(self._told("begin"))

    def end(self) -> list[str]:
        """Wait for it; what it said."""
        said = []
        line = self._told("end")
        while line.startswith("["):
            said.append(line)
            line = self._read()
        return said

    def _told(self, word: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)


@pytest.fixture
def puller(here: RunPaths) -> Iterator[Puller]:
    """One."""
    made = Puller(here)
    yield made
    made.close()


def arrived(here: RunPaths) -> int:
    """Bytes in a run directory, with those of parts."""
    size = 0
    for path in here.folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


def wait_for(folder: RunPaths, size: float) -> None:
    """Wait until so many bytes are in a run directory, closely."""
    deadline = time.monotonic() + 60
    while arrived(folder) < size:
        assert time.monotonic() < deadline
        os.sched_yield()


def said(away: Away) -> int:
    """Bytes of files that the host has sent."""
    return (away.root.parents[1] / "said").stat().st_size * 3 // 4


def same(here: RunPaths, away: Away) -> bool:
    """Whether all files of the run are here as they are there."""
    names = ["checkpoint", "buffer.log", "best_model.zip", "evaluations.npz", "worker.log", "events-1.jsonl"]
    pairs = [(here.folder / name, away.paths.folder / name) for name in names]
    return all(_digest(mine) == _digest(theirs) for mine, theirs in pairs)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_killed_again_and_again(here: RunPaths, away: Away, puller: Puller) -> None:
    """A pull that is killed at random moments goes on where it was: little comes twice."""
    draw = random.Random(5)
    for moment in sorted(draw.uniform(0, 0.97) * SIZE for _ in range(KILLS)):
        child = puller.begin()
        wait_for(here, moment)
        os.kill(child, signal.SIGKILL)
        puller.end()
        assert not is_home(here)
        assert not here.checkpoint.exists()
    puller.begin()
    puller.end()
    assert is_home(here)
    assert same(here, away)
    assert not list(here.folder.glob(".*.part"))
    assert said(away) < SIZE + (KILLS + 2) * 400_000


def test_two_at_once(here: RunPaths, away: Away, puller: Puller) -> None:
    """One brings the files, the other waits for it and finds them here; if the one is killed, it goes on."""
    other = Puller(here)
    try:
        child = puller.begin()
        wait_for(here, SIZE // 3)
        other.begin()
        os.kill(child, signal.SIGKILL)
        puller.end()
        puller.begin()
        told = [json.loads(line) for line in (*other.end(), *puller.end())]
    finally:
        other.close()
    assert is_home(here)
    assert same(here, away)
    assert [why for _, _, why in told] == ["", ""]
    assert sum(size for size, _, _ in told) < SIZE * 2 // 3 + 1_000_000
    assert said(away) < SIZE + 2_000_000


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare to make a small disk"
)
def test_no_space_here(here: RunPaths, away: Away) -> None:
    """A disk that is full in the middle: it is said, what came stays, and with space the rest comes."""
    root = here.folder.parents[2]
    copy = root.with_name("copy")
    shutil.copytree(root, copy)
    mount = f'mount -t tmpfs -o size=40m none {root} && cp -r {copy}/. {root} && exec "$@"'
    small = Puller(here, ["unshare", "--mount", "sh", "-c", mount, "-"])
    try:
        child = small.begin()
        inside = Path(f"/proc/{small.process.pid}/root{here.folder}")
        wait_for(RunPaths(inside), SIZE // 4)
        os.kill(child, signal.SIGSTOP)
        with contextlib.suppress(OSError), open(inside / "filler", "wb", 0) as filler:
            while filler.write(bytes(1 << 20)):
                pass
        os.kill(child, signal.SIGCONT)
        (first,) = small.end()
        assert "no space" in json.loads(first)[2].lower()
        (part,) = inside.glob(".buffer.log.*.part")
        came = part.stat().st_size
        assert came >= SIZE // 4 - 100_000
        (inside / "filler").unlink()
        small.begin()
        (second,) = small.end()
        assert json.loads(second)[1:] == [True, ""]
        assert json.loads(second)[0] <= SIZE - came + 200_000
        assert same(RunPaths(inside), away)
    finally:
        small.close()
