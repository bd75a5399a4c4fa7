"""Writing a file that appears whole or not at all, and replaces nothing unasked."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from deeprl_tui.errors import RefusedError


def check_free(path: Path, *, force: bool) -> None:
    """Raise RefusedError if a file is there and may not be replaced, or if a folder is."""
    if path.is_dir():
        raise RefusedError("is a folder", place=str(path), remedy="name a file in it")
    if not force and os.path.lexists(path):
        raise RefusedError("is there already", place=str(path), remedy="name another, or replace it: --force")


@contextmanager
def whole(path: Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name when all is written.

    Raises RefusedError if the name is taken, before and after, unless force. The folder is made.
    """
    check_free(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(fresh, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if force:
            fresh.replace(path)
        else:
            _name(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write a file in one go; see `whole`."""
    with whole(path, force=force) as file:
        file.write(data)


def _name(fresh: Path, path: Path) -> None:
    """Give a file its name unless somebody took it meanwhile."""
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        check_free(path, force=False)
    except OSError:  # a file system without hard links
        check_free(path, force=False)
        fresh.replace(path)
