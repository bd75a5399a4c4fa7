"""`deeprl doctor`: is this machine fit, and what to do if not. Each check tries the thing itself."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from deeprl_tui import ops
from deeprl_tui.cli import look
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_file, find_runs_folder
from deeprl_tui.cli.table import Cell
from deeprl_tui.core import state
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import FileLock, holder, is_held
from deeprl_tui.errors import DeeprlError, ExitCode, UnknownNameError
from deeprl_tui.monitor.machine import disk_free, memory
from deeprl_tui.supervisor.slots import cgroup_quota, core_lock, core_locks

Level: TypeAlias = Literal["ok", "warn", "fail"]

LOW_DISK = 2 * 10**9
LOW_MEMORY = 10**9
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "lustre", "gpfs", "afs")
PACKAGES = ("torch", "stable-baselines3", "gymnasium", "numpy", "multiprocess", "textual", "rich", "typer")
LEARNER = (
    "import torch, stable_baselines3, gymnasium, gymnasium.envs.box2d; "
    "torch.set_num_threads(1); torch.ones(9).sum(); print(torch.get_num_threads())"
)
_LOOKS = {"ok": Cell("✓", "green"), "warn": Cell("!", "yellow"), "fail": Cell("✗", "red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    level: Level
    text: str
    remedy: str = ""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(doctor)


def doctor(
    file: File = None,
    runs: Runs = None,
    quick: Annotated[bool, typer.Option("--quick", help="Skip what takes seconds: importing torch.")] = False,
    as_json: AsJson = False,
) -> int:
    """Check this machine, the project and the runs folder."""
    output = Output()
    root = _root(file, runs)
    checks: list[Callable[[], Finding]] = [
        python,
        packages,
        lambda: experiments(file),
        cores,
        lambda: core_holders(core_locks()),
        lambda: lock_works(root),
        lambda: disk(root),
        free_memory,
        lambda: supervisor(root),
        lambda: damaged(root),
        shared_memory,
        lambda: terminal(output),
    ]
    if not quick:
        checks.append(lambda: learner(output))
    worst = False
    for check in checks:
        found = check()
        worst = worst or found.level == "fail"
        if as_json:
            output.json(asdict(found))
        elif output.terminal:
            remedy = f"; {found.remedy}" if found.remedy else ""
            output.line(_LOOKS[found.level], " ", Cell(f"{found.check:<15}", "dim"), f"{found.text}{remedy}")
        else:
            output.record([found.level, found.check, found.text, found.remedy])
    return ExitCode.FAILED if worst else ExitCode.OK


def python() -> Finding:
    """The interpreter."""
    text = f"{platform.python_version()} at {sys.executable}"
    return Finding("python", "ok", text)


def packages() -> Finding:
    """What is installed, by its metadata; nothing is imported."""
    from importlib.metadata import PackageNotFoundError, version

    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding(
            "packages", "fail", f"missing: {', '.join(missing)}", "install deeprl-tui again with pip"
        )
    return Finding("packages", "ok", ", ".join(found))


def experiments(file: Path | None) -> Finding:
    """The project's file."""
    name = "experiments"
    try:
        place = find_file(file)
    except UnknownNameError as error:
        return Finding(name, "warn", str(error.fault), "needed to launch; reading runs works without")
    checked = ops.check(place)
    if checked.project is None:
        return Finding(name, "fail", f"{place}: {len(checked.errors)} errors", "deeprl check shows them")
    text = f"{place}: {len(checked.project.experiments)} experiments"
    if checked.warnings:
        return Finding(name, "warn", f"{text}, {len(checked.warnings)} warnings", "deeprl check shows them")
    return Finding(name, "ok", text)


def cores() -> Finding:
    """What workers may use."""
    usable, quota = ops.cores(), cgroup_quota()
    limits = [f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} in the affinity mask"]
    limits.append("no quota" if quota is None else f"a quota of {quota:g}")
    return Finding(
        "cores", "ok", f"{len(usable)} usable: {', '.join(map(str, usable))} ({'; '.join(limits)})"
    )


def core_holders(locks: Path) -> Finding:
    """Who holds which core."""
    held = [(core, holder(core_lock(locks, core))) for core in ops.cores() if is_held(core_lock(locks, core))]
    if not held:
        return Finding("core locks", "ok", f"all free, in {locks}")
    return Finding("core locks", "ok", "; ".join(f"core {core}: {note or 'somebody'}" for core, note in held))


