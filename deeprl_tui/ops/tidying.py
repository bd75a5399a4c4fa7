"""What a host still holds of runs that are over and home, or that went on elsewhere; and taking it away.

Rule: what goes there is here, compared by digests on both sides, or it is what a run left behind that has
a newer checkpoint here. A run that is over becomes one of this machine before its host drops it, so nothing
that the host says touches it any more. A run that may go on there stays.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deeprl_tui.core.events import Checkpoint
from deeprl_tui.core.files import open_regular, sha256
from deeprl_tui.core.layout import BUFFER, EVENTS, FILM, RunPaths
from deeprl_tui.core.log import read_lines
from deeprl_tui.core.saved import committed
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.core.state import is_over
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.fetch import ANSWER_S, SUM_RATE, Asked, Asker, There
from deeprl_tui.hosts.listing import read_listing
from deeprl_tui.hosts.mirror import Mirror
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.load import load_spec, load_view
from deeprl_tui.runs.moves import arrived, assign, gave_up, is_home, left_host

AT_ONCE: Final = 64


class StaysError(DeeprlError):
    """A run that a host may not drop."""


@dataclass(frozen=True, slots=True)
class Left:
    """A run directory of which a host is not needed any more, as far as is known here."""

    run: RunId
    paths: RunPaths
    moved: int | None  # the attempt that replaced those of the host; None: it lives there, and is over


@dataclass(frozen=True, slots=True)
class Holding:
    """What a host holds of such a run."""

    left: Left
    bytes: int
    stays: str  # why the host may not drop it; empty: it may
    files: Mapping[str, Json]  # what was judged, as the host is told


def left_on(root: Path, host: str) -> list[Left]:
    """What is probably still on a host and is not needed there, without asking it."""
    found = [Left(run, paths, attempt) for run, paths, attempt in left_host(root, host)]
    for run, paths in Mirror(root, host).runs():
        if paths.attempts() and is_home(paths):
            found.append(Left(run, paths, None))
    return sorted(found, key=lambda left: left.run)


def look(line: Asker, left: Sequence[Left]) -> Iterator[Holding]:
    """Ask a host what it holds of these runs; those that it does not have are left out. Raises HostError."""
    for start in range(0, len(left), AT_ONCE):
        some = left[start : start + AT_ONCE]
        told = list(line.ask_all(Asked("files", {"run": str(one.run)}) for one in some))
        for one, answer in zip(some, told, strict=True):
            if answer is None:
                continue
            try:
                if isinstance(answer, DeeprlError):
                    raise answer
                listed = read_listing(answer, one.run, one.paths, load_spec(one.paths).env)
            except DeeprlError as error:
                yield Holding(one, 0, error.fault, {})
                continue
            size = sum(there.size for there in listed.files.values())
            try:
                if listed.held:
                    raise StaysError("runs there")
                yield Holding(one, size, "", _judged(one, listed.files))
            except (DeeprlError, OSError, ValueError) as error:
                fault = error.fault if isinstance(error, DeeprlError) else str(error)
                yield Holding(one, size, fault, {})


def tidy(root: Path, host: str, line: Asker, holding: Holding) -> None:
    """Let a host drop what it holds of a run. Raises DeeprlError; a refusal changes nothing here."""
    left = holding.left
    spec = load_spec(left.paths)
    if left.moved is None:
        if home_of(left.paths) != host or not is_home(left.paths):
            raise StaysError("is another one now", place=str(left.run), remedy="try again")
        assign(left.paths, "", load_view(left.paths, held=False).next_attempt)
    args: dict[str, Json] = {"spec": spec.to_json(), "run": str(left.run), "files": dict(holding.files)}
    try:
        line.ask("drop", args, ANSWER_S + holding.bytes / SUM_RATE)
    except HostError:
        raise  # dropped or not: it is here
    except DeeprlError:
        if left.moved is None:
            assign(left.paths, host, load_view(left.paths, held=False).next_attempt)
            arrived(left.paths)
        raise
    gave_up(left.paths, host)


def _judged(left: Left, listed: Mapping[str, There]) -> dict[str, Json]:
    """What the host must have for each file, if it may drop it. Raises StaysError."""
    went_on = left.moved is not None and _went_on(left.paths, left.moved)
    if not went_on and not is_over(load_view(left.paths, held=False).state):
        raise StaysError("is not over, and no newer checkpoint of it is here")
    judge = _left_behind if went_on else _same
    found: dict[str, Json] = {}
    for name, there in listed.items():
        found[name] = [*there.identity, *judge(left, there)]
    return found


def _went_on(paths: RunPaths, attempt: int) -> bool:
    """Whether a checkpoint is here that an attempt of this number or a later one wrote."""
    steps = []
    for number in paths.attempts():
        if number >= attempt:
            lines, _ = read_lines(paths.events(number))
            steps += [line.event.step for line in lines if isinstance(line.event, Checkpoint)]
    try:
        return bool(steps) and committed(paths.checkpoint).step >= min(steps)
    except (OSError, ValueError):
        return False


def _same(left: Left, there: There) -> list[Json]:
    """Bytes to compare, and their digest: the file as it is here. Raises StaysError."""
    paths = left.paths
    if there.known.path == paths.checkpoint_before:
        return [0, None]  # older than what is here
    if BUFFER.fullmatch(there.name):
        needs = committed(paths.checkpoint) if paths.checkpoint.exists() else None
        if needs is None or paths.buffer(needs.generation) != there.known.path:
            return [0, None]  # of no checkpoint that is here
        return [needs.length, _digest(there, needs.length)]
    return [there.size, _digest(there, there.size)]


def _left_behind(left: Left, there: There) -> list[Json]:
    """The same for a run that went on elsewhere: what it has newer counts, but no film is lost."""
    if FILM.fullmatch(there.name):
        return [there.size, _digest(there, there.size)]
    match = EVENTS.fullmatch(there.name)
    if match is None or left.moved is None or int(match[1]) >= left.moved:
        return [0, None]
    size = min(there.size, there.known.path.stat().st_size)  # what was written after the move does not count
    return [size, _digest(there, size)]


def _digest(there: There, size: int) -> str:
    try:
        fd = open_regular(there.known.path)
    except OSError:
        raise StaysError(f"{there.name} is not here") from None
    try:
        if os.fstat(fd).st_size < size:
            raise StaysError(f"{there.name} is not here as it is there")
        return sha256(fd, size)
    finally:
        os.close(fd)
