"""Files of a run come home: its checkpoint with what that needs, models, evaluations, what was printed.

Rule: a file gets its name here when its size and digest are those that its host has. Until then it is a
part, which a later pull goes on with at the byte. Names are those of `core.layout`, sizes are bounded, space
is left for the logs, and a checkpoint appears last: all that a resume from it needs is here before.
"""

import base64
import binascii
import contextlib
import os
import re
import shutil
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from deeprl_tui.core.files import open_regular, read_small, sha256
from deeprl_tui.core.layout import BUFFER, EVENTS, Artefact, RunPaths
from deeprl_tui.core.saved import Committed, committed
from deeprl_tui.core.spec import Json, RunId, RunSpec
from deeprl_tui.core.state import is_over
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.mirror import TAIL, Mirror
from deeprl_tui.runs.load import load_spec, load_view
from deeprl_tui.runs.moves import File, PulledFiles, newest_log, read_pulled, write_pulled

PIECE: Final = 1 << 19
KEEP_FREE: Final = 1 << 28
"""Bytes of this disk that a pull leaves free: logs go on arriving."""
TRIES: Final = 4
"""A file that changes while it comes is begun anew so often."""
SUM_RATE: Final = 30e6
"""Bytes a second that a busy host digests at least."""


class Ask(Protocol):
    """A connection to a host."""

    def __call__(self, op: str, args: Mapping[str, Json], timeout: float = ...) -> Json:
        """Ask, and wait for the answer. Raises DeeprlError."""


class PullError(DeeprlError):
    """A file that cannot be brought here now."""


