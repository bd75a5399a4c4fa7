"""Plug-ins: settings that name a class or function in a module of the project, as "module:Name".

Rule: here a path is text. Only a worker imports what it names, and only files that `core.trust` knows.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

PATH = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*")
LONGEST = 80
"""Letters of a path; an env is also a folder name."""


def is_path(value: object) -> TypeGuard[str]:
    """Whether a setting names a plug-in."""
    return isinstance(value, str) and len(value) <= LONGEST and PATH.fullmatch(value) is not None


def used(env: str, settings: Mapping[str, object]) -> list[tuple[str, str]]:
    """List the plug-ins of an experiment as (key, path), in the order of the keys."""
    found = [("env", env)] if is_path(env) else []
    for key, value in settings.items():
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        found += [(key, one) for one in values if is_path(one)]
    return found
