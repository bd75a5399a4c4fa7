"""`deeprl play` and `deeprl record`: what they refuse, what they print, and how they draw."""

import base64
import json
import os
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support import make_run, spec, training

from deeprl_tui.cli import main, stage
from deeprl_tui.cli.stage import Stage, Terminal, may_show_pictures, pressed, transmitted, values
from deeprl_tui.core.playing import Frame, Picture, Played, Scene, Wish
from deeprl_tui.launch.player import Seen

SCENE = Scene("CartPole-v1", "best", 5000, ("best", "last"), ("left", "right"), 600, 400)
FRAME = Frame(1, 7, 7.0, 1.0, 1, (1.0, 2.0), "", None)


class Ended:
    """Stands where a player stands that has said all."""

    def __init__(self, news: Callable[[], None], fault: str = "") -> None:
        played = (Played(1, 200.0, 200, "truncated"), Played(2, 90.5, 90, "terminated"))
        self.seen = Seen(SCENE, None, played, 0, fault, over=True)
        news()

    def close(self) -> None:
        """End it."""

    def wait(self, seconds: float) -> None:
        """Wait for its end."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A runs folder with one run that has trained, and one that has not."""
    root = tmp_path / "runs"
    make_run(root, spec("CP_basic", 0), training(3))
    make_run(root, spec("CP_wide", 0))
    return root


def call(root: Path, *arguments: str) -> int:
    """Run a verb on the folder."""
    return main.call([*arguments, "--runs", str(root)])


