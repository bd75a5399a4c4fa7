"""Following live curves without an app."""

from dataclasses import dataclass, field

import numpy as np

from deeprl_tui.core.curve import Curve
from deeprl_tui.tui.widgets.chart.canvas import Look
from deeprl_tui.tui.widgets.chart.plotter import Plotter
from deeprl_tui.tui.widgets.view import View

LOOK = Look("#0f1117", "#c9d1e3", "#e0af68")


@dataclass
class Line:
    seeds: list[Curve] = field(default_factory=list)
    name: str = "a"
    color: str = "#9ece6a"
    selected: bool = False


def long_curve(n: int) -> Curve:
    curve = Curve()
    for step in range(n):
        curve.append(step=step, y=1.0, seconds=step / 2)
    return curve


def test_curves_can_grow_while_they_are_followed() -> None:
    """Following does not lock the arrays of the fold."""
    plotter, line = Plotter(), Line([long_curve(10)])
    plotter.follow([line])
    line.seeds[0].append(step=20.0, y=2.0)
    plotter.follow([line])
    plotter.draw(60, 10, View(), LOOK)
    assert plotter.end == 20


def test_single_seeds_are_drawn_on_demand() -> None:
    """Two seeds give two ghosts before their mean; one seed gives none."""
    plotter, line = Plotter(), Line([long_curve(10), long_curve(10)])
    plotter.follow([line])
    view = View(seeds=True)
    assert [curve.ghost for curve in plotter.curves(view, (0, 9), 20, shapes=False)] == [True, True, False]
    plotter.follow([Line([long_curve(10)])])
    assert [curve.ghost for curve in plotter.curves(view, (0, 9), 20, shapes=False)] == [False]


def test_lowest_and_highest_are_read_when_they_are_wanted() -> None:
    """After a change to the min-max band the band is there."""
    plotter, line = Plotter(), Line([long_curve(10)])
    for view in (View(), View(band="minmax")):
        plotter.follow([line], view)
        (curve,) = plotter.curves(view, (0, 9), 20, shapes=False)
    assert curve.hi is not None
    assert np.nanmax(curve.hi) == 1


def test_another_axis_is_read_anew() -> None:
    """The same curve over seconds of training ends where its seconds end."""
    plotter, line = Plotter(), Line([long_curve(11)])
    plotter.follow([line])
    plotter.follow([line], View(axis="seconds"))
    plotter.draw(60, 10, View(axis="seconds"), LOOK)
    assert plotter.end == 5


def test_seeds_are_those_of_the_selected_curve() -> None:
    """The caption's numbers come from the selected curve: at most, and at its end."""
    plotter = Plotter()
    short, full = long_curve(50), long_curve(100)
    lines = [Line([full] * 1, "one"), Line([short, full], "two", selected=True)]
    plotter.follow(lines)
    plotter.draw(60, 10, View(), LOOK)
    assert plotter.seeds == (2, 1)


def test_what_is_not_shown_is_forgotten() -> None:
    """Curves that are no longer asked for leave no memory behind."""
    plotter = Plotter()
    plotter.follow([Line([long_curve(10)])])
    plotter.follow([])
    assert not plotter._followed
    assert "no episodes yet" in plotter.draw(60, 10, View(), LOOK).text()
