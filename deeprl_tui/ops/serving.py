"""`deeprl serve`: what a host says to whoever watches it, and does for them, over stdin and stdout.

Rule: it keeps nothing: what the other side has tells where to go on, and every request may be repeated. It
ends with its stdin; the runs and their supervisor do not.
"""

import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import deeprl_tui
from deeprl_tui.config.hosts import FOLDER
from deeprl_tui.config.modules import LARGEST
from deeprl_tui.core.files import read_small
from deeprl_tui.core.layout import RootPaths, RunPaths
from deeprl_tui.core.spec import FORMAT, Json, RunId, RunSpec
from deeprl_tui.core.trust import TrustRecord, digest
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.mirror import UNKNOWN, tail_crc
from deeprl_tui.monitor import wire
from deeprl_tui.monitor.feed import boot_id
from deeprl_tui.monitor.follow import POLL_S, Follower
from deeprl_tui.monitor.frames import Described, Frame, Hello, Reset
from deeprl_tui.ops import asking, launching, reading
from deeprl_tui.ops.project import RUNS
from deeprl_tui.ops.shelf import Shelf
from deeprl_tui.runs.find import worker_log
from deeprl_tui.runs.store import Already, RunStore

CHUNK = 65_536
PIECE = 65_536
"""Bytes of a log in one frame: what a slow link brings within a second or two, and a cut costs at most."""
MOST_LINES = 10_000
MOST_SPECS = 10_000


class BadRequestError(DeeprlError):
    """A request that cannot be understood."""


class Server:
    """One client's view of the runs of one project on this host."""

    def __init__(
        self,
        home: Path,
        *,
        wall: Callable[[], float] = time.time,
        supervise: Callable[[Path, int | None], object] | None = None,
    ) -> None:
        self._home = home  # folders that begin with ~ are below it
        self._root: Path | None = None
        self._cores: int | None = None
        self._wall = wall
        self._start = supervise or (lambda root, cores: launching.supervise(root, cores=cores))
        self._follower: Follower | None = None
        self._shelf: Shelf | None = None
        self._told: set[RunId] = set()  # runs that the other side has, so they need no description

    @property
    def _runs_folder(self) -> Path:
        if self._root is None:
            raise BadRequestError("no project was opened")
        return self._root

    def _open(self, args: Mapping[str, Json]) -> Hello:
        """Take a project's folder, and how many cores it may use."""
        folder, cores = args.get("folder"), args.get("cores")
        if not isinstance(folder, str) or not FOLDER.fullmatch(folder) or ".." in folder:
            raise BadRequestError("open needs a folder")
        if cores is not None and (type(cores) is not int or cores < 1):
            raise BadRequestError("cores is a number from 1")
        below = folder.removeprefix("~/")
        project = self._home / below if below != folder else Path(folder)
        self._root, self._cores = project / RUNS, cores
        self._root.mkdir(parents=True, exist_ok=True)
        return Hello(FORMAT, deeprl_tui.__version__, socket.gethostname(), boot_id(), self._usable())

    def _usable(self) -> tuple[int, ...]:
        return reading.cores()[: self._cores]

    def _supervise(self, root: Path) -> None:
        self._start(root, self._cores)

    def frames(self) -> Iterator[Frame]:
        """What is new since the last call; nothing before somebody watches."""
        if self._follower is None:
            return
        for frame in self._follower.poll():
            if isinstance(frame, Described | Reset) and frame.run in self._told:
                self._told.discard(frame.run)
                if isinstance(frame, Described):
                    continue
            yield frame

    def handle(self, request: wire.Request) -> Iterator[wire.Said]:
        """Do what is asked. The last frame is the answer."""
        try:
            results: Json = None
            if request.op == "open":
                yield self._open(request.args)
            elif request.op == "watch":
                yield from self._watch(request.args.get("have"))
            else:
                results = self._do(request)
        except (DeeprlError, OSError, ValueError) as error:
            yield wire.Answer(request.id, False, None, str(error))
            return
        yield wire.Answer(request.id, True, results)

    def _do(self, request: wire.Request) -> Json:
        args = request.args
        match request.op:
            case "ping":
                return {"now": self._wall()}
            case "launch":
                return self._launch(_texts(args.get("specs"), MOST_SPECS))
            case "stop" | "pause":
                return _told(
                    asking.ask(self._runs_folder, _runs(args), "stop" if request.op == "stop" else "pause")
                )
            case "resume":
                return _told(asking.resume(self._runs_folder, _runs(args), start=self._supervise))
            case "supervise":
                self._supervise(self._runs_folder)
                return None
            case "log":
                return self._log(args)
            case "trust":
                return self._trust(args.get("files"))
            case "files" | "get" | "sum" | "retire" | "staged" | "put" | "settle":
                return self._shelf_here().do(request.op, args)
            case _:
                raise BadRequestError(
                    f"does not know {request.op!r}", remedy="its version may be older: push"
                )

    def _shelf_here(self) -> Shelf:
        self._shelf = self._shelf or Shelf(self._runs_folder, self._supervise)
        return self._shelf

    def _own(self) -> Iterator[RunPaths]:
        """The runs that live here: those that moved away are told no more."""
        return (paths for paths in RootPaths(self._runs_folder).runs() if not paths.host.exists())

    def _launch(self, specs: Sequence[str]) -> Json:
        store, results = RunStore(self._runs_folder, wall=self._wall), {}
        for text in specs:
            spec = RunSpec.from_json(text.encode(), place="launch")
            try:
                made = store.create(spec)
                results[str(spec.id)] = "already" if isinstance(made, Already) else "created"
            except DeeprlError as error:
                results[str(spec.id)] = str(error)
        self._supervise(self._runs_folder)
        return results

    def _log(self, args: Mapping[str, Json]) -> Json:
        run, lines = args.get("run"), args.get("lines")
        if not isinstance(run, str) or type(lines) is not int or not 0 < lines <= MOST_LINES:
            raise BadRequestError("log needs a run and lines")
        paths = RunStore(self._runs_folder).find(RunId.parse(run))
        return worker_log(paths, lines) if paths is not None else []

    def _trust(self, files: Json) -> Json:
        """Trust files of the project with these digests, if they have them: who pushed them asks for it."""
        if not isinstance(files, dict):
            raise BadRequestError("trust needs files with digests")
        folder, found = self._runs_folder.parent.resolve(), {}
        for name, sha256 in files.items():
            path = (folder / name).resolve()
            if not path.is_relative_to(folder) or digest(read_small(path, LARGEST)) != sha256:
                raise BadRequestError(f"{name} is another file here", remedy="push again")
            found[path] = str(sha256)
        TrustRecord().add(found)
        return len(found)

    def _watch(self, have: Json) -> Iterator[Frame]:
        """Begin to follow, each log from where the other side has it; a log it has wrong is told anew."""
        known: dict[RunId, dict[int, tuple[int, int]]] = {}
        for entry in have if isinstance(have, list) else []:
            run, attempt, size, crc = _have(entry)
            known.setdefault(run, {})[attempt] = (size, crc)
        start: dict[tuple[RunId, int], int] = {}
        store = RunStore(self._runs_folder)
        for run, logs in known.items():
            paths = store.find(run)
            if paths is None:
                yield Reset(run, UNKNOWN)
                continue
            if all(_same(paths.events(attempt), *log) for attempt, log in logs.items()):
                start.update({(run, attempt): size for attempt, (size, _) in logs.items()})
            else:
                yield Reset(run, "replaced")
        self._told = {run for run, _ in start}
        self._follower = Follower(
            self._runs_folder, self._usable(), self._wall, folders=self._own, start=start, piece=PIECE
        )


