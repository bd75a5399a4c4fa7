"""Files of a run come home whole or not at all, and go on at the byte where a line broke."""

import os
import random
from pathlib import Path

import pull_lab
import pytest
import support
from pull_lab import ENV, RUN, Away, Cutting, mirrored, pull

from deeprl_tui.core.events import Queued
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.saved import committed
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts import artefacts
from deeprl_tui.hosts.artefacts import PullError
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.runs.moves import is_home, not_home


@pytest.fixture
def away(tmp_path: Path) -> Away:
    """A host with a run."""
    return Away(tmp_path / "away")


@pytest.fixture
def here(tmp_path: Path, away: Away) -> RunPaths:
    """Its mirror."""
    return mirrored(tmp_path / "here", away)


def root(here: RunPaths) -> Path:
    """The runs folder of a run directory."""
    return here.folder.parents[2]


def usable(here: RunPaths, away: Away) -> bool:
    """Whether the checkpoint here, if there is one, has all that it needs."""
    if not here.checkpoint.exists():
        return True
    needs = committed(here.checkpoint)
    log = here.buffer(needs.generation).read_bytes()
    return log[: needs.length] == away.buffer[: needs.length] and needs.length > 0


def visible(paths: RunPaths) -> set[str]:
    """The names in a run directory."""
    return {entry.name for entry in paths.folder.iterdir() if not entry.name.startswith(".")}


def test_checkpoint_of_a_run_that_trains(here: RunPaths, away: Away) -> None:
    """The newest checkpoint comes with its part of the replay log, and the log of events."""
    pull(root(here), Cutting(away.root))
    assert here.checkpoint.read_bytes() == away.paths.checkpoint.read_bytes()
    assert here.buffer_log.read_bytes() == away.buffer[:60_000]
    assert here.events(1).read_bytes() == away.paths.events(1).read_bytes()
    assert not is_home(here)


def test_only_what_is_new(here: RunPaths, away: Away) -> None:
    """A second pull brings the rest of what grew and nothing else; a third brings nothing."""
    line = Cutting(away.root)
    pull(root(here), line)
    away.train(2)
    second = pull(root(here), line)
    assert here.buffer_log.read_bytes() == away.buffer[:120_000]
    assert 60_000 < second.bytes < 90_000
    assert pull(root(here), line).bytes == 0


def test_home(here: RunPaths, away: Away) -> None:
    """A run that is over is home once all its files are here, and not when it goes on there."""
    line = Cutting(away.root)
    away.train(2, over=True)
    assert not_home(root(here), "vm") == [RUN]
    assert pull(root(here), line).home
    assert is_home(here)
    assert not not_home(root(here), "vm")
    for path in (away.paths.last_model(ENV), away.paths.zoo_config(ENV), away.paths.best_model):
        assert (here.folder / away.paths.name(path)).read_bytes() == path.read_bytes()
    support.write(away.paths, 2, [(99.0, Queued(at=support.WALL, why="resumed"))])
    pull(root(here), line)
    assert not is_home(here)


