"""Which run directories there are, looked at again and again for next to nothing.

Rule: a folder is listed only when its own time of change says that something was put in or taken out; then
everything in it is told as touched, also what stayed: whoever changes a run at rest touches the folder above.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

RACY_NS: Final = 2_000_000_000
"""A folder that changed this short a time ago is listed again: its time of change has a coarse grain."""
LEVELS: Final = 3  # experiment, algo, run
PER_LOOK: Final = 4000
"""Folders that one look checks at most; the rest have their turn in the next looks."""


@dataclass(slots=True)
class Changes:
    """What is different from the look before, as paths."""

    appeared: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)  # stayed, in a folder that changed


@dataclass(slots=True)
class _Folder:
    level: int
    changed: int = -1  # its time of change when it was listed; -1: it has to be listed again
    inside: dict[str, int] = field(default_factory=dict)  # path: inode


class Folders:
    """Remembers what was in a runs folder."""

    def __init__(self, root: Path, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._root = str(root)
        self._wall_ns = wall_ns
        self._known: dict[str, _Folder] = {self._root: _Folder(0)}
        self._turn: Iterator[str] = iter(())

    def look(self, *, everything: bool = False) -> Changes:
        """Say what changed. everything: without leaving folders for the next look."""
        changes = Changes()
        for path in self._due(everything):
            self._look(path, changes)
        return changes

    def _due(self, everything: bool) -> list[str]:
        if everything or len(self._known) <= PER_LOOK:
            return list(self._known)
        paths = [self._root]
        while len(paths) < PER_LOOK:
            path = next(self._turn, None)
            if path is None:
                if len(paths) > 1:
                    break
                self._turn = iter(list(self._known))
            else:
                paths.append(path)
        return paths

    def _look(self, path: str, changes: Changes) -> None:
        folder = self._known.get(path)
        if folder is None:
            return
        try:
            changed = os.stat(path).st_mtime_ns  # noqa: PTH116  the hot path
            if changed == folder.changed:
                return
            now = _list(path)
        except OSError:
            changed, now = -1, {}  # gone, or not to be read: there is nothing in it
        racy = abs(self._wall_ns() - changed) < RACY_NS
        folder.changed = -1 if racy else changed
        before, folder.inside = folder.inside, now
        last = folder.level == LEVELS - 1
        for name, inode in before.items():
            if now.get(name) != inode:
                self._leave(name, last, changes)
        for name in now:
            if before.get(name) == now[name]:
                if last:
                    changes.touched.append(name)
            elif last:
                changes.appeared.append(name)
            else:
                self._known[name] = _Folder(folder.level + 1)
                self._look(name, changes)

    def _leave(self, path: str, last: bool, changes: Changes) -> None:
        if last:
            changes.gone.append(path)
            return
        folder = self._known.pop(path, None)
        for inside in folder.inside if folder else ():
            self._leave(inside, folder is not None and folder.level == LEVELS - 1, changes)


def _list(path: str) -> dict[str, int]:
    with os.scandir(path) as entries:
        found = [
            (entry.path, entry.inode())
            for entry in entries
            if not entry.name.startswith(".") and entry.is_dir()
        ]
    return dict(sorted(found))
