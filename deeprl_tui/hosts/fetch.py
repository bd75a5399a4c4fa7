"""Files of a host come in pieces, many of them asked for before the first is here: a far host is no slower.

Rule: a file is a part until its size and digest are those that its host has; a part is gone on with at the
byte. What is wrong with one file holds up no other. Nothing is kept in memory but a piece: who is slow to
write leaves the rest in the pipe, and so with its sender.
"""

import base64
import contextlib
import errno
import hashlib
import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from deeprl_tui.core.files import open_regular
from deeprl_tui.core.layout import Artefact
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.errors import DeeprlError
from deeprl_tui.runs.moves import File

PIECE: Final = 1 << 17
"""Bytes of a file in one answer or request: what a kill costs at most, beside what is in the pipe."""
KEEP_FREE: Final = 1 << 28
"""Bytes of this disk that a pull leaves free: logs go on arriving."""
ANSWER_S: Final = 60.0
SUM_RATE: Final = 30e6
"""Bytes a second that a busy host digests at least."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way to a host."""

    op: str
    args: Mapping[str, Json]
    timeout: float = ANSWER_S  # seconds, from the answer before it
    size: int = 0  # bytes of a file that it or its answer carries


class Asker(Protocol):
    """A connection to a host."""

    def ask(self, op: str, args: Mapping[str, Json], timeout: float = ...) -> Json:
        """Ask, and wait for the answer. Raises DeeprlError."""

    def ask_all(self, asked: Iterable[Asked]) -> Iterator[Json | DeeprlError]:
        """Ask many things, several at a time; the answers in order. One is refused: the error is its answer.

        Raises HostError when the connection is lost.
        """


class PullError(DeeprlError):
    """A file that cannot be brought here now."""


class ChangedError(PullError):
    """A file that became another one meanwhile."""


class OtherDigestError(ChangedError):
    """A file that came whole and is not what its host says."""


class NoSpaceError(PullError):
    """This disk has no room for more."""


@dataclass(frozen=True, slots=True)
class There:
    """A file on the host."""

    name: str
    identity: tuple[int, int, int]  # inode, time of change in ns, size
    known: Artefact

    @property
    def size(self) -> int:
        """Bytes there."""
        return self.identity[2]

    @property
    def part(self) -> str:
        """The name under which it grows here: its identity is in it, so no other is ever continued."""
        identity = self.identity[:1] if self.known.grows else self.identity
        return f".{self.name.replace('/', '+')}.{'-'.join(map(str, identity))}.part"


@dataclass(frozen=True, slots=True)
class Part:
    """A file that is whole and has not got its name yet."""

    there: There
    path: Path
    file: File


@dataclass(frozen=True, slots=True)
class _Plan:
    there: There
    size: int
    path: Path
    have: int  # bytes of its part


