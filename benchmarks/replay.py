"""Measure what a replay buffer costs: add one, draw a batch, tell its errors; against cpprb if it is there.

    .venv/bin/python benchmarks/replay.py                  all sizes; some minutes
    .venv/bin/python benchmarks/replay.py --sizes 50000    one size

cpprb is no dependency: `pip install cpprb` in an environment that has this package. What is measured is CPU
time for each drawn transition. All contenders take turns in one process, in both orders; the table has
medians over rounds, ratios being medians of the ratios within a round. A turn of the kernel is one call, as
within a training step, where C calls C; "through ctypes" calls it three times from Python, as cpprb is
called. The networks' forward passes are not in it: for the retention buffers Q(s, .) of what is drawn and of
what is scored anew is there already.
"""

import argparse
import ctypes
import functools
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from deeprl_agents.kernel import compile as kernel_compile
from deeprl_agents.kernel import library
from deeprl_agents.replay.prioritized import FUNCTIONS, PrioritizedReplay
from deeprl_agents.replay.retention import RetentionReplay

ACTIONS = 4
POOL = 64
ALPHA, BETA = 0.6, 0.4
ROUND_SECONDS = 0.02

CALLER = """
#include "kernel.h"
typedef void added_t(replay_t *, int64_t);
typedef void draw_t(replay_t *);
typedef void feedback_t(replay_t *, const float *, const float *);
typedef int64_t slots_t(replay_t *, int64_t *);
typedef void rescore_t(replay_t *, const int64_t *, const float *, int64_t);
void turn(void **functions, replay_t *replay, const float *errors, const float *values, int64_t *slots) {
    ((added_t *)functions[0])(replay, replay->pos);
    ((draw_t *)functions[1])(replay);
    ((feedback_t *)functions[2])(replay, errors, values);
    int64_t count = ((slots_t *)functions[3])(replay, slots);
    if (count) ((rescore_t *)functions[4])(replay, slots, values, count);
}
"""

Turn = Callable[[], None]


def full(kind: type[PrioritizedReplay], size: int, *, kernel: bool, **arguments: Any) -> PrioritizedReplay:
    """A buffer in which every slot has a priority and a score."""
    space, actions = spaces.Box(-1, 1, (8,), np.float32), spaces.Discrete(ACTIONS)
    rng = np.random.default_rng(0)
    settings = {"rng": rng, "alpha": ALPHA, "beta": BETA, "kernel": kernel, **arguments}
    buffer = kind(size, space, actions, device="cpu", **settings)
    for column in buffer.tables()[0].columns.values():
        column[:] = rng.integers(0, ACTIONS, column.shape)  # every page is there, as in a buffer in use
    for tree in buffer._trees:
        tree.values[:] = (rng.exponential(size=len(tree.values)) + 1e-3) ** ALPHA
        tree.rebuild()
    buffer.full, buffer.added = True, buffer.ring
    if isinstance(buffer, RetentionReplay):
        buffer.kept = buffer.ring
        buffer._scores.scores[:] = rng.random(buffer.ring)
        buffer._scores.entered[:] = rng.permutation(buffer.ring)
    return buffer


def kernel_turn(buffer: PrioritizedReplay, batch_size: int, *, through_ctypes: bool = False) -> Turn:
    """One turn by the kernel's functions."""
    loaded = library.load()
    assert loaded is not None
    struct = buffer.kernel_struct(batch_size, ACTIONS)
    at = ctypes.addressof(struct)
    td_errors, values = numbers(batch_size)
    slots = np.zeros(batch_size, np.int64)
    errors_at = [ctypes.c_void_p(row.ctypes.data) for row in td_errors]
    values_at = [ctypes.c_void_p(row.ctypes.data) for row in values]
    slots_at, turn = ctypes.c_void_p(slots.ctypes.data), 0

    def apart() -> None:
        nonlocal turn
        turn = (turn + 1) % POOL
        loaded.replay_added(at, struct.pos)
        loaded.replay_draw(at)
        loaded.replay_feedback(at, errors_at[turn], values_at[turn])

    functions = (ctypes.c_void_p * 5)(*(address_of(getattr(loaded, name)) for name in FUNCTIONS))
    at_once, where = caller().turn, ctypes.c_void_p(at)

    def together() -> None:
        nonlocal turn
        turn = (turn + 1) % POOL
        at_once(functions, where, errors_at[turn], values_at[turn], slots_at)

    run = apart if through_ctypes else together
    run.__dict__["alive"] = buffer, td_errors, values, slots  # C knows only their addresses
    return run


def address_of(function: Any) -> int | None:
    """Where a function of a library is."""
    return ctypes.cast(function, ctypes.c_void_p).value


@functools.cache
def caller() -> ctypes.CDLL:
    """Compile what calls the kernel as a training step does."""
    command = kernel_compile.compiler()
    assert command is not None
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "turn.c"), Path(folder, "turn.so")
        source.write_text(CALLER)
        options = ["-O2", "-shared", "-fPIC", "-I", str(kernel_compile.FOLDER)]
        subprocess.run([*command, *options, "-o", str(target), str(source)], check=True)
        return ctypes.CDLL(str(target))


