"""Pictures: what stands on them, and that any name may stand there."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from deeprl_tui.errors import UnknownNameError
from deeprl_tui.export import canvas, dots, draw, panels
from deeprl_tui.export.draw import Group, Looks, Panel
from deeprl_tui.export.logs import Log
from deeprl_tui.export.series import Samples
from deeprl_tui.runs.record import Record

SVG = "{http://www.w3.org/2000/svg}"
SIZE = (9.0, 4.4)


def line(level: float, until: float = 100.0) -> Samples:
    x = np.linspace(0, until, 50)
    return Samples(x, np.full(50, level))


def texts(figure: Figure) -> list[str]:
    """All words on a picture."""
    tree = ElementTree.fromstring(canvas.save(figure, "svg").decode())
    return ["".join(one.itertext()).strip() for one in tree.iter(f"{SVG}text")]


def test_a_picture_says_what_it_shows() -> None:
    """Env, metric, n, the kind of band, smoothing, the threshold, and a name at each curve."""
    groups = [Group("CP_basic", 0, [line(10), line(20)]), Group("CP_wide", 1, [line(30)])]
    panel = Panel("CartPole-v1", groups, solved=195.0)
    said = texts(draw.curves([panel], Looks(smooth=100), size=SIZE))
    assert "CartPole-v1 · return" in said
    assert "mean of runs, n = 1 to 2 · band: one standard deviation · each run: mean of 100 episodes" in said
    assert {"solved 195", "environment steps", "CP_basic  n = 2", "CP_wide  n = 1"} <= set(said)


def test_runs_without_a_value_are_not_in_n() -> None:
    """n is of what is drawn."""
    nothing = Samples(np.empty(0), np.empty(0))
    panel = Panel("CartPole-v1", [Group("CP_basic", 0, [line(10), nothing])])
    assert any("n = 1 ·" in text for text in texts(draw.curves([panel], Looks(), size=SIZE)))


def test_every_run_is_drawn() -> None:
    """As many thin lines as runs, and their mean."""
    panel = Panel("e", [Group("g", 0, [line(level) for level in (1, 2, 3)])])
    (axes,) = draw.curves([panel], Looks(band="none"), size=SIZE).axes
    lines = [np.asarray(drawn.get_ydata()) for drawn in axes.get_lines()]
    levels = sorted(float(line[10]) for line in lines if len(line) > 2)
    assert levels == [1.0, 2.0, 2.0, 2.0, 3.0]  # the mean twice: once for all runs, once for whole counts


def test_a_name_is_never_markup() -> None:
    """Neither mathematics nor XML."""
    name = "$x^2$ <b>&amp; \\frac{1}{2}"
    panel = Panel(name, [Group(name, 0, [line(1)])])
    said = texts(draw.curves([panel], Looks(), size=SIZE))
    assert f"{name} · return" in said
    assert name in said


@pytest.mark.parametrize(("form", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_each_format_is_what_its_name_says(form: canvas.PictureFormat, begins: bytes) -> None:
    """And the same picture is the same file."""
    panel = Panel("e", [Group("g", 0, [line(1)])])
    first, again = (canvas.save(draw.curves([panel], Looks(), size=SIZE), form) for _ in range(2))
    assert first.startswith(begins)
    assert first == again


def test_another_ending_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(UnknownNameError, match=r"end it in \.png, \.svg, \.pdf"):
        canvas.by_ending(Path("curves.gif"))


def test_pictures_may_be_drawn_in_threads() -> None:
    """Four at once are the same as one after the other."""
    panel = Panel("e", [Group("g", 0, [line(1), line(2)])])

    def make(_: int) -> bytes:
        return canvas.save(draw.curves([panel], Looks(), size=SIZE), "svg")

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(make, range(8)))) == 1


def test_the_baseline_comes_first(records: Sequence[Record], logs: Callable[[Record], Log]) -> None:
    """Then by name; what has no value yet has no curve, and keeps its color free."""
    (panel,) = panels.by_env(records, logs, Looks())
    assert [(group.name, group.color, group.known) for group in panel.groups] == [
        ("CP_basic", 0, 3),
        ("CP_wide", 1, 1),
    ]
    assert panel.solved == 20.0


def test_scores_show_every_run() -> None:
    """A dot for each, a bar for the average, a line for the interval."""
    rows = [dots.Dots("a", 0, [1.0, 2.0, 9.0], 2.0, 1.5, 8.0), dots.Dots("b", 1, [], None, None, None)]
    (axes,) = dots.scores(rows, None, width=9.0).axes
    assert [len(np.asarray(drawn.get_offsets())) for drawn in axes.collections] == [3, 0]
    assert [np.asarray(drawn.get_xdata()).tolist() for drawn in axes.get_lines()] == [[1.5, 8.0], [2.0, 2.0]]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0.01, 0.2))
def test_labels_never_overlap_and_stay_in_order(ends: list[float], least: float) -> None:
    """However close the curves end."""
    ends.sort()
    places = draw._apart(ends, least)
    assert len(places) == len(ends)
    assert all(after - before >= least - 1e-9 for before, after in pairwise(places))


def test_labels_with_room_stay_where_they_are() -> None:
    """At the ends of their curves."""
    assert draw._apart([0.1, 0.5, 0.9], 0.05) == pytest.approx([0.1, 0.5, 0.9])
