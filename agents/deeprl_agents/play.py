"""`python -m deeprl_agents.play RUN_DIRECTORY [CORE,...]`: plays a run for somebody who watches.

Wishes are read from stdin, messages go to stdout (deeprl_tui.core.playing). With the end of stdin it ends, so
whatever becomes of who watches, nothing stays behind.
Rule: it gives way. Its priority is low, it draws only what is asked for, and never makes up for lost time.
"""

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

NICE_START, NICE = 5, 12
"""Workers have 5. Beside one on the same core it gets half while it starts, and then a sixth at most."""
HOLD_S = 1.0
"""How long the last frame of an episode stays, in real time."""
LAG_S = 0.25
MAX_UNREAD = 1 << 16
AT_ONCE_S = 0.2
"""As fast as it goes, wishes are looked for this often."""


def give_way(nice: int, cores: Sequence[int] = ()) -> None:
    """Take a low priority, also against other sessions, and keep to some cores."""
    os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))
    with contextlib.suppress(OSError):  # between sessions only this counts, where it is on
        Path("/proc/self/autogroup").write_text(str(nice))
    if cores:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, cores)


def private_stdout() -> BinaryIO:
    """Keep stdout for messages: what an environment prints goes to stderr."""
    kept = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return kept


class Gone(Exception):
    """Nobody watches any more."""


class Ears:
    """Wishes from a descriptor; the newest counts."""

    def __init__(self, source: int) -> None:
        from deeprl_tui.core.playing import Wish

        self._source, self._unread = source, b""
        self.wish = Wish()

    def hear(self, seconds: float | None) -> bool:
        """Wait for a wish, for ever with None; whether there is a new one. Raises Gone."""
        from deeprl_tui.core.playing import Wish

        before = self.wish
        while select.select([self._source], [], [], seconds)[0]:
            data = os.read(self._source, MAX_UNREAD)
            *lines, self._unread = (self._unread + data).split(b"\n")
            if not data or len(self._unread) > MAX_UNREAD:
                raise Gone
            if lines:
                self.wish = Wish.decode(lines[-1])
                seconds = 0.0
        return self.wish != before


class Stage:
    """Plays, at the pace that is wished for."""

    def __init__(self, folder: Path, ears: Ears, out: BinaryIO, clock: Callable[[], float]) -> None:
        from deeprl_agents.game import Game
        from deeprl_tui.core import playing
        from deeprl_tui.core.layout import RunPaths
        from deeprl_tui.core.spec import MAX_SPEC, RunSpec

        self._playing, self._ears, self._out, self._clock = playing, ears, out, clock
        paths = RunPaths(folder)
        with open(paths.spec, "rb") as file:
            spec = RunSpec.from_json(file.read(MAX_SPEC), place=str(paths.spec))
        self._wish = ears.wish
        self._heard = 0.0
        self._game = Game(paths, spec, ears.wish.checkpoint)

    def run(self) -> None:
        """Play episode after episode. Raises Gone, DeeprlError."""
        self._game.begin()
        self._tell_scene()
        while True:
            self._episode()
            if 0 < self._wish.episodes <= self._game.episode:
                return
            self._rest(HOLD_S)
            if self._game.outdated:
                self._game.load(self._game.checkpoint)
                self._tell_scene()
            self._game.begin()

    def _episode(self) -> None:
        game = self._game
        self._show()
        self._due = self._next_frame = self._clock()
        while not game.over:
            if not self._wait():
                return
            game.step()
            now = self._clock()
            if game.over or self._wish.paused or now >= self._next_frame:
                self._show()
                self._next_frame = max(self._next_frame + 1 / self._wish.fps, now)
            else:
                game.skip()
        self._tell(self._playing.Played(game.episode, game.total, game.steps, game.over))

    def _wait(self) -> bool:
        """Wait until the next step is due; False: the episode is given up."""
        speed = self._wish.speed
        now = self._clock()
        if not speed and not self._wish.paused:
            if now - self._heard < AT_ONCE_S:
                return True
            self._heard = self._due = now  # over episodes: they may be shorter than this
            return self._hear(0.0)
        self._due += 1 / (self._game.pace * (speed or 1.0))
        if now - self._due > LAG_S:
            self._due = now
        while self._wish.paused or self._clock() < self._due:
            before = self._wish
            seconds = None if before.paused else max(0.0, self._due - self._clock())
            if not self._hear(seconds):
                return False
            if self._wish.nudges > before.nudges and self._wish.paused:
                break
            if before.paused and not self._wish.paused:
                self._due = self._clock()
        return self._hear(0.0)

    def _hear(self, seconds: float | None) -> bool:
        """Take new wishes; False: the episode is given up for another one."""
        before = self._wish
        if not self._ears.hear(seconds):
            return True
        self._wish = wish = self._ears.wish
        if wish.checkpoint != before.checkpoint:
            self._game.load(wish.checkpoint)
            self._game.restart()
            self._tell_scene()
            return False
        if wish.rounds != before.rounds:
            return False
        if (wish.kind, wish.columns, wish.rows, wish.ground) != (
            before.kind,
            before.columns,
            before.rows,
            before.ground,
        ):
            self._show()
        return True

    def _rest(self, seconds: float) -> None:
        """Let the end of an episode be seen."""
        wish = self._wish
        if wish.speed:
            end = self._clock() + seconds / max(1.0, wish.speed)
            while (left := end - self._clock()) > 0 or self._wish.paused:
                nudges = self._wish.nudges
                if not self._hear(None if self._wish.paused else left) or self._wish.nudges > nudges:
                    return

    def _show(self) -> None:
        from deeprl_agents import blocks

        game, wish = self._game, self._wish
        image = game.frame() if wish.kind != "none" else None
        picture = blocks.picture(image, wish, paper=game.paper) if image is not None else None
        if wish.kind == "none" and not wish.speed:
            return  # returns are all that is wanted
        self._tell(
            self._playing.Frame(
                game.episode,
                game.steps,
                game.total,
                game.reward,
                game.action,
                game.values(),
                game.over,
                picture,
            )
        )

    def _tell_scene(self) -> None:
        self._tell(self._game.scene())

    def _tell(self, message: object) -> None:
        self._out.write(self._playing.encode(message))  # type: ignore[arg-type]
        self._out.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Play until nobody watches. 0 then, 1 after an error; its text is the last message."""
    folder, *cores = sys.argv[1:] if arguments is None else arguments
    give_way(NICE_START, [int(core) for core in cores[0].split(",")] if cores else ())
    out = private_stdout()
    try:
        return watched(Path(folder), Ears(0), out)
    except (Gone, BrokenPipeError):
        return 0


def watched(folder: Path, ears: Ears, out: BinaryIO) -> int:
    """Play for these ears; errors become messages."""
    from deeprl_agents.worker import explain
    from deeprl_tui.core.playing import Fault, encode

    try:
        import torch

        torch.set_num_threads(1)
        ears.hear(None)
        stage = Stage(folder, ears, out, time.monotonic)
        give_way(NICE)
        stage.run()
    except (Gone, BrokenPipeError):
        raise
    except Exception as error:
        out.write(encode(Fault(explain(error))))
        out.flush()
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # torch takes seconds to leave, and there is nothing to put in order
