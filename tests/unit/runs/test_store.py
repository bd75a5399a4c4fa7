"""Run directories: made, asked, requeued, archived."""

from pathlib import Path

import pytest
from support import WALL, make_run, spec, start, training, write

from deeprl_tui.core import state
from deeprl_tui.core.events import Checkpoint, End
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.lock import FileLock
from deeprl_tui.errors import RefusedError
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.store import Already, Created, RunStore


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """An empty runs folder."""
    return RunStore(tmp_path, wall=lambda: WALL)


def test_a_new_run_is_whole_and_queued(store: RunStore) -> None:
    """It has its description and its first event, and no leftovers."""
    assert isinstance(store.create(spec()), Created)
    paths = store.paths.run(spec())
    assert sorted(entry.name for entry in paths.folder.iterdir()) == ["events-1.jsonl", "run.json"]
    assert load_view(paths).state == state.Queued(WALL, "launched")


def test_launching_twice_is_harmless(store: RunStore) -> None:
    """The second time nothing changes on disk."""
    store.create(spec())
    before = {path: path.read_bytes() for path in store.paths.root.rglob("*") if path.is_file()}
    assert isinstance(store.create(spec()), Already)
    assert {path: path.read_bytes() for path in store.paths.root.rglob("*") if path.is_file()} == before


def test_changed_settings_under_an_old_name_are_refused_with_the_keys(store: RunStore) -> None:
    """Also for another seed: all runs of an experiment share their settings."""
    store.create(spec())
    with pytest.raises(RefusedError, match=r"gamma 0\.99 → 0\.9.*--fresh"):
        store.create(spec(seed=1, gamma=0.9))


def test_a_waiting_run_stops_and_pauses_at_once(store: RunStore) -> None:
    """No worker is needed for it."""
    store.create(spec())
    paths = store.paths.run(spec())
    store.ask(paths, "pause")
    assert isinstance(load_view(paths).state, state.Paused)
    store.ask(paths, "stop")
    assert isinstance(load_view(paths).state, state.Stopped)


def test_a_living_run_is_only_asked(store: RunStore) -> None:
    """Its worker holds the lock and writes the last word itself."""
    paths = make_run(store.paths.root, spec(), [(0.0, start())])
    with FileLock.acquire(paths.lock, "pid 1"):
        store.ask(paths, "stop")
        assert paths.request.read_text() == "stop"
        assert isinstance(load_view(paths).state, state.Running)


def test_a_stopped_run_is_queued_again_as_a_new_attempt(store: RunStore) -> None:
    """What was asked before is forgotten, what was learned is not."""
    ended = [(0.0, start()), *training(3), (3.0, Checkpoint(30, 3)), (3.0, End(WALL, "stopped", 30, ""))]
    paths = make_run(store.paths.root, spec(), ended)
    paths.request.write_text("stop")
    assert store.requeue(paths, "resumed by request")
    view = load_view(paths)
    assert isinstance(view.state, state.Queued)
    assert (view.next_attempt, view.step, paths.request.exists()) == (2, 30, False)


def test_a_finished_run_is_never_queued_again(store: RunStore) -> None:
    """Nobody overwrites a terminal record."""
    paths = make_run(store.paths.root, spec(), [(0.0, start()), (1.0, End(WALL, "finished", 1000, ""))])
    assert not store.requeue(paths, "x")
    assert not store.fail(paths, "x")
    store.ask(paths, "stop")
    assert isinstance(load_view(paths).state, state.Finished)


def test_fresh_moves_old_runs_out_of_the_way(store: RunStore) -> None:
    """Nothing is deleted, and the name is free again."""
    store.create(spec())
    where = store.archive("CP_basic")
    assert where is not None
    assert RunPaths(where / "dqn" / "CartPole-v1_0").spec.exists()
    assert isinstance(store.create(spec(gamma=0.5)), Created)
    assert store.archive("unknown") is None


def test_a_living_run_is_not_archived(store: RunStore) -> None:
    """The refusal says how to stop it."""
    paths = make_run(store.paths.root, spec())
    with FileLock.acquire(paths.lock, "pid 1"), pytest.raises(RefusedError, match="deeprl stop CP_basic"):
        store.archive("CP_basic")


def test_a_torn_log_is_repaired_before_the_next_word(store: RunStore) -> None:
    """A death in the middle of a write costs that line only."""
    paths = make_run(store.paths.root, spec(), [(0.0, start()), *training(2)])
    with open(paths.events(1), "ab") as file:
        file.write(b'{"n":7,"t":3.0,"e":"epi')
    assert store.fail(paths, "killed by signal 9")
    view = load_view(paths)
    assert view.state == state.Failed(WALL, "killed by signal 9")
    assert (view.episodes, view.bad_lines) == (2, 0)


def test_a_new_attempt_continues_the_view(store: RunStore) -> None:
    """Episodes of both attempts are one curve."""
    paths = make_run(store.paths.root, spec(), [(0.0, start()), *training(2), (2.0, Checkpoint(20, 2))])
    store.requeue(paths, "retry")
    from deeprl_tui.core.events import Resume

    write(paths, 2, [(2.0, start(2)), (2.0, Resume(20, 2)), *training(2, first=3, step=20)])
    assert list(load_view(paths).curves["return"].means()) == [1.0, 2.0, 3.0, 4.0]
