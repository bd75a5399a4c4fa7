"""Notifications on a desktop: what the terminal is sent, and which program is asked."""

import subprocess
import sys

import pytest

from deeprl_tui.monitor.desktop import desktop_command, desktop_sequence, notify


@pytest.mark.parametrize(
    ("environ", "sequence"),
    [
        ({"TERM": "xterm-kitty"}, "\x1b]9;lab: 3 runs, done\x1b\\"),
        ({"TERM": "xterm", "VTE_VERSION": "7600"}, "\x1b]777;notify;lab;3 runs, done\x1b\\"),
        ({"TERM": "tmux", "TMUX": "x"}, "\x1bPtmux;\x1b\x1b]9;lab: 3 runs, done\x1b\x1b\\\x1b\\"),
    ],
)
def test_terminals_are_asked_in_their_own_way(environ: dict[str, str], sequence: str) -> None:
    """OSC 9, OSC 777, and wrapped for tmux; a semicolon would end the field."""
    assert desktop_sequence("lab", "3 runs; done", environ) == sequence


def test_no_text_leaves_its_sequence() -> None:
    """What a run says cannot end the sequence and begin its own."""
    assert desktop_sequence("a\x1b\\b", "c\x07d\x9c", {}) == "\x1b]9;a·\\b: c·d·\x1b\\"


def test_the_desktop_is_asked_only_where_there_is_one() -> None:
    """Over ssh the terminal shows it."""
    assert desktop_command("a", "b", {"DISPLAY": ":0", "SSH_CONNECTION": "1", "PATH": "/usr/bin"}) is None
    assert desktop_command("a", "b", {"PATH": "/usr/bin"}) is None


def test_a_program_that_fails_is_told() -> None:
    """The caller shows the error."""
    with pytest.raises(subprocess.CalledProcessError):
        notify([sys.executable, "-c", "raise SystemExit(3)"])
