"""A host drops what is here, or what was left behind, and nothing else."""

from pathlib import Path

import pull_lab
import pytest
import support
from pull_lab import RUN, Away, Cutting, mirrored, pull

from deeprl_tui.core.events import Checkpoint
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.lock import FileLock
from deeprl_tui.errors import DeeprlError, RefusedError
from deeprl_tui.hosts.known import UNKNOWN
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.ops.tidying import Holding, left_on, look, tidy
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.moves import ELSEWHERE, arrived, assign, left_host, read_moves


@pytest.fixture
def away(tmp_path: Path) -> Away:
    """A host with a run that is over."""
    host = Away(tmp_path / "away")
    host.train(2, over=True)
    return host


@pytest.fixture
def here(tmp_path: Path, away: Away) -> RunPaths:
    """Its mirror, with all its files."""
    paths = mirrored(tmp_path / "here", away)
    assert pull(tmp_path / "here", Cutting(away.root)).home
    return paths


@pytest.fixture
def line(away: Away) -> Cutting:
    """A connection to the host."""
    return Cutting(away.root)


def root(here: RunPaths) -> Path:
    """The runs folder of a run directory."""
    return here.folder.parents[2]


def held(here: RunPaths, line: Cutting) -> Holding:
    """What the host holds of the one run."""
    (holding,) = look(line, left_on(root(here), "vm"))
    return holding


def names(paths: RunPaths) -> set[str]:
    """What is in a run directory."""
    return {path.relative_to(paths.folder).as_posix() for path in paths.folder.rglob("*")}


def test_a_run_that_is_home(here: RunPaths, away: Away, line: Cutting) -> None:
    """Its host drops it, it is one of this machine from then on, and nothing of it is lost here."""
    before = names(here)
    holding = held(here, line)
    assert (holding.stays, holding.bytes > 100_000) == ("", True)
    tidy(root(here), "vm", line, holding)
    assert not list(RootPaths(away.root).runs())
    assert not [path for path in away.root.rglob("*") if path.is_file()]
    assert names(here) == before - {"host"}
    assert not home_of(here)
    assert not list(left_host(root(here), "vm"))
    assert not left_on(root(here), "vm")


def test_the_host_forgets_it(here: RunPaths, line: Cutting) -> None:
    """When the host says that it does not know the run, the results stay where they are."""
    mirror = Mirror(root(here), "vm")
    mirror.have()
    tidy(root(here), "vm", line, held(here, line))
    assert mirror.reset(RUN, "archived") is None
    assert mirror.reset(RUN, UNKNOWN) is None
    assert here.checkpoint.exists()


def test_a_run_that_is_not_home(here: RunPaths, away: Away, line: Cutting) -> None:
    """It is not even asked about."""
    support.write(here, 2, [(99.0, support.start(2))])
    assert not left_on(root(here), "vm")


@pytest.mark.parametrize(
    "name", ["best_model.zip", "worker.log", "1.monitor.csv", "checkpoint", "buffer.log"]
)
def test_a_file_that_is_another_one_here(here: RunPaths, away: Away, line: Cutting, name: str) -> None:
    """The digests are compared at that moment: what was noted before does not count."""
    data = bytearray((here.folder / name).read_bytes())
    data[-100 if name == "checkpoint" else 5] ^= 1
    (here.folder / name).write_bytes(data)
    with pytest.raises(RefusedError, match=f"{name} is not what is here"):
        tidy(root(here), "vm", line, held(here, line))
    assert away.paths.checkpoint.exists()
    assert home_of(here) == "vm"
    assert not list(left_host(root(here), "vm"))


def test_a_file_that_is_missing_here(here: RunPaths, away: Away, line: Cutting) -> None:
    """It is named, and the run stays there."""
    here.best_model.unlink()
    assert held(here, line).stays == "best_model.zip is not here"


def test_a_file_that_came_since(here: RunPaths, away: Away, line: Cutting) -> None:
    """A host refuses when it has more than what was looked at."""
    holding = held(here, line)
    (away.paths.folder / "late.gif").write_bytes(b"a film")
    with pytest.raises(RefusedError, match=r"late\.gif, which is not here"):
        tidy(root(here), "vm", line, holding)
    assert home_of(here) == "vm"


