"""The index: never the truth, and never in the way."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from runs_lab import make_runs
from support import WALL, make_run, spec, start, training, wait_until, write

from deeprl_tui.core.events import End, Event
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.state import RunView
from deeprl_tui.ops.results import read_records
from deeprl_tui.runs import index as indexing
from deeprl_tui.runs.index import Entry, Index, read
from deeprl_tui.runs.record import Record
from deeprl_tui.runs.store import RunStore

DONE: list[tuple[float, Event]] = [(0.0, start()), *training(20), (21.0, End(WALL, "finished", 200))]


def folders(root: Path) -> list[str]:
    """All run directories."""
    return [str(paths.folder) for paths in RootPaths(root).runs()]


def known(root: Path) -> list[Record]:
    """What an index that was just opened knows."""
    index = Index(root)
    return [entry.record for folder in folders(root) if (entry := index.entry(folder)) is not None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twelve runs of four experiments, with an index."""
    make_runs(tmp_path, 12, episodes=60, seeds=3)
    read_records(tmp_path)
    return tmp_path


def test_the_index_knows_what_was_read(root: Path) -> None:
    """Every field, from the file alone."""
    assert known(root) == [read_fresh(folder) for folder in folders(root)]
    assert len(known(root)) == 12


def read_fresh(folder: str) -> Record:
    """The record of a run at rest, from its log."""
    found = read(folder)
    assert isinstance(found, Entry)
    return found.record


def test_seeds_share_what_they_share(root: Path) -> None:
    """Memory for 10,000 runs is that of 1,000 settings."""
    records = known(root)
    assert records[0].settings is records[1].settings
    assert records[0].settings is not records[3].settings


@pytest.mark.parametrize("change", ["log", "file", "spec", "requeue", "gone"])
def test_a_changed_run_directory_is_read_again(root: Path, change: str) -> None:
    """Whatever was done to it: the stamp is another."""
    paths = next(RootPaths(root).runs())
    if change == "log":
        write(paths, 1, [(99.0, End(WALL, "stopped", 1))])
    elif change == "file":
        (paths.folder / "new").touch()
    elif change == "spec":
        paths.spec.write_text(paths.spec.read_text() + " ")
    elif change == "requeue":
        write(paths, 1, [(99.0, End(WALL, "stopped", 1))])
        RunStore(root).requeue(paths, "again")
    else:
        paths.folder.rename(root / "elsewhere")
    assert len(known(root)) == 11


def test_only_runs_at_rest_are_entries(tmp_path: Path) -> None:
    """Over, and its lock is free."""
    lives = make_run(tmp_path, spec(), [(0.0, start())])
    ends = make_run(tmp_path, spec("ends"), DONE)
    assert isinstance(read(str(lives.folder)), RunView)
    with FileLock.acquire(ends.lock, "pid 1"):
        assert isinstance(read(str(ends.folder)), RunView)
    assert isinstance(read(str(ends.folder)), Entry)


def test_no_damage_of_the_file_is_more_than_runs_read_again(root: Path) -> None:
    """Cut, changed, doubled, of another format: what is still told is true, and it mends itself."""
    path, draw = RootPaths(root).index, random.Random(3)
    good, truth = path.read_bytes(), known(root)
    for _ in range(100):
        data = bytearray(good)
        match draw.randrange(5):
            case 0:
                del data[draw.randrange(len(data)) :]
            case 1:
                data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
            case 2:
                at = draw.randrange(len(data))
                data[at:at] = draw.randbytes(draw.randrange(200))
            case 3:
                at = draw.randrange(len(data))
                del data[at : at + draw.randrange(2000)]
            case _:
                data += data[draw.randrange(len(data)) :]
        path.write_bytes(data)
        assert all(record in truth for record in known(root))
        assert read_records(root) == (truth, [])
        assert known(root) == truth


