"""Thousands of finished runs: what the first index, an open, a filter, memory and a second at rest cost.

    .venv/bin/python benchmarks/results.py [--runs 10000] [--episodes 200] [--folder FOLDER]

Runs have the real format, checksums too. Each figure comes from a process of its own; CPU and wall time are
of all of it that is named, with an interpreter that has just started.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from runs_lab import make_runs  # noqa: E402

from deeprl_tui.core.layout import RootPaths  # noqa: E402
from deeprl_tui.monitor.fleet import Fleet  # noqa: E402
from deeprl_tui.monitor.follow import POLLS_PER_SCAN  # noqa: E402
from deeprl_tui.monitor.watch import Watcher  # noqa: E402
from deeprl_tui.runs.query import parse  # noqa: E402
from deeprl_tui.tui.picture import Painter  # noqa: E402

QUERIES = (
    "env:LunarLander state:finished net_arch:64 return>100",
    "LL_0 !failed",
    "since:7d return>0 !state:stopped gamma>0.95",
    "nan",
)
SECONDS = 30
Figures = dict[str, float]


def opened(root: Path) -> tuple[Watcher, Fleet]:
    """Read a folder until nothing is left, as the feed of the dashboard does."""
    watcher, fleet = Watcher(root, (0, 1), time.time), Fleet()
    while True:
        for frame in watcher.poll(fleet.wanted()):
            fleet.apply("local", frame)
        if not watcher.behind:
            fleet.snapshot()
            return watcher, fleet


def measure_open(root: Path) -> Figures:
    """Everything until all records can be shown and sorted."""
    cpu, begin = time.process_time(), time.perf_counter()
    _, fleet = opened(root)
    records = fleet.snapshot().records()
    sorted(records, key=lambda record: (record.score is None, record.score))
    Painter(fleet, None, time.time).look()
    return {
        "runs": len(records),
        "seconds": time.perf_counter() - begin,
        "cpu": time.process_time() - cpu,
        "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure_filter(root: Path) -> Figures:
    """CPU of the slowest of some filters, the median of 20 times; and after each letter typed."""
    records = list(opened(root)[1].snapshot().records())

    def filtered(text: str) -> float:
        return _timed(lambda: parse(text).select(records), time.process_time)

    worst = max(statistics.median(filtered(text) for _ in range(20)) for text in QUERIES)
    typed = [filtered(QUERIES[0][:at]) for at in range(1, len(QUERIES[0]) + 1)]
    return {"worst_ms": 1000 * worst, "typed_worst_ms": 1000 * max(typed)}


def measure_rest(root: Path) -> Figures:
    """CPU of one second in which nothing happens: four polls, a snapshot, a picture."""
    watcher, fleet = opened(root)
    painter = Painter(fleet, None, time.time)

    def second() -> None:
        for _ in range(POLLS_PER_SCAN):
            for frame in watcher.poll(fleet.wanted()):
                fleet.apply("local", frame)
        painter.look()

    second()
    spent = [_timed(second, time.process_time) for _ in range(SECONDS)]
    paths = next(iter(RootPaths(root).runs()))
    os.utime(paths.folder.parent)
    touched = _timed(second, time.process_time)
    watcher.hurry()
    return {
        "ms": 1000 * statistics.median(spent),
        "worst_ms": 1000 * max(spent),
        "touched_ms": 1000 * touched,
        "woken_ms": 1000 * _timed(second, time.process_time),
    }


def measure_wanted(root: Path) -> Figures:
    """From the wish for the curves of ten runs until they are there."""
    watcher, fleet = opened(root)
    runs = list(fleet.snapshot().runs)[:10]
    fleet.want(runs)

    def read() -> None:
        while not all(len(fleet.snapshot().runs[run].curves["return"]) for run in runs):
            for frame in watcher.poll(fleet.wanted()):
                fleet.apply("local", frame)

    return {"ms": 1000 * _timed(read)}


def _timed(act: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    begin = clock()
    act()
    return clock() - begin


MEASURES = {"open": measure_open, "filter": measure_filter, "rest": measure_rest, "wanted": measure_wanted}


def child(what: str, root: Path) -> Figures:
    """Measure in a fresh process; `process` is all of its wall time, from its start to its end."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--measure", what, "--folder", str(root)],
        stdout=subprocess.PIPE,
        check=True,
    )
    figures: Figures = json.loads(done.stdout)
    return {**figures, "process": time.perf_counter() - begin}


def listed(root: Path, *arguments: str) -> float:
    """Wall time of `deeprl ls` in a pipe."""
    command = [str(Path(sys.executable).with_name("deeprl")), "ls", "--runs", str(root), *arguments]
    return _timed(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True))


def report(root: Path, runs: int, episodes: int) -> None:
    """Make the runs if there are none, and print the table."""
    if not root.exists() or not any(root.iterdir()):
        spent = _timed(lambda: make_runs(root, runs, episodes=episodes))
        print(f"making {runs} runs of {episodes} episodes: {spent:.1f} s")
    index = RootPaths(root).index
    index.unlink(missing_ok=True)
    first = child("open", root)
    print(f"first index: {first['seconds']:.1f} s ({first['cpu']:.1f} s CPU), {first['MB']:.0f} MB")
    print(f"the index: {index.stat().st_size / 1e6:.1f} MB for {first['runs']:.0f} runs")
    again = [child("open", root) for _ in range(5)]
    for name, key, unit in (
        ("open", "seconds", "s"),
        ("  of it CPU", "cpu", "s"),
        ("  whole process", "process", "s"),
    ):
        print(f"{name}: {statistics.median(one[key] for one in again):.2f} {unit}")
    print(f"  memory: {max(one['MB'] for one in again):.0f} MB")
    found = child("filter", root)
    print(
        f"filter: {found['worst_ms']:.1f} ms CPU; while it is typed at most {found['typed_worst_ms']:.1f} ms"
    )
    rest = child("rest", root)
    print(
        f"one second at rest: {rest['ms']:.1f} ms CPU (at most {rest['worst_ms']:.1f}); "
        f"a folder touched {rest['touched_ms']:.1f} ms; woken {rest['woken_ms']:.1f} ms"
    )
    print(f"curves of ten runs that are wanted: {child('wanted', root)['ms']:.0f} ms")
    print(f"deeprl ls: {listed(root):.2f} s; with --where: {listed(root, '--where', QUERIES[0]):.2f} s")


def main() -> None:
    """Print the table, or in a child one measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", choices=MEASURES)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(MEASURES[args.measure](args.folder)))
    elif args.folder:
        report(args.folder, args.runs, args.episodes)
    else:
        with tempfile.TemporaryDirectory() as folder:
            report(Path(folder) / "runs", args.runs, args.episodes)


if __name__ == "__main__":
    main()
