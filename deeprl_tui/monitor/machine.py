"""Load, memory and disk of this machine, from /proc. Missing files give zeros, never errors."""

import os
from collections.abc import Sequence
from pathlib import Path


class CoreLoad:
    """Share of each core that was busy since the last look."""

    def __init__(self, cores: Sequence[int], stat: Path = Path("/proc/stat")) -> None:
        self._cores = tuple(cores)
        self._stat = stat
        self._last = self._read()

    def look(self) -> tuple[float, ...]:
        """Share 0 to 1 for each core, in the order given."""
        now, last = self._read(), self._last
        self._last = now
        shares = []
        for core in self._cores:
            busy, total = now.get(core, (0, 0))
            busy_before, total_before = last.get(core, (0, 0))
            span = total - total_before
            shares.append(min(1.0, max(0.0, (busy - busy_before) / span)) if span > 0 else 0.0)
        return tuple(shares)

    def _read(self) -> dict[int, tuple[int, int]]:
        try:
            lines = self._stat.read_text().splitlines()
        except OSError:
            return {}
        found = {}
        for line in lines:
            name, *fields = line.split()
            if name.startswith("cpu") and name[3:].isdigit():
                ticks = [int(field) for field in fields[:8]]
                found[int(name[3:])] = (sum(ticks) - ticks[3] - ticks[4], sum(ticks))
        return found


def memory(meminfo: Path = Path("/proc/meminfo")) -> tuple[int, int]:
    """Bytes used and in all, of the machine."""
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        total = int(fields["MemTotal"].split()[0]) * 1024
        return total - int(fields["MemAvailable"].split()[0]) * 1024, total
    except (OSError, KeyError, ValueError):
        return 0, 0


def disk_free(folder: Path) -> int:
    """Bytes that this user may still write there."""
    try:
        stat = os.statvfs(folder)
    except OSError:
        return 0
    return stat.f_bavail * stat.f_frsize


def boot_id() -> str:
    """What names the time since this machine was switched on."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return f"pid-{os.getpid()}"