@pytest.mark.parametrize("seed", range(6))
def test_cuts(here: RunPaths, away: Away, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the line breaks while the run goes on, a checkpoint here is always whole."""
    monkeypatch.setattr(artefacts, "PIECE", 1500)
    draw, line, cuts = random.Random(seed), Cutting(away.root), 0
    number = 1
    for _ in range(200):
        line.cut_after = draw.randint(0, 60)
        try:
            pull(root(here), line)
        except (HostError, PullError):
            cuts += 1
        assert usable(here, away)
        assert (
            away.paths.events(1)
            .read_bytes()
            .startswith(here.events(1).read_bytes() if here.events(1).exists() else b"")
        )
        if number < 4 and draw.random() < 0.3:
            number += 1
            away.train(number, over=number == 4)
        if is_home(here):
            break
    assert cuts > 5
    assert visible(away.paths) - {"lock"} == visible(here) - {"host", "pulled.json"}
    assert here.checkpoint.read_bytes() == away.paths.checkpoint.read_bytes()


def test_goes_on_at_the_byte(here: RunPaths, away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before a break is not brought again."""
    monkeypatch.setattr(artefacts, "PIECE", 1000)
    line = Cutting(away.root)
    line.cut_after = 45
    with pytest.raises(HostError):
        pull(root(here), line)
    first = line.asked.count("get")
    pull(root(here), line)
    whole = Cutting(away.root)
    other = mirrored(root(here).parent / "other", away)
    pull(root(other), whole)
    assert line.asked.count("get") == whole.asked.count("get")
    assert first > 30


def test_replaced_while_it_comes(here: RunPaths, away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that is replaced while it comes is read to its end: it fits its part of the log."""
    monkeypatch.setattr(artefacts, "PIECE", 1000)

    class Training(Cutting):
        def __call__(self, op, args, timeout=0.0):  # type: ignore[no-untyped-def]
            if self.asked.count("get") == 3 and op == "get":
                away.train(2)
            return super().__call__(op, args, timeout)

    pull(root(here), Training(away.root))
    assert committed(here.checkpoint).length == 60_000
    assert usable(here, away)


def test_rolled_back(here: RunPaths, away: Away) -> None:
    """A replay log that was written anew from an older checkpoint is noticed by its digest."""
    line = Cutting(away.root)
    away.train(2)
    pull(root(here), line)
    away.buffer = random.Random(8).randbytes(300_000)
    with open(away.paths.buffer_log, "r+b") as log:
        log.write(away.buffer[:120_000])
    pull_lab.replace(away.paths.checkpoint, pull_lab.checkpoint(0, 120_000, mark=9))
    pull(root(here), line)
    assert usable(here, away)


def test_links_and_pipes_stay_there(here: RunPaths, away: Away) -> None:
    """Only regular files of the list are handed out."""
    away.paths.best_model.unlink()
    away.paths.best_model.symlink_to("/etc/passwd")
    away.paths.evaluations.unlink()
    os.mkfifo(away.paths.evaluations)
    (away.paths.folder / "other.txt").write_text("x")
    pull(root(here), Cutting(away.root))
    assert not visible(here) & {"best_model.zip", "evaluations.npz", "other.txt"}


def test_names_from_the_host(here: RunPaths, away: Away) -> None:
    """A host that lists other names, or speaks of sizes beyond bounds, gets nothing written."""

    class Liar(Cutting):
        def __call__(self, op, args, timeout=0.0):  # type: ignore[no-untyped-def]
            if op == "files":
                return {"files": [["../../evil", 1, 1, 1], ["checkpoint", 1, 1, 1 << 60]], "held": False}
            return super().__call__(op, args, timeout)

    with pytest.raises(PullError, match="too many"):
        pull(root(here), Liar(away.root))
    assert visible(here) == {"run.json", "host"}


def test_asking_for_other_files(away: Away) -> None:
    """A client gets no file that is not of the list."""
    line = Cutting(away.root)
    with pytest.raises(DeeprlError, match="not a file that is handed out"):
        line("get", {"run": str(RUN), "file": "../../x", "identity": [1, 1, 1], "offset": 0, "limit": 9})


def test_no_space_here(here: RunPaths, away: Away) -> None:
    """Space is left for the logs: nothing is begun that would take it."""
    with pytest.raises(PullError, match="no space here"):
        pull(root(here), Cutting(away.root), keep_free=1 << 60)
    assert not here.checkpoint.exists()


def test_a_link_in_the_mirror(here: RunPaths, away: Away, tmp_path: Path) -> None:
    """A part is never written through a link."""
    target = tmp_path / "target"
    target.write_text("mine")
    inode = away.paths.buffer_log.stat().st_ino
    (here.folder / f".buffer.log.{inode}.part").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        pull(root(here), Cutting(away.root))
    assert target.read_text() == "mine"
