"""Which cores may be used."""

from pathlib import Path

import pytest

from deeprl_tui.core.lock import FileLock
from deeprl_tui.supervisor import slots


def test_the_affinity_mask_counts_not_the_machine() -> None:
    """A process that may use cores 3 and 5 pins to those."""
    assert slots.usable_cores({5, 3}, None) == (3, 5)


@pytest.mark.parametrize(("quota", "count"), [(None, 4), (4.0, 4), (2.5, 2), (2.0, 2), (0.5, 1)])
def test_the_quota_limits_how_many(quota: float | None, count: int) -> None:
    """Half a core still runs one worker; two and a half run two."""
    assert len(slots.usable_cores(range(4), quota)) == count


def test_the_quota_of_version_2_is_the_smallest_on_the_way_up(tmp_path: Path) -> None:
    """A slice above us may be tighter than our own group."""
    own = tmp_path / "own"
    own.write_text("0::/slice/service\n")
    inner = tmp_path / "fs" / "slice" / "service"
    inner.mkdir(parents=True)
    (inner / "cpu.max").write_text("max 100000\n")
    (inner.parent / "cpu.max").write_text("150000 100000\n")
    assert slots.cgroup_quota(tmp_path / "fs", own) == 1.5


def test_the_quota_of_version_1_is_read(tmp_path: Path) -> None:
    """-1 means none."""
    own = tmp_path / "own"
    own.write_text("4:cpu,cpuacct:/docker/x\n")
    group = tmp_path / "fs" / "cpu,cpuacct" / "docker" / "x"
    group.mkdir(parents=True)
    (group / "cpu.cfs_period_us").write_text("100000")
    (group / "cpu.cfs_quota_us").write_text("-1")
    assert slots.cgroup_quota(tmp_path / "fs", own) is None
    (group / "cpu.cfs_quota_us").write_text("50000")
    assert slots.cgroup_quota(tmp_path / "fs", own) == 0.5


def test_a_locked_core_is_not_free(tmp_path: Path) -> None:
    """Whoever holds it, also the worker of another supervisor."""
    with FileLock.acquire(slots.core_lock(tmp_path, 1), "pid 1"):
        assert slots.free_cores((0, 1, 2, 3), tmp_path, taken=[2]) == [0, 3]


def test_a_lock_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link in /tmp must not lead our locks elsewhere."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv(slots.LOCK_FOLDER, str(tmp_path / "link"))
    with pytest.raises(PermissionError, match=slots.LOCK_FOLDER):
        slots.core_locks()
