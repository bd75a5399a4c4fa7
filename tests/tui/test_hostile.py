"""Text of somebody else: whatever stands in runs, logs, settings or files is shown, and does nothing."""

import pytest
from tui_lab import Lab, press, running, settle, text_of, trained, warned

from deeprl_tui import ops
from deeprl_tui.core.events import End, Event
from deeprl_tui.errors import DeeprlError

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://example.org\x1b\\link",
    "\x9b2J",
    "[@click=app.quit]x[/]",
    "[bold red]loud[/]",
    "[/]",
    "[",
    "a\r\nb\tc\x00\x7f",
    "\u202eright to left",
    "\u2066isolate",
    "zero\u200bwidth\ufeff",
    "e\u0301 \U0001f600 \u5b57",
    "\udcff".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    "x" * 5000,
]
FORBIDDEN = {*map(chr, range(32)), *map(chr, range(127, 160)), *"\u202e\u2066\u200b\ufeff"} - {"\n"}


def check_screen(text: str) -> None:
    """No line may hold what a terminal obeys."""
    assert not FORBIDDEN & set(text)


@pytest.fixture
def hostile(lab: Lab) -> Lab:
    """Every hostile text as a warning, as the reason of a failure, and in the worker's log."""
    notes: list[tuple[float, Event]] = [warned(text) for text in HOSTILE]
    end: Event = End(lab.now, "failed", 10, HOSTILE[0] + HOSTILE[4] + HOSTILE[9])
    paths = lab.add("AB_fast", 0, [*trained(5, core=3)[:1], *notes, (6.0, end)])
    paths.worker_log.write_text("\n".join(HOSTILE), errors="surrogatepass")
    lab.feed()
    return lab


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_screens_show_hostile_text_as_text(hostile: Lab, size: tuple[int, int]) -> None:
    """Dashboard, run screen with log and events, stop dialog: nothing is obeyed, nothing breaks."""
    app = hostile.app()
    async with running(app, size) as pilot:
        check_screen(text_of(app))
        app.screen.query_one("#table").move_to("AB_fast")  # type: ignore[attr-defined]
        await settle(pilot)
        check_screen(text_of(app))
        await press(pilot, "enter")
        check_screen(text_of(app))
        await press(pilot, "l", "f")
        check_screen(text_of(app))
        await press(pilot, "e")
        check_screen(text_of(app))
        await press(pilot, "escape", "r")
        check_screen(text_of(app))


async def test_markup_is_shown_as_it_stands(hostile: Lab) -> None:
    """Square brackets stay on the screen."""
    app = hostile.app()
    async with running(app, (120, 60)) as pilot:
        app.screen.query_one("#table").move_to("AB_fast")  # type: ignore[attr-defined]
        await press(pilot, "enter", "l", "f")
        app.screen.query_one("#story").scroll_home(animate=False)
        await settle(pilot)
        assert "[bold red]loud[/]" in text_of(app)


async def test_messages_show_hostile_text_as_text(lab: Lab) -> None:
    """Errors of others end in messages; those are text as well."""
    app = lab.app()
    async with running(app) as pilot:
        for text in HOSTILE:
            app.fail(DeeprlError(text, place=text, remedy=text))
            app.tell(text)
            app.screen.say(text)  # type: ignore[attr-defined]
            await pilot.pause()
            check_screen(text_of(app))
            app.clear_notifications()


async def test_hostile_file_is_shown_as_text(lab: Lab) -> None:
    """Keys, values and notes of a broken experiments.toml are text."""
    bad = '[experiments.CP_basic]\nenv = "[@click=app.quit]x"\n"\\u001b[31m" = 1\nnotes = "\\u202e[/]"\n'
    lab.file.write_text(bad)
    app = lab.app()
    async with running(app):
        check_screen(text_of(app))
        assert "cannot be used" in text_of(app)


async def test_damaged_runs_are_named(lab: Lab) -> None:
    """A folder that cannot be read is in the activity list, and stops nothing."""
    from deeprl_tui.monitor.frames import Damaged

    lab.fleet.apply("local", Damaged("runs/x\x1b[2J", "not a run\u202e"))
    app = lab.app()
    async with running(app):
        check_screen(text_of(app))
        assert "runs/x" in text_of(app)


async def test_paste_of_much_text_into_the_filter(lab: Lab) -> None:
    """Ten kilobytes in the filter are taken and do no harm."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "slash")
        app.screen.query_one("#filter").value = "[/] \x1b[31m " * 1000  # type: ignore[attr-defined]
        await settle(pilot)
        check_screen(text_of(app))
        await press(pilot, "escape")
        assert "CP_basic" in text_of(app)


async def test_experiment_that_goes_away(lab: Lab) -> None:
    """Runs that were archived while their screen was open: it says so, and escape works."""
    from deeprl_tui.monitor.frames import Reset

    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "j", "enter")
        for run, _ in ops.find_runs(lab.root, ["CP_single"]):
            lab.fleet.apply("local", Reset(run, "archived"))
        app.tick()
        await settle(pilot)
        await press(pilot, "escape")
        assert "CP_basic" in text_of(app)
