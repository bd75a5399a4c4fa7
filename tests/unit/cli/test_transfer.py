"""How far files on their way are, in words."""

import pytest

from deeprl_tui.cli import look
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.pull import telling
from deeprl_tui.core.spec import RunId
from deeprl_tui.hosts.artefacts import Progress


def test_words() -> None:
    """Files on their way have a bar, a share, and with a rate the time that is left."""
    told = look.transfer("CP_basic/0", "checkpoint", 30_000_000, 120_000_000, 3_000_000.0)
    assert told == "CP_basic/0 checkpoint  ━━──────── 25% of 120 MB  3.0 MB/s  30s left"
    assert look.transfer("a/1", "b", 0, 0, 0.0).endswith("100% of 0 kB")


def test_progress_is_drawn_or_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Off a terminal a line now and then tells how far files are, with the rate."""
    now = 0.0
    say = telling(Output(), lambda: now)
    for second in range(13):
        now = float(second)
        say(Progress(RunId("CP_basic", 0), "checkpoint", second * 2_000_000, 26_000_000))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["CP_basic/0 checkpoint"] * 2
    assert lines[-1].endswith("77% of 26 MB  2.0 MB/s  3s left")
