"""Runs that go from one host to another, and whose results are home.

Rule: a run lives on one host at a time. Where it lives is decided here, under a lock that whoever appends
to a mirror takes too, so nothing of the old host comes in once it has moved. It is told when it can be.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from deeprl_tui.core.files import open_regular, read_small
from deeprl_tui.core.layout import RootPaths, RunPaths, name_of
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.runs.homes import MOST_NAME, home_of

ELSEWHERE: Final = "(elsewhere)"
"""What a host that gave a run up notes as its home; no host is called so."""
MOST_MOVES: Final = 1 << 16
MOST_PULLED: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class Moves:
    """Where a run was, and where it goes."""

    left: Mapping[str, int] = field(
        default_factory=dict
    )  # hosts it lived on: the attempt that replaced theirs
    to: str | None = None  # the host that does not have it yet; None: it is where it lives


@dataclass(frozen=True, slots=True)
class File:
    """A file that came from a host."""

    identity: tuple[int, ...]  # there: inode, time of change in ns, size
    size: int
    sha256: str


Refused: TypeAlias = tuple[tuple[int, ...], str]
"""Identity of a file that is of no use, and why."""


@dataclass(frozen=True, slots=True)
class PulledFiles:
    """What came of a run."""

    files: Mapping[str, File] = field(default_factory=dict)
    home: tuple[int, int] | None = None  # newest attempt and bytes of its log when all was here
    refused: Mapping[str, Refused] = field(default_factory=dict)  # files that do not come as they are


@contextlib.contextmanager
def settled(paths: RunPaths, *, change: bool = False) -> Iterator[None]:
    """Keep a run where it lives while its mirror grows; change: keep it from growing. Raises OSError."""
    fd = open_regular(paths.spec)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if change else fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


def read_moves(paths: RunPaths) -> Moves:
    """Where a run was; nowhere else if that cannot be read."""
    try:
        body = json.loads(read_small(paths.moves, MOST_MOVES))
        left = {str(host): int(attempt) for host, attempt in body["left"].items()}
        to = body["to"]
        return Moves(left, to if isinstance(to, str) else None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Moves()


def assign(paths: RunPaths, host: str, attempt: int, *, leaving: str | None = None) -> bool:
    """Let a run live on another host from now on; empty: on this machine. Raises OSError.

    attempt: number of the first attempt there. leaving: nothing is done, and False returned, if it does not
    live there any more: somebody else moved it. May be repeated.
    """
    with settled(paths, change=True):
        before, now = home_of(paths), read_moves(paths)
        if leaving is not None and before != leaving:
            return False
        left = {name: number for name, number in now.left.items() if name != host}
        if before not in ("", host):
            left[before] = attempt
        for number in paths.attempts():
            _cut_torn(paths.events(number))
        _write(paths.moves, {"left": left, "to": host or None})
        if host:
            assert len(host) <= MOST_NAME
            _replace(paths.host, host.encode())
        else:
            paths.host.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        os.utime(paths.folder.parent)  # who watches runs at rest looks there
    return True


def arrived(paths: RunPaths) -> None:
    """The host that a run went to has it."""
    now = read_moves(paths)
    _write(paths.moves, {"left": dict(now.left), "to": None})


def gave_up(paths: RunPaths, host: str) -> None:
    """A host has nothing of a run any more."""
    with settled(paths, change=True):
        now = read_moves(paths)
        left = {name: number for name, number in now.left.items() if name != host}
        if left or now.to is not None:
            _write(paths.moves, {"left": left, "to": now.to})
        else:
            paths.moves.unlink(missing_ok=True)


def left_host(root: Path, host: str) -> Iterator[tuple[RunId, RunPaths, int]]:
    """The runs that this host must give up, with the attempt that replaced its own."""
    for run, paths in _named(root):
        attempt = read_moves(paths).left.get(host) if paths.moves.exists() else None
        if attempt is not None:
            yield run, paths, attempt


def bound_for(root: Path, host: str) -> Iterator[tuple[RunId, RunPaths]]:
    """The runs that go to a host and are not there yet."""
    for run, paths in _named(root):
        if paths.moves.exists() and read_moves(paths).to == host and home_of(paths) == host:
            yield run, paths


def read_pulled(paths: RunPaths) -> PulledFiles:
    """What came of a run; nothing if that cannot be read."""
    try:
        body = json.loads(read_small(paths.pulled, MOST_PULLED))
        files = {
            str(name): File(tuple(map(int, identity)), int(size), str(sha256))
            for name, (identity, size, sha256) in body["files"].items()
        }
        refused = {
            str(name): (tuple(map(int, identity)), str(why))
            for name, (identity, why) in body.get("refused", {}).items()
        }
        home = body["home"]
        return PulledFiles(files, (int(home[0]), int(home[1])) if home else None, refused)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return PulledFiles()


def write_pulled(paths: RunPaths, pulled: PulledFiles) -> None:
    """Note what came. Raises OSError."""
    files: dict[str, Json] = {
        name: [list(one.identity), one.size, one.sha256] for name, one in pulled.files.items()
    }
    refused: dict[str, Json] = {name: [list(one), why] for name, (one, why) in pulled.refused.items()}
    home: Json = list(pulled.home) if pulled.home else None
    _write(paths.pulled, {"files": files, "home": home, "refused": refused})


def newest_log(paths: RunPaths) -> tuple[int, int]:
    """The newest attempt and the bytes of its log; zeros before there is one. Raises OSError."""
    attempts = paths.attempts()
    return (attempts[-1], paths.events(attempts[-1]).stat().st_size) if attempts else (0, 0)


def is_home(paths: RunPaths) -> bool:
    """Whether a run is over and all its files are here. A run of this machine is home."""
    if not home_of(paths):
        return True
    try:
        return read_pulled(paths).home == newest_log(paths)
    except OSError:
        return False


def _named(root: Path) -> Iterator[tuple[RunId, RunPaths]]:
    for paths in RootPaths(root).runs():
        with contextlib.suppress(ValueError):
            yield name_of(paths), paths


def _cut_torn(path: Path) -> None:
    """Let a log end with a whole line, as whoever goes on with it would."""
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - (1 << 20))
        file.seek(start)
        tail = file.read()
        if not tail.endswith(b"\n"):
            file.truncate(start + tail.rfind(b"\n") + 1)


def _write(path: Path, body: Json) -> None:
    _replace(path, json.dumps(body, separators=(",", ":")).encode())


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with open(fresh, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
