"""Watching a run play: the screen on a player that shows what the test tells it to."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from tui_lab import Lab, check_golden, press, running, settle, text_of, until

from deeprl_tui.core.playing import GLYPHS, Frame, Picture, Played, Scene, Wish
from deeprl_tui.core.spec import RunId
from deeprl_tui.launch.player import Seen
from deeprl_tui.tui.app import DeeprlApp
from deeprl_tui.tui.screens.dashboard import Dashboard
from deeprl_tui.tui.screens.play import FAR_FPS, FPS, PlayScreen, frames_per_second
from deeprl_tui.tui.widgets.cells import CellPicture
from deeprl_tui.tui.widgets.key_bar import KeyBar

RUN = RunId("CP_basic", 0)
SCENE = Scene(
    "CartPole-v1", "best", 12_000, ("best", "last", "before"), ("left", "right"), 600, 400, "", 195.0
)
SKY, EARTH = b"\x10\x10\x20", b"\xf0\xf0\xf0"


def picture(width: int, height: int, pole: int) -> Picture:
    """A sky, an earth, and a pole in some column."""
    data = bytearray()
    for row in range(height):
        for column in range(width):
            glyph = "▐" if column == pole and row >= height // 2 else " "
            data += bytes([GLYPHS.index(glyph)]) + EARTH + (EARTH if row > height * 3 // 4 else SKY)
    return Picture("quarters", width, height, bytes(data))


class Stage:
    """Stands where `ops.play` stands: shows what it is told to, and remembers what was asked."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.wish = Wish()
        self.closed = False

    def __call__(self, root: Path, run: RunId, wish: Wish) -> "Stage":
        assert run == RUN
        self.wish = wish
        return self

    def ask(self, **changes: Any) -> None:
        self.wish = replace(self.wish, **changes)

    def close(self) -> None:
        self.closed = True

    def play(self, step: int = 31, over: str = "", **scene: Any) -> None:
        """Show a frame of the third episode."""
        shown = picture(min(self.wish.columns, 57), min(self.wish.rows, 19), 20 + step % 7)
        frame = Frame(3, step, float(step), 1.0, 1, (98.75, 99.5), over, shown)
        played = (Played(1, 200.0, 200, "truncated"), Played(2, 143.0, 143, "terminated"))
        self.seen = Seen(replace(SCENE, **scene), frame, played)


@pytest.fixture
def stage() -> Stage:
    """The player."""
    return Stage()


async def watch(pilot: Pilot[Any], stage: Stage) -> PlayScreen:
    """Open the screen, and let the first frame come."""
    screen = PlayScreen(RUN, stage)
    pilot.app.push_screen(screen)
    await until(pilot, lambda: stage.wish.columns > 0)
    stage.play()
    await until(pilot, lambda: "98.75" in text_of(pilot.app))
    await settle(pilot)
    stage.play()
    await settle(pilot)
    return screen


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_run_plays(lab: Lab, stage: Stage, size: tuple[int, int]) -> None:
    """The screen looks as its golden file."""
    app = lab.app()
    async with running(app, size) as pilot:
        await watch(pilot, stage)
        check_golden(f"play-{size[0]}x{size[1]}", text_of(app))


async def test_w_watches_the_best_seed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the dashboard: of the best evaluation."""
    stage = Stage()
    monkeypatch.setattr(PlayScreen.__init__, "__defaults__", (stage,))
    app = lab.app()
    async with running(app) as pilot:
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, PlayScreen))
        assert isinstance(app.screen, PlayScreen)
        assert app.screen.run_id == RUN


async def test_w_without_a_step_says_why(lab: Lab) -> None:
    """Nothing is started."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "a")
        dashboard = app.screen
        assert isinstance(dashboard, Dashboard)
        dashboard.table.move_to("CP_wide")
        await settle(pilot)
        await press(pilot, "w")
        assert app.screen.query_one(KeyBar).said == "w: nothing to watch: CP_wide was never launched"


async def test_keys_become_wishes(lab: Lab, stage: Stage) -> None:
    """Each key changes the wish in one way."""
    app = lab.app()
    async with running(app) as pilot:
        await watch(pilot, stage)
        for key, field, value in [
            ("plus", "speed", 2.0), ("minus", "speed", 1.0), ("minus", "speed", 0.5),
            ("space", "paused", True), ("space", "paused", False), ("full_stop", "nudges", 1),
            ("r", "rounds", 1), ("n", "checkpoint", "last"),
        ]:  # fmt: skip
            await pilot.press(key)
            await pilot.pause()
            assert getattr(stage.wish, field) == value, key


