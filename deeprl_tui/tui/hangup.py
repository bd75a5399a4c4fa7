"""Ending when the terminal is gone: a closed window, a killed tmux, an ssh session that was cut.

Rule: whoever lost their terminal has nobody to show anything to. The signal for it may never come, and with
nobody to take what is drawn the app would wait for ever, or read the end of its input again and again.
"""

import os
import select
import threading
from collections.abc import Callable

GRACE_S = 3.0
"""The app has so long to end by itself, keeping what it keeps."""
STATUS = 129
"""What a shell expects after SIGHUP."""


def watch_terminal(
    fd: int, gone: Callable[[], object], leave: Callable[[int], object] = os._exit
) -> threading.Thread | None:
    """Call `gone` once the terminal behind a descriptor is closed, and leave if that does not help.

    None if it is no terminal.
    """
    if not os.isatty(fd):
        return None
    own = os.dup(fd)
    thread = threading.Thread(target=_wait, args=(own, gone, leave), name="hangup", daemon=True)
    thread.start()
    return thread


def _wait(fd: int, gone: Callable[[], object], leave: Callable[[int], object]) -> None:
    poll = select.poll()
    poll.register(fd, 0)  # a hang-up is reported unasked
    poll.poll()
    try:
        gone()
    finally:
        threading.Event().wait(GRACE_S)
        leave(STATUS)
