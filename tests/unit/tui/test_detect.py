"""Light or dark: who decides, what answers mean, and that the terminal is left as it was."""

import os
import pty
import termios
import threading

import pytest

from deeprl_tui.tui.detect import choose_theme, is_light, parse_answer, parse_colorfgbg, query_background

DARK, LIGHT = (0.1, 0.1, 0.1), (0.95, 0.95, 0.9)


@pytest.mark.parametrize(
    ("option", "environ", "answer", "name"),
    [
        ("dracula", {"DEEPRL_THEME": "day"}, DARK, "dracula"),
        ("night", {"NO_COLOR": "1"}, LIGHT, "deeprl-night"),
        ("auto", {"DEEPRL_THEME": "day", "TEXTUAL_THEME": "nord"}, DARK, "deeprl-day"),
        ("", {"TEXTUAL_THEME": "nord", "NO_COLOR": ""}, DARK, "nord"),
        ("", {"NO_COLOR": "1", "COLORFGBG": "0;15"}, LIGHT, "ansi-dark"),
        ("", {"COLORFGBG": "15;0"}, LIGHT, "deeprl-day"),
        ("", {"COLORFGBG": "0;15"}, DARK, "deeprl-night"),
        ("", {"COLORFGBG": "0;15"}, None, "deeprl-day"),
        ("", {}, None, "deeprl-night"),
    ],
)
def test_who_decides(
    option: str, environ: dict[str, str], answer: tuple[float, float, float] | None, name: str
) -> None:
    """Option, variables, NO_COLOR, the terminal, COLORFGBG, night: the first that says something."""
    assert choose_theme(option, environ, lambda: answer) == name


def test_the_terminal_is_not_asked_without_need() -> None:
    """If something else decides, no question is sent."""
    asked: list[None] = []
    choose_theme("night", {}, lambda: asked.append(None))
    assert not asked


@pytest.mark.parametrize(
    ("data", "color"),
    [
        (b"\x1b]11;rgb:0000/8080/ffff\x1b\\\x1b[?62;22c", (0, 0x8080 / 0xFFFF, 1)),
        (b"\x1b]11;rgba:ff/ff/ff/ff\x07", (1, 1, 1)),
        (b"\x1b[?1;2c", None),
        (b"\x1b]11;rgb:zz/00/00\x1b\\", None),
        (b"", None),
    ],
)
def test_answers(data: bytes, color: tuple[float, float, float] | None) -> None:
    """Answers of one to four digits are read; anything else is no answer."""
    assert parse_answer(data) == color


@pytest.mark.parametrize(
    ("value", "light"),
    [("15;0", False), ("0;15", True), ("0;default;7", True), ("12;8", False), ("", None), ("x;y", None)],
)
def test_colorfgbg(value: str, light: bool | None) -> None:
    """The last number is the background; 7 and 9 to 15 are light."""
    assert parse_colorfgbg(value) is light


def test_light_and_dark() -> None:
    """Luminance decides, so yellow is light and blue is dark."""
    assert is_light(LIGHT)
    assert is_light((1, 1, 0))
    assert not is_light((0, 0, 1))


def ask(answer: bytes, limit: float) -> tuple[tuple[float, float, float] | None, bool]:
    """Ask a terminal that answers so; also whether its settings are the same afterwards."""
    terminal, ours = pty.openpty()
    try:
        before = termios.tcgetattr(ours)

        def reply() -> None:
            os.read(terminal, 256)
            os.write(terminal, answer)

        thread = threading.Thread(target=reply)
        thread.start()
        got = query_background(ours, ours, limit)
        thread.join()
        return got, termios.tcgetattr(ours) == before
    finally:
        os.close(terminal)
        os.close(ours)


def test_a_real_terminal_is_asked_and_restored() -> None:
    """The answer is read up to its fence and the terminal's settings come back."""
    color, restored = ask(b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62c", 5.0)
    assert color == (1, 1, 1)
    assert restored


def test_a_terminal_that_knows_no_colors_costs_no_time() -> None:
    """The fence alone ends the question long before the limit, without a color."""
    assert ask(b"\x1b[?6c", 60.0) == (None, True)


def test_a_silent_terminal_is_left_alone() -> None:
    """Without an answer the limit ends the question, and the settings come back."""
    assert ask(b"", 0.01) == (None, True)


def test_a_pipe_is_no_terminal() -> None:
    """Nothing is written to what is no terminal."""
    reader, writer = os.pipe()
    try:
        assert query_background(reader, writer, 0.01) is None
    finally:
        os.close(reader)
        os.close(writer)
