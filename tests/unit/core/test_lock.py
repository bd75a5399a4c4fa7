"""Kernel locks."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import wait_until

from deeprl_tui.core.lock import FileLock, holder, is_held
from deeprl_tui.errors import LockHeldError


def test_the_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    """The note names the holder."""
    with (
        FileLock.acquire(tmp_path / "lock", "pid 12 here"),
        pytest.raises(LockHeldError, match="pid 12 here"),
    ):
        FileLock.acquire(tmp_path / "lock", "pid 13 here")


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """The kernel drops the lock on any death; its note stays readable."""
    path = tmp_path / "lock"
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom deeprl_tui.core.lock import FileLock\n"
        "lock = FileLock.acquire(Path(sys.argv[1]), 'pid x')\ntime.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)])
    try:
        wait_until(lambda: is_held(path), 20, "the child to take the lock")
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert not is_held(path)
    assert holder(path) == "pid x"


def test_nobody_holds_what_is_not_there(tmp_path: Path) -> None:
    """A missing file is not an error."""
    assert not is_held(tmp_path / "lock")
