"""Pulls the runs of a host as often as it is told to, each time in a process of its own that may be killed.

`begin` on stdin starts one and says its id; `end` waits for it. What came is said as JSON.
"""

import json
import os
import sys
from pathlib import Path

from deeprl_tui.hosts import ssh
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.monitor.line import Line
from deeprl_tui.ops.pulling import pull


def say(text: str) -> None:
    """Tell who tests."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def once(root: Path) -> None:
    """Pull all runs."""
    line = Line("vm", ssh.command("vm"), {"folder": "~/study"})
    try:
        for one in pull(root, "vm", line, list(Mirror(root, "vm").runs()), keep_free=0):
            done = one.pulled
            say(json.dumps([done.bytes if done else 0, bool(done and done.home), one.why]))
    finally:
        line.hang_up()


def main(root: Path) -> None:
    """Do as told."""
    child = 0
    for word in sys.stdin:
        if word.strip() == "begin":
            child = os.fork()
            if not child:
                once(root)
                os._exit(0)
            say(str(child))
        else:
            say(str(os.waitpid(child, 0)[1]))


main(Path(sys.argv[1]))
