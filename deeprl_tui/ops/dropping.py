"""A host's side of tidying: a run directory goes, if all that is in it is what the other side has judged.

Rule: nobody may hold the run's lock, and no file may be there that was not named, or that is another one by
now. What the other side says it has is compared by its digest. One refusal, and nothing is touched.
"""

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from deeprl_tui.core.files import open_regular, sha256, sync_folder
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.lock import FileLock
from deeprl_tui.core.spec import Json, RunSpec
from deeprl_tui.errors import LockHeldError, RefusedError
from deeprl_tui.runs.load import load_spec


def drop(paths: RunPaths, spec: RunSpec, files: Mapping[str, Json]) -> None:
    """Take a run directory away. files: [inode, time, size, bytes to compare, their digest or null] by name.

    Raises RefusedError, OSError and ValueError, and the directory stays as it is.
    """
    place = str(spec.id)
    if load_spec(paths).digest != spec.digest:
        raise RefusedError("is another run there", place=place)
    try:
        lock = FileLock.acquire(paths.lock, "being dropped")
    except LockHeldError:
        raise RefusedError("is running there", place=place) from None
    hidden = _hidden(paths)
    with lock:
        own = {path.name for path in _own(paths)}
        for name in _all(paths.folder):
            if name.startswith(".") or name in own:
                continue
            known = paths.artefact(name, spec.env)
            if known is None or name not in files:
                raise RefusedError(f"holds {name}, which is not here", place=place)
            _check(known.path, name, files[name], place)
        if hidden.exists():
            shutil.rmtree(hidden)
        paths.folder.rename(hidden)
        sync_folder(paths.folder.parent)
    shutil.rmtree(hidden)
    with contextlib.suppress(OSError):  # others live there
        paths.folder.parent.rmdir()
        paths.folder.parent.parent.rmdir()


def _check(path: Path, name: str, judged: Json, place: str) -> None:
    match judged:
        case [int(inode), int(changed), int(size), int(length), str() | None as digest]:
            pass
        case _:
            raise ValueError("files are [inode, time, size, length, digest]")
    fd = open_regular(path)
    try:
        seen = os.fstat(fd)
        if (seen.st_ino, seen.st_mtime_ns, seen.st_size) != (inode, changed, size) or length > size:
            raise RefusedError(f"{name} is another one now", place=place, remedy="try again")
        if digest is not None and sha256(fd, length) != digest:
            raise RefusedError(f"{name} is not what is here", place=place)
    finally:
        os.close(fd)


def _own(paths: RunPaths) -> tuple[Path, ...]:
    """Files that say nothing of results."""
    return (
        paths.spec,
        paths.attempt,
        paths.lock,
        paths.request,
        paths.status,
        paths.host,
        paths.moves,
        paths.pulled,
    )


def _all(folder: Path) -> list[str]:
    """The names of all files, in folders too."""
    found = []
    for base, folders, names in os.walk(folder):
        below = Path(base).relative_to(folder)
        found += [(below / name).as_posix() for name in names]
        found += [(below / name).as_posix() for name in folders if (Path(base) / name).is_symlink()]
    return sorted(found)


def _hidden(paths: RunPaths) -> Path:
    return paths.folder.with_name(f".{paths.folder.name}.dropped")
