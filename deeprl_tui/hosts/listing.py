"""What a host says that it has of a run: names, identities and sizes, none of them trusted.

Rule: a name that leads elsewhere and a number that is none refuse the whole list; a file beyond its bound is
left out by name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.core.text import clean
from deeprl_tui.hosts.fetch import PullError, There

MOST_FILES: Final = 4096
_NAME: Final = re.compile(r"(?!\.)[^/\x00-\x1f]{1,200}(?:/(?!\.)[^/\x00-\x1f]{1,200})?")


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a run on its host that may come."""

    files: Mapping[str, There]
    held: bool  # a worker lives
    refused: Mapping[str, str]  # files that may not, and why


def read_listing(told: Json, run: RunId, paths: RunPaths, env: str) -> Listing:
    """Read the answer to `files`. Raises PullError."""
    found: dict[str, There] = {}
    refused: dict[str, str] = {}
    match told:
        case {"files": list() as files, "held": bool() as held}:
            pass
        case _:
            raise PullError("its host lists something else", place=str(run))
    if len(files) > MOST_FILES:
        raise PullError(f"its host lists {len(files):,} files", place=str(run))
    try:
        for name, inode, changed, size in files:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise PullError(f"its host lists {clean(repr(name)[:80])}: no file's name", place=str(run))
            identity = _number(inode), _number(changed), _number(size)
            known = paths.artefact(name, env)
            if known is not None and identity[2] > known.largest:
                refused[name] = f"has {identity[2]:,} bytes: too many"
            elif known is not None:
                found[name] = There(name, identity, known)
    except (TypeError, ValueError):
        raise PullError("its host lists something else", place=str(run)) from None
    return Listing(found, held, refused)


def _number(value: Json) -> int:
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise ValueError("no number")
    return value