class Fetch:
    """Brings files of one run into their parts."""

    def __init__(
        self, run: RunId, folder: Path, asker: Asker, came: Callable[[str, int], None], keep_free: int
    ) -> None:
        """came: hears of each piece, by the name of its file and its bytes."""
        self._run, self._folder, self._asker = run, folder, asker
        self._came, self._keep_free = came, keep_free

    def files(
        self, wanted: Sequence[tuple[There, int]], known: Mapping[str, File]
    ) -> Iterator[Part | PullError]:
        """Bring the first bytes of files, in order; each whole and compared, or why not.

        known: what came before, to go on with. Raises OSError, and what the connection raises.
        """
        plans = [self._plan(there, size, known.get(there.name)) for there, size in wanted]
        answers = self._asker.ask_all(self._requests(plans))
        for plan in plans:
            yield plan if isinstance(plan, PullError) else self._receive(plan, answers)

    def _plan(self, there: There, size: int, known: File | None) -> _Plan | PullError:
        path = self._folder / there.part
        if there.known.grows and not path.exists():
            _begin_with_what_is_here(there, path, size, known)
        have = path.lstat().st_size if path.exists() else 0
        return self._no_space(there, size - have) or _Plan(there, size, path, min(have, size))

    def _no_space(self, there: There, more: int) -> NoSpaceError | None:
        if more <= 0 or shutil.disk_usage(self._folder).free - more >= self._keep_free:
            return None
        fault = f"no space here for {there.name} ({more:,} bytes)"
        return NoSpaceError(fault, place=str(self._run), remedy="make room, then it goes on by itself")

    def _requests(self, plans: Iterable[_Plan | PullError]) -> Iterator[Asked]:
        for plan in plans:
            if isinstance(plan, PullError):
                continue
            for offset in range(plan.have, plan.size, PIECE):
                yield get(self._run, plan.there, offset, min(PIECE, plan.size - offset))
            args = {**_named(self._run, plan.there), "size": plan.size}
            yield Asked("sum", args, ANSWER_S + plan.size / SUM_RATE)

    def _receive(self, plan: _Plan, answers: Iterator[Json | DeeprlError]) -> Part | PullError:
        """Take the answers of one file: pieces, then its digest."""
        fault: PullError | None = None
        fd = os.open(plan.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            os.ftruncate(fd, plan.have)
            digest = hashlib.sha256()
            for offset in range(0, plan.have, PIECE):
                digest.update(os.pread(fd, min(PIECE, plan.have - offset), offset))
            for offset in range(plan.have, plan.size, PIECE):
                limit, answer = min(PIECE, plan.size - offset), next(answers)
                try:
                    if fault is None:
                        data = piece(self._run, plan.there, answer, limit)
                        if (error := self._no_space(plan.there, limit)) is not None:
                            raise error
                        digest.update(data)
                        if os.pwrite(fd, data, offset) < limit:
                            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), plan.there.name)
                        self._came(plan.there.name, limit)
                except NoSpaceError:
                    raise  # the rest need not come
                except PullError as error:
                    fault = error
            told = next(answers)
            if fault is None:
                fault = self._compare(plan.there, told, digest.hexdigest())
            if isinstance(fault, OtherDigestError):
                os.ftruncate(fd, 0)
            if plan.size >= PIECE:  # a small one that a crash takes is not as long as it was noted to be
                os.fsync(fd)
        finally:
            os.close(fd)
        return fault or Part(plan.there, plan.path, File(plan.there.identity, plan.size, digest.hexdigest()))

    def _compare(self, there: There, told: Json | DeeprlError, digest: str) -> PullError | None:
        if isinstance(told, DeeprlError):
            return PullError(f"{there.name}: {told.fault}", place=str(self._run))
        theirs = told.get("sha256") if isinstance(told, dict) else None
        if not isinstance(theirs, str):
            return ChangedError(f"{there.name} changed meanwhile", place=str(self._run))
        if theirs != digest:
            return OtherDigestError(f"{there.name} is another one now", place=str(self._run))
        return None


def get(run: RunId, there: There, offset: int, limit: int) -> Asked:
    """The request for some bytes of a file."""
    return Asked("get", {**_named(run, there), "offset": offset, "limit": limit}, size=limit)


def piece(run: RunId, there: There, told: Json | DeeprlError, limit: int) -> bytes:
    """The bytes that an answer brings, all that were asked for. Raises PullError."""
    if isinstance(told, DeeprlError):
        raise PullError(f"{there.name}: {told.fault}", place=str(run))
    if not isinstance(told, dict) or told.get("changed") is True:
        raise ChangedError(f"{there.name} changed meanwhile", place=str(run))
    try:
        text, crc = told["data"], told["crc"]
        data = base64.b64decode(text if isinstance(text, str) else "", validate=True)
    except (KeyError, ValueError):
        raise PullError("its host answers something else", place=str(run)) from None
    if len(data) != limit or zlib.crc32(data) != crc:
        raise ChangedError(f"{there.name} came damaged or is shorter now", place=str(run))
    return data


def _named(run: RunId, there: There) -> dict[str, Json]:
    return {"run": str(run), "file": there.name, "identity": list(there.identity)}


def _begin_with_what_is_here(there: There, part: Path, size: int, known: File | None) -> None:
    """Of a file that grows, the beginning is here; the digest of the whole is compared all the same."""
    if known is None or known.identity[:1] != there.identity[:1]:
        return
    with contextlib.suppress(FileNotFoundError):
        source = open_regular(there.known.path)
        with open(source, "rb") as old, open(part, "xb") as new:
            left = min(size, known.size)
            while left and (data := old.read(min(PIECE, left))):
                new.write(data)
                left -= len(data)
