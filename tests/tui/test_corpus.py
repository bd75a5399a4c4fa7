"""Nasty texts through every screen: nothing is obeyed, nothing can be clicked, no cell is shifted."""

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unicodedata import category

import pytest
from corpus import NASTY, SEQUENCES
from rich.cells import cell_len
from support import WALL, make_run
from terminal_lab import Terminal
from textual.app import App
from textual.pilot import Pilot
from tui_lab import Lab, press, running, settle, trained

from deeprl_tui.core.events import Backend, End, Event, Queued, Resume, Start, Warn
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.errors import DeeprlError
from deeprl_tui.monitor.frames import Alive, Damaged, Hello
from deeprl_tui.runs.store import RunStore
from deeprl_tui.tui.screens.run import RunScreen

SIZES = [(80, 24), (120, 36)]
NEVER = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
VARIATION = {chr(point) for point in range(0xFE00, 0xFE10)}
Opened = Callable[[Pilot[Any], App[Any]], Awaitable[None]]


def check_strips(app: App[Any], where: str) -> None:
    """Every line is as wide as the screen, and holds nothing that acts."""
    width = app.size.width
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        bad = {char for char in strip.text if category(char) in NEVER or char in VARIATION}
        assert not bad, f"{where}, line {y}: {bad!r} in {strip.text!r}"
        assert cell_len(strip.text) == width, f"{where}, line {y} has {cell_len(strip.text)} cells"
        for text, style, control in strip:
            assert not control, f"{where}, line {y}: {control}"
            if style is not None:
                assert not style.link, f"{where}, line {y}: {text!r} is a link"
                assert "@click" not in (style.meta or {}), f"{where}, line {y}: {text!r} can be clicked"


def toml(text: str) -> str:
    """A text as TOML writes it."""
    return json.dumps(text[:2000], ensure_ascii=False).replace("\x7f", "\\u007f")


@pytest.fixture
def nasty(tmp_path: Path) -> Lab:
    """The corpus as everything that somebody else may name, say or write."""
    lab = Lab(tmp_path).populate()
    text = lab.file.read_text()
    text = text.replace('name = "lab"', f"name = {toml(''.join(NASTY[:20]))}")
    lab.file.write_text(text.replace('"Balance a pole."', toml("".join(NASTY[:30]))))
    everything = "".join(one[:60] for one in NASTY)
    spec = RunSpec(
        RunId("AB_nasty", 0), "Acrobot-v1",
        {"total_timesteps": 1000, "gamma": everything, everything: [everything]},
        baseline=NASTY[0] + NASTY[12], changes={one[:80]: (one[:80], one[:300]) for one in NASTY},
    )  # fmt: skip
    said: list[tuple[float, Event]] = [
        (0.0, Start(at=WALL - 90, attempt=1, pid=1, host=NASTY[5] + NASTY[26], cores=(3,), backend=NASTY[1])),
        (0.1, Backend(NASTY[4], NASTY[12])),
        *trained(120, core=3)[1:],
        *((150.0 + at, Warn(one[:4000])) for at, one in enumerate(NASTY)),
        (200.0, Resume(50, 1, False, everything)),
        (201.0, End(WALL - 10, "failed", 50, everything[:2000])),
    ]
    paths = make_run(lab.root, spec, said)
    printed = "\n".join(
        [*NASTY, "Traceback (most recent call last):", f'  File "{NASTY[5]}", line 1, in {NASTY[12]}']
    )
    paths.worker_log.write_text(f"{printed}\n    {NASTY[0]}\nValueError: {everything}\n", errors="replace")
    for at, one in enumerate(NASTY):
        name = f"{at}{one[:40]}".replace("/", "_").replace("\x00", "")
        (paths.folder / name).write_bytes(b"x")
    waits = RunSpec(RunId("AB_waits", 0), "Acrobot-v1", {"total_timesteps": 1000})
    make_run(lab.root, waits, [(0.0, Queued(WALL, everything[:2000]))])
    assert RunStore(lab.root).find(spec.id) is not None
    lab.feed()
    for at, one in enumerate(NASTY):
        host = f"{at}{one[:50]}"
        lab.fleet.apply(host, Hello(1, one[:50], one[:50], "", (0, 1)))
        lab.fleet.apply(host, Alive(lab.now, (0.5, 0.5), 1, 2, 3, frozenset(), False))
        if at % 2:
            lab.fleet.fault(host, one)
        lab.fleet.apply("local", Damaged(one[:300], one[:300]))
    return lab


