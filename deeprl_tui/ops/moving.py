"""Runs go on on another host, from their newest checkpoint here.

Rule: never two living attempts that count. Where a run lives changes here first; its old host gives it up,
now or at the next contact, and what it still wrote is not taken. All of it may be repeated.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core import state
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.lock import is_held
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.errors import DeeprlError, LockHeldError
from deeprl_tui.hosts.artefacts import Progress
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.monitor.line import Line
from deeprl_tui.ops import asking
from deeprl_tui.ops.asking import Answer
from deeprl_tui.ops.launching import supervise
from deeprl_tui.ops.pulling import pull, send
from deeprl_tui.ops.remote import Hosts
from deeprl_tui.runs.find import find_runs
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.load import load_spec, load_view
from deeprl_tui.runs.moves import assign, read_moves
from deeprl_tui.runs.store import RunStore

STOP_S: Final = 60.0
"""A run that is to leave has so long to reach a checkpoint."""
POLL_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Tools:
    """What a move needs from outside."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[Progress], None] = lambda progress: None
    start: Callable[[Path], object] = supervise


def move(
    hosts: Hosts, root: Path, patterns: Sequence[str], to: str, *, tools: Tools = Tools()
) -> list[Answer]:
    """Let runs go on on a host, or here ("local"); one that trains is paused at its next checkpoint first.

    A host that does not answer is left behind: the run goes on from what is here of it.
    Raises UnknownNameError for a host or a pattern without a run.
    """
    target = "" if to == LOCAL else to
    if target:
        hosts.host(target)
    answers = []
    for run, paths in find_runs(root, patterns):
        try:
            answers.append(Answer(run, *_leave(hosts, root, run, paths, target, tools)))
        except (DeeprlError, OSError) as error:
            answers.append(Answer(run, False, str(error)))
    return _arrive(hosts, root, target, answers, tools)


def _leave(
    hosts: Hosts, root: Path, run: RunId, paths: RunPaths, target: str, tools: Tools
) -> tuple[bool, str]:
    home = home_of(paths)
    if home == target:
        return (True, "goes there") if target and read_moves(paths).to == target else (False, "is there")
    if isinstance(load_view(paths).state, state.Finished):
        return False, "is finished"
    if not home:
        _pause_here(root, run, paths, tools)
        return _assign(paths, target)
    line = hosts.line(home)
    try:
        _pause_there(line, root, home, run, paths, tools)
        done, text = _assign(paths, target)
        if done:
            _give_up(line, paths, read_moves(paths).left[home], tools)
        return done, text
    except HostError as error:
        done, text = _assign(paths, target)
        if done and paths.checkpoint.exists():  # which may be older than what its log tells of
            text = "goes on from the checkpoint that is here"
        return done, f"{text}; {home} does not answer ({error.fault}) and is told to give it up when it does"
    finally:
        line.hang_up()


def _assign(paths: RunPaths, target: str) -> tuple[bool, str]:
    view = load_view(paths, held=False)
    if isinstance(view.state, state.Finished):
        return False, "is finished"
    assign(paths, target, view.next_attempt)
    at = view.checkpoint_step if paths.checkpoint.exists() else None
    return True, f"goes on from step {at}" if at else "begins anew"


def _give_up(line: Line, paths: RunPaths, attempt: int, tools: Tools) -> None:
    """Let a host give up a run that lives elsewhere now, and wait for its worker to go, for a while."""
    deadline = tools.monotonic() + STOP_S
    args: dict[str, Json] = {"spec": load_spec(paths).to_json(), "attempt": attempt}
    with contextlib.suppress(DeeprlError):  # told at the next contact, then, and fenced all the same
        while tools.monotonic() < deadline:
            told = line.ask("retire", args)
            if not isinstance(told, Mapping) or told.get("held") is not True:
                return
            tools.sleep(POLL_S)


def _pause_there(line: Line, root: Path, home: str, run: RunId, paths: RunPaths, tools: Tools) -> None:
    """Take a run off its core on its host and bring its last checkpoint. Raises HostError if it is lost."""
    if line.ask("files", {"run": str(run)}) is None:
        return  # it is not there: it goes on from what is here
    line.ask("pause", {"runs": [str(run)]})
    deadline = tools.monotonic() + STOP_S
    while True:
        told = line.ask("files", {"run": str(run)})
        if not isinstance(told, Mapping) or told.get("held") is not True:
            break
        if tools.monotonic() > deadline:
            raise DeeprlError("did not reach a checkpoint in time", place=str(run), remedy="try again")
        tools.sleep(POLL_S)
    for brought in pull(root, home, line, [(run, paths)], say=tools.say):
        if brought.pulled is None:
            raise DeeprlError(brought.why, place=str(run), remedy="try again, or deeprl resume")


def _pause_here(root: Path, run: RunId, paths: RunPaths, tools: Tools) -> None:
    asking.ask(root, [str(run)], "pause")
    deadline = tools.monotonic() + STOP_S
    while is_held(paths.lock):
        if tools.monotonic() > deadline:
            raise LockHeldError("did not reach a checkpoint in time", place=str(run), remedy="try again")
        tools.sleep(POLL_S)


def _arrive(hosts: Hosts, root: Path, target: str, answers: list[Answer], tools: Tools) -> list[Answer]:
    going = {answer.run for answer in answers if answer.done}
    if not going:
        return answers
    if not target:
        store = RunStore(root)
        for run in going:
            paths = store.find(run)
            if paths is not None:
                store.requeue(paths, "moved here")
        tools.start(root)
        return answers
    line = hosts.line(target)
    try:
        failed = {one.run: one.why for one in send(root, target, line, say=tools.say) if one.pulled is None}
    finally:
        line.hang_up()
    return [
        Answer(answer.run, False, f"goes to {target} when that is possible: {failed[answer.run]}")
        if answer.run in failed
        else answer
        for answer in answers
    ]
