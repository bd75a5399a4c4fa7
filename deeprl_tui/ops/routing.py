"""Requests to runs, wherever they live: each goes to the host that it is about."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deeprl_tui import config
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.errors import DeeprlError
from deeprl_tui.ops import asking
from deeprl_tui.ops.asking import Answer
from deeprl_tui.ops.remote import Hosts, hosts_of
from deeprl_tui.runs.find import find_runs
from deeprl_tui.runs.homes import home_of
from deeprl_tui.runs.store import Ask


def ask(root: Path, patterns: Sequence[str], what: Ask, *, hosts: Hosts | None = None) -> list[Answer]:
    """Ask runs to stop or to pause at their next checkpoint. hosts: links that are there already."""
    return _everywhere(root, patterns, what, lambda names: asking.ask(root, names, what), hosts)


def resume(
    root: Path,
    patterns: Sequence[str],
    *,
    start: Callable[[Path], object] | None = None,
    hosts: Hosts | None = None,
) -> list[Answer]:
    """Put paused, stopped, failed and lost runs back into the queue, and see that somebody starts them.

    start: who sees to that on this machine; `supervise` by default. hosts: links that are there already.
    """
    return _everywhere(root, patterns, "resume", lambda names: asking.resume(root, names, start=start), hosts)


def _everywhere(
    root: Path,
    patterns: Sequence[str],
    op: str,
    here: Callable[[Sequence[str]], list[Answer]],
    hosts: Hosts | None,
) -> list[Answer]:
    homes: dict[str, list[RunId]] = {}
    for run, paths in find_runs(root, patterns):
        homes.setdefault(home_of(paths), []).append(run)
    local = [str(run) for run in homes.pop("", [])]
    answers = here(local) if local or not homes else []
    if not homes:
        return answers
    links = hosts or hosts_of(root, config.check(root.parent / config.FILE).project)
    try:
        for home, runs in homes.items():
            answers += _there(links, home, op, runs)
    finally:
        if hosts is None:
            links.close()
    return sorted(answers, key=lambda answer: answer.run)


def _there(links: Hosts, home: str, op: str, runs: Sequence[RunId]) -> list[Answer]:
    names: Json = [str(run) for run in runs]
    try:
        told = links.call(home, op, {"runs": names})
    except DeeprlError as error:
        return [Answer(run, False, str(error)) for run in runs]
    return [_answer(run, told.get(str(run)) if isinstance(told, Mapping) else None) for run in runs]


def _answer(run: RunId, told: Json) -> Answer:
    match told:
        case [bool(done), str(text)]:
            return Answer(run, done, text)
        case _:
            return Answer(run, False, "its host said nothing about it")
