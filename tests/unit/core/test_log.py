"""Appending to and reading from a log."""

import errno
import os
from pathlib import Path

import pytest
from support import training, write

from deeprl_tui.core.events import Episode, Warn
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.log import EventLog, LineReader, RunClock, read_bytes, read_lines


def test_a_torn_line_is_not_consumed(tmp_path: Path) -> None:
    """A reader stops at the last newline, so half an event is read later, once."""
    paths = RunPaths(tmp_path)
    write(paths, 1, training(2))
    whole = paths.events(1).read_bytes()
    with open(paths.events(1), "ab") as file:
        file.write(whole[:20])
    assert read_bytes(paths.events(1), 0) == whole


def test_a_new_writer_cuts_a_torn_tail_and_counts_on(tmp_path: Path) -> None:
    """What a killed worker left half-written never stands in the middle of the file."""
    path = tmp_path / "events-1.jsonl"
    write(RunPaths(tmp_path), 1, training(1))
    with open(path, "ab") as file:
        file.write(b'{"n":3,"t":')
    log = EventLog(path, lambda: 2.0)
    log.append(Warn("after"))
    log.close()
    lines, bad = read_lines(path)
    assert ([line.n for line in lines], bad) == ([1, 2, 3], 0)


def test_a_full_disk_leaves_only_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short write is cut back, said, and the next line stands where it belongs."""
    path = tmp_path / "events-1.jsonl"
    log = EventLog(path, lambda: 0.0)
    log.append(Episode(1, 10, 1.0, 10))
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:25]))
    with pytest.raises(OSError, match="No space") as caught:
        log.append(Episode(2, 20, 1.0, 10))
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    log.append(Episode(2, 20, 1.0, 10))
    log.close()
    lines, bad = read_lines(path)
    assert ([line.n for line in lines], bad) == ([1, 2], 0)


def test_a_damaged_line_is_counted_and_skipped() -> None:
    """One bad line costs one line."""
    reader = LineReader()
    assert list(reader.feed(b"rubbish\n\xff\xfe\n{}\n")) == []
    assert reader.bad == 3


def test_the_clock_goes_on_where_the_last_attempt_stopped() -> None:
    """Seconds of training are carried over a resume, whatever the wall clock did."""
    now = 100.0
    clock = RunClock(lambda: now, carried=7.0)
    now = 102.5
    assert clock() == 9.5


def test_a_log_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """A run directory from elsewhere cannot make us read other files."""
    (tmp_path / "secret").write_text("x\n")
    (tmp_path / "events-1.jsonl").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        read_bytes(tmp_path / "events-1.jsonl", 0)