def speak(server: Server, read_fd: int, write_fd: int) -> None:
    """Speak until stdin ends or nobody reads. Raises nothing for a link that breaks."""
    os.set_blocking(read_fd, False)
    rest = b""
    try:
        while True:
            ready, _, _ = select.select([read_fd], [], [], POLL_S)
            if ready:
                data = os.read(read_fd, CHUNK)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > wire.MAX_LINE:
                    return
                for line in lines:
                    _answer(server, line, write_fd)
            for frame in server.frames():
                _say(write_fd, frame)
    except BrokenPipeError:
        return


def _answer(server: Server, line: bytes, write_fd: int) -> None:
    try:
        request = wire.decode_request(line)
    except wire.WireError as error:
        _say(write_fd, wire.Answer("", False, None, str(error)))
        return
    for said in server.handle(request):
        _say(write_fd, said)


def _say(fd: int, said: wire.Said) -> None:
    data = memoryview(wire.encode(said))
    while data:
        data = data[os.write(fd, data) :]


def _told(answers: Sequence[asking.Answer]) -> Json:
    return {str(answer.run): [answer.done, answer.text] for answer in answers}


def _runs(args: Mapping[str, Json]) -> list[str]:
    return [str(RunId.parse(run)) for run in _texts(args.get("runs"), MOST_SPECS)]


def _texts(value: Json, most: int) -> list[str]:
    if not isinstance(value, list) or len(value) > most or not all(isinstance(item, str) for item in value):
        raise BadRequestError("not a list of texts")
    return value


def _have(entry: Json) -> tuple[RunId, int, int, int]:
    match entry:
        case [str(run), int(attempt), int(size), int(crc)]:
            return RunId.parse(run), attempt, size, crc
        case _:
            raise BadRequestError("have is a list of [run, attempt, size, crc]")


def _same(path: Path, size: int, crc: int) -> bool:
    """Whether what the other side has of a log is a beginning of it."""
    try:
        return path.stat().st_size >= size and tail_crc(path, size) == crc
    except OSError:
        return False
