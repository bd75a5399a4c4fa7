"""A run goes to a host: its description, its logs so far, and its newest checkpoint with what that needs.

Rule: the host puts it together where nobody sees it and checks every digest before it becomes a run. What was
sent before a break is not sent again, and a run that arrived twice arrived once.
"""

import base64
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deeprl_tui.core.files import open_regular, sha256
from deeprl_tui.core.layout import BUFFER, EVENTS, MONITOR, RunPaths
from deeprl_tui.core.saved import committed
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.artefacts import PIECE, SUM_RATE, Ask, Progress, PullError
from deeprl_tui.runs.load import load_spec
from deeprl_tui.runs.moves import read_pulled

TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class _Item:
    """A file that is sent, to a length."""

    name: str
    path: Path
    size: int
    sha256: str


def deliver(
    paths: RunPaths, ask: Ask, why: str, *, say: Callable[[Progress], None] = lambda progress: None
) -> str:
    """Send a run; "queued", or "already" if it was there. Raises DeeprlError, OSError.

    Nothing may write to its files here meanwhile: it was assigned to the host before.
    """
    spec = load_spec(paths)
    text = spec.to_json()
    items = _items(paths, spec.env)
    announced: Json = {item.name: [item.size, item.sha256] for item in items}
    total, done = sum(item.size for item in items), 0
    for _ in range(TRIES):
        staged = ask("staged", {"spec": text, "files": announced}, 60 + total / SUM_RATE)
        if not isinstance(staged, Mapping) or not isinstance(there := staged.get("files"), Mapping):
            raise DeeprlError("answered something else", place="staged")
        if staged.get("arrived") is True:
            return "already"
        for item in items:
            have = there.get(item.name)

            def heard(count: int, name: str = item.name) -> None:
                nonlocal done
                done += count
                say(Progress(spec.id, name, done, max(total, done)))

            if have != item.size:
                _send(item, have if type(have) is int else 0, text, ask, heard)
        told = ask("settle", {"spec": text, "files": announced, "why": why}, 60 + total / SUM_RATE)
        if isinstance(told, Mapping) and "done" in told:
            return str(told["done"])
    raise DeeprlError("did not arrive whole", place=str(spec.id), remedy="try again")


def _items(paths: RunPaths, env: str) -> list[_Item]:
    names = [entry.name for entry in paths.folder.iterdir()]
    needed = [name for name in names if EVENTS.fullmatch(name) or MONITOR.fullmatch(name)]
    needed += [path.name for path in (paths.evaluations, paths.best_model) if path.exists()]
    lengths: dict[str, int] = {}
    if paths.checkpoint.exists():
        try:
            needs = committed(paths.checkpoint)
        except ValueError as error:
            raise PullError(f"the checkpoint cannot be used: {error}", place=str(paths.folder)) from None
        log = paths.buffer(needs.generation)
        needed += [log.name, paths.checkpoint.name]
        lengths[log.name] = needs.length
    items = []
    for name in sorted(needed):
        known = paths.artefact(name, env)
        assert known is not None
        fd = open_regular(known.path)
        try:
            there = os.fstat(fd).st_size
            size = lengths.get(name, there)
            if size > there:
                raise PullError(f"{name} is shorter than its checkpoint says", place=str(paths.folder))
            items.append(_Item(name, known.path, size, sha256(fd, size)))
        finally:
            os.close(fd)
    _check_pair(paths, items)
    return items


def _check_pair(paths: RunPaths, items: list[_Item]) -> None:
    """Raise PullError unless checkpoint and replay log came together, if they came from a host."""
    known = read_pulled(paths).files
    for item in items:
        of_checkpoint = item.path == paths.checkpoint or BUFFER.fullmatch(item.name)
        if of_checkpoint and item.name in known and known[item.name].sha256 != item.sha256:
            raise PullError(
                f"{item.name} is not what was pulled",
                place=str(paths.folder),
                remedy="deeprl pull, or remove the checkpoint to begin anew",
            )


def _send(item: _Item, have: int, spec: str, ask: Ask, say: Callable[[int], None]) -> None:
    """Send what is missing of a file. say: hears of each piece's bytes."""
    have = have if have <= item.size else 0  # what is there is of an older try
    fd = open_regular(item.path)
    try:
        while True:
            data = os.pread(fd, min(PIECE, item.size - have), have)
            sent: dict[str, Json] = {"data": base64.b64encode(data).decode(), "crc": zlib.crc32(data)}
            told = ask("put", {"spec": spec, "file": item.name, "offset": have, **sent})
            have += len(data)
            if not isinstance(told, Mapping) or told.get("size") != have:
                raise DeeprlError("what was sent is not there", place=item.name, remedy="try again")
            say(len(data))
            if have >= item.size or not data:
                return
    finally:
        os.close(fd)
