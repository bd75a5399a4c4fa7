"""Which cores workers may be pinned to: those this process may really use, and that no other worker holds.

The affinity mask and the cgroup quota count, not the number of cores of the machine. Each pinned core is a
lock held by its worker, so several supervisors of one user never share a core and a death frees it.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from deeprl_tui.core.lock import is_held

CGROUP = Path("/sys/fs/cgroup")
LOCK_FOLDER = "DEEPRL_LOCK_DIR"
"""Environment variable that moves the core locks, for tests and for odd containers."""


def usable_cores(affinity: Iterable[int], quota: float | None) -> tuple[int, ...]:
    """The cores of the affinity mask, as many as the quota pays for, at least one."""
    cores = sorted(affinity)
    if quota is not None:
        cores = cores[: max(1, int(quota + 1e-6))]
    return tuple(cores)


def cgroup_quota(root: Path = CGROUP, own: Path = Path("/proc/self/cgroup")) -> float | None:
    """The smallest CPU quota from this process's cgroup up to the root, in cores; None without one.

    Reads cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us).
    """
    quotas = []
    for folder in _own_folders(root, own):
        for path in (folder, *folder.parents):
            if path != root and root not in path.parents:
                break
            quota = _quota_v2(path / "cpu.max") or _quota_v1(path)
            if quota is not None:
                quotas.append(quota)
    return min(quotas, default=None)


def core_locks() -> Path:
    """The folder of the core locks, made if needed: one per machine and user."""
    chosen = os.environ.get(LOCK_FOLDER)
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if chosen:
        folder = Path(chosen)
    elif runtime and Path(runtime).is_dir() and os.access(runtime, os.W_OK):
        folder = Path(runtime) / "deeprl-cores"
    else:
        folder = Path(f"/tmp/deeprl-cores-{os.getuid()}")  # noqa: S108  checked below
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else; set {LOCK_FOLDER} to a folder of your own")
    return folder


def core_lock(folder: Path, core: int) -> Path:
    """The lock of one core."""
    return folder / f"core-{core}"


def free_cores(cores: Iterable[int], locks: Path, taken: Iterable[int] = ()) -> list[int]:
    """Those cores that no living worker holds; taken: given to workers that have not locked them yet."""
    busy = set(taken)
    return [core for core in cores if core not in busy and not is_held(core_lock(locks, core))]


def _own_folders(root: Path, own: Path) -> list[Path]:
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return [root]
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found.append(root / path.lstrip("/"))
        elif "cpu" in controllers.split(","):
            found += [root / "cpu" / path.lstrip("/"), root / controllers / path.lstrip("/")]
    return [*found, root, root / "cpu"]


def _quota_v2(file: Path) -> float | None:
    try:
        quota, period = file.read_text().split()[:2]
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
        return quota / period if quota > 0 and period > 0 else None
    except (OSError, ValueError):
        return None