class ChangedError(PullError):
    """A file that became another one meanwhile."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the files of a run are."""

    run: RunId
    file: str
    done: int  # bytes of all that is to come of this run
    total: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did."""

    files: int
    bytes: int
    home: bool  # the run is over and all its files are here


@dataclass(frozen=True, slots=True)
class _There:
    """A file on the host."""

    name: str
    identity: tuple[int, int, int]  # inode, time of change in ns, size
    known: Artefact

    @property
    def size(self) -> int:
        return self.identity[2]


@dataclass(frozen=True, slots=True)
class _Part:
    """A file that is whole and has not got its name yet."""

    there: _There
    path: Path
    file: File

    def settle(self) -> None:
        self.there.known.path.parent.mkdir(exist_ok=True)
        self.path.replace(self.there.known.path)


class Pull:
    """One run of one host."""

    def __init__(
        self,
        mirror: Mirror,
        run: RunId,
        paths: RunPaths,
        ask: Ask,
        *,
        say: Callable[[Progress], None] = lambda progress: None,
        keep_free: int = KEEP_FREE,
    ) -> None:
        self._mirror, self._run, self._paths, self._ask = mirror, run, paths, ask
        self._say, self._keep_free = say, keep_free
        self._spec: RunSpec = load_spec(paths)
        self._files = dict(read_pulled(paths).files)
        self._came = self._count = self._total = 0

    def __call__(self) -> Pulled:
        """Bring what is new. Raises PullError, OSError, and what the connection raises."""
        listed, _ = self._list()
        self._total = sum(there.size for there in listed.values() if not self._has(there))
        waiting = self._checkpoint()
        listed, held = self._list()  # at least what the checkpoint needs: it was there before
        changed: ChangedError | None = None
        for there in sorted(listed.values(), key=lambda there: there.size):
            try:
                if EVENTS.fullmatch(there.name):
                    self._log(there)
                elif there.known.path != self._paths.checkpoint and not BUFFER.fullmatch(there.name):
                    self._bring(there)
            except ChangedError as error:
                changed = error
        if changed is None:
            for part in waiting:  # the replay log, then the checkpoint that names it
                self._settle(part)
        home = changed is None and self._all_here(listed, held)
        now = PulledFiles(self._files, newest_log(self._paths) if home else None)
        if now != read_pulled(self._paths):
            write_pulled(self._paths, now)
        if changed is not None:
            raise changed
        self._clean(listed)
        return Pulled(self._count, self._came, home)

    def logs(self) -> None:
        """Bring only what the run's logs say. Raises as a pull does."""
        for there in self._list()[0].values():
            if EVENTS.fullmatch(there.name):
                self._log(there)

    # -- what is there -----------------------------------------------------------------------------------

    def _list(self) -> tuple[dict[str, _There], bool]:
        """The files on the host that may come, by name, and whether a worker lives."""
        told = self._ask("files", {"run": str(self._run)})
        if told is None:
            raise PullError("is not there", place=str(self._run))
        found: dict[str, _There] = {}
        try:
            assert isinstance(told, dict)
            for entry in told["files"]:
                name, inode, changed, size = entry
                known = self._paths.artefact(str(name), self._spec.env)
                if known is None:
                    continue
                if not all(type(number) is int and number >= 0 for number in (inode, changed, size)):
                    raise TypeError("numbers")
                if size > known.largest:
                    raise PullError(f"{name} has {size} bytes: too many", place=str(self._run))
                found[str(name)] = _There(str(name), (inode, changed, size), known)
            return found, told["held"] is True
        except (AssertionError, KeyError, TypeError, ValueError):
            raise PullError("its host lists something else", place=str(self._run)) from None

    def _has(self, there: _There) -> bool:
        """Whether a file is here as it is there."""
        known = self._files.get(there.name)
        if known is None or known.identity != there.identity:
            return False
        try:
            return there.known.path.stat(follow_symlinks=False).st_size == known.size
        except OSError:
            return False

    def _all_here(self, listed: Mapping[str, _There], held: bool) -> bool:
        for there in listed.values():
            if EVENTS.fullmatch(there.name) or BUFFER.fullmatch(there.name):
                continue  # logs were compared with the sizes listed; the buffer belongs to the checkpoint
            if not self._has(there):
                return False
        return not held and is_over(load_view(self._paths, held=False).state)

    # -- files -------------------------------------------------------------------------------------------

    def _bring(self, there: _There) -> None:
        if not self._has(there):
            self._settle(self._fetch(there, there.size))

    def _settle(self, part: _Part) -> None:
        part.settle()
        self._files[part.there.name] = part.file
        self._count += 1

    def _checkpoint(self) -> list[_Part]:
        """Bring the newest checkpoint and its part of the replay log; they get their names later."""
        for _ in range(TRIES):
            listed, _ = self._list()
            there = listed.get(self._paths.name(self._paths.checkpoint))
            if there is None:
                return []
            try:
                part = None if self._has(there) else self._fetch(there, there.size)
                needs = self._needs(part.path if part else self._paths.checkpoint)
                name = self._paths.name(self._paths.buffer(needs.generation))
                buffer, parts = listed.get(name), [part] if part else []
                if buffer is None:
                    raise ChangedError(f"{name} is not there", place=str(self._run))
                if part or not self._has_log(buffer, needs.length):
                    parts.insert(0, self._fetch(buffer, needs.length))
                return parts
            except ChangedError as error:
                last = error
        raise last

    def _needs(self, checkpoint: Path) -> Committed:
        try:
            return committed(checkpoint)
        except ValueError as error:
            raise PullError(f"the checkpoint cannot be used: {error}", place=str(self._run)) from None

    def _has_log(self, there: _There, length: int) -> bool:
        known = self._files.get(there.name)
        try:
            here = there.known.path.stat(follow_symlinks=False).st_size
        except OSError:
            return False
        return known is not None and known.size == length == here

    def _fetch(self, there: _There, size: int) -> _Part:
        """Bring the first bytes of a file into its part, whole and compared. Raises ChangedError."""
        path = self._part(there)
        if there.known.grows and not path.exists():
            self._begin_with_what_is_here(there, path, size)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            if os.fstat(fd).st_size > size:
                os.ftruncate(fd, size)
            self._receive(fd, there, size)
            digest = self._digest(there, size)
            if digest != sha256(fd, size):
                os.ftruncate(fd, 0)
                raise ChangedError(f"{there.name} is another one now", place=str(self._run))
            os.fsync(fd)
        finally:
            os.close(fd)
        return _Part(there, path, File(there.identity, size, digest))

    def _receive(self, fd: int, there: _There, size: int) -> None:
        have = os.fstat(fd).st_size
        if shutil.disk_usage(self._paths.folder).free - (size - have) < self._keep_free:
            raise PullError(
                f"no space here for {there.name} ({size - have:,} bytes)",
                place=str(self._run),
                remedy="make room, then it goes on by itself",
            )
        while have < size:
            limit = min(PIECE, size - have)
            data = self._piece(there, have, limit)
            if os.pwrite(fd, data, have) < len(data):
                raise OSError(28, "No space left on device", there.name)
            have += len(data)
            self._came += len(data)
            self._total = max(self._total, self._came)
            self._say(Progress(self._run, there.name, self._came, self._total))

    def _piece(self, there: _There, offset: int, limit: int) -> bytes:
        told = self._ask("get", {**self._named(there), "offset": offset, "limit": limit})
        if not isinstance(told, dict) or told.get("changed") is True:
            raise ChangedError(f"{there.name} changed meanwhile", place=str(self._run))
        try:
            text, crc = told["data"], told["crc"]
            data = base64.b64decode(text if isinstance(text, str) else "", validate=True)
        except (KeyError, binascii.Error):
            raise PullError("its host answers something else", place=str(self._run)) from None
        if not 0 < len(data) <= limit or zlib.crc32(data) != crc:
            raise ChangedError(f"{there.name} came damaged or is shorter now", place=str(self._run))
        return data

    def _digest(self, there: _There, size: int) -> str:
        told = self._ask("sum", {**self._named(there), "size": size}, 60 + size / SUM_RATE)
        digest = told.get("sha256") if isinstance(told, dict) else None
        if not isinstance(digest, str):
            raise ChangedError(f"{there.name} changed meanwhile", place=str(self._run))
        return digest

    def _named(self, there: _There) -> dict[str, Json]:
        return {"run": str(self._run), "file": there.name, "identity": list(there.identity)}

    # -- parts -------------------------------------------------------------------------------------------

    def _part(self, there: _There) -> Path:
        """Where a file grows: its identity is in the name, so no other is ever continued."""
        identity = there.identity[:1] if there.known.grows else there.identity
        return self._paths.folder / f".{there.name.replace('/', '+')}.{'-'.join(map(str, identity))}.part"

    def _begin_with_what_is_here(self, there: _There, part: Path, size: int) -> None:
        """Of a file that grows, the beginning is here; the digest of the whole is compared all the same."""
        known = self._files.get(there.name)
        if known is None or known.identity[:1] != there.identity[:1]:
            return
        with contextlib.suppress(FileNotFoundError):
            source = open_regular(there.known.path)
            with open(source, "rb") as old, open(part, "xb") as new:
                left = min(size, known.size)
                while left and (data := old.read(min(PIECE, left))):
                    new.write(data)
                    left -= len(data)

    def _clean(self, listed: Mapping[str, _There]) -> None:
        """Take parts away that nothing will continue, and replay logs that no checkpoint here names."""
        wanted = {self._part(there).name for there in listed.values()}
        for entry in self._paths.folder.iterdir():
            if re.fullmatch(r"\..*\.[0-9-]+\.part", entry.name) and entry.name not in wanted:
                entry.unlink(missing_ok=True)
        with contextlib.suppress(OSError, ValueError):
            keep = committed(self._paths.checkpoint).generation
            for name in [name for name in self._files if BUFFER.fullmatch(name)]:
                if name != self._paths.name(self._paths.buffer(keep)):
                    (self._paths.folder / name).unlink(missing_ok=True)
                    del self._files[name]

    # -- logs --------------------------------------------------------------------------------------------

    def _log(self, there: _There) -> None:
        """Bring the rest of an attempt's log: what the link brings too, in case it has not yet."""
        match = EVENTS.fullmatch(there.name)
        assert match is not None
        attempt, path = int(match[1]), there.known.path
        while True:
            here = path.stat().st_size if path.exists() else 0
            if here >= there.size:
                return
            start = max(0, here - TAIL)
            data = self._piece(there, start, min(TAIL + PIECE, there.size - start))
            known = read_small(path, here - start, start) if here else b""
            if data[: len(known)] != known:
                raise PullError("another run has its name there", place=str(self._run), remedy="attach anew")
            whole = data[: data.rfind(b"\n") + 1]
            if not self._mirror.append(self._run, attempt, start, whole):
                return  # a line that is not whole yet
