"""Files of a run come home whole or not at all, and go on at the byte where a line broke."""

import base64
import contextlib
import os
import random
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pull_lab
import pytest
import support
from pull_lab import ENV, RUN, Away, Cutting, mirrored, pull

from deeprl_tui.core.events import Queued
from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.saved import MAGIC, committed
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts import fetch
from deeprl_tui.hosts.fetch import Asked, PullError
from deeprl_tui.hosts.ssh import HostError
from deeprl_tui.ops.cloud import not_home
from deeprl_tui.runs.moves import is_home


@pytest.fixture
def away(tmp_path: Path) -> Away:
    """A host with a run."""
    return Away(tmp_path / "away")


@pytest.fixture
def here(tmp_path: Path, away: Away) -> RunPaths:
    """Its mirror."""
    return mirrored(tmp_path / "here", away)


def root(here: RunPaths) -> Path:
    """The runs folder of a run directory."""
    return here.folder.parents[2]


def usable(here: RunPaths, away: Away) -> bool:
    """Whether the checkpoint here, if there is one, has all that it needs."""
    if not here.checkpoint.exists():
        return True
    needs = committed(here.checkpoint)
    log = here.buffer(needs.generation).read_bytes()
    return log[: needs.length] == away.buffer[: needs.length] and needs.length > 0


def visible(paths: RunPaths) -> set[str]:
    """The names in a run directory."""
    return {entry.name for entry in paths.folder.iterdir() if not entry.name.startswith(".")}


def test_checkpoint_of_a_run_that_trains(here: RunPaths, away: Away) -> None:
    """The newest checkpoint comes with its part of the replay log, and the log of events."""
    pull(root(here), Cutting(away.root))
    assert here.checkpoint.read_bytes() == away.paths.checkpoint.read_bytes()
    assert here.buffer_log.read_bytes() == away.buffer[:60_000]
    assert here.events(1).read_bytes() == away.paths.events(1).read_bytes()
    assert not is_home(here)


def test_only_what_is_new(here: RunPaths, away: Away) -> None:
    """A second pull brings the rest of what grew and nothing else; a third brings nothing."""
    line = Cutting(away.root)
    pull(root(here), line)
    away.train(2)
    second = pull(root(here), line)
    assert here.buffer_log.read_bytes() == away.buffer[:120_000]
    assert 60_000 < second.bytes < 90_000
    assert pull(root(here), line).bytes == 0


def test_home(here: RunPaths, away: Away) -> None:
    """A run that is over is home once all its files are here, and not when it goes on there."""
    line = Cutting(away.root)
    away.train(2, over=True)
    assert [run for run, _ in not_home(root(here), "vm")] == [RUN]
    assert pull(root(here), line).home
    assert is_home(here)
    assert not not_home(root(here), "vm")
    for path in (away.paths.last_model(ENV), away.paths.zoo_config(ENV), away.paths.best_model):
        assert (here.folder / away.paths.name(path)).read_bytes() == path.read_bytes()
    support.write(away.paths, 2, [(99.0, Queued(at=support.WALL, why="resumed"))])
    pull(root(here), line)
    assert not is_home(here)