def test_returns_for_programs(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One object for each episode, and the wish asks for no pictures."""
    wishes: list[Wish] = []

    def play(_: Path, run: object, wish: Wish, news: Callable[[], None]) -> Ended:
        assert str(run) == "CP_basic/0"
        wishes.append(wish)
        return Ended(news)

    monkeypatch.setattr("deeprl_tui.ops.play", play)
    assert call(root, "play", "CP_basic", "--json", "--episodes", "2") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["episode"], line["return"], line["over"]) for line in lines] == [
        (1, 200.0, "truncated"),
        (2, 90.5, "terminated"),
    ]
    assert (wishes[0].kind, wishes[0].speed, wishes[0].episodes) == ("none", 0.0, 2)


def test_a_fault_of_the_player_is_the_error(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In its words, with exit code 1."""
    monkeypatch.setattr("deeprl_tui.ops.play", lambda *a: Ended(a[-1], "x.zip: is none; name another"))
    assert call(root, "play", "CP_basic/0", "--plain") == 1
    assert capsys.readouterr().err == "deeprl: x.zip: is none; name another\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["play", "CP_basic"], 2, "play: there is no terminal to draw on; --plain or --json prints returns"),
        (["play", "CP_wide", "--json"], 1,
         "CP_wide: has not trained a step; deeprl ls shows how far runs are"),
        (["play", "nix/0", "--json"], 3, "nix/0: no such run; deeprl ls shows them"),
        (["play", "CP_basic", "--checkpoint", "x.zip"], 3,
         "x.zip: no such checkpoint; there are best, last, before"),
        (["record", "CP_basic", "-o", "x.avi"], 1, "x.avi: is no film; end its name with .mp4 or .gif"),
        (["record", "CP_basic", "-o", "/nix/x.gif"], 1, "/nix: there is no such folder; make it first"),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_refused(
    root: Path, arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With place, fault and remedy, before any process is started."""
    assert call(root, *arguments) == code
    assert capsys.readouterr().err == f"deeprl: {said}\n"


# Drawing


class Sheet(Terminal):
    """A terminal of which only what is written counts."""

    def __init__(self) -> None:
        self.written = ""

    def write(self, text: str) -> None:
        self.written += text


def drawn(environ: dict[str, str], *frames: Frame) -> list[str]:
    """What is written for each frame on 40 x 10 cells."""
    sheet = Sheet()
    shown = Stage("CP_basic/0", sheet, environ, lambda: os.terminal_size((40, 10)))
    out = []
    for frame in frames:
        sheet.written = ""
        shown.show(Seen(SCENE, frame), Wish())
        out.append(sheet.written)
    return out


def cell(glyph: int, first: str, rest: str) -> bytes:
    """One cell."""
    return bytes([glyph]) + bytes.fromhex(first) + bytes.fromhex(rest)


def test_only_changed_lines_are_written() -> None:
    """A step changes the line of facts, and no row of the picture."""
    picture = Picture("quarters", 2, 3, cell(0, "000000", "102030") * 6)
    first, second = drawn(
        {"COLORTERM": "truecolor"}, replace(FRAME, picture=picture), replace(FRAME, step=8, picture=picture)
    )
    assert "48;2;16;32;48m" in first
    assert re.findall(r"\x1b\[(\d+);1H", second) == ["9"]


@pytest.mark.parametrize(
    ("environ", "sign"),
    [
        ({"COLORTERM": "truecolor"}, "\x1b[38;2;255;255;255;48;2;0;0;0m▌"),
        ({"TERM": "xterm-256color"}, "\x1b[38;5;231;48;5;16m▌"),
        ({"NO_COLOR": "1"}, "▌"),
    ],
)
def test_colors_are_those_that_there_are(environ: dict[str, str], sign: str) -> None:
    """24 bits, 256 colors, or none at all."""
    picture = Picture("quarters", 1, 1, cell(5, "ffffff", "000000"))
    (text,) = drawn(environ, replace(FRAME, picture=picture))
    assert sign in text
    if "NO_COLOR" in environ:
        assert not re.search(r"\x1b\[[0-9;]*[1-9][0-9;]*m", text)


def test_all_values_fit_the_line() -> None:
    """Bars get shorter before an action is left out."""
    scene = replace(SCENE, actions=("coast", "fire left", "fire main", "fire right"))
    line = values(replace(FRAME, action=2, values=(2.56, 4.96, 5.0, 1.25)), scene, 80)
    assert len(line) <= 80
    assert [name in line for name in scene.actions] == [True] * 4
    assert "▸fire main" in line


def test_keys_are_wishes() -> None:
    """The same keys as in the dashboard."""
    wish = Wish(checkpoint="best")
    assert pressed(" ", wish, SCENE) == replace(wish, paused=True)
    assert pressed("+", wish, SCENE) == replace(wish, speed=2.0)
    assert pressed("-", wish, SCENE) == replace(wish, speed=0.5)
    assert pressed("n", wish, SCENE) == replace(wish, checkpoint="last")
    assert pressed("r", wish, SCENE) == replace(wish, rounds=1)
    assert pressed("?", wish, SCENE) == wish
    assert pressed("q", wish, SCENE) is None


def test_a_sent_picture_is_the_picture() -> None:
    """Put together again as Kitty does, the chunks are its pixels."""
    pixels = os.urandom(90 * 60 * 3)
    text = transmitted(Picture("zlib", 90, 60, zlib.compress(pixels)), 100, 30)
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    head = dict(pair.split("=") for pair in parts[0][0].split(","))
    assert (head["s"], head["v"], head["f"], head["o"]) == ("90", "60", "24", "z")
    assert all(len(data) <= 4096 for _, data in parts)
    assert [control.rpartition("m=")[2] for control, _ in parts] == ["1"] * (len(parts) - 1) + ["0"]
    assert zlib.decompress(base64.b64decode("".join(data for _, data in parts))) == pixels
    assert int(head["c"]) <= 100
    assert int(head["r"]) <= 30


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM_PROGRAM": "WezTerm"}, True),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, False),
    ],
)
def test_only_terminals_that_are_known_are_asked(environ: dict[str, str], wanted: bool) -> None:
    """Others could print the question; inside of tmux pictures would be lost."""
    assert may_show_pictures(environ) is wanted


@pytest.mark.parametrize("answer", [b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c", b"\x1b[?62;c"])
def test_a_terminal_says_whether_it_shows_pictures(answer: bytes) -> None:
    """Its answer before the fence counts."""
    reader, typist = os.pipe()
    screen, writer = os.pipe()
    os.write(typist, answer)
    assert Terminal(reader, writer).shows_pictures({"TERM": "xterm-kitty"}) is (b"OK" in answer)
    assert os.read(screen, 99) == stage.ASK
    for fd in (reader, typist, screen, writer):
        os.close(fd)
