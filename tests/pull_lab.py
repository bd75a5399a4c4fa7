"""A host's run directory with the files that training leaves, and a connection that may break at any byte."""

import json
import random
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import support

from deeprl_tui.core.events import Checkpoint, End
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.saved import MAGIC
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.artefacts import Pull, Pulled
from deeprl_tui.hosts.fetch import Asked
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.ops.shelf import Shelf

UNDER_WAY = 5
RUN = RunId("CP_basic", 0)
ENV = "CartPole-v1"


def checkpoint(generation: int, length: int, size: int = 5000, mark: int = 0) -> bytes:
    """A checkpoint as far as its header and its checksum go."""
    said = {"generation": generation, "length": length, "tables": []}
    header = json.dumps({"values": {"buffer": said, "num_timesteps": 50 * mark + 50}, "arrays": []}).encode()
    data = MAGIC + len(header).to_bytes(8, "little") + header + random.Random(mark).randbytes(size)
    return data + zlib.crc32(data).to_bytes(4, "little")


def replace(path: Path, data: bytes) -> None:
    """Replace a file as a worker does: it is another one then."""
    fresh = path.with_name(f".{path.name}.tmp")
    fresh.write_bytes(data)
    fresh.replace(path)


class Away:
    """A host: its runs folder, and one run that trained."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.paths = support.make_run(folder, support.spec(), [(0.0, support.start())])
        self.buffer = random.Random(7).randbytes(300_000)
        self.train(1)

    def train(self, number: int, *, over: bool = False) -> None:
        """Write the files of a checkpoint, its log first."""
        timed = support.training(5, first=5 * number, step=50 * number)
        support.write(self.paths, 1, [*timed, (9.0 * number, Checkpoint(50 * number + 50, 5, 100, 0.1))])
        committed, length = 60_000 * (number - 1), 60_000 * number
        with open(self.paths.buffer_log, "ab") as log:
            log.truncate(committed)
            log.write(self.buffer[committed:length] + b"a torn frame")
        if self.paths.checkpoint.exists():
            self.paths.checkpoint.replace(self.paths.checkpoint_before)
        replace(self.paths.checkpoint, checkpoint(0, length, mark=number))
        with open(self.paths.monitor(1), "ab") as monitor:
            monitor.write(b"1.0,10,0.1\r\n" * 100)
        replace(self.paths.evaluations, random.Random(number).randbytes(900))
        replace(self.paths.best_model, random.Random(number).randbytes(9000))
        self.paths.worker_log.write_text("--- attempt 1\n" * number)
        if over:
            replace(self.paths.last_model(ENV), b"a model" * 900)
            self.paths.zoo_config(ENV).parent.mkdir(exist_ok=True)
            self.paths.zoo_config(ENV).write_text("{}")
            support.write(self.paths, 1, [(99.0, End(at=support.WALL, outcome="finished", step=100))])


class Cutting:
    """A connection to a host. It breaks when told to, with the request done or not, the answer lost."""

    def __init__(self, away: Path) -> None:
        self._away = away
        self._shelf = Shelf(away, lambda root: None)
        self.cut_after: int | None = None
        self.asked: list[str] = []
        self.arrives = True  # whether answers that were under way arrive when it breaks

    def ask(self, op: str, args: Mapping[str, Json], timeout: float = 0.0) -> Json:
        """Ask."""
        if self.cut_after == 0:
            self.cut_after, self._shelf = None, Shelf(self._away, lambda root: None)
            raise HostError("the line broke", place="vm", kind="lost")
        if self.cut_after is not None:
            self.cut_after -= 1
        self.asked.append(op)
        wire = json.loads(json.dumps(args))
        try:
            return self.answered(op, wire, json.loads(json.dumps(self._shelf.do(op, wire))))
        except (OSError, ValueError) as error:
            raise DeeprlError(str(error)) from None

    def ask_all(self, asked: Iterable[Asked]) -> Iterator[Json | DeeprlError]:
        """Ask many things: some are done there before the first answer is read."""
        answers: deque[Json | DeeprlError] = deque()
        for one in asked:
            try:
                answers.append(self.ask(one.op, one.args))
            except HostError:
                yield from answers if self.arrives else ()
                raise
            except DeeprlError as error:
                answers.append(error)
            if len(answers) > UNDER_WAY:
                yield answers.popleft()
        yield from answers

    def answered(self, op: str, args: Mapping[str, Json], told: Json) -> Json:
        """What a host answers; others than an honest one say something else."""
        return told


def mirrored(here: Path, away: Away) -> RunPaths:
    """The run as it is known here before anything came."""
    mirror = Mirror(here, "vm")
    mirror.describe(RUN, away.paths.spec.read_bytes())
    ((_, paths),) = mirror.runs()
    return paths


def pull(here: Path, line: Cutting, *, keep_free: int = 0) -> Pulled:
    """Pull the run."""
    mirror = Mirror(here, "vm")
    paths = dict(mirror.runs())[RUN]
    return Pull(mirror, RUN, paths, line, keep_free=keep_free)()
