"""What a host does when it is asked, beside watching: launch, stop, resume, tell, give and take files.

Rule: every request may be repeated; one that cannot be understood is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deeprl_tui.config.modules import LARGEST
from deeprl_tui.core.files import read_small
from deeprl_tui.core.spec import Json, RunId, RunSpec
from deeprl_tui.core.trust import TrustRecord, digest
from deeprl_tui.errors import DeeprlError
from deeprl_tui.monitor.wire import BadRequestError
from deeprl_tui.ops import asking, launching
from deeprl_tui.ops.shelf import Shelf
from deeprl_tui.runs.find import worker_log
from deeprl_tui.runs.store import Already, RunStore

MOST_LINES = 10_000
MOST_SPECS = 10_000


class Deeds:
    """What is done for one client with the runs of one project on this host."""

    def __init__(
        self,
        root: Path,
        cores: int | None,
        wall: Callable[[], float],
        supervise: Callable[[Path, int | None], object] | None,
    ) -> None:
        self._root = root
        self._cores = cores
        self._wall = wall
        self._start = supervise or (lambda root, cores: launching.supervise(root, cores=cores))
        self._shelf: Shelf | None = None

    def do(self, op: str, args: Mapping[str, Json]) -> Json:
        """Do what is asked; the results. Raises DeeprlError, OSError, ValueError."""
        match op:
            case "ping":
                return {"now": self._wall()}
            case "launch":
                return self._launch(_texts(args.get("specs"), MOST_SPECS))
            case "stop":
                return _told(asking.ask(self._root, _runs(args), "stop"))
            case "pause":
                return _told(asking.ask(self._root, _runs(args), "pause"))
            case "resume":
                return _told(asking.resume(self._root, _runs(args), start=self._supervise))
            case "supervise":
                self._supervise(self._root)
                return None
            case "log":
                return self._log(args)
            case "trust":
                return self._trust(args.get("files"))
            case "files" | "get" | "sum" | "drop" | "retire" | "staged" | "put" | "settle":
                self._shelf = self._shelf or Shelf(self._root, self._supervise)
                return self._shelf.do(op, args)
            case _:
                raise BadRequestError(f"does not know {op!r}", remedy="its version may be older: push")

    def _supervise(self, root: Path) -> None:
        self._start(root, self._cores)

    def _launch(self, specs: Sequence[str]) -> Json:
        store, results = RunStore(self._root, wall=self._wall), {}
        for text in specs:
            spec = RunSpec.from_json(text.encode(), place="launch")
            try:
                made = store.create(spec)
                results[str(spec.id)] = "already" if isinstance(made, Already) else "created"
            except DeeprlError as error:
                results[str(spec.id)] = str(error)
        self._supervise(self._root)
        return results

    def _log(self, args: Mapping[str, Json]) -> Json:
        run, lines = args.get("run"), args.get("lines")
        if not isinstance(run, str) or type(lines) is not int or not 0 < lines <= MOST_LINES:
            raise BadRequestError("log needs a run and lines")
        paths = RunStore(self._root).find(RunId.parse(run))
        return worker_log(paths, lines) if paths is not None else []

    def _trust(self, files: Json) -> Json:
        """Trust files of the project with these digests, if they have them: who pushed them asks for it."""
        if not isinstance(files, dict):
            raise BadRequestError("trust needs files with digests")
        folder, found = self._root.parent.resolve(), {}
        for name, sha256 in files.items():
            path = (folder / name).resolve()
            if not path.is_relative_to(folder) or digest(read_small(path, LARGEST)) != sha256:
                raise BadRequestError(f"{name} is another file here", remedy="push again")
            found[path] = str(sha256)
        TrustRecord().add(found)
        return len(found)


def _told(answers: Sequence[asking.Answer]) -> Json:
    return {str(answer.run): [answer.done, answer.text] for answer in answers}


def _runs(args: Mapping[str, Json]) -> list[str]:
    return [str(RunId.parse(run)) for run in _texts(args.get("runs"), MOST_SPECS)]


def _texts(value: Json, most: int) -> list[str]:
    if not isinstance(value, list) or len(value) > most or not all(isinstance(item, str) for item in value):
        raise BadRequestError("not a list of texts")
    return value
