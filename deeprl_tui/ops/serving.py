"""`deeprl serve`: what a host says to whoever watches it, and does for them, over stdin and stdout.

Rule: it keeps nothing: what the other side has tells where to go on, and every request may be repeated. It
ends with its stdin; the runs and their supervisor do not.
"""

import os
import select
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import deeprl_tui
from deeprl_tui.core.layout import RUNS, RootPaths, RunPaths, name_of
from deeprl_tui.core.spec import FORMAT, Json, RunId
from deeprl_tui.core.text import FOLDER
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.known import UNKNOWN, tail_crc
from deeprl_tui.monitor import wire
from deeprl_tui.monitor.follow import POLL_S, Follower
from deeprl_tui.monitor.frames import Described, Frame, Hello, Reset
from deeprl_tui.monitor.machine import boot_id
from deeprl_tui.supervisor.slots import cgroup_quota, usable_cores

if TYPE_CHECKING:
    from deeprl_tui.ops.deeds import Deeds

CHUNK = 65_536
PIECE = 65_536
"""Bytes of a log in one frame: what a slow link brings within a second or two, and a cut costs at most."""
SLICE_S = 0.25
"""After so long with data it looks whether something is asked of it."""
PACKED = 3 * PIECE
"""The same when it is packed."""


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
        self._start = supervise
        self._follower: Follower | None = None
        self._deeds: Deeds | None = None
        self.zipped = False  # the other side asked for packed pieces
        self._told: set[RunId] = set()  # runs that the other side has, so they need no description

    @property
    def _runs_folder(self) -> Path:
        if self._root is None:
            raise wire.BadRequestError("no project was opened")
        return self._root

    def _open(self, args: Mapping[str, Json]) -> Hello:
        """Take a project's folder, and how many cores it may use."""
        folder, cores = args.get("folder"), args.get("cores")
        if not isinstance(folder, str) or not FOLDER.fullmatch(folder) or ".." in folder:
            raise wire.BadRequestError("open needs a folder")
        if cores is not None and (type(cores) is not int or cores < 1):
            raise wire.BadRequestError("cores is a number from 1")
        below = folder.removeprefix("~/")
        project = self._home / below if below != folder else Path(folder)
        self._root, self._cores = project / RUNS, cores
        self._root.mkdir(parents=True, exist_ok=True)
        self._deeds = None
        return Hello(FORMAT, deeprl_tui.__version__, os.uname().nodename, boot_id(), self._usable())

    def _usable(self) -> tuple[int, ...]:
        return usable_cores(os.sched_getaffinity(0), cgroup_quota())[: self._cores]

    @property
    def behind(self) -> bool:
        """Whether there is more to say at once."""
        return self._follower is not None and self._follower.behind > 0

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
                self.zipped = request.args.get("zip") is True
                yield from self._watch(
                    request.args.get("have"), glimpses=request.args.get("glimpses") is True
                )
            else:
                results = self._asked().do(request.op, request.args)
        except (DeeprlError, OSError, ValueError) as error:
            yield wire.Answer(request.id, False, None, str(error))
            return
        yield wire.Answer(request.id, True, results)

    def _asked(self) -> "Deeds":
        from deeprl_tui.ops.deeds import Deeds  # half of what a host loads: who only watches goes without

        self._deeds = self._deeds or Deeds(self._runs_folder, self._cores, self._wall, self._start)
        return self._deeds

    def _own(self) -> Iterator[RunPaths]:
        """The runs that live here: those that moved away are told no more."""
        return (paths for paths in RootPaths(self._runs_folder).runs() if not paths.host.exists())

    def _watch(self, have: Json, *, glimpses: bool) -> Iterator[Frame]:
        """Begin to follow, each log from where the other side has it; a log it has wrong is told anew."""
        known: dict[RunId, dict[int, tuple[int, int]]] = {}
        for entry in have if isinstance(have, list) else []:
            run, attempt, size, crc = _have(entry)
            known.setdefault(run, {})[attempt] = (size, crc)
        start: dict[tuple[RunId, int], int] = {}
        here = RootPaths(self._runs_folder)
        for run, logs in known.items():
            paths = next((paths for paths in here.runs_of(run.experiment, run.seed) if _is(paths, run)), None)
            if paths is None:
                yield Reset(run, UNKNOWN)
                continue
            if all(_same(paths.events(attempt), *log) for attempt, log in logs.items()):
                start.update({(run, attempt): size for attempt, (size, _) in logs.items()})
            else:
                yield Reset(run, "replaced")
        self._told = {run for run, _ in start}
        self._follower = Follower(
            self._runs_folder,
            self._usable(),
            self._wall,
            folders=self._own,
            start=start,
            piece=PACKED if self.zipped else PIECE,
            glimpses=glimpses,
            slice_s=SLICE_S,
        )


def speak(server: Server, read_fd: int, write_fd: int) -> None:
    """Speak until stdin ends or nobody reads. Raises nothing for a link that breaks."""
    os.set_blocking(read_fd, False)
    rest = b""
    try:
        while True:
            ready, _, _ = select.select([read_fd], [], [], 0 if server.behind else POLL_S)
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
                _say(write_fd, frame, zipped=server.zipped)
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


def _say(fd: int, said: wire.Said, *, zipped: bool = False) -> None:
    data = memoryview(wire.encode(said, zipped=zipped))
    while data:
        data = data[os.write(fd, data) :]


def _have(entry: Json) -> tuple[RunId, int, int, int]:
    match entry:
        case [str(run), int(attempt), int(size), int(crc)]:
            return RunId.parse(run), attempt, size, crc
        case _:
            raise wire.BadRequestError("have is a list of [run, attempt, size, crc]")


def _is(paths: RunPaths, run: RunId) -> bool:
    try:
        return name_of(paths) == run
    except ValueError:
        return False


def _same(path: Path, size: int, crc: int) -> bool:
    """Whether what the other side has of a log is a beginning of it."""
    try:
        return path.stat().st_size >= size and tail_crc(path, size) == crc
    except OSError:
        return False
