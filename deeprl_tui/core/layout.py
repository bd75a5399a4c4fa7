"""Every path of a runs folder and of a run directory: the only place that spells a file name.

runs/<experiment>/<algo>/<env>_<seed>/ is rl-zoo's <folder>/<algo>/<env>_<id>/, so its tools read ours.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deeprl_tui.core.spec import RunId, RunSpec, is_name

EVENTS = re.compile(r"events-([1-9][0-9]{0,5})\.jsonl")
BUFFER = re.compile(r"buffer(-[1-9][0-9]{0,8})?\.log")
MONITOR = re.compile(r"[1-9][0-9]{0,5}\.monitor\.csv")
FILM = re.compile(r"(?:videos/)?[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.(?:mp4|gif|webm)")
ARCHIVE = ".archive"
RUNS = "runs"
"""The runs folder of a project."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of a run directory that may go from one host to another."""

    path: Path
    largest: int  # bytes; a larger one is refused
    grows: bool = False  # bytes are only added to it; any other is replaced as a whole


@dataclass(frozen=True, slots=True)
class RunPaths:
    """The files of one run directory."""

    folder: Path

    @property
    def project(self) -> Path:
        """The folder of the project whose runs folder this is in: a run's own modules are there."""
        return self.folder.parents[3]

    @property
    def spec(self) -> Path:
        """The frozen description, written once."""
        return Path(spec_file(str(self.folder)))

    def events(self, attempt: int) -> Path:
        """The log of one attempt: it only grows, and it is all that monitoring reads."""
        return Path(events_file(str(self.folder), attempt))

    @property
    def attempt(self) -> Path:
        """Number, host and boot id of the newest attempt: a worker that reads a higher number stops."""
        return self.folder / "attempt.json"

    @property
    def lock(self) -> Path:
        """Held (flock) by whoever may append."""
        return self.folder / "lock"

    @property
    def request(self) -> Path:
        """What somebody asks of the run: `stop` or `pause`."""
        return self.folder / "request"

    @property
    def host(self) -> Path:
        """The name of the host that the run lives on, in a mirror of it; a run of this machine has none."""
        return self.folder / "host"

    @property
    def status(self) -> Path:
        """A few preallocated bytes: the last word can be written on a full disk."""
        return self.folder / "status"

    @property
    def worker_log(self) -> Path:
        """stdout and stderr of all attempts."""
        return self.folder / "worker.log"

    @property
    def checkpoint(self) -> Path:
        """The newest complete state."""
        return self.folder / "checkpoint"

    @property
    def checkpoint_before(self) -> Path:
        """The state before the newest one: it serves where that is damaged."""
        return self.folder / "checkpoint.prev"

    @property
    def buffer_log(self) -> Path:
        """Replay transitions, appended; the checkpoint names the committed length."""
        return self.buffer(0)

    def buffer(self, generation: int) -> Path:
        """The replay log of a generation: one that grew too long is written anew as the next."""
        return self.folder / (f"buffer-{generation}.log" if generation else "buffer.log")

    @property
    def pulled(self) -> Path:
        """In a mirror: which files came from its host, as they were there."""
        return self.folder / "pulled.json"

    @property
    def moves(self) -> Path:
        """Which hosts the run lived on before, and where it goes."""
        return self.folder / "moves.json"

    def monitor(self, attempt: int) -> Path:
        """SB3's monitor file of one attempt; `load_results` merges them."""
        return self.folder / f"{attempt}.monitor.csv"

    @property
    def best_model(self) -> Path:
        """The policy with the best evaluation, as an SB3 zip."""
        return self.folder / "best_model.zip"

    @property
    def evaluations(self) -> Path:
        """All evaluations in the arrays of SB3's EvalCallback."""
        return self.folder / "evaluations.npz"

    def last_model(self, env: str) -> Path:
        """The policy at the end of the run, under the name that rl-zoo looks for."""
        return self.folder / f"{env_folder(env)}.zip"

    def zoo_config(self, env: str) -> Path:
        """The settings where rl-zoo's loader looks for them (JSON is YAML)."""
        return self.folder / env_folder(env) / "config.yml"

    def zoo_args(self, env: str) -> Path:
        """The arguments where rl-zoo's loader looks for them."""
        return self.folder / env_folder(env) / "args.yml"

    def artefact(self, name: str, env: str) -> Artefact | None:
        """The file of this name, if it may go from host to host: no other name is ever opened for one."""
        if EVENTS.fullmatch(name) or BUFFER.fullmatch(name):
            return Artefact(self.folder / name, 1 << 36, grows=True)
        if MONITOR.fullmatch(name):
            return Artefact(self.folder / name, 1 << 32, grows=True)
        if FILM.fullmatch(name):
            return Artefact(self.folder / name, 1 << 34)
        fixed = (
            Artefact(self.checkpoint, 1 << 33),
            Artefact(self.checkpoint_before, 1 << 33),
            Artefact(self.worker_log, 1 << 30, grows=True),
            Artefact(self.evaluations, 1 << 30),
            Artefact(self.best_model, 1 << 32),
            Artefact(self.last_model(env), 1 << 32),
            Artefact(self.zoo_config(env), 1 << 20),
            Artefact(self.zoo_args(env), 1 << 20),
        )
        return next((one for one in fixed if self.name(one.path) == name), None)

    def name(self, path: Path) -> str:
        """The name of a file of this run directory, as `artefact` takes it."""
        return path.relative_to(self.folder).as_posix()

    def attempts(self) -> list[int]:
        """Numbers of the attempts that have a log, in order."""
        found = (EVENTS.fullmatch(entry.name) for entry in self.folder.iterdir())
        return sorted(int(match[1]) for match in found if match)