def test_a_file_of_somebody(here: RunPaths, away: Away, line: Cutting) -> None:
    """A file that is none of ours keeps the whole run directory."""
    (away.paths.folder / "notes.txt").write_text("mine")
    with pytest.raises(RefusedError, match=r"notes\.txt, which is not here"):
        tidy(root(here), "vm", line, held(here, line))
    assert away.paths.checkpoint.exists()


def test_a_run_that_was_resumed_there(here: RunPaths, away: Away, line: Cutting) -> None:
    """Nothing is taken from a living worker."""
    holding = held(here, line)
    with FileLock.acquire(away.paths.lock, "training"):
        assert held(here, line).stays == "runs there"
        with pytest.raises(RefusedError, match="is running there"):
            tidy(root(here), "vm", line, holding)
    assert away.paths.checkpoint.exists()


def test_another_run_of_that_name(here: RunPaths, away: Away, line: Cutting) -> None:
    """A run with other settings is not this one."""
    holding = held(here, line)
    other = support.spec(gamma=0.5).to_json()
    with pytest.raises(RefusedError, match="is another run there"):
        line.ask("drop", {"spec": other, "files": dict(holding.files)})
    assert away.paths.checkpoint.exists()


def test_the_answer_is_lost(here: RunPaths, away: Away) -> None:
    """The run is here whatever became of it there; the next time it is done."""

    class Lost(Cutting):
        def answered(self, op, args, told):  # type: ignore[no-untyped-def]
            if op == "drop":
                raise HostError("the line broke", place="vm", kind="lost")
            return told

    with pytest.raises(HostError):
        tidy(root(here), "vm", Lost(away.root), held(here, Lost(away.root)))
    assert not home_of(here)
    assert here.checkpoint.exists()
    assert not list(look(Cutting(away.root), left_on(root(here), "vm")))


def moved(here: RunPaths, away: Away) -> None:
    """Let the run go on on another host, which has trained to a checkpoint that is here."""
    assign(here, "two", 2)
    arrived(here)
    away.paths.host.write_text(ELSEWHERE)
    support.write(here, 2, [(9.0, support.start(2)), (20.0, Checkpoint(500, 5, 100, 0.1))])
    pull_lab.replace(here.checkpoint, pull_lab.checkpoint(0, 60_000, mark=9))


def test_a_run_that_went_on_elsewhere(here: RunPaths, away: Away, line: Cutting) -> None:
    """Its old host drops it once a newer checkpoint is here, also what it wrote after the move."""
    moved(here, away)
    away.train(3)
    holding = held(here, line)
    assert holding.stays == ""
    tidy(root(here), "vm", line, holding)
    assert not list(RootPaths(away.root).runs())
    assert home_of(here) == "two"
    assert not here.moves.exists()


def test_not_before_the_new_host_has_a_checkpoint(tmp_path: Path) -> None:
    """Until then what the old host has is the newest that there is."""
    away = Away(tmp_path / "away")
    here = mirrored(tmp_path / "here", away)
    pull(tmp_path / "here", Cutting(away.root))
    assign(here, "two", 2)
    support.write(here, 2, [(9.0, support.start(2))])
    assert "no newer checkpoint" in held(here, Cutting(away.root)).stays


def test_a_film_of_the_old_host(here: RunPaths, away: Away, line: Cutting) -> None:
    """What no newer checkpoint replaces must be here."""
    moved(here, away)
    (away.paths.folder / "first.gif").write_bytes(b"a film")
    assert held(here, line).stays == "first.gif is not here"


def test_another_log_under_its_name(here: RunPaths, away: Away, line: Cutting) -> None:
    """A log that does not begin with what is here is none that was left behind."""
    moved(here, away)
    data = bytearray(away.paths.events(1).read_bytes())
    data[5] ^= 1
    away.paths.events(1).write_bytes(data)
    with pytest.raises(DeeprlError, match="is not what is here"):
        tidy(root(here), "vm", line, held(here, line))
    assert read_moves(here).left == {"vm": 2}