@pytest.mark.parametrize("row", [
    [], {}, None, "text", ["key"], ["key", 3], ["key", [1, 2]], ["key", [None] * 8],
    ["../../x", "key", [0] * 7, []], ["CP/dqn/x_0", "nokey", [0] * 7, [None] * 37],
    ["CP/dqn/x_0", "key", ["a"] * 7, []], [[[[]]]],
])  # fmt: skip
def test_rows_with_a_good_checksum_are_not_trusted_either(root: Path, row: object) -> None:
    """Somebody else may have written them."""
    truth = known(root)
    with RootPaths(root).index.open("ab") as file:
        file.write(indexing._line(row))  # type: ignore[arg-type]
    assert known(root) == truth


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_something_else_in_its_place_hangs_nothing(root: Path, kind: str) -> None:
    """No link is followed, no pipe is waited for."""
    path, truth = RootPaths(root).index, known(root)
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    assert read_records(root)[0] == truth


def test_a_folder_that_cannot_be_written_is_read_all_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is only slower."""
    truth = known(root)
    RootPaths(root).index.unlink()
    monkeypatch.setattr(indexing, "_blocks", _no_space)
    assert read_records(root) == (truth, [])
    assert not RootPaths(root).index.exists()


def _no_space(rows: object) -> object:
    raise OSError(28, "No space left on device")


def test_old_lines_do_not_pile_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is written anew when most of it is out of date."""
    monkeypatch.setattr(indexing, "SLACK", 10)
    path = RootPaths(root).index
    whole = path.stat().st_size
    for at in range(20):
        index = Index(root)
        for folder in folders(root):
            (Path(folder) / "touched").write_text(str(at))
            os.utime(folder, ns=(at, at))
            found = read(folder)
            assert isinstance(found, Entry)
            index.put(folder, found)
        index.save()
    assert path.stat().st_size < 4 * whole
    assert len(known(root)) == 12


WRITER = """
import sys
from pathlib import Path
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.runs import index as indexing
root, rounds, indexing.SLACK = Path(sys.argv[1]), int(sys.argv[2]), 5
for at in range(rounds):
    index = indexing.Index(root)
    for paths in RootPaths(root).runs():
        found = indexing.read(str(paths.folder))
        index.put(str(paths.folder), found)
        index.save()
    print(at, flush=True)
"""


def test_several_processes_may_write_and_be_killed(root: Path) -> None:
    """What is told at any moment is true; in the end everything is known again."""
    truth = known(root)
    command = [sys.executable, "-c", WRITER, str(root)]
    writers = [subprocess.Popen([*command, "3"], stdout=subprocess.PIPE) for _ in range(2)]
    victim = subprocess.Popen([*command, "1000"], stdout=subprocess.PIPE)
    assert victim.stdout is not None
    victim.stdout.readline()
    looks = 0

    def over() -> bool:
        nonlocal looks
        looks += 1
        assert all(record in truth for record in known(root))
        if looks == 3:
            victim.send_signal(signal.SIGKILL)
        return looks > 3 and all(writer.poll() is not None for writer in writers)

    wait_until(over, 60, "two writers")
    assert [writer.returncode for writer in writers] == [0, 0]
    victim.wait()
    for process in (*writers, victim):
        assert process.stdout is not None
        process.stdout.close()
    assert read_records(root) == (truth, [])
    assert known(root) == truth


def test_a_filter_and_patterns_choose_records(root: Path) -> None:
    """As `deeprl ls` and exports ask for them."""
    records, _ = read_records(root, ["CP_*"], "seed:1")
    assert [str(record.id) for record in records] == ["CP_00000/1", "CP_00003/1"]


def test_a_run_that_cannot_be_read_comes_as_an_error(root: Path) -> None:
    """The others come all the same."""
    next(RootPaths(root).runs()).spec.write_text("{}")
    records, errors = read_records(root)
    assert (len(records), len(errors)) == (11, 1)
    assert json.loads(json.dumps(records[0].to_json()))["run"] == str(records[0].id)