@dataclass(frozen=True, slots=True)
class RootPaths:
    """The files of a runs folder: the queue and the results of one project on one host."""

    root: Path

    @property
    def supervisor_lock(self) -> Path:
        """Held (flock) by the one supervisor of this folder."""
        return self.root / ".supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        """What a detached supervisor prints."""
        return self.root / ".supervisor.log"

    @property
    def archive(self) -> Path:
        """Where `--fresh` puts older runs."""
        return self.root / ARCHIVE

    def pull_lock(self, host: str) -> Path:
        """Held (flock) by the one who brings a host's files here."""
        return self.root / ".hosts" / f"{host}.lock"

    def host_state(self, host: str) -> Path:
        """What was last heard of another host that holds runs of this project."""
        return self.root / ".hosts" / f"{host}.json"

    @property
    def host_book(self) -> Path:
        """Hosts that were added by a command, beside those in experiments.toml."""
        return self.root / ".hosts.json"

    @property
    def throughput(self) -> Path:
        """What was measured on this machine before there was a run to judge by."""
        return self.root / ".throughput.json"

    @property
    def index(self) -> Path:
        """What is known of the runs at rest; made anew from the runs whenever it is of no use."""
        return self.root / ".index.jsonl"

    def experiment(self, name: str) -> Path:
        """The folder of all runs of one experiment."""
        if not is_name(name):
            raise ValueError(f"{name!r} is not an experiment name")
        return self.root / name

    def run(self, spec: RunSpec) -> RunPaths:
        """The directory of one run."""
        return RunPaths(
            self.experiment(spec.id.experiment) / spec.algo / f"{env_folder(spec.env)}_{spec.id.seed}"
        )

    def runs(self) -> Iterator[RunPaths]:
        """Find all run directories, in the order of their names. Temporary and archived ones are left out."""
        for experiment in _folders(self.root):
            yield from self.runs_of(experiment.name)

    def runs_of(self, experiment: str, seed: int | None = None) -> Iterator[RunPaths]:
        """Find the run directories of one experiment; seed: with this one only."""
        for algo in _folders(self.root / experiment):
            for folder in _folders(algo, "" if seed is None else f"_{seed}"):
                paths = RunPaths(folder)
                if os.path.isfile(spec_file(str(folder))):
                    yield paths


def env_folder(env: str) -> str:
    """Spell an env id as rl-zoo does in file names."""
    return env.replace("/", "-").replace(":", "-")


def spec_file(folder: str) -> str:
    """`RunPaths.spec` as text, for who looks at thousands of folders: a Path costs more than the look."""
    return f"{folder}/run.json"


def events_file(folder: str, attempt: int) -> str:
    """`RunPaths.events` as text."""
    return f"{folder}/events-{attempt}.jsonl"


def name_in(folder: str) -> RunId:
    """`name_of` of a path as text. Raises ValueError on a foreign folder."""
    above, _, name = folder.rpartition("/")
    return RunId.parse(f"{above.split('/')[-2]}/{name.rpartition('_')[2]}")


def name_of(paths: RunPaths) -> RunId:
    """Read a run's name off its path, without opening a file. Raises ValueError on a foreign folder."""
    experiment = paths.folder.parent.parent.name
    return RunId.parse(f"{experiment}/{paths.folder.name.rpartition('_')[2]}")


def _folders(folder: Path, end: str = "") -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            named = (one for one in entries if one.name.endswith(end) and not one.name.startswith("."))
            found = [entry.path for entry in named if entry.is_dir()]
    except FileNotFoundError:
        return []
    return [Path(path) for path in sorted(found)]
