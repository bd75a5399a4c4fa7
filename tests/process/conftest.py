"""The laboratory of real processes."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from process_lab import Lab

from deeprl_tui.supervisor.slots import LOCK_FOLDER


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> Iterator[None]:
    """Whoever runs this in the background of a shell has SIGINT ignored, and would hand that on."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A project in an empty folder; its core locks are its own, and its runs last: they train by torch."""
    monkeypatch.setenv(LOCK_FOLDER, str(tmp_path / "locks"))
    monkeypatch.setenv("DEEPRL_KERNEL", "torch")
    lab = Lab(tmp_path)
    try:
        yield lab
    finally:
        lab.close()