async def test_escape_ends_the_player(lab: Lab, stage: Stage) -> None:
    """And goes back to where it was opened."""
    app = lab.app()
    async with running(app) as pilot:
        await watch(pilot, stage)
        await pilot.press("escape")
        await until(pilot, lambda: stage.closed)
        assert isinstance(app.screen, Dashboard)


async def test_the_end_of_the_app_ends_the_player(lab: Lab, stage: Stage) -> None:
    """Quitting leaves no process behind."""
    app = lab.app()
    async with running(app) as pilot:
        await watch(pilot, stage)
        await pilot.press("q")
    assert stage.closed


async def test_a_dialog_in_front_holds_the_game(lab: Lab, stage: Stage) -> None:
    """Nobody sees it; it goes on afterwards."""
    app = lab.app()
    async with running(app) as pilot:
        await watch(pilot, stage)
        await pilot.press("question_mark")
        await until(pilot, lambda: stage.wish.paused)
        await pilot.press("escape")
        await until(pilot, lambda: not stage.wish.paused)


async def test_only_changed_rows_are_drawn(lab: Lab, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pole that moves does not redraw the sky."""
    app = lab.app()
    async with running(app) as pilot:
        await watch(pilot, stage)
        drawn: list[int] = []
        before = CellPicture.render_line

        def render_line(self: CellPicture, y: int) -> Any:
            drawn.append(y)
            return before(self, y)

        monkeypatch.setattr(CellPicture, "render_line", render_line)
        stage.play(32)
        await until(pilot, lambda: "32.0" in text_of(app))
        await settle(pilot)
        shown = stage.seen.frame.picture  # type: ignore[union-attr]
        assert shown is not None
        assert 0 < len(set(drawn)) <= shown.height // 2 + 1


async def test_a_resize_asks_for_another_size(lab: Lab, stage: Stage) -> None:
    """The picture is made as large as there is room."""
    app = lab.app()
    async with running(app) as pilot:
        await watch(pilot, stage)
        before = stage.wish.columns
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: 0 < stage.wish.columns < before)
        assert stage.wish.rows <= 22


async def test_a_fault_is_said_and_another_checkpoint_tried(lab: Lab, stage: Stage) -> None:
    """The player is gone; n starts one again."""
    app = lab.app()
    async with running(app) as pilot:
        await watch(pilot, stage)
        stage.seen = Seen(fault="mine.py: is not trusted here; read it, then: deeprl trust\x1b[2J", over=True)
        await until(pilot, lambda: "is not trusted here" in text_of(app))
        assert "\x1b" not in text_of(app)
        await pilot.press("n")
        await until(pilot, lambda: "takes the stage" in text_of(app) or stage.wish.checkpoint != "auto")


async def test_what_does_not_draw_says_so(lab: Lab, stage: Stage) -> None:
    """Its values are shown all the same."""
    app = lab.app()
    async with running(app) as pilot:
        await watch(pilot, stage)
        frame = stage.seen.frame
        assert frame is not None
        scene = replace(SCENE, width=0, height=0, blank="this environment does not draw")
        stage.seen = Seen(scene, replace(frame, picture=None))
        await until(pilot, lambda: "does not draw" in text_of(app))
        assert "98.75" in text_of(app)


async def test_colorless_has_no_color(lab: Lab, stage: Stage) -> None:
    """With NO_COLOR the picture is glyphs and shades only."""
    app: DeeprlApp = lab.app("ansi-dark")
    async with running(app) as pilot:
        await watch(pilot, stage)
        shown = stage.seen.frame
        assert shown is not None
        assert shown.picture is not None
        strips = [app.screen.query_one(CellPicture).render_line(y) for y in range(stage.wish.rows)]
        styles = [piece.style for strip in strips for piece in strip if piece.style is not None]
        assert not [style for style in styles if style.color or style.bgcolor]


def test_pictures_are_rarer_over_ssh() -> None:
    """Each one is kilobytes."""
    assert frames_per_second({}) == FPS
    assert frames_per_second({"SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}) == FAR_FPS
