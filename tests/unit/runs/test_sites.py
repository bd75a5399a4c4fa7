"""How fast hosts are."""

from pathlib import Path

import pytest
from support import make_run, spec, start, training

from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.sites import speed
from deeprl_tui.runs.stats import Throughput


def test_each_host_has_its_own_speed(tmp_path: Path) -> None:
    """Half as fast as the reference in work of that kind; a host that nothing ran on is as fast as that."""
    view = load_view(
        make_run(tmp_path, spec(), [(0.0, start()), *training(40)]), held=True
    )  # 10 steps a second
    reference = {"CartPole-v1": Throughput(20.0, 10.0, 1)}
    assert speed("here", [view], reference) == pytest.approx(0.5, rel=0.1)
    assert speed("there", [view], reference) == 1.0
