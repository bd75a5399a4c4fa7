"""Which files of code this user trusts: one record for each user, outside of every project.

Rule: a file is trusted with exactly these bytes at exactly this place. Who receives a project, or a runs
folder with runs that wait in it, has trusted nothing.
"""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from deeprl_tui.core.files import read_small
from deeprl_tui.core.lock import FileLock
from deeprl_tui.errors import DeeprlError

Trust: TypeAlias = Literal["trusted", "changed", "new"]

REMEDY = "read it, then: deeprl trust"
FORMAT = 1
MOST_BYTES = 1 << 24
LOCK_WAIT_S = 5.0


def digest(data: bytes) -> str:
    """The SHA-256 of a file's bytes."""
    return hashlib.sha256(data).hexdigest()


def record_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the record is: in XDG_STATE_HOME, else in ~/.local/state."""
    state = environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "deeprl-tui" / "trust.json"


class TrustRecord:
    """The record of one user."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or record_file()
        self._known = _read(self.file)

    def state(self, file: Path, sha256: str) -> Trust:
        """Whether a file is trusted with these bytes, was trusted with others, or never was."""
        known = self._known.get(str(file))
        return "new" if known is None else "trusted" if known == sha256 else "changed"

    def add(self, files: Mapping[Path, str]) -> None:
        """Trust files with these digests. Raises DeeprlError if the record cannot be written."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock.acquire(self.file.with_suffix(".lock"), f"pid {os.getpid()}", wait_s=LOCK_WAIT_S)
            with lock:
                self._known = {**_read(self.file), **{str(path): sha for path, sha in files.items()}}
                _write(self.file, {"format": FORMAT, "files": self._known})
        except OSError as error:
            raise DeeprlError(
                f"cannot be written ({error.strerror})",
                place=str(self.file),
                remedy="free space or rights there, or set XDG_STATE_HOME",
            ) from None


def _read(file: Path) -> dict[str, str]:
    """Read a record. One that others can write, or that is none, trusts nothing."""
    try:
        found = file.lstat()
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
            return {}
        body = json.loads(read_small(file, MOST_BYTES))
        known = body["files"].items() if body["format"] == FORMAT else ()
        return {str(path): str(sha) for path, sha in known}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _write(file: Path, body: object) -> None:
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(fd, "w", encoding="utf-8") as out:
        json.dump(body, out, indent=1, sort_keys=True)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
