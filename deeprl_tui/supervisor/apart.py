"""Preloaded first by the fork server: leave the supervisor's process group.

A signal to the group, from `timeout` or a service manager, would end the fork server before the supervisor
has asked its workers for a checkpoint; without it the supervisor takes them for dead.
"""

import contextlib
import os

with contextlib.suppress(OSError):  # it leads a group already
    os.setpgid(0, 0)