def lock_works(root: Path) -> Finding:
    """Takes a lock in the runs folder and looks whether it is seen: on some network folders it is not."""
    name, folder = "file locks", root if root.is_dir() else root.parent
    kind = filesystem(folder)
    where = f"{folder} ({kind})"
    path = folder / f".doctor-{os.getpid()}"
    try:
        with FileLock.acquire(path, "doctor"):
            seen = is_held(path)
        path.unlink()
    except (OSError, DeeprlError) as error:
        return Finding(name, "fail", f"no lock in {where}: {error}", "put the runs folder on a local disk")
    if not seen:
        return Finding(name, "fail", f"locks in {where} do nothing", "put the runs folder on a local disk")
    if kind in REMOTE:
        return Finding(
            name, "warn", f"work in {where}, a network folder", "one host at a time; a local disk is safer"
        )
    return Finding(name, "ok", f"work in {where}")


def filesystem(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The type of the file system that a folder is on."""
    best, kind = -1, "unknown"
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return kind
    target = folder.resolve()
    for line in lines:
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(fields[1].replace("\\040", " "))
        if (point == target or point in target.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind


def disk(root: Path) -> Finding:
    """Space for checkpoints and logs."""
    free = disk_free(root if root.is_dir() else root.parent)
    if free < LOW_DISK:
        return Finding(
            "disk", "warn", f"{look.size(free)} free", "free some: checkpoints and buffers need it"
        )
    return Finding("disk", "ok", f"{look.size(free)} free")


def free_memory() -> Finding:
    """Memory for replay buffers."""
    used, total = memory()
    if not total:
        return Finding("memory", "warn", "unknown: no /proc/meminfo")
    text = f"{look.size(total - used)} of {look.size(total)} free"
    if total - used < LOW_MEMORY:
        return Finding("memory", "warn", text, "deeprl plan shows what runs need")
    return Finding("memory", "ok", text)


def supervisor(root: Path) -> Finding:
    """Whether somebody starts queued runs."""
    if not root.is_dir():
        return Finding("supervisor", "ok", f"no runs yet in {root}")
    paths = RootPaths(root)
    if ops.supervised(root):
        return Finding("supervisor", "ok", holder(paths.supervisor_lock))
    views, _ = ops.read_runs(root)
    waiting = [view for view in views if isinstance(view.state, state.Queued | state.Lost)]
    if waiting:
        return Finding(
            "supervisor", "warn", f"none, and {len(waiting)} runs wait", f"deeprl resume {waiting[0].id}"
        )
    return Finding("supervisor", "ok", "none, and nothing waits")


def damaged(root: Path) -> Finding:
    """Runs that cannot be read."""
    views, errors = ops.read_runs(root) if root.is_dir() else ([], [])
    lines = sum(view.bad_lines for view in views)
    if errors:
        return Finding(
            "runs", "warn", f"{len(errors)} cannot be read: {errors[0]}", "deeprl ls names them all"
        )
    if lines:
        return Finding("runs", "warn", f"{lines} damaged lines in the logs", "they are left out")
    return Finding("runs", "ok", f"{len(views)} can be read")


def shared_memory() -> Finding:
    """Only for information: nothing here uses it."""
    free = disk_free(Path("/dev/shm"))  # noqa: S108  looked at, not written
    return Finding("/dev/shm", "ok", f"{look.size(free)} free; workers do not use it")  # noqa: S108


def terminal(output: Output) -> Finding:
    """What the screen can show."""
    if not output.terminal:
        return Finding("terminal", "ok", "stdout is none: plain output")
    encoding = (sys.stdout.encoding or "").lower()
    if not encoding.startswith("utf"):
        return Finding("terminal", "warn", f"encoding {encoding}", "set LANG to a UTF-8 locale")
    name, deep = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    width = shutil.get_terminal_size()
    colors = "no colors" if not output.colors else "16 million colors" if deep else "colors"
    return Finding("terminal", "ok", f"{name}, {width.columns}x{width.lines}, {colors}")


def learner(output: Output) -> Finding:
    """Imports what trains, in a process of its own, as a worker does."""
    output.progress("importing torch …")
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", LEARNER],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environ,
        )
    except subprocess.TimeoutExpired:
        return Finding(
            "learner", "fail", "importing torch took over 120 s", "is the disk slow or the machine full?"
        )
    finally:
        output.progress("")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Finding("learner", "fail", last, "install deeprl-tui again with pip")
    return Finding("learner", "ok", f"torch and environments load, {done.stdout.strip()} thread")


def _root(file: Path | None, runs: Path | None) -> Path:
    try:
        return find_runs_folder(file, runs, make=True)
    except UnknownNameError:
        return Path.cwd() / ops.RUNS
