"""The module that the fork server preloads."""

import os
import subprocess
import sys

PROGRAM = """
import os, sys
import deeprl_agents.warm
print(len(os.listdir("/proc/self/task")), "torch._dynamo" in sys.modules)
"""


def test_warming_up_leaves_one_thread_and_nothing_to_import() -> None:
    """A fork of a process with an OpenMP pool would hang at its first update."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("OMP_NUM_THREADS", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "True"]
