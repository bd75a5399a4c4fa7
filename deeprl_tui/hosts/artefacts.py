"""Files of a run come home: its checkpoint with what that needs, models, films, what was printed.

Rule: names are those of `core.layout`, sizes are bounded, and a checkpoint appears last: all that a resume
from it needs is here before. A file that cannot come is named and holds up no other; it is tried again when
it is another one there. How many files there are costs no round trips.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from deeprl_tui.core.layout import BUFFER, EVENTS, RunPaths
from deeprl_tui.core.saved import Committed, check, committed
from deeprl_tui.core.spec import Json, RunId, RunSpec
from deeprl_tui.core.state import is_over
from deeprl_tui.hosts.fetch import (
    KEEP_FREE,
    Asker,
    ChangedError,
    Fetch,
    NoSpaceError,
    OtherDigestError,
    Part,
    PullError,
    There,
)
from deeprl_tui.hosts.listing import read_listing
from deeprl_tui.hosts.logs import bring_logs
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.runs.load import load_spec, load_view
from deeprl_tui.runs.moves import PulledFiles, newest_log, read_pulled, write_pulled

TRIES: Final = 4
"""A file that changes while it comes is begun anew so often."""
NOTED: Final = 1 << 20
"""After a file of so many bytes it is noted what came: whoever is killed then does not ask for it again."""


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
    missing: tuple[str, ...] = ()  # what does not come as long as it is what it is, and why


class Pull:
    """One run of one host."""

    def __init__(
        self,
        mirror: Mirror,
        run: RunId,
        paths: RunPaths,
        asker: Asker,
        *,
        say: Callable[[Progress], None] = lambda progress: None,
        keep_free: int = KEEP_FREE,
        listed: Json = None,
    ) -> None:
        """listed: what the host just answered to `files`, if it was asked already."""
        self._mirror, self._run, self._paths, self._asker = mirror, run, paths, asker
        self._say, self._answer = say, listed
        self._fetch = Fetch(run, paths.folder, asker, self._heard, keep_free)
        self._spec: RunSpec = load_spec(paths)
        self._noted = read_pulled(paths)
        self._files, self._refused = dict(self._noted.files), dict(self._noted.refused)
        self._missing: dict[str, str] = {}
        self._others: set[tuple[str, tuple[int, ...]]] = set()  # what came and had another digest
        self._came = self._count = self._total = self._unnoted = 0

    def __call__(self) -> Pulled:
        """Bring what is new. Raises PullError, OSError, and what the connection raises."""
        changed: PullError | None = None
        try:
            for attempt in range(TRIES):
                listed, held = self._list()
                self._clean_parts(listed)
                changed = self._once(listed, last=attempt >= TRIES - 2)
                if changed is None or isinstance(changed, NoSpaceError):
                    break
        finally:
            self._note()
        if changed is not None:
            raise changed
        self._note(home=self._all_here(listed, held))
        self._clean_parts(listed)
        self._clean_logs()
        return Pulled(self._count, self._came, self._noted.home is not None, tuple(self._told()))

    def logs(self) -> None:
        """Bring only what the run's logs say. Raises as a pull does."""
        fault = bring_logs(self._mirror, self._run, self._list()[0].values(), self._asker, self._heard)
        if fault is not None:
            raise fault

    def _once(self, listed: Mapping[str, There], *, last: bool) -> PullError | None:
        """Bring what is not here; what became another one meanwhile. last: what does not fit is refused."""
        newest = self._newest(listed)
        wanted = [there for there in listed.values() if self._is_plain(there) and not self._has(there)]
        wanted.sort(key=lambda there: there.size)
        if newest is not None and not self._has(newest, self._paths.checkpoint.name):
            wanted.insert(0, newest)
        self._expect(listed, wanted)
        changed = bring_logs(self._mirror, self._run, listed.values(), self._asker, self._heard)
        needed, part = changed, None
        for there, came in self._bring([(there, there.size) for there in wanted]):
            if isinstance(came, Part):
                if there is newest:
                    part = came
                else:
                    self._settle(came, there.name)
            elif (error := self._failed(there, came)) is not None:
                changed = error
                needed = error if there.known.grows or there is newest else needed
        here = newest is not None and (part is not None or self._has(newest, self._paths.checkpoint.name))
        if newest is None or not here or needed is not None:
            return changed
        return self._checkpoint(listed, newest, part, last) or changed

    def _bring(self, wanted: list[tuple[There, int]]) -> Iterator[tuple[There, Part | PullError]]:
        return zip((there for there, _ in wanted), self._fetch.files(wanted, self._files), strict=True)

    def _failed(self, there: There, error: PullError) -> PullError | None:
        """Remember why a file did not come; the error again if trying once more may help."""
        if isinstance(error, OtherDigestError):
            if (there.name, there.identity) not in self._others:
                self._others.add((there.name, there.identity))
                return error
            self._refuse(there, "is not what its host says it is")
        elif isinstance(error, ChangedError | NoSpaceError):
            return error
        else:
            self._missing[there.name] = error.fault.removeprefix(there.name).lstrip(": ")
        return None

    # -- what is there -----------------------------------------------------------------------------------

    def _list(self) -> tuple[dict[str, There], bool]:
        """The files on the host that may come, by name, and whether a worker lives. Raises PullError."""
        told, self._answer = self._answer, None
        if told is None:
            told = self._asker.ask("files", {"run": str(self._run)})
        if told is None:
            raise PullError("is not there", place=str(self._run))
        self._missing.clear()
        listed = read_listing(told, self._run, self._paths, self._spec.env)
        self._missing |= listed.refused
        found = dict(listed.files)
        self._refused = {
            name: (identity, why)
            for name, (identity, why) in self._refused.items()
            if name in found and identity == found[name].identity
        }
        self._missing |= {name: why for name, (_, why) in self._refused.items()}
        return found, listed.held

    def _is_plain(self, there: There) -> bool:
        """Whether a file comes for itself: logs come line by line, and checkpoints with their replay log."""
        of_checkpoint = there.known.path in (self._paths.checkpoint, self._paths.checkpoint_before)
        apart = of_checkpoint or BUFFER.fullmatch(there.name) or EVENTS.fullmatch(there.name)
        return not apart and not self._is_refused(there)

    def _is_refused(self, there: There) -> bool:
        return there.name in self._refused

    def _has(self, there: There, name: str = "") -> bool:
        """Whether a file is here as it is there. name: what it is called here."""
        known = self._files.get(name or there.name)
        if known is None or known.identity != there.identity:
            return False
        try:
            path = self._paths.folder / name if name else there.known.path
            return path.stat(follow_symlinks=False).st_size == known.size
        except OSError:
            return False

    def _all_here(self, listed: Mapping[str, There], held: bool) -> bool:
        """Whether a run is over and nothing of it is there that is not here."""
        if self._missing or held:
            return False
        here = all(self._has(there) for there in listed.values() if self._is_plain(there))
        checkpoint = listed.get(self._paths.checkpoint.name)
        if not here or (checkpoint is not None and not self._has(checkpoint)):
            return False
        return is_over(load_view(self._paths, held=False).state)

    # -- the checkpoint ----------------------------------------------------------------------------------

    def _newest(self, listed: Mapping[str, There]) -> There | None:
        """The newest checkpoint that is not known to be damaged."""
        names = (self._paths.checkpoint.name, self._paths.checkpoint_before.name)
        found = (listed[name] for name in names if name in listed)
        return next((there for there in found if not self._is_refused(there)), None)

    def _checkpoint(
        self, listed: Mapping[str, There], newest: There, part: Part | None, last: bool
    ) -> PullError | None:
        """Bring what a checkpoint needs, and let it appear; damaged: the one before it, in its place.

        part: the checkpoint; None: it is here already.
        """
        try:
            needs = check(part.path) if part else committed(self._paths.checkpoint)
        except ValueError as error:
            return self._damaged(newest, part, f"is damaged there: {error}")
        name = self._paths.name(self._paths.buffer(needs.generation))
        log = listed.get(name)
        if log is None or log.size < needs.length:
            fault = f"needs more of {name} than there is"
            if last:
                return self._damaged(newest, part, fault)
            return ChangedError(f"{newest.name} {fault}", place=str(self._run))
        if part or not self._has_log(log, needs):
            self._total = self._came + needs.length - min(needs.length, self._begun(log))
            ((_, came),) = self._bring([(log, needs.length)])
            if isinstance(came, PullError):
                return self._failed(log, came)
            self._settle(came, name)
        if part:
            self._settle(part, self._paths.checkpoint.name)
        return None

    def _damaged(self, there: There, part: Part | None, why: str) -> PullError | None:
        """Refuse a checkpoint; the error if there is another to try."""
        if part is None:  # it was whole when it came
            self._files.pop(self._paths.checkpoint.name, None)
            return ChangedError("the checkpoint here is damaged", place=str(self._run))
        part.path.unlink(missing_ok=True)
        before = there.name == self._paths.checkpoint.name
        self._refuse(there, why)
        return ChangedError(f"{there.name} {why}", place=str(self._run)) if before else None

    def _refuse(self, there: There, why: str) -> None:
        self._refused[there.name] = (there.identity, why)
        self._missing[there.name] = why

    def _has_log(self, there: There, needs: Committed | None = None) -> bool:
        known = self._files.get(there.name)
        try:
            here = there.known.path.stat(follow_symlinks=False).st_size
        except OSError:
            return False
        return known is not None and known.size == here and (needs is None or here == needs.length)

    # -- what came ---------------------------------------------------------------------------------------

    def _settle(self, part: Part, name: str) -> None:
        path = self._paths.folder / name
        path.parent.mkdir(exist_ok=True)
        if path.parent.is_symlink():
            raise PullError(f"{path.parent.name} is a link here", place=str(self._run), remedy="remove it")
        part.path.replace(path)
        self._files[name] = part.file
        self._count += 1
        self._unnoted += part.file.size
        if self._unnoted >= NOTED:
            self._note()

    def _note(self, *, home: bool = False) -> None:
        """Keep what is known of the files here."""
        self._unnoted = 0
        now = PulledFiles(dict(self._files), newest_log(self._paths) if home else None, dict(self._refused))
        if now != self._noted:
            write_pulled(self._paths, now)
            self._noted = now

    def _told(self) -> Iterator[str]:
        """What does not come, why, and what that means."""
        for name, why in sorted(self._missing.items()):
            means = ""
            if name == self._paths.checkpoint.name:
                there = name in self._files and self._paths.checkpoint.exists()
                means = "; the one before it is here" if there else "; none is here: a move would begin anew"
            yield f"{name} {why}{means}"

    def _heard(self, name: str, size: int) -> None:
        self._came += size
        self._say(Progress(self._run, name, self._came, max(self._total, self._came)))

    def _expect(self, listed: Mapping[str, There], wanted: list[There]) -> None:
        """Count what is to come; of the newest replay log all, until its checkpoint says how much."""
        some = list(wanted)
        if any(there.known.path == self._paths.checkpoint for there in wanted):
            logs = [there for there in listed.values() if BUFFER.fullmatch(there.name)]
            some += sorted(logs, key=lambda there: there.identity[1])[-1:]
        self._total = self._came + sum(there.size - min(there.size, self._begun(there)) for there in some)

    def _begun(self, there: There) -> int:
        """Bytes of a file that need not come again."""
        known = self._files.get(there.name)
        grown = known.size if known and there.known.grows and known.identity[0] == there.identity[0] else 0
        try:
            return max(grown, (self._paths.folder / there.part).lstat().st_size)
        except OSError:
            return grown

    def _clean_parts(self, listed: Mapping[str, There]) -> None:
        """Take parts away that nothing will continue: checkpoints that were replaced would fill the disk."""
        wanted = {there.part for there in listed.values() if not self._is_refused(there)}
        for entry in self._paths.folder.iterdir():
            if re.fullmatch(r"\..*\.[0-9-]+\.part", entry.name) and entry.name not in wanted:
                entry.unlink(missing_ok=True)

    def _clean_logs(self) -> None:
        """Take replay logs away that the checkpoint here does not name."""
        with contextlib.suppress(OSError, ValueError):
            keep = self._paths.name(self._paths.buffer(committed(self._paths.checkpoint).generation))
            for name in [name for name in self._files if BUFFER.fullmatch(name) and name != keep]:
                (self._paths.folder / name).unlink(missing_ok=True)
                del self._files[name]
