"""Notifications on a desktop: by the machine's own program, or by what a terminal understands.

Rule: whatever the texts say, it is letters to whoever shows it. `notify` waits for the program: call it in a
thread.
"""

import shutil
import subprocess
from collections.abc import Mapping, Sequence

from deeprl_tui.core.text import clean

TIMEOUT_S = 5.0


def notify(command: Sequence[str]) -> None:
    """Run the program of `desktop_command`. Raises OSError and subprocess.SubprocessError."""
    subprocess.run(command, check=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL, capture_output=True)


def desktop_command(title: str, text: str, environ: Mapping[str, str]) -> list[str] | None:
    """The program that shows a notification on this machine's desktop; None over ssh or without one."""
    local = "SSH_CONNECTION" not in environ and (environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY"))
    program = shutil.which("notify-send", path=environ.get("PATH")) if local else None
    return [program, "--app-name=deeprl", "--", clean(title)[:100], clean(text)[:400]] if program else None


def desktop_sequence(title: str, text: str, environ: Mapping[str, str]) -> str:
    """What makes a terminal show a notification: OSC 777 where it is known, else OSC 9; through tmux too."""
    title, text = clean(title).replace(";", ",")[:100], clean(text).replace(";", ",")[:400]
    if "VTE_VERSION" in environ or environ.get("TERM", "").startswith(("rxvt", "foot")):
        told = f"\x1b]777;notify;{title};{text}\x1b\\"
    else:
        told = f"\x1b]9;{title}: {text}\x1b\\"
    if "TMUX" in environ:  # needs allow-passthrough there
        return "\x1bPtmux;" + told.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return told
