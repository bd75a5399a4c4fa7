"""Record what `deeprl-tui --demo` plays: train what deeprl_tui/monitor/demo.toml names, and pack the logs.

    .venv/bin/python benchmarks/demo.py FOLDER           train in FOLDER (ten minutes on two cores), then pack
    .venv/bin/python benchmarks/demo.py FOLDER --pack    pack what FOLDER has

One run is stopped, and the worker of another is killed until its supervisor gives up: all states are there.
Of the beats and of the numbers' digits only as many are kept as a screen can show.
"""

import gzip
import json
import os
import shutil
import signal
import socket
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from deeprl_tui import config, ops
from deeprl_tui.core import events, state
from deeprl_tui.core.layout import RootPaths, name_of
from deeprl_tui.core.log import read_lines
from deeprl_tui.core.spec import RunId, RunSpec

DATA = Path(ops.__file__).parents[1] / "monitor" / "demo.jsonl.gz"
BEATS = 150
"""Beats of a run that are kept; an eta needs some, a curve of steps per second needs no more."""
STOPPED, KILLED = RunId("LL_256_256", 5), RunId("LL_64_64", 4)
HOST = "demo"
_KINDS = {
    "queued",
    "start",
    "backend",
    "episode",
    "eval",
    "checkpoint",
    "resume",
    "stop_asked",
    "warn",
    "end",
}


def main(arguments: list[str]) -> int:
    """Train and pack."""
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(DATA.with_name("demo.toml"), folder / config.FILE)
    root = ops.runs_root(folder / config.FILE)
    if "--pack" not in arguments:
        train(config.load(folder), root)
    pack(root)
    print(f"{DATA} {DATA.stat().st_size:,} bytes")
    return 0


def train(project: config.Project, root: Path) -> None:
    """Train all experiments but the one that stays new, and end two runs before their time."""
    names = [name for name in project.experiments if name != "CP_wide"]
    ops.launch(ops.choose(project, names), root)
    for run in (STOPPED, KILLED):
        ops.launch(ops.choose(project, [run.experiment], str(run.seed) + ","), root)
    ops.supervise(root)
    while True:
        time.sleep(0.5)
        views = ops.views_of(root)
        for run in (STOPPED, KILLED):
            view = views[run]
            if isinstance(view.state, state.Running) and view.progress > (0.1 if run == STOPPED else 0.4):
                if run == STOPPED:  # it looks once a second
                    ops.ask(root, [str(run)], "stop")
                else:
                    os.kill(view.pid, signal.SIGKILL)
        if all(state.is_over(view.state) for view in views.values()):
            return


def pack(root: Path) -> None:
    """Write a line of JSON for each run: its description, and events as [attempt, seconds, kind, fields]."""
    rows = []
    for paths in RootPaths(root).runs():
        spec = RunSpec.from_json(paths.spec.read_bytes())
        found = []
        for attempt in paths.attempts():
            lines, _ = read_lines(paths.events(attempt))
            beats = [line for line in lines if isinstance(line.event, events.Beat)]
            every = max(1, len(beats) // BEATS)
            kept = {id(beat) for beat in beats[::every]}
            found += [
                [attempt, round(line.t, 2), line.event.kind, _fields(line.event)]
                for line in lines
                if line.event.kind in _KINDS or id(line) in kept
            ]
        rows.append({"run": str(name_of(paths)), "spec": json.loads(spec.to_json()), "events": found})
    text = "\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    DATA.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _fields(event: events.Event) -> dict[str, Any]:
    if isinstance(event, events.Start):
        event = replace(event, host=HOST, boot="", pid=0, versions={})
    told = {}
    for item in fields(event):
        value = getattr(event, item.name)
        if value != item.default and value != {}:
            told[item.name] = _short(value)
    here = socket.gethostname()
    return {
        key: value.replace(here, HOST) if isinstance(value, str) else value for key, value in told.items()
    }


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}") if value < 1e8 else round(value, 1)
    if isinstance(value, tuple):
        return [_short(item) for item in value]
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
