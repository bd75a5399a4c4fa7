"""A run plays: its picture, what it thinks of each action, and the return so far.

Rule: the run is played in a process of its own, and the newest frame is taken when the screen has time. The
process ends with the screen.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from deeprl_tui import ops
from deeprl_tui.core.playing import AUTO, CHECKPOINTS, Wish
from deeprl_tui.core.spec import RunId
from deeprl_tui.launch.player import Seen
from deeprl_tui.tui import keys, present, watching
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.screens.base import WatchScreen
from deeprl_tui.tui.theme import LABEL
from deeprl_tui.tui.watching import SPEEDS, Memory
from deeprl_tui.tui.widgets.cells import CellPicture
from deeprl_tui.tui.widgets.key_bar import KeyBar
from deeprl_tui.tui.widgets.lines import Lines
from deeprl_tui.tui.widgets.panel import Panel
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.tui.words import count

FPS, FAR_FPS = 15.0, 8.0
SIDE, WIDEST_SIDE = 24, 46
BORDERS = 2


class Playing(Protocol):
    """What `ops.play` gives."""

    seen: Seen

    def ask(self, **changes: Any) -> None:
        """Wish for something else."""

    def close(self) -> None:
        """End it."""


Play = Callable[[Path, RunId, Wish], Playing]


def frames_per_second(environ: Mapping[str, str]) -> float:
    """How often a picture is drawn: less often where each one goes over a network."""
    return FAR_FPS if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY") else FPS


class PlayScreen(WatchScreen):
    """Watch one run play."""

    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.PLAY)]
    where: ClassVar[str] = keys.PLAY

    def __init__(self, run: RunId, play: Play = ops.play) -> None:
        super().__init__()
        self.run_id = run
        self._play = play
        self._player: Playing | None = None
        self._gone = False
        self._fps = frames_per_second(os.environ)
        self._speed, self._paused, self._nudges, self._rounds = 1.0, False, 0, 0
        self._checkpoint = AUTO
        self._seen: Seen | None = None
        self._memory = Memory()
        self._fault = ""

    def compose(self) -> ComposeResult:
        """Put the panels together."""
        yield Lines(id="top")
        yield Lines(id="path")
        with Horizontal(id="body"):
            with Panel(id="stage-panel"):
                yield CellPicture(id="stage")
            with Panel(id="score-panel"):
                yield Lines(id="score")
        yield KeyBar(keys.bar(self.where))

    def on_mount(self) -> None:
        """Start the player once the size is known."""
        self.call_after_refresh(self._start)
        self.set_interval(1 / self._fps, self._look)

    def on_unmount(self) -> None:
        """The process ends with the screen."""
        self._gone = True
        if self._player is not None:
            self._player.close()

    # -- the player --------------------------------------------------------------------------------------

    def _start(self) -> None:
        root = self.deeprl.workspace.root
        self.jobs.run(
            "play", partial(self._play, root, self.run_id, self._wish()), self._on_player, self._on_fault
        )

    def _on_player(self, player: Playing) -> None:
        if self._gone:
            player.close()
            return
        self._player = player
        self._ask()

    def _on_fault(self, error: Exception) -> None:
        self._fault = str(error)
        self._look()

    def _wish(self) -> Wish:
        size = self.query_one("#stage").size
        ground = "#000000" if self.palette.plain else self.palette.background.lower()
        return Wish(
            kind="quarters",
            columns=size.width,
            rows=size.height,
            fps=self._fps,
            speed=self._speed,
            paused=self._paused or not self.is_current,
            nudges=self._nudges,
            rounds=self._rounds,
            checkpoint=self._checkpoint,
            ground=ground,
        )

    def _ask(self) -> None:
        if self._player is not None:
            wish = self._wish()
            self._player.ask(**{name: getattr(wish, name) for name in wish.__slots__})

    def on_screen_suspend(self) -> None:
        """Something else is in front: nobody looks."""
        if self._player is not None:
            self._player.ask(paused=True)

    def on_screen_resume(self) -> None:
        """Go on."""
        super().on_screen_resume()
        self.call_after_refresh(self._ask)

    # -- pictures ----------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Show the newest frame, if it is another one."""
        if not self.is_current or not self.size.width:
            return
        seen = self._player.seen if self._player is not None else Seen(fault=self._fault)
        if seen is self._seen:
            return
        before, self._seen = self._seen, seen
        if before is None or seen.scene is not before.scene:
            self._memory.forget()
            self._shape()
            self._show_path()
        if seen.frame is not None and (before is None or seen.frame is not before.frame):
            self._memory.take(seen.frame)
        self._show_stage(seen)
        self._show_score(seen)

    def show_body(self, picture: Picture) -> None:
        """Show everything below the header anew: size or theme are others."""
        self._shape()
        self._show_path()
        if self._seen is not None:
            self._show_stage(self._seen)
            self._show_score(self._seen)
        self.call_after_refresh(self._ask)

    def _shape(self) -> None:
        """Give the picture the room that it can use, and the rest to the words."""
        width, height = self.size.width, self.query_one("#body").size.height - BORDERS
        side = SIDE if width < 100 else SIDE + 6
        scene = self._seen.scene if self._seen else None
        if scene is not None and scene.width:
            used = round(2 * height * scene.width / scene.height) + BORDERS
            side = max(side, min(WIDEST_SIDE, width - used))
        elif scene is not None:
            side = WIDEST_SIDE
        self.query_one("#score-panel").styles.width = min(side, max(1, width - 12))
        self.call_after_refresh(self._ask)

    def _show_stage(self, seen: Seen) -> None:
        stage, palette = self.query_one(CellPicture), self.palette
        width = stage.size.width
        if seen.fault:
            stage.set_words(watching.fault(seen.fault, width, palette))
        elif seen.frame is not None and seen.frame.picture is not None:
            stage.set_picture(seen.frame.picture)
        elif seen.scene is not None and not seen.scene.width:
            stage.set_words([[Piece(seen.scene.blank, palette.style("foreground", LABEL))]])
        else:
            stage.set_words(watching.waiting(str(self.run_id), palette))

    def _show_score(self, seen: Seen) -> None:
        lines = self.query_one("#score", Lines)
        frame, scene, palette = seen.frame, seen.scene, self.palette
        if frame is None or scene is None:
            lines.set_lines([])
            return
        width, height = lines.size
        quiet = palette.style("foreground", LABEL)
        shown = watching.facts(frame, scene, self._speed, self._paused, palette)
        if frame.values:
            shown += [[], [Piece("Value of each action", quiet)]]
            shown += watching.values(frame, scene, self._memory, width, palette)
            if height > len(shown) + 6:
                shown += [[], [Piece("Best value so far", quiet)]]
                shown += [watching.hopes(self._memory, width, palette)]
        left = height - len(shown) - 1
        if seen.played and left > 1:
            shown += [[], *watching.episodes(seen.played, scene, width, left, palette)]
        lines.set_lines(shown)

    def _show_path(self) -> None:
        palette, scene = self.palette, self._seen.scene if self._seen else None
        quiet = palette.style("foreground", LABEL)
        entry = self.picture.board.by_name.get(self.run_id.experiment)
        color = palette.curve(entry.color) if entry else "accent"
        left = [Piece(" ‹ ", quiet), Piece(self.run_id.experiment, palette.style(color, bold=True))]
        left.append(Piece(f"  seed {self.run_id.seed}", palette.style()))
        right: list[Piece] = []
        if scene is not None:
            left.append(Piece(f"  {scene.env}", quiet))
            trained = f"{count(scene.trained)} steps" if scene.trained is not None else "steps unknown"
            right = [Piece("trained ", quiet), Piece(f"{trained} ", palette.style())]
            there = scene.there or (scene.checkpoint,)
            active = there.index(scene.checkpoint) if scene.checkpoint in there else 0
            self.query_one("#stage-panel", Panel).set_tabs(there, active)
        self.query_one("#path", Lines).set_lines([present.spread(left, right, self.size.width)])

    # -- actions -----------------------------------------------------------------------------------------

    def action_hold(self) -> None:
        """Pause, or go on."""
        self._paused = not self._paused
        self._change()

    def action_nudge(self) -> None:
        """One step, and hold."""
        self._paused, self._nudges = True, self._nudges + 1
        self._change()

    def action_speed(self, step: int) -> None:
        """Faster or slower."""
        at = SPEEDS.index(self._speed) + step
        if not 0 <= at < len(SPEEDS):
            self.say(f"{self._speed:g} times real time is the {'most' if step > 0 else 'least'}")
            return
        self._speed = SPEEDS[at]
        self._change()

    def action_round(self) -> None:
        """Begin another episode."""
        self._rounds += 1
        self._change()

    def action_checkpoint(self) -> None:
        """Play the next checkpoint that there is."""
        scene = self._seen.scene if self._seen else None
        there = scene.there if scene is not None else CHECKPOINTS
        now = scene.checkpoint if scene is not None else self._checkpoint
        if len(there) < 2 and now in there:
            self.say(f"n: there is no other checkpoint than {now}")
            return
        self._choose(there[(there.index(now) + 1) % len(there)] if now in there else there[0])

    def on_panel_tab_clicked(self, event: Panel.TabClicked) -> None:
        """Play the checkpoint that was clicked."""
        scene = self._seen.scene if self._seen else None
        if event.panel.id == "stage-panel" and scene is not None:
            self._choose(scene.there[event.tab])

    def _choose(self, checkpoint: str) -> None:
        self._checkpoint = checkpoint
        if self._player is not None and self._player.seen.over:
            self._player.close()
            self._player, self._seen = None, None
            self._start()
        elif self._player is None:
            self._fault = ""
            self._start()
        else:
            self._ask()

    def _change(self) -> None:
        self._ask()
        if self._seen is not None:
            self._show_score(self._seen)

    def action_back(self) -> None:
        """Leave."""
        self.dismiss(None)

    def action_copy_command(self) -> None:
        """Copy the command that shows the same."""
        scene = self._seen.scene if self._seen else None
        known = scene is not None and scene.checkpoint in CHECKPOINTS
        more = f" --checkpoint {scene.checkpoint}" if scene is not None and known else ""
        self.deeprl.copy(f"deeprl play {self.run_id}{more}", "the command")
