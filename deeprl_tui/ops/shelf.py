"""What a host hands out of its run directories, and takes in: the host's side of pulls and moves.

Rule: a request names a run and a file of the fixed list of `core.layout`; regular files only, no link is
followed. What comes in is put together in a folder that no one sees and gets its name when it is whole.
"""

import base64
import binascii
import contextlib
import os
import shutil
import stat
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from deeprl_tui.core.files import open_regular, sha256, sync_folder
from deeprl_tui.core.layout import Artefact, RootPaths, RunPaths
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.spec import MAX_SPEC, Json, RunId, RunSpec
from deeprl_tui.errors import DeeprlError, RefusedError
from deeprl_tui.ops.dropping import drop
from deeprl_tui.runs.load import load_spec
from deeprl_tui.runs.moves import ELSEWHERE
from deeprl_tui.runs.store import RunStore, write_attempt

PIECE: Final = 1 << 19
"""Bytes of a file in one answer or request at most."""
MOST_FILES: Final = 4096
MOST_OPEN: Final = 64
KEEP_FREE: Final = 1 << 28
"""Bytes of the disk that a move leaves free."""


class Shelf:
    """The run directories of one project on this host, for one client."""

    def __init__(self, root: Path, supervise: Callable[[Path], None]) -> None:
        self._root = RootPaths(root)
        self._store = RunStore(root)
        self._supervise = supervise
        self._open: dict[Path, tuple[int, tuple[int, ...]]] = {}
        self._found: tuple[RunPaths, RunSpec, tuple[int, ...]] | None = None  # the run asked for last

    def do(self, op: str, args: Mapping[str, Json]) -> Json:
        """Answer a request. Raises DeeprlError, OSError or ValueError for what cannot be done."""
        match op:
            case "files":
                return self._files(RunId.parse(_text(args, "run")))
            case "get":
                return self._get(args)
            case "sum":
                return self._sum(args)
            case "retire":
                return self._retire(args)
            case "staged":
                return self._staged(_spec(args), _files(args))
            case "put":
                return self._put(args)
            case "drop":
                return self._drop(args)
            case _:
                return self._settle(args)

    # -- out ---------------------------------------------------------------------------------------------

    def _files(self, run: RunId) -> Json:
        paths = self._store.find(run)
        if paths is None:
            return None
        env = load_spec(paths).env
        found: list[Json] = []
        newest = paths.checkpoint.name  # first: what it needs was there before, so the list has it
        for name in sorted(_names(paths.folder), key=lambda name: name != newest):
            known = paths.artefact(name, env)
            if known is not None and len(found) < MOST_FILES:
                with contextlib.suppress(OSError):
                    seen = known.path.stat(follow_symlinks=False)
                    if stat.S_ISREG(seen.st_mode):
                        found.append([name, *_identity(seen)])
        return {"files": found, "held": is_held(paths.lock)}

    def _find(self, run: RunId) -> tuple[RunPaths, RunSpec] | None:
        """A run's directory and description; looked for once as long as many pieces of it are asked for."""
        if self._found is not None and self._found[1].id == run:
            with contextlib.suppress(OSError):
                if _identity(self._found[0].spec.stat()) == self._found[2]:
                    return self._found[:2]
        paths = self._store.find(run)
        if paths is None:
            return None
        self._found = paths, load_spec(paths), _identity(paths.spec.stat())
        return self._found[:2]

    def _opened(self, args: Mapping[str, Json]) -> tuple[int, int] | None:
        """A descriptor of the file that is meant, and its size; None if it is another one by now.

        A file that was begun stays open: it can be read to its end although it has been replaced.
        """
        found = self._find(RunId.parse(_text(args, "run")))
        if found is None:
            return None
        known = _artefact(*found, _text(args, "file"))
        if known.path.parent.is_symlink():
            raise RefusedError("is behind a link", place=known.path.name)
        wanted = tuple(map(int, _list(args, "identity")))
        fd, identity = self._open.pop(known.path, (-1, ()))
        if fd >= 0 and not _same(known, identity, wanted):
            os.close(fd)
            fd = -1
        if fd < 0:
            try:
                fd = open_regular(known.path)
            except FileNotFoundError:
                return None
        seen = os.fstat(fd)
        if not _same(known, _identity(seen), wanted):
            os.close(fd)
            return None
        self._open[known.path] = (fd, wanted)
        while len(self._open) > MOST_OPEN:
            os.close(self._open.pop(next(iter(self._open)))[0])
        return fd, seen.st_size

    def _get(self, args: Mapping[str, Json]) -> Json:
        opened = self._opened(args)
        if opened is None:
            return {"changed": True}
        data = os.pread(opened[0], min(PIECE, _count(args, "limit")), _count(args, "offset"))
        return {"data": base64.b64encode(data).decode(), "crc": zlib.crc32(data), "size": opened[1]}

    def _sum(self, args: Mapping[str, Json]) -> Json:
        opened, size = self._opened(args), _count(args, "size")
        if opened is None or opened[1] < size:
            return {"changed": True}
        return {"sha256": sha256(opened[0], size)}

    def _retire(self, args: Mapping[str, Json]) -> Json:
        """Give a run up: it lives elsewhere. Its worker stops at once, and nobody starts it here."""
        spec = _spec(args)
        paths = self._store.find(spec.id)
        if paths is None or load_spec(paths).digest != spec.digest:
            return {"held": False}
        fresh = paths.host.with_name(f".{paths.host.name}.{os.getpid()}")
        fresh.write_text(ELSEWHERE, encoding="utf-8")
        fresh.replace(paths.host)
        newest = max([_count(args, "attempt"), *(number + 1 for number in paths.attempts())])
        write_attempt(paths, newest, ELSEWHERE, "")
        held = is_held(paths.lock)
        if held:
            paths.request.write_text("stop", encoding="utf-8")
        return {"held": held}

    def _drop(self, args: Mapping[str, Json]) -> Json:
        spec = _spec(args)
        paths, self._found = self._store.find(spec.id), None
        if paths is not None:
            drop(paths, spec, _files(args))
        return {"done": paths is not None}

    # -- in ----------------------------------------------------------------------------------------------

    def _staging(self, spec: RunSpec) -> RunPaths:
        folder = self._root.run(spec).folder
        return RunPaths(folder.with_name(f".{folder.name}.coming"))

    def _staged(self, spec: RunSpec, files: Mapping[str, Json]) -> Json:
        """What is here of a run that comes: whether it arrived, else bytes of each file."""
        target, staging = self._root.run(spec), self._staging(spec)
        if self._arrived(target, spec, files):
            self._supervise(self._root.root)
            return {"arrived": True, "files": {}}
        found: dict[str, Json] = {}
        for name in _names(staging.folder) if staging.folder.is_dir() else ():
            known = staging.artefact(name, spec.env)
            if known is not None:
                found[name] = known.path.stat(follow_symlinks=False).st_size
        return {"arrived": False, "files": found}

    def _put(self, args: Mapping[str, Json]) -> Json:
        spec, data = _spec(args), _bytes(args)
        offset = _count(args, "offset")
        known = _artefact(self._staging(spec), spec, _text(args, "file"))
        if offset + len(data) > known.largest:
            raise RefusedError("is too large", place=known.path.name)
        known.path.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(known.path.parent).free < len(data) + KEEP_FREE:
            raise DeeprlError("has no space left for it", remedy="make room there")
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(known.path, flags, 0o644)
        try:
            size = os.fstat(fd).st_size
            if offset > size:
                return {"size": size}
            os.ftruncate(fd, offset)
            if os.pwrite(fd, data, offset) < len(data):
                raise OSError(28, "no space left on the host")
            return {"size": offset + len(data)}
        finally:
            os.close(fd)

    def _settle(self, args: Mapping[str, Json]) -> Json:
        """Let what was put become a run of this host and queue it. May be repeated."""
        spec, files, why = _spec(args), _files(args), _text(args, "why")[:200]
        target, staging = self._root.run(spec), self._staging(spec)
        self._store.check(spec)
        if target.spec.exists():
            if self._arrived(target, spec, files):
                self._supervise(self._root.root)
                return {"done": "already"}
            said = self._retire({**args, "attempt": 0})
            if isinstance(said, dict) and said["held"]:
                raise RefusedError(
                    "an older attempt still runs there", place=str(spec.id), remedy="try again"
                )
        bad = [name for name, entry in files.items() if not _is(staging, spec, name, entry)]
        surplus = (
            [name for name in _names(staging.folder) if name not in files] if staging.folder.is_dir() else []
        )
        for name in (*bad, *surplus):
            known = staging.artefact(name, spec.env)
            if known is not None:
                known.path.unlink(missing_ok=True)
        if bad:
            return {"bad": sorted(bad)}
        staging.folder.mkdir(parents=True, exist_ok=True)
        staging.spec.write_bytes(spec.to_json().encode())
        self._store.requeue(staging, why)
        sync_folder(staging.folder)
        if target.spec.exists():
            self._aside(target, spec)
        staging.folder.rename(target.folder)
        sync_folder(target.folder.parent)
        self._supervise(self._root.root)
        return {"done": "queued"}

    @staticmethod
    def _arrived(target: RunPaths, spec: RunSpec, files: Mapping[str, Json]) -> bool:
        """Whether a run lives here and continues the logs that were sent: then it came before."""
        if target.host.exists() or not target.spec.exists():
            return False
        logs = {target.events(number).name for number in target.attempts()}
        sent = [name for name in files if name.startswith("events")]
        return set(sent) <= logs and all(_is(target, spec, name, files[name], more=True) for name in sent)

    def _aside(self, target: RunPaths, spec: RunSpec) -> None:
        for number in range(1, 10_000):
            aside = self._root.archive / f"{spec.id.experiment}-moved-{number}" / target.folder.name
            if not aside.parent.exists():
                aside.parent.mkdir(parents=True)
                target.folder.rename(aside)
                return


