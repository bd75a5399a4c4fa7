"""At every moment one complete state is on disk, and nothing else is taken for one."""

import contextlib
import errno
import itertools
import json
import os
import shutil
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from stable_baselines3.common.buffers import ReplayBuffer

from deeprl_agents import checkpoint
from deeprl_agents.checkpoint import DamagedError, ReplayLog, Saved, adopt, candidates, write_checkpoint
from deeprl_agents.durable import Patience
from deeprl_agents.replay.base import Replay
from deeprl_agents.replay.foreign import Foreign
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.saved import MAGIC

WIDE = 1000
"""Floats of an observation: 8 kB for each row."""


def make(slots: int = 40, width: int = WIDE) -> Replay:
    """An empty buffer."""
    return Replay(slots, Box(-1, 1, (width,), np.float32), Discrete(3), "cpu")


def fill(buffer: Any, count: int, start: int) -> None:
    """Store transitions whose content says which number they have."""
    width = buffer.obs_shape[0]
    for number in range(start, start + count):
        observation = np.full((1, width), number, np.float32)
        done = np.array([number % 7 == 0])
        buffer.add(observation, observation + 0.5, np.array([number % 3]), np.array([1.0]), done, [{}])


def save(paths: RunPaths, log: ReplayLog, step: int) -> None:
    """Write a checkpoint as training does."""
    said = log.append()
    values = {"step": step, "buffer": said, "replay": log.buffer.state()}
    write_checkpoint(paths, Saved(values, {"weights": np.full(500, step)}))
    log.commit(said)


def content(buffer: Replay) -> list[Any]:
    """Everything that a checkpoint has to bring back."""
    columns = [array.tobytes() for table in buffer.tables() for array in table.columns.values()]
    return [*columns, buffer.state()]


def resume(paths: RunPaths, buffer: Any) -> tuple[int, ReplayLog]:
    """Go on as a worker does: the step and the log."""
    for path, saved in candidates(paths)[0]:
        log = ReplayLog(paths, buffer)
        try:
            log.load(saved.values["buffer"])
        except DamagedError:
            continue
        adopt(paths, path)
        log.buffer.set_state(saved.values["replay"])
        assert saved.arrays["weights"].tolist() == [saved.values["step"]] * 500
        return saved.values["step"], log
    raise AssertionError("neither the old nor the new state is there")


class Crash(BaseException):
    """The process is dead."""


