"""Runs that change hosts: what they need goes with them, and nothing of the old host comes in any more."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import support
from pull_lab import RUN, Away, Cutting, mirrored, pull

from deeprl_tui.core.events import End
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.saved import committed
from deeprl_tui.core.spec import Json
from deeprl_tui.core.state import Queued
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts import delivery, fetch, logs
from deeprl_tui.hosts.delivery import deliver
from deeprl_tui.hosts.fetch import PullError
from deeprl_tui.hosts.known import UNKNOWN
from deeprl_tui.hosts.mirror import Mirror, MovedError
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.monitor import wire
from deeprl_tui.ops import shelf
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.moves import arrived, assign, bound_for, is_home, left_host, read_moves


@pytest.fixture
def away(tmp_path: Path) -> Away:
    """A host with a run."""
    return Away(tmp_path / "away")


@pytest.fixture
def here(tmp_path: Path, away: Away) -> RunPaths:
    """Its mirror, with its newest checkpoint."""
    paths = mirrored(tmp_path / "here", away)
    pull(tmp_path / "here", Cutting(away.root))
    return paths


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The runs folder of another host."""
    folder = tmp_path / "other"
    folder.mkdir()
    return folder


def root(here: RunPaths) -> Path:
    """The runs folder of a run directory."""
    return here.folder.parents[2]


def there(folder: Path) -> RunPaths:
    """The one run of a host."""
    (paths,) = RootPaths(folder).runs()
    return paths


def test_it_goes_on_from_the_checkpoint(here: RunPaths, other: Path) -> None:
    """The host gets the logs and the checkpoint with its replay log, queued as the next attempt."""
    assign(here, "two", 2)
    assert deliver(here, Cutting(other), "moved") == "queued"
    paths = there(other)
    assert paths.checkpoint.read_bytes() == here.checkpoint.read_bytes()
    assert paths.buffer_log.stat().st_size == committed(here.checkpoint).length
    assert paths.events(1).read_bytes() == here.events(1).read_bytes()
    view = load_view(paths, held=False)
    assert isinstance(view.state, Queued)
    assert view.next_attempt == 2


def test_twice_is_once(here: RunPaths, other: Path) -> None:
    """A delivery whose answer was lost is not done again."""
    assign(here, "two", 2)
    deliver(here, Cutting(other), "moved")
    support.write(there(other), 2, [(9.0, support.start(2))])
    before = there(other).events(2).read_bytes()
    assert deliver(here, Cutting(other), "moved") == "already"
    assert there(other).events(2).read_bytes() == before