def numpy_turn(buffer: PrioritizedReplay, batch_size: int) -> Turn:
    """One turn by the numpy twin."""
    td_errors, values = numbers(batch_size)
    turn = 0

    def run() -> None:
        nonlocal turn
        turn = (turn + 1) % POOL
        buffer._added(buffer.pos)
        buffer.draw(batch_size)
        buffer.feedback(td_errors[turn], values[turn])
        slots = buffer.rescore_slots()
        if len(slots):
            buffer.rescore(slots, values[-turn])

    return run


def cpprb_turn(size: int, batch_size: int) -> Turn | None:
    """One turn of cpprb's prioritized buffer, filled; None if it is not installed."""
    try:
        from cpprb import PrioritizedReplayBuffer  # type: ignore[import-not-found]
    except ImportError:
        return None
    rng = np.random.default_rng(0)
    buffer = PrioritizedReplayBuffer(size, {"a": {}}, alpha=ALPHA)
    for start in range(0, size, 50_000):
        count = min(50_000, size - start)
        buffer.add(a=np.zeros(count), priorities=rng.exponential(size=count) + 1e-3)
    td_errors = np.abs(numbers(batch_size)[0]) + np.float32(1e-6)
    turn = 0

    def run() -> None:
        nonlocal turn
        turn = (turn + 1) % POOL
        buffer.add(a=0.0)
        drawn = buffer.sample(batch_size, BETA)
        buffer.update_priorities(drawn["indexes"], td_errors[turn])

    return run


def numbers(batch_size: int) -> tuple[Any, Any]:
    """TD errors and values of as many batches as there are turns before they repeat."""
    rng = np.random.default_rng(1)
    td_errors = rng.exponential(size=(POOL, batch_size)).astype(np.float32)
    return td_errors, rng.normal(size=(POOL, batch_size, ACTIONS)).astype(np.float32)


def contenders(size: int, batch_size: int) -> dict[str, Turn]:
    """All that can run here."""
    found: dict[str, Turn] = {}
    cpprb = cpprb_turn(size, batch_size)
    if cpprb is not None:
        found["cpprb"] = cpprb
    both = {"sampler": "prioritized"}
    if library.load() is not None:
        found["prioritized"] = kernel_turn(full(PrioritizedReplay, size, kernel=True), batch_size)
        again = full(PrioritizedReplay, size, kernel=True)
        found["prioritized, through ctypes"] = kernel_turn(again, batch_size, through_ctypes=True)
        found["retention"] = kernel_turn(full(RetentionReplay, size, kernel=True), batch_size)
        by_priority = full(RetentionReplay, size, kernel=True, **both)
        found["retention, prioritized"] = kernel_turn(by_priority, batch_size)
    found["prioritized in numpy"] = numpy_turn(full(PrioritizedReplay, size, kernel=False), batch_size)
    found["retention in numpy"] = numpy_turn(full(RetentionReplay, size, kernel=False), batch_size)
    return found


def measure(turns: dict[str, Turn], rounds: int) -> dict[str, list[float]]:
    """Nanoseconds of a turn, in each round."""
    counts = {name: _turns_of_a_round(turn) for name, turn in turns.items()}
    times: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds):
        for name in list(turns)[:: 1 if number % 2 else -1]:
            turn, count = turns[name], counts[name]
            start = time.process_time_ns()
            for _ in range(count):
                turn()
            times[name].append((time.process_time_ns() - start) / count)
    return times


def _turns_of_a_round(turn: Turn) -> int:
    for _ in range(20):
        turn()
    start = time.process_time()
    for _ in range(20):
        turn()
    return max(20, int(20 * ROUND_SECONDS / max(time.process_time() - start, 1e-6)))


def ratio(times: dict[str, list[float]], one: str, other: str) -> str:
    """The median of a ratio within rounds, or a dash."""
    if one not in times or other not in times:
        return "-"
    return f"{statistics.median(a / b for a, b in zip(times[one], times[other], strict=True)):.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50_000, 200_000, 1_000_000])
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    print(f"kernel: {library.level() or library.reason()}; ns for each drawn transition")
    print(
        "| contender | "
        + " | ".join(f"{s:,} x {b}" for s in arguments.sizes for b in arguments.batches)
        + " |"
    )
    rows: dict[str, list[str]] = {}
    for size in arguments.sizes:
        for batch_size in arguments.batches:
            times = measure(contenders(size, batch_size), arguments.rounds)
            for name, found in times.items():
                rows.setdefault(name, []).append(f"{statistics.median(found) / batch_size:.0f}")
            for one, other in (
                ("cpprb", "prioritized"),
                ("cpprb", "prioritized, through ctypes"),
                ("retention", "prioritized"),
                ("retention, prioritized", "prioritized"),
            ):
                rows.setdefault(f"{one} : {other}", []).append(ratio(times, one, other))
    print("|---|" + "---|" * (len(arguments.sizes) * len(arguments.batches)))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