def _is(paths: RunPaths, spec: RunSpec, name: str, entry: Json, *, more: bool = False) -> bool:
    """Whether a file is what was announced; more: or begins so."""
    match entry:
        case [int(size), str(digest)]:
            pass
        case _:
            raise ValueError("files are [size, digest]")
    try:
        fd = open_regular(_artefact(paths, spec, name).path)
    except OSError:
        return False
    try:
        there = os.fstat(fd).st_size
        return (there >= size if more else there == size) and sha256(fd, size) == digest
    finally:
        os.close(fd)


def _artefact(paths: RunPaths, spec: RunSpec, name: str) -> Artefact:
    known = paths.artefact(name, spec.env)
    if known is None:
        raise RefusedError("is not a file that is handed out", place=name[:80])
    return known


def _names(folder: Path) -> list[str]:
    """Names of the files of a run directory, also in folders directly below."""
    found = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                found += [f"{entry.name}/{name}" for name in sorted(os.listdir(entry.path))]  # noqa: PTH208
            else:
                found.append(entry.name)
    return found


def _identity(seen: os.stat_result) -> tuple[int, int, int]:
    return seen.st_ino, seen.st_mtime_ns, seen.st_size


def _same(known: Artefact, one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two identities are of the same file; one that grows is known by its inode."""
    return one[:1] == other[:1] if known.grows else one == other


def _files(args: Mapping[str, Json]) -> Mapping[str, Json]:
    files = args.get("files")
    if not isinstance(files, dict) or len(files) > MOST_FILES:
        raise ValueError("files is an object")
    return files


def _text(args: Mapping[str, Json], key: str) -> str:
    value = args.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} is a text")
    return value


def _count(args: Mapping[str, Json], key: str) -> int:
    value = args.get(key)
    if type(value) is not int or value < 0:
        raise ValueError(f"{key} is a count")
    return value


def _list(args: Mapping[str, Json], key: str) -> list[int]:
    value = args.get(key)
    if not isinstance(value, list) or len(value) != 3 or not all(type(item) is int for item in value):
        raise ValueError(f"{key} is a list of three numbers")
    return value


def _bytes(args: Mapping[str, Json]) -> bytes:
    try:
        data = base64.b64decode(_text(args, "data"), validate=True)
    except binascii.Error:
        raise ValueError("data is base64") from None
    if len(data) > PIECE or zlib.crc32(data) != args.get("crc"):
        raise ValueError("data is damaged")
    return data


def _spec(args: Mapping[str, Json]) -> RunSpec:
    text = _text(args, "spec")
    if len(text) > MAX_SPEC:
        raise ValueError("too long a description")
    return RunSpec.from_json(text.encode(), place="spec")
