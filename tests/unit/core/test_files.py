"""Reading what somebody else may have put there."""

import os
from pathlib import Path

import pytest
from support import make_run, spec

from deeprl_tui.core.files import read_small
from deeprl_tui.runs.load import load_all, load_view


def test_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    """A file of a gigabyte costs what was expected."""
    (tmp_path / "big").write_bytes(b"x" * 1000)
    assert read_small(tmp_path / "big", 10) == b"x" * 10


def test_links_pipes_and_folders_are_refused(tmp_path: Path) -> None:
    """A pipe without a writer would hang the reader."""
    (tmp_path / "link").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder"):
        with pytest.raises(OSError, match=r"not a regular file|symbolic links"):
            read_small(tmp_path / name, 10)


def test_a_run_directory_full_of_pipes_hangs_nobody(tmp_path: Path) -> None:
    """It is reported, and its neighbours are read."""
    good = make_run(tmp_path, spec())
    bad = make_run(tmp_path, spec("bad"))
    for path in (bad.events(1), bad.lock, bad.status, bad.request):
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    found = dict(load_all(tmp_path))
    assert len(found) == 2
    assert load_view(good).id == spec().id
