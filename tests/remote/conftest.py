"""Three machines and a laptop, for each file of tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import vm_lab
from laptop_lab import NAMES, Here
from vm_lab import Network


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Three machines, ready to serve."""
    made = Network(tmp_path_factory.mktemp("net"))
    try:
        for number, name in enumerate(NAMES):
            vm_lab.prepare_home(made.machine(name).home, number)
        yield made
    finally:
        made.close()


@pytest.fixture
def here(tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    """A project on the laptop."""
    monkeypatch.setenv("DEEPRL_SSH", network.ssh)
    monkeypatch.setenv("DEEPRL_LOCK_DIR", str(tmp_path / "locks"))
    made = Here(tmp_path, network)
    yield made
    made.close()
