"""What watching a run play costs: the player, the screen, and training beside it.

    python benchmarks/play.py [--seconds 10] [--env LunarLander-v3] [--rounds 3]

Prints, at up to 15 frames a second and real time: CPU of the player's process, with all steps between
frames, and of making the strips of the rows that changed, at three sizes; bytes of a frame as it would go to
a terminal; and steps per second of a training run pinned to a core: alone, with a player on another core, and
with one that has only that core (medians of rounds, taken in turn). Nothing else should run; CPU per frame
also holds on a busy machine, where there are fewer frames. The weights are random: skill changes nothing here
but how long episodes are.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from deeprl_agents import worker
from deeprl_tui.config.keys import SETTINGS
from deeprl_tui.core import cells
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.playing import Picture, Wish
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.launch import local, player
from deeprl_tui.tui.widgets.cells import pieces

SIZES = [(57, 19), (92, 31), (180, 48)]
FPS = 15.0


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--env", default="LunarLander-v3")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spec, run = _trained(Path(folder), options.env)
        print(f"{options.env}, {FPS:g} frames/s, {options.seconds:g} s each, {os.cpu_count()} cores")
        for columns, rows in SIZES:
            _watch(run, columns, rows, options.seconds)
        _beside(spec, run, Path(folder), options.seconds, options.rounds)


def _trained(folder: Path, env: str) -> tuple[RunSpec, Path]:
    settings = {key.name: key.default for key in SETTINGS} | {
        "total_timesteps": 600, "learning_starts": 100, "eval_freq": 300, "n_eval_episodes": 1,
        "net_arch": [64, 64],
    }  # fmt: skip
    spec = RunSpec(RunId("bench", 0), env, settings)
    paths = RootPaths(folder / "runs").run(spec)
    paths.folder.mkdir(parents=True)
    paths.spec.write_text(spec.to_json())
    assert worker.main(paths.folder, attempt=1) == 0
    return spec, paths.folder


def _watch(run: Path, columns: int, rows: int, seconds: float) -> None:
    playing = player.start(run, Wish("quarters", columns, rows, FPS, ground="#0f1117"), ())
    while playing.seen.frame is None:
        assert not playing.seen.over, playing.seen.fault
        time.sleep(0.02)
    spent, frames, shares, sizes = [], 0, [], []
    before: Picture | None = None
    cpu, began = _cpu(playing.pid), time.monotonic()
    own = time.process_time()
    while time.monotonic() - began < seconds:
        time.sleep(1 / FPS)
        frame = playing.seen.frame
        if frame is None or frame.picture is None or frame.picture is before:
            continue
        start = time.thread_time()
        changed = cells.changed(before, frame.picture)
        strips = [pieces(frame.picture, row) for row in changed]
        spent.append(time.thread_time() - start)
        shares.append(len(changed) / frame.picture.height)
        sizes.append(sum(len(one.text.encode()) + 38 for row in strips for one in row))
        before, frames = frame.picture, frames + 1
    passed = time.monotonic() - began
    share, ours = (_cpu(playing.pid) - cpu) / passed, (time.process_time() - own) / passed
    playing.close()
    playing.wait(10)
    print(
        f"{columns}x{rows}: {frames / passed:.1f} frames/s; player {share:.1%} of a core, "
        f"{share / frames * passed * 1e3:.1f} ms a frame; strips "
        f"{statistics.median(spent) * 1e3:.2f} ms a frame (median), watching process {ours:.1%} of a core; "
        f"rows changed {statistics.mean(shares):.0%}; {statistics.mean(sizes) / 1e3:.1f} kB a frame"
    )


def _beside(spec: RunSpec, run: Path, project: Path, seconds: float, rounds: int) -> None:
    first, *others = sorted(os.sched_getaffinity(0))
    plan = [("alone", None), ("with a player on another core", others or None), ("on the same core", [first])]
    speeds: dict[str, list[float]] = {
        name: [] for name, cores in plan if cores is not None or name == "alone"
    }
    for _ in range(rounds):
        for name, cores in plan:
            if name not in speeds:
                continue
            playing = None
            if cores:
                playing = player.start(run, Wish("quarters", 92, 31, FPS, ground="#0f1117"), cores)
                while playing.seen.frame is None and not playing.seen.over:
                    time.sleep(0.05)
            measured = local.measure(spec, seconds, first, project)
            speeds[name].append(measured.steps_per_second)
            if playing:
                assert not playing.seen.over, playing.seen.fault
                playing.close()
                playing.wait(10)
    if not speeds["alone"]:
        return
    alone = statistics.median(speeds["alone"])
    for name, found in speeds.items():
        middle = statistics.median(found)
        each = ", ".join(f"{one:,.0f}" for one in found)
        print(f"training {name}: {middle:,.0f} steps/s, {middle / alone:.1%}  ({each})")


def _cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