def keys(*names: str) -> Opened:
    """A screen that keys lead to."""

    async def go(pilot: Pilot[Any], _: App[Any]) -> None:
        await press(pilot, *names)

    return go


def run_screen(*names: str) -> Opened:
    """The screen of the run with the corpus, and keys there."""

    async def go(pilot: Pilot[Any], app: App[Any]) -> None:
        app.push_screen(RunScreen("AB_nasty", 0))
        await settle(pilot)
        await press(pilot, *names)

    return go


async def toasts(pilot: Pilot[Any], app: Any) -> None:
    """Messages and errors in the corner, words in the key bar."""
    for one in NASTY:
        app.fail(DeeprlError(one, place=one, remedy=one))
        app.tell(one)
        app.screen.say(one)
        await pilot.pause()
        check_strips(app, f"a message of {one[:20]!r}")


async def typed(pilot: Pilot[Any], app: Any) -> None:
    """The corpus pasted into the filter."""
    await press(pilot, "slash")
    app.screen.query_one("#filter").value = "".join(one[:40] for one in NASTY)
    await settle(pilot)


SCREENS: dict[str, Opened] = {
    "dashboard": keys(),
    "dashboard-selected": keys("g", "G"),
    "dashboard-multiples": keys("v"),
    "run": run_screen(),
    "run-log": run_screen("l"),
    "run-log-start": run_screen("l", "g"),
    "run-events": run_screen("e"),
    "run-events-start": run_screen("e", "g"),
    "run-files": run_screen("a"),
    "run-error": run_screen("E"),
    "run-settings": run_screen("c"),
    "run-zoom": run_screen("c", "z"),
    "run-search": run_screen("l", "slash", *"red", "enter"),
    "hosts": keys("3"),
    "hosts-last": keys("3", "G"),
    "hosts-middle": keys("3", "j", "j", "j", "j", "j", "j"),
    "settings": keys("4"),
    "results": keys("2"),
    "results-runs": keys("2", "v"),
    "results-columns": keys("2", "c"),
    "compare": keys("2", "space", "space", "equals_sign"),
    "takeout": keys("2", "ctrl+s"),
    "play-run": run_screen("w"),
    "launch": keys("n"),
    "stop": keys("x"),
    "help": keys("question_mark"),
    "palette": keys("colon"),
    "palette-search": keys("colon", *"nasty"),
    "play": keys("w"),
    "toasts": toasts,
    "filter": typed,
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
async def test_nothing_is_obeyed(nasty: Lab, screen: str, size: tuple[int, int]) -> None:
    """What is painted has no control character, no link, no action, and no line of another width."""
    app = nasty.app()
    async with running(app, size) as pilot:
        await SCREENS[screen](pilot, app)
        check_strips(app, screen)


def test_no_sequence_reaches_a_terminal(nasty: Lab) -> None:
    """The app in a pseudo-terminal writes none of the sequences, and no title, link or clipboard."""
    terminal = Terminal(nasty.file.parent)
    terminal.wait_for(b"AB_nasty")
    for key in (b"G", b"\r", b"l", b"e", b"a", b"c", b"E", b"\x1b", b"3", b"G", b"2", b"4", b"1", b"?"):
        os.write(terminal.descriptor, key)
        for _ in range(20):
            if not terminal.read(0.1):
                break
    os.write(terminal.descriptor, b"\x11")
    assert terminal.end() == 0
    assert terminal.restored()
    for sequence in SEQUENCES:
        assert sequence not in terminal.output
    for begin in (
        b"\x1b]52",
        b"\x1b]8;;http",
        b"\x1b]0;title",
        b"\x1b[6n\x1b[c",
        b"\x1bc",
        b"\x1b#8",
        b"\x1bP+q544e",
    ):
        assert begin not in terminal.output