def test_broken_deliveries(here: RunPaths, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the line breaks, the run is not there or whole, and what was sent is not sent again."""
    monkeypatch.setattr(delivery, "PIECE", 4000)
    assign(here, "two", 2)
    line, breaks, sent = Cutting(other), 0, 0
    for _ in range(100):
        line.cut_after = 6
        try:
            deliver(here, line, "moved")
            break
        except HostError:
            breaks += 1
            sent = line.asked.count("put")
            assert not list(RootPaths(other).runs())
    assert breaks > 2
    assert sent < 40
    assert there(other).checkpoint.read_bytes() == here.checkpoint.read_bytes()


def test_damaged_on_the_way(here: RunPaths, other: Path) -> None:
    """What is not what was announced never becomes a run."""

    class Bad(Cutting):
        def answered(self, op: str, args: Mapping[str, Json], told: Json) -> Json:
            for path in other.rglob("checkpoint"):
                path.write_bytes(b"another one" * 460)
            return told

    assign(here, "two", 2)
    with pytest.raises(DeeprlError):
        deliver(here, Bad(other), "moved")
    assert not list(RootPaths(other).runs())


def test_a_pair_that_is_none(here: RunPaths, other: Path) -> None:
    """A checkpoint beside another replay log than it came with is not sent."""
    data = bytearray(here.buffer_log.read_bytes())
    data[100] ^= 1
    here.buffer_log.write_bytes(data)
    assign(here, "two", 2)
    with pytest.raises(PullError, match="not what was pulled"):
        deliver(here, Cutting(other), "moved")


def test_the_old_host_is_fenced(here: RunPaths, away: Away) -> None:
    """What the old host still writes after a move does not come in, by whatever way."""
    mirror = Mirror(root(here), "vm")
    assert mirror.have()
    assign(here, "two", 2)
    before = here.events(1).read_bytes()
    away.train(2)
    log = away.paths.events(1).read_bytes()
    assert mirror.append(RUN, 1, len(before), log[len(before) :]) == 0
    assert mirror.append(RUN, 2, 0, b"{}\n") == 0
    with pytest.raises(MovedError):
        mirror.describe(RUN, away.paths.spec.read_bytes())
    assert mirror.reset(RUN, "archived") is None
    assert here.events(1).read_bytes() == before
    assert not here.events(2).exists()
    assert not Mirror(root(here), "vm").have()


def test_the_old_host_gives_it_up(here: RunPaths, away: Away) -> None:
    """A host that is told so fences its worker by a higher attempt, asks it to stop and starts it no more."""
    assign(here, "two", 2)
    ((run, paths, attempt),) = left_host(root(here), "vm")
    assert (run, paths, attempt) == (RUN, here, 2)
    line = Cutting(away.root)
    told = line.ask("retire", {"spec": paths.spec.read_text(), "attempt": attempt})
    assert told == {"held": False}
    assert home_of(away.paths) == "(elsewhere)"
    assert b'"attempt": 2' in away.paths.attempt.read_bytes()


def test_another_run_of_that_name_is_left_alone(here: RunPaths, away: Away) -> None:
    """A host is not made to give up a run with other settings."""
    other = support.spec(gamma=0.5).to_json()
    Cutting(away.root).ask("retire", {"spec": other, "attempt": 2})
    assert not away.paths.host.exists()


def test_back_again(here: RunPaths, away: Away) -> None:
    """A run that comes back to a host it had left takes the place of what it had there; that is kept."""
    away.paths.host.write_text("(elsewhere)")
    support.write(here, 2, [(9.0, support.start(2))])
    assign(here, "two", 2)
    assign(here, "vm", 3)
    assert read_moves(here).left == {"two": 3}
    assert deliver(here, Cutting(away.root), "back") == "queued"
    assert there(away.root).events(3).exists()
    assert list((away.root / ".archive").rglob("run.json"))


def test_pending_until_it_arrives(here: RunPaths) -> None:
    """A run that goes somewhere is sent until it arrived, and its host is not asked for its log before."""
    assign(here, "two", 2)
    assert [run for run, _ in bound_for(root(here), "two")] == [RUN]
    assert not Mirror(root(here), "two").have()
    arrived(here)
    assert not list(bound_for(root(here), "two"))
    assert [one.run for one in Mirror(root(here), "two").have()] == [RUN]


def test_a_machine_made_anew_with_a_run_that_was_over(here: RunPaths, away: Away) -> None:
    """Results stay when their host is made anew: the run is one of this machine from then on."""
    support.write(here, 1, [(99.0, End(at=support.WALL, outcome="stopped", step=100))])
    mirror = Mirror(root(here), "vm")
    mirror.have()
    assert mirror.reset(RUN, UNKNOWN) is None
    assert not home_of(here)
    assert is_home(here)
    assert here.checkpoint.exists()


def test_a_machine_made_anew_with_an_open_run(here: RunPaths) -> None:
    """A run that was not over goes to its host again, from the newest checkpoint here."""
    mirror = Mirror(root(here), "vm")
    mirror.have()
    mirror.reset(RUN, UNKNOWN)
    assert home_of(here) == "vm"
    assert [run for run, _ in bound_for(root(here), "vm")] == [RUN]


def test_torn_line(here: RunPaths, other: Path) -> None:
    """A log that a kill tore is cut before it goes on elsewhere, as the next writer would."""
    with open(here.events(1), "ab") as log:
        log.write(b'{"half')
    assign(here, "two", 2)
    deliver(here, Cutting(other), "moved")
    assert there(other).events(1).read_bytes().endswith(b"\n")
    assert there(other).events(1).read_bytes() == here.events(1).read_bytes()


def test_no_space_there(here: RunPaths, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without space says so, and nothing appears there."""
    monkeypatch.setattr("deeprl_tui.ops.shelf.KEEP_FREE", 1 << 60)
    assign(here, "two", 2)
    with pytest.raises(DeeprlError, match="no space"):
        deliver(here, Cutting(other), "moved")
    assert not list(RootPaths(other).runs())


def test_nothing_is_written_through_a_link(here: RunPaths, other: Path, tmp_path: Path) -> None:
    """A link in the folder where a run is put together is not followed."""
    staging = RootPaths(other).run(support.spec()).folder
    staging = staging.with_name(f".{staging.name}.coming")
    staging.mkdir(parents=True)
    (staging / "checkpoint").symlink_to(tmp_path / "target")
    assign(here, "two", 2)
    with pytest.raises(DeeprlError):
        deliver(here, Cutting(other), "moved")
    assert not (tmp_path / "target").exists()


def test_pieces_fit_on_the_wire() -> None:
    """A piece of a file fits into one request and one answer."""
    assert fetch.PIECE + logs.KNOWN <= wire.MAX_LINE // 2
    assert shelf.PIECE >= fetch.PIECE
