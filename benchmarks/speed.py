"""Compare how fast DQN trains on one core: this package against Stable-Baselines3 and others.

    .venv/bin/python benchmarks/speed.py                          all tables; about 40 minutes
    .venv/bin/python benchmarks/speed.py --only study --rounds 1  one table, quickly
    .venv/bin/python benchmarks/speed.py --against HEAD~1         another commit as a contender, too

Each contender is a process of its own, all on one core with one thread. They take turns in one run, in both
orders; what counts is CPU time per environment step, warm-up and end of a run included, and the median over
rounds of the ratio to Stable-Baselines3 in the same round. Ours are real runs: run directory, events,
evaluations, checkpoints. Stock Stable-Baselines3 does none of these; "sb3 with duties" evaluates and saves as
often.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONTENDER = Path(__file__).with_name("speed_contender.py")

TABLES = {
    "study": ("sb3", "sb3 with duties", "torch loop", "numpy", "avx2", "best"),
    "zoo": ("sb3", "torch loop", "numpy", "avx2", "best"),
    "switches": ("sb3", "double-Q", "n-step", "prioritized", "retention", "torch"),
    "dueling": ("sb3 dueling", "dueling (torch)"),
    "python trees": ("sb3 prioritized in Python", "prioritized"),
}
GAMES = {
    "study": ("CartPole-v1", "Acrobot-v1", "LunarLander-v3"),
    "zoo": ("CartPole-v1", "LunarLander-v3"),
    "switches": ("LunarLander-v3",),
    "dueling": ("LunarLander-v3",),
    "python trees": ("LunarLander-v3",),
}


class Contender:
    """A process that trains when told to."""

    def __init__(self, kind: str, table: str, env: str, core: int, scratch: Path, source: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(source / "agents")])}
        environment.pop("DEEPRL_KERNEL", None)
        if kind in ("numpy", "avx2", "torch"):
            environment["DEEPRL_KERNEL"] = kind
        threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment.update(dict.fromkeys(threads, "1"))
        settings = "zoo" if table == "zoo" else "study"
        command = [sys.executable, "-W", "ignore", CONTENDER, kind, settings, env, str(scratch)]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        os.sched_setaffinity(self._process.pid, {core})

    def go(self, steps: int, seed: int) -> tuple[float, str]:
        """Train; microseconds of CPU time per step, and what computed."""
        assert self._process.stdin
        assert self._process.stdout
        print(steps, seed, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline().split(maxsplit=1)
        if not line:
            sys.exit("a contender died; see above")
        return float(line[0]) / steps * 1e6, line[1].strip()

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def compare(table: str, env: str, options: argparse.Namespace, scratch: Path) -> None:
    """Let the contenders of a table take turns on one game and print their rows."""
    kinds = [kind for kind in TABLES[table] if not options.contender or kind in options.contender]
    if options.against and table in ("study", "zoo"):
        kinds.append("previous")
    contenders = {}
    for kind in kinds:
        source = scratch / "previous" if kind == "previous" else ROOT
        contenders[kind] = Contender(kind, table, env, options.core, scratch, source)
    micros: dict[str, list[float]] = {kind: [] for kind in kinds}
    names = {}
    for kind in kinds:
        contenders[kind].go(1200, 99)  # imports, first updates
    for number in range(options.rounds):
        for kind in kinds if number % 2 == 0 else reversed(kinds):
            spent, names[kind] = contenders[kind].go(options.steps, number)
            micros[kind].append(spent)
    for contender in contenders.values():
        contender.close()
    first = kinds[0]
    for kind in kinds:
        ratios = [a / b for a, b in zip(micros[first], micros[kind], strict=True)]
        middle = statistics.median(ratios)
        print(
            f"| {table} | {env} | {kind} | {names[kind]} | {statistics.median(micros[kind]):,.1f} "
            f"| **{middle:.2f}** | {min(ratios):.2f} to {max(ratios):.2f} |",
            flush=True,
        )


def check_out(revision: str, target: Path) -> None:
    """Put another commit's source into a folder and build its kernel, if it has one."""
    target.mkdir()
    archive = subprocess.run(["git", "-C", ROOT, "archive", revision], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", target], input=archive, check=True)
    if (target / "agents/deeprl_agents/kernel/compile.py").exists():
        environment = {**os.environ, "PYTHONPATH": f"{target}{os.pathsep}{target / 'agents'}"}
        compile_it = [sys.executable, "-m", "deeprl_agents.kernel.compile"]
        subprocess.run(compile_it, check=True, env=environment, cwd=target)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=TABLES, action="append", help="these tables")
    parser.add_argument("--env", action="append", help="these games")
    parser.add_argument("--contender", action="append", help="these contenders")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=25_000, help="of each contender in each round")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--against", metavar="REVISION", help="a commit to compare with as well")
    options = parser.parse_args()
    print("| settings | env | contender | computes with | us per step | x | range |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        if options.against:
            check_out(options.against, Path(scratch) / "previous")
        for table in options.only or TABLES:
            for env in GAMES[table]:
                if not options.env or env in options.env:
                    compare(table, env, options, Path(scratch))


if __name__ == "__main__":
    main()