class Trouble:
    """Lets the N-th file-system call fail: nothing is done, or half of a write."""

    CALLS = ("open", "write", "ftruncate", "lseek", "fsync", "link", "replace", "rename", "unlink", "stat")

    def __init__(self, at: int, *, half: bool, error: Callable[[], BaseException]) -> None:
        self._at, self._half, self._error = at, half, error
        self.count = 0
        self.dead = False

    @contextlib.contextmanager
    def __call__(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Make trouble within the block."""
        with monkeypatch.context() as patch:
            for name in self.CALLS:
                patch.setattr(os, name, self._wrap(getattr(os, name), is_write=name == "write"))
            yield

    def _wrap(self, call: Callable[..., Any], *, is_write: bool) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            if self.count == self._at or self.dead:
                error = self._error()
                if is_write and self._half and not self.dead:
                    call(args[0], bytes(args[1])[: len(args[1]) // 2])
                self.dead = isinstance(error, Crash)
                raise error
            return call(*args, **kwargs)

        return wrapped


def prepared(folder: Path, case: str) -> RunPaths:
    """A run directory with two checkpoints, of steps 1 and 2; `case` says what the third will do."""
    folder.mkdir()
    paths = RunPaths(folder)
    buffer = make()
    log = ReplayLog(paths, buffer)
    rounds = 8 if case == "compact" else 2  # a ninth one makes the log too long
    for number in range(rounds):
        fill(buffer, 30, start=number * 30)
        save(paths, log, step=1 if number < rounds - 1 else 2)
    if case == "damaged":
        data = bytearray(paths.checkpoint.read_bytes())
        data[-100] ^= 1
        paths.checkpoint.write_bytes(data)
    return paths


def third(paths: RunPaths) -> tuple[Replay, Callable[[], None]]:
    """The buffer after going on for a while, and the call that saves it."""
    buffer = make()
    _, log = resume(paths, buffer)
    fill(buffer, 30, start=1000)
    return buffer, lambda: save(paths, log, step=3)


CASES = ("append", "compact", "damaged")


@pytest.mark.parametrize("case", CASES)
def test_a_crash_at_any_call_leaves_the_old_or_the_new_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """Dead before the N-th call, or after half of a write, for all N: a reader finds one whole state."""
    template = prepared(tmp_path / "template", case)
    old = make()
    before, _ = resume(RunPaths(shutil.copytree(template.folder, tmp_path / "old")), old)
    found = set()
    for at, half in ((1 + number // 2, number % 2 == 1) for number in itertools.count()):
        paths = RunPaths(shutil.copytree(template.folder, tmp_path / f"{at}-{half}"))
        buffer, write = third(paths)
        trouble = Trouble(at, half=half, error=Crash)
        with contextlib.suppress(Crash), trouble(monkeypatch):
            write()
        again = make()
        step, _ = resume(paths, again)
        assert step in (before, 3), (at, half)
        assert content(again) == content(buffer if step == 3 else old), (at, half)
        found.add(step)
        if not trouble.dead:
            break
    assert found == {before, 3}
    assert at > 12


@pytest.mark.parametrize("case", CASES)
def test_a_full_disk_at_any_call_delays_the_state_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """The N-th call fails with "no space" once, for all N: the writing is repeated and the state is whole."""
    template = prepared(tmp_path / "template", case)
    for at in itertools.count(1):
        paths = RunPaths(shutil.copytree(template.folder, tmp_path / str(at)))
        buffer, write = third(paths)
        trouble = Trouble(at, half=True, error=lambda: OSError(errno.ENOSPC, "no space"))
        patience = Patience(paths.status, sleep=lambda seconds: None, wall_text=str)
        with trouble(monkeypatch):
            patience(write)
        patience.close()
        again = make()
        step, log = resume(paths, again)
        assert step == 3
        assert content(again) == content(buffer), at
        assert not any(table.written.any() for table in buffer.tables())
        fill(again, 30, start=2000)
        save(paths, log, step=4)
        last = make()
        assert resume(paths, last)[0] == 4
        assert content(last) == content(again)
        if trouble.count < at:
            break
    assert at > 12


def test_only_changed_rows_are_written(tmp_path: Path) -> None:
    """Ten new transitions and one changed by hand, of a thousand: the log grows by eleven rows."""
    paths = RunPaths(tmp_path)
    buffer = make(1000, width=4)
    log = ReplayLog(paths, buffer)
    fill(buffer, 900, start=0)
    save(paths, log, step=1)
    size = paths.buffer_log.stat().st_size
    fill(buffer, 10, start=900)
    buffer.rewards[5], buffer.written[5] = 77, 1
    save(paths, log, step=2)
    row = 4 + 2 * 16 + 8 + 3 * 4
    assert paths.buffer_log.stat().st_size - size == 11 * row + checkpoint.FRAME.size
    again = make(1000, width=4)
    resume(paths, again)
    assert content(again) == content(buffer)


def test_the_log_stays_below_three_buffers(tmp_path: Path) -> None:
    """It is written anew in time, and older generations go; a resume in between changes nothing."""
    paths = RunPaths(tmp_path)
    buffer, longest, logs = make(), 0, 0
    log = ReplayLog(paths, buffer)
    for number in range(60):
        fill(buffer, 30, start=30 * number)
        save(paths, log, step=number)
        sizes = [path.stat().st_size for path in tmp_path.glob("buffer*.log")]
        longest, logs = max(longest, *sizes), max(logs, len(sizes))
        if number % 13 == 5:
            buffer = make()
            _, log = resume(paths, buffer)
    row = 2 * 4 * WIDE + 24
    assert longest <= 2 * 40 * row + checkpoint.SLACK + 100
    assert logs == 2


@pytest.fixture
def a_state(tmp_path: Path) -> RunPaths:
    """A run directory with one checkpoint of 40 rows in two frames."""
    paths = RunPaths(tmp_path)
    buffer = make()
    log = ReplayLog(paths, buffer)
    fill(buffer, 25, start=0)
    log.commit(log.append())
    fill(buffer, 15, start=25)
    save(paths, log, step=1)
    return paths


def load_log(paths: RunPaths, buffer: Replay, **changes: Any) -> None:
    """Load the log that the checkpoint names, with other words of it."""
    ((_, saved),), _ = candidates(paths)
    ReplayLog(paths, buffer).load({**saved.values["buffer"], **changes})


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.7, 0.99])
def test_a_damaged_log_is_refused_and_fills_nothing(a_state: RunPaths, place: float) -> None:
    """One flipped bit anywhere: DamagedError, and the buffer is as it was."""
    data = bytearray(a_state.buffer_log.read_bytes())
    data[int(place * len(data))] ^= 8
    a_state.buffer_log.write_bytes(data)
    buffer = make()
    with pytest.raises(DamagedError):
        load_log(a_state, buffer)
    assert content(buffer) == content(make())


WORDS: dict[str, dict[str, Any]] = {
    "shorter": {"length": 1000},
    "longer": {"length": 10**9},
    "no file": {"generation": 5},
    "not a number": {"length": "much"},
    "other tables": {"tables": []},
    "no tables": {"tables": None},
}


@pytest.mark.parametrize("name", WORDS)
def test_a_log_that_is_not_as_the_checkpoint_says_is_refused(a_state: RunPaths, name: str) -> None:
    """A file that was cut, is missing or belongs to others is never read as something else."""
    with pytest.raises(DamagedError):
        load_log(a_state, make(), **WORDS[name])


def test_a_frame_that_claims_too_much_takes_no_memory(a_state: RunPaths) -> None:
    """Four billion rows, in a file of a few bytes: refused before memory is taken."""
    head = (0).to_bytes(4, "little") + (2**32 - 1).to_bytes(4, "little")
    a_state.buffer_log.write_bytes(head + zlib.crc32(head).to_bytes(4, "little"))
    tracemalloc.start()
    with pytest.raises(DamagedError, match="too long"):
        load_log(a_state, make())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_slot_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """A frame of a larger buffer, checksum and all, does not write beyond the end."""
    paths = RunPaths(tmp_path)
    large, small = make(60), make(40)
    fill(large, 50, start=0)
    said = ReplayLog(paths, large).append()
    said["tables"] = ReplayLog(paths, small).append()["tables"]
    ReplayLog(paths, large).append()
    with pytest.raises(DamagedError, match="slot"):
        ReplayLog(paths, small).load(said)


def test_a_long_log_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """80 MB of rows are loaded with three frames in memory at most."""
    paths = RunPaths(tmp_path)
    buffer = make(10_000)
    fill(buffer, 10_000, start=0)
    said = ReplayLog(paths, buffer).append()
    again = make(10_000)
    tracemalloc.start()
    ReplayLog(paths, again).load(said)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.5 * checkpoint.FRAME_BYTES
    assert said["length"] > 15 * checkpoint.FRAME_BYTES


def framed(header: Any, body: bytes = b"", magic: bytes = MAGIC) -> bytes:
    """A checkpoint file with a right checksum."""
    text = json.dumps(header).encode()
    data = magic + len(text).to_bytes(8, "little") + text + body
    return data + zlib.crc32(data).to_bytes(4, "little")


HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "checksum"),
    "another magic": (framed({}, magic=b"DEEPRLXX"), "checksum"),
    "older": (framed({"values": {}, "arrays": []}, magic=b"DEEPRLC1"), "older layout"),
    "header beyond the end": (b"DEEPRLC2" + b"\xff" * 8, "checksum"),
    "huge": (framed({"values": {}, "arrays": [["a", "<f8", [10**12]]]}), "array a"),
    "negative": (framed({"values": {}, "arrays": [["a", "<f8", [-1]]]}, b"12345678"), "array a"),
    "fraction": (framed({"values": {}, "arrays": [["a", "<f8", [0.5]]]}, b"12345678"), "array a"),
    "objects": (framed({"values": {}, "arrays": [["a", "|O", [1]]]}, b"12345678"), "array a"),
    "a list": (framed([]), ""),
    "no values": (framed({"values": 3, "arrays": []}), ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_checkpoint_is_named_as_damage(tmp_path: Path, name: str) -> None:
    """Never an exception, never an array that is not in the file."""
    data, why = HOSTILE[name]
    paths = RunPaths(tmp_path)
    paths.checkpoint.write_bytes(data)
    found, damage = candidates(paths)
    assert found == []
    assert why in damage[0]


class Favorites(ReplayBuffer):
    """A user's buffer: it knows nothing of checkpoints, changes old rows and has a stream of its own."""

    def __init__(self) -> None:
        super().__init__(2000, Box(-1, 1, (4,), np.float32), Discrete(3), "cpu")
        self.counts = np.zeros(2000, np.int64)
        self.rng = np.random.default_rng(5)
        self.best = 0.0
        self.friends = [object()]

    def praise(self) -> None:
        """Change rows of any age."""
        self.counts[self.rng.integers(0, self.size(), 5)] += 1
        self.best += 0.1


def test_a_foreign_buffer_comes_back_with_all_that_can_be_known(tmp_path: Path) -> None:
    """Arrays, numbers and its random generator are kept incrementally; what cannot be kept is named."""
    paths = RunPaths(tmp_path)
    buffer, again = Favorites(), Favorites()
    log = ReplayLog(paths, Foreign(buffer))
    for number in range(3):
        fill(buffer, 900, start=900 * number)
        buffer.praise()
        save(paths, log, step=number)
    buffer.praise()
    size = paths.buffer_log.stat().st_size
    save(paths, log, step=3)
    assert paths.buffer_log.stat().st_size - size < 6 * 256 * 80
    log = resume(paths, Foreign(again))[1]
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts", "counts"):
        assert np.array_equal(getattr(buffer, name), getattr(again, name)), name
    assert (again.pos, again.full, again.best) == (buffer.pos, buffer.full, buffer.best)
    buffer.praise()
    again.praise()
    assert np.array_equal(buffer.counts, again.counts)
    foreign = log.buffer
    assert isinstance(foreign, Foreign)
    assert foreign.unknown() == ["friends"]
