"""Watching a run play: which run is meant, and the process that plays it."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.playing import Wish
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import DeeprlError, UnknownNameError
from deeprl_tui.launch import player
from deeprl_tui.launch.player import Player
from deeprl_tui.runs.store import RunStore
from deeprl_tui.supervisor.slots import core_locks, free_cores

FILMS = (".mp4", ".gif")


def play(root: Path, run: RunId, wish: Wish, news: Callable[[], None] = lambda: None) -> Player:
    """Begin to play a run, on cores that train nothing if there are any. Raises UnknownNameError.

    news: called on a thread of the player's, whenever there is something new to see.
    """
    return player.start(_folder(root, run), wish, _idle_cores(), news)


def record(
    root: Path,
    run: RunId,
    target: Path,
    *,
    checkpoint: str,
    episodes: int,
    news: Callable[[], None] = lambda: None,
) -> Player:
    """Begin to write a film of a run's episodes. Raises DeeprlError if that is no file for a film."""
    if target.suffix.lower() not in FILMS:
        raise DeeprlError("is no film", place=str(target), remedy=f"end its name with {' or '.join(FILMS)}")
    if not target.resolve().parent.is_dir():
        raise DeeprlError("there is no such folder", place=str(target.parent), remedy="make it first")
    return player.record(
        _folder(root, run),
        target.resolve(),
        checkpoint=checkpoint,
        episodes=episodes,
        cores=_idle_cores(),
        news=news,
    )


def best_seed(views: Iterable[RunView]) -> RunView | None:
    """The run to show first: of the best evaluation, without any of the best returns."""
    ranked = [(_rank(view), view) for view in views if view.step]
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _rank(view: RunView) -> tuple[float, float]:
    best = max((point.mean for point in view.evals), default=float("-inf"))
    mean = view.return_mean
    return best, mean if mean is not None and mean == mean else float("-inf")


def _folder(root: Path, run: RunId) -> Path:
    paths: RunPaths | None = RunStore(root).find(run)
    if paths is None:
        raise UnknownNameError("no such run", place=str(run), remedy="deeprl ls shows them")
    return paths.folder


def _idle_cores() -> list[int]:
    """The cores that no worker of this user is pinned to; none if there is no such core."""
    try:
        return free_cores(os.sched_getaffinity(0), core_locks())
    except OSError:
        return []
