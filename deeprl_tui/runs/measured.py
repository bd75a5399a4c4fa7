"""Throughput that was measured for a plan, kept beside the runs so that it is measured once.

Rule: a number of another machine or of other versions says nothing here; a damaged file is like none.
"""

import json
import math
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from deeprl_tui.core.layout import RootPaths
from deeprl_tui.runs.stats import Throughput

PACKAGES = ("deeprl-tui", "torch", "stable-baselines3", "gymnasium", "numpy")


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """What a throughput depends on: host, processor and versions."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and only plans need it

    key = {"host": socket.gethostname(), "cpu": os.uname().machine}
    try:
        models = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        key["cpu"] = next(value.strip() for name, _, value in models if name.strip() == "model name")
    except (OSError, StopIteration):
        pass
    for name in PACKAGES:
        try:
            key[name] = version(name)
        except PackageNotFoundError:
            continue
    return key


def load(root: Path, key: Mapping[str, str]) -> dict[str, Throughput]:
    """What was measured on this machine, by kind of work."""
    try:
        body = json.loads(RootPaths(root).throughput.read_bytes())
        if body["machine"] != dict(key):
            return {}
        found = {
            str(env): Throughput(float(one["steps_per_second"]), float(one["episode_length"]), 0)
            for env, one in body["envs"].items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}
    return {env: one for env, one in found.items() if _sane(one)}


def save(root: Path, key: Mapping[str, str], env: str, speed: Throughput) -> None:
    """Add one measurement."""
    known = {**load(root, key), env: speed}
    body = {
        "machine": dict(key),
        "envs": {
            name: {"steps_per_second": one.steps_per_second, "episode_length": one.length}
            for name, one in known.items()
        },
    }
    path = RootPaths(root).throughput
    root.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(body, indent=1))
    fresh.replace(path)


def _sane(speed: Throughput) -> bool:
    numbers = (speed.steps_per_second, speed.length or 0.0)
    return all(math.isfinite(number) and number > 0 for number in numbers)
