"""Let rl-baselines3-zoo read a runs folder: all_plots tells its scores, enjoy plays its models.

    .venv/bin/python benchmarks/rlzoo.py RUNS [VENV]

Sets up rl_zoo3 in a virtual environment of its own (default: .venv-rlzoo) that borrows torch and its like
from this one, but not this project: rl-zoo reads the folders by itself. Prints a table for RESULTS.md. Exit
code 1 if a score that all_plots tells is not that of the logs, or a model was not played.
"""

import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.spec import RunId
from deeprl_tui.export.logs import Log, read_log

ZOO = "rl_zoo3==2.9.2"
ALONE = ("sb3_contrib>=2.9.2,<2.10", "sb3-team-hf-integration>=3,<4", "shimmy>=2,<3", "rliable>=1.2,<1.3")
"""These would bring torch, or versions that exclude each other."""
NEEDS = (
    "pandas>=2.2,<3", "tqdm", "pyyaml", "optuna>=3", "pytablewriter>=1.2,<2", "seaborn", "scipy", "arch<8",
    "absl-py", "statsmodels", "huggingface_hub", "wasabi", "requests", "moviepy",
)  # fmt: skip
EPISODES_STEPS = 3000


def main(runs: Path, venv: Path) -> int:
    """Set up, run, compare, print."""
    python = set_up(venv)
    logs = {log.spec.id: log for log in map(read_log, RootPaths(runs).runs()) if log.evaluations}
    wrong = 0
    print("| experiment | env | seeds | all_plots | our logs | enjoy: seed, mean reward |")
    print("|---|---|---|---|---|---|")
    for env in dict.fromkeys(log.spec.env for log in logs.values()):
        here = {run: log for run, log in logs.items() if log.spec.env == env}
        names = list(dict.fromkeys(run.experiment for run in here))
        told = all_plots(python, runs, env, names)
        for name in names:
            ours = [score(log) for run, log in here.items() if run.experiment == name]
            seed = max(run.seed for run in here if run.experiment == name)
            played = enjoy(python, runs / name, here, RunId(name, seed))
            same = told.get(name) == f"{fmean(ours):.0f}"
            wrong += not same or played is None
            print(
                f"| {name} | {env} | {len(ours)} | {told.get(name)} | {fmean(ours):.1f} "
                f"| {seed}: {'not played' if played is None else played} |"
            )
    return int(wrong > 0)


def set_up(venv: Path) -> Path:
    """Make the environment, unless it is there; its Python."""
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        borrowed = Path(sysconfig.get_path("purelib"))
        (own,) = venv.glob("lib/python*/site-packages")
        # Packages of a borrowed folder are found, but not what its own .pth files name: not this project.
        (own / "borrowed.pth").write_text(f"{borrowed}\n")
        pip = [str(python), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, "--no-deps", ZOO, *ALONE], check=True)
        subprocess.run([*pip, *NEEDS], check=True)
    return python


def score(log: Log) -> float:
    """The mean of the last evaluation, as all_plots takes it."""
    return fmean(log.evaluations[-1].returns)


def all_plots(python: Path, runs: Path, env: str, names: Sequence[str]) -> dict[str, str]:
    """What all_plots prints as mean of the last evaluations, by experiment."""
    said = _module(
        python, "rl_zoo3.plots.all_plots", "-a", "dqn", "-e", env, "--no-display",
        "-f", *(str(runs / name) for name in names), "-l", *names,
    )  # fmt: skip
    (row,) = re.findall(rf"^\|{re.escape(env)} *\|(.*)\|$", said, re.MULTILINE)
    return {name: cell.split("+/-")[0].strip() for name, cell in zip(names, row.split("|"), strict=True)}


def enjoy(python: Path, folder: Path, logs: Mapping[RunId, Log], run: RunId) -> str | None:
    """The mean reward of a run's best model; None if it was not played."""
    said = _module(
        python, "rl_zoo3.enjoy", "--algo", "dqn", "--env", logs[run].spec.env, "-f", str(folder),
        "--exp-id", str(run.seed), "--no-render", "--load-best", "-n", str(EPISODES_STEPS),
    )  # fmt: skip
    found = re.search(r"Mean reward: (\S+ \+/- \S+)", said)
    return found[1] if found else None


def _module(python: Path, name: str, *arguments: str) -> str:
    done = subprocess.run(
        [str(python), "-W", "ignore", "-m", name, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else ".venv-rlzoo")))