@pytest.mark.parametrize("seed", range(6))
def test_cuts(here: RunPaths, away: Away, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the line breaks while the run goes on, a checkpoint here is always whole."""
    monkeypatch.setattr(fetch, "PIECE", 1500)
    draw, line, cuts = random.Random(seed), Cutting(away.root), 0
    number = 1
    for _ in range(200):
        line.cut_after = draw.randint(0, 60)
        try:
            pull(root(here), line)
        except (HostError, PullError):
            cuts += 1
        assert usable(here, away)
        assert (
            away.paths.events(1)
            .read_bytes()
            .startswith(here.events(1).read_bytes() if here.events(1).exists() else b"")
        )
        if number < 4 and draw.random() < 0.3:
            number += 1
            away.train(number, over=number == 4)
        if is_home(here):
            break
    assert cuts > 5
    assert visible(away.paths) - {"lock", "checkpoint.prev"} == visible(here) - {"host", "pulled.json"}
    assert here.checkpoint.read_bytes() == away.paths.checkpoint.read_bytes()


def test_goes_on_at_the_byte(here: RunPaths, away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before a break is not brought again."""
    monkeypatch.setattr(fetch, "PIECE", 1000)
    line = Cutting(away.root)
    line.cut_after = 45
    with pytest.raises(HostError):
        pull(root(here), line)
    first = line.asked.count("get")
    pull(root(here), line)
    whole = Cutting(away.root)
    other = mirrored(root(here).parent / "other", away)
    pull(root(other), whole)
    assert line.asked.count("get") == whole.asked.count("get")
    assert first > 30


def test_parts_of_older_checkpoints(here: RunPaths, away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that always breaks while checkpoints are replaced there leaves one part here, not many."""
    monkeypatch.setattr(fetch, "PIECE", 1000)
    line = Cutting(away.root)
    for mark in range(2, 6):
        pull_lab.replace(away.paths.checkpoint, pull_lab.checkpoint(0, 60_000, mark=mark))
        line.cut_after = 7
        with pytest.raises(HostError):
            pull(root(here), line)
    assert len(list(here.folder.glob(".checkpoint.*.part"))) == 1


def test_replaced_while_it_comes(here: RunPaths, away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that is replaced while it comes is read to its end: it fits its part of the log."""
    monkeypatch.setattr(fetch, "PIECE", 1000)

    before = away.paths.checkpoint.read_bytes()

    class Training(Cutting):
        def ask(self, op, args, timeout=0.0):  # type: ignore[no-untyped-def]
            if self.asked.count("get") == 3 and op == "get":
                pull_lab.replace(away.paths.checkpoint, pull_lab.checkpoint(0, 50_000, mark=9))
            return super().ask(op, args, timeout)

    pull(root(here), Training(away.root))
    assert here.checkpoint.read_bytes() == before
    assert usable(here, away)


def test_rolled_back(here: RunPaths, away: Away) -> None:
    """A replay log that was written anew from an older checkpoint is noticed by its digest."""
    line = Cutting(away.root)
    away.train(2)
    pull(root(here), line)
    away.buffer = random.Random(8).randbytes(300_000)
    with open(away.paths.buffer_log, "r+b") as log:
        log.write(away.buffer[:120_000])
    pull_lab.replace(away.paths.checkpoint, pull_lab.checkpoint(0, 120_000, mark=9))
    pull(root(here), line)
    assert usable(here, away)


def test_links_and_pipes_stay_there(here: RunPaths, away: Away) -> None:
    """Only regular files of the list are handed out."""
    away.paths.best_model.unlink()
    away.paths.best_model.symlink_to("/etc/passwd")
    away.paths.evaluations.unlink()
    os.mkfifo(away.paths.evaluations)
    (away.paths.folder / "other.txt").write_text("x")
    pull(root(here), Cutting(away.root))
    assert not visible(here) & {"best_model.zip", "evaluations.npz", "other.txt"}


HOSTILE = (
    ([["../../evil", 1, 1, 1]], "no file's name"),
    ([["/etc/passwd", 1, 1, 1]], "no file's name"),
    ([["videos/../../x.mp4", 1, 1, 1]], "no file's name"),
    ([["a\x1b[2Jb", 1, 1, 1]], "no file's name"),
    ([["x" * 500, 1, 1, 1]], "no file's name"),
    ([[7, 1, 1, 1]], "no file's name"),
    ([["checkpoint", 1, 1]], "something else"),
    ([["checkpoint", 1, 1, -1]], "something else"),
    ([["checkpoint", 1, 1, 1.5]], "something else"),
    ([["checkpoint", 1, 1, True]], "something else"),
    ([["checkpoint", 1 << 99, 1, 1]], "something else"),
    ([["checkpoint", {}, 1, 1]], "something else"),
    ({"checkpoint": 1}, "something else"),
    ([[f"{number}.monitor.csv", 1, 1, 1] for number in range(1, 5000)], "lists 4,999 files"),
)


@pytest.mark.parametrize(("files", "fault"), HOSTILE)
def test_a_host_that_lists_nonsense(here: RunPaths, away: Away, files: Json, fault: str) -> None:
    """It is refused by name, and nothing is written."""

    class Liar(Cutting):
        def answered(self, op: str, args: Mapping[str, Json], told: Json) -> Json:
            return {"files": files, "held": False} if op == "files" else told

    with pytest.raises(PullError, match=fault) as caught:
        pull(root(here), Liar(away.root))
    assert "\x1b" not in str(caught.value)
    assert visible(here) == {"run.json", "host"}


def test_a_file_beyond_bounds(here: RunPaths, away: Away) -> None:
    """A size that no file has is named; all other files come."""

    class Liar(Cutting):
        def answered(self, op: str, args: Mapping[str, Json], told: Json) -> Json:
            if op == "files":
                assert isinstance(told, dict)
                assert isinstance(told["files"], list)
                told["files"].append(["CartPole-v1.zip", 1, 1, 1 << 60])
            return told

    pulled = pull(root(here), Liar(away.root))
    assert pulled.missing == ("CartPole-v1.zip has 1,152,921,504,606,846,976 bytes: too many",)
    assert usable(here, away)
    assert here.checkpoint.exists()


def test_a_digest_that_lies(here: RunPaths, away: Away) -> None:
    """A file that is never what its host says comes twice, then no more until it is another one."""

    class Liar(Cutting):
        lies = True

        def answered(self, op: str, args: Mapping[str, Json], told: Json) -> Json:
            wrong = self.lies and op == "sum" and args["file"] == "best_model.zip"
            return {"sha256": "0" * 64} if wrong else told

    line = Liar(away.root)
    assert "best_model.zip is not what its host says it is" in pull(root(here), line).missing
    assert not here.best_model.exists()
    assert here.checkpoint.exists()
    assert pull(root(here), line).bytes == 0
    line.lies = False
    away.train(2)
    assert not pull(root(here), line).missing
    assert here.best_model.exists()


@pytest.mark.parametrize(
    "told",
    [None, 7, [], {}, {"data": 7, "crc": 0}, {"data": "!!", "crc": 0}, {"data": "eHh4", "crc": 1}],
)
def test_pieces_that_are_none(here: RunPaths, away: Away, told: Json) -> None:
    """An answer that brings no piece of the file is refused, and no file appears."""

    class Liar(Cutting):
        def answered(self, op: str, args: Mapping[str, Json], answer: Json) -> Json:
            return told if op == "get" else answer

    with contextlib.suppress(PullError):
        assert pull(root(here), Liar(away.root)).missing
    assert visible(here) <= {"run.json", "host", "pulled.json", "events-1.jsonl"}


def test_more_than_was_asked_for(here: RunPaths, away: Away) -> None:
    """A host that sends without an end fills nothing: a piece has the bytes that were asked for."""
    flood = bytes(1 << 21)
    answer: Json = {"data": base64.b64encode(flood).decode(), "crc": zlib.crc32(flood)}

    class Flood(Cutting):
        def answered(self, op: str, args: Mapping[str, Json], told: Json) -> Json:
            return answer if op == "get" else told

    with pytest.raises(PullError, match="came damaged"):
        pull(root(here), Flood(away.root))
    assert sum(path.stat().st_size for path in here.folder.rglob("*") if path.is_file()) < 10_000


def test_a_damaged_checkpoint(here: RunPaths, away: Away) -> None:
    """The one before it comes in its place, everything else too; it is tried again when it is another one."""
    away.train(2)
    data = bytearray(away.paths.checkpoint.read_bytes())
    data[2000] ^= 1
    pull_lab.replace(away.paths.checkpoint, bytes(data))
    line = Cutting(away.root)
    pulled = pull(root(here), line)
    assert pulled.missing == (
        "checkpoint is damaged there: its checksum is wrong; the one before it is here",
    )
    assert here.checkpoint.read_bytes() == away.paths.checkpoint_before.read_bytes()
    assert here.best_model.read_bytes() == away.paths.best_model.read_bytes()
    assert usable(here, away)
    again = pull(root(here), line)
    assert (again.bytes, again.missing) == (0, pulled.missing)
    away.train(3, over=True)
    assert pull(root(here), line).home
    assert here.checkpoint.read_bytes() == away.paths.checkpoint.read_bytes()


def test_no_checkpoint_is_whole(here: RunPaths, away: Away) -> None:
    """It is said what that means; the run is not home, and its other files are here."""
    away.train(2, over=True)
    pull_lab.replace(away.paths.checkpoint, b"nothing")
    pull_lab.replace(away.paths.checkpoint_before, b"nothing, too")
    pulled = pull(root(here), Cutting(away.root))
    assert "a move would begin anew" in pulled.missing[0]
    assert not pulled.home
    assert not here.checkpoint.exists()
    assert here.last_model(ENV).exists()


def test_a_replay_log_that_is_too_short(here: RunPaths, away: Away) -> None:
    """A checkpoint whose replay log lost its end is refused; the one before it needs less."""
    away.train(2)
    with open(away.paths.buffer_log, "r+b") as log:
        log.truncate(70_000)
    pulled = pull(root(here), Cutting(away.root))
    assert "checkpoint needs more of buffer.log than there is" in pulled.missing[0]
    assert usable(here, away)
    assert committed(here.checkpoint).length == 60_000


def test_a_bomb_in_a_checkpoint(here: RunPaths, away: Away) -> None:
    """A header that would take all memory is not read."""
    header = b"[" + b"[]," * (1 << 20) + b"0]"
    data = MAGIC + len(header).to_bytes(8, "little") + header
    pull_lab.replace(away.paths.checkpoint, data + zlib.crc32(data).to_bytes(4, "little"))
    assert "too many parts" in pull(root(here), Cutting(away.root)).missing[0]


def test_films(here: RunPaths, away: Away) -> None:
    """Films that a run directory holds come, too; a link in their place here is not followed."""
    away.paths.folder.joinpath("videos").mkdir()
    for name in ("best.gif", "videos/step-100.mp4"):
        away.paths.folder.joinpath(name).write_bytes(b"a film" * 5000)
    pull(root(here), Cutting(away.root))
    assert (here.folder / "best.gif").read_bytes() == b"a film" * 5000
    assert (here.folder / "videos" / "step-100.mp4").read_bytes() == b"a film" * 5000


def test_a_linked_folder_here(here: RunPaths, away: Away, tmp_path: Path) -> None:
    """Nothing is written into a folder that a link leads to."""
    away.paths.folder.joinpath("videos").mkdir()
    away.paths.folder.joinpath("videos", "a.mp4").write_bytes(b"a film")
    tmp_path.joinpath("elsewhere").mkdir()
    here.folder.joinpath("videos").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PullError, match="is a link here"):
        pull(root(here), Cutting(away.root))
    assert not list(tmp_path.joinpath("elsewhere").iterdir())


def test_round_trips(here: RunPaths, away: Away) -> None:
    """How many files a run has costs no round trips: they are asked for before the first is here."""
    for number in range(2, 400):
        away.paths.monitor(number).write_bytes(b"1.0,10,0.1\r\n" * number)

    class Counting(Cutting):
        trips = 0

        def ask_all(self, asked: Iterable[Asked]) -> Iterator[Json | DeeprlError]:
            self.trips += 1
            return super().ask_all(asked)

    line = Counting(away.root)
    assert pull(root(here), line).files > 400
    assert line.trips + line.asked.count("files") <= 4


def test_asking_for_other_files(away: Away) -> None:
    """A client gets no file that is not of the list."""
    line = Cutting(away.root)
    with pytest.raises(DeeprlError, match="not a file that is handed out"):
        line.ask("get", {"run": str(RUN), "file": "../../x", "identity": [1, 1, 1], "offset": 0, "limit": 9})


def test_no_space_here(here: RunPaths, away: Away) -> None:
    """Space is left for the logs: nothing is begun that would take it."""
    with pytest.raises(PullError, match="no space here"):
        pull(root(here), Cutting(away.root), keep_free=1 << 60)
    assert not here.checkpoint.exists()


def test_a_link_in_the_mirror(here: RunPaths, away: Away, tmp_path: Path) -> None:
    """A part is never written through a link."""
    target = tmp_path / "target"
    target.write_text("mine")
    inode = away.paths.buffer_log.stat().st_ino
    (here.folder / f".buffer.log.{inode}.part").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        pull(root(here), Cutting(away.root))
    assert target.read_text() == "mine"
