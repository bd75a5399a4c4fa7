"""A run goes to a host: its description, its logs so far, and its newest checkpoint with what that needs.

Rule: the host puts it together where nobody sees it and checks every digest before it becomes a run. What was
sent before a break is not sent again, and a run that arrived twice arrived once.
"""

import base64
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deeprl_tui.core.files import open_regular, read_small, sha256
from deeprl_tui.core.layout import BUFFER, EVENTS, MONITOR, RunPaths
from deeprl_tui.core.saved import committed
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.artefacts import Progress
from deeprl_tui.hosts.fetch import ANSWER_S, PIECE, SUM_RATE, Asked, Asker, PullError
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
    paths: RunPaths, asker: Asker, why: str, *, say: Callable[[Progress], None] = lambda progress: None
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
        patience = ANSWER_S + total / SUM_RATE
        staged = asker.ask("staged", {"spec": text, "files": announced}, patience)
        if not isinstance(staged, Mapping) or not isinstance(there := staged.get("files"), Mapping):
            raise DeeprlError("answered something else", place="staged")
        if staged.get("arrived") is True:
            return "already"
        pieces = list(_pieces(items, there))
        for (item, offset, size), told in zip(pieces, asker.ask_all(_puts(pieces, text)), strict=True):
            if isinstance(told, DeeprlError):
                raise told
            if not isinstance(told, Mapping) or told.get("size") != offset + size:
                raise DeeprlError("what was sent is not there", place=item.name, remedy="try again")
            done += size
            say(Progress(spec.id, item.name, done, max(total, done)))
        told = asker.ask("settle", {"spec": text, "files": announced, "why": why}, patience)
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


def _pieces(items: Sequence[_Item], there: Mapping[str, Json]) -> Iterator[tuple[_Item, int, int]]:
    """What is missing there: file, offset, bytes. An empty file is one piece."""
    for item in items:
        known = there.get(item.name)
        have = known if type(known) is int and known <= item.size else 0  # a longer one is of an older try
        if known != item.size:
            for offset in range(have, max(item.size, 1), PIECE):
                yield item, offset, min(PIECE, item.size - offset)


def _puts(pieces: Sequence[tuple[_Item, int, int]], spec: str) -> Iterator[Asked]:
    """The requests that carry pieces, each read when it is sent."""
    for item, offset, size in pieces:
        data = read_small(item.path, size, offset)
        sent: dict[str, Json] = {"data": base64.b64encode(data).decode(), "crc": zlib.crc32(data)}
        yield Asked("put", {"spec": spec, "file": item.name, "offset": offset, **sent}, size=size)
