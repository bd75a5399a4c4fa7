"""One measurement for `screen.py`, in a process of its own: CPU milliseconds, printed as one number.

    screen_contender.py chart KIND CURVES SAMPLES    a 100x30 frame in which all curves are new
    screen_contender.py table KIND ROWS              one cell of a table of ten columns changed

KIND is `deeprl` (in an app), `deeprl-frame` (the same without the app around it), `textual-plot`,
`textual-plot-thin`, `plotext`, `plotext-thin` (thin: numpy leaves the lowest and highest sample of 200
columns), `live-table`, `data-table`. The others draw lines without bands, because they have none. This file
must work without deeprl-tui.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any

WIDTH, HEIGHT = 100, 30
COLUMNS = 200
COLORS = ["#7aa2f7", "#9ece6a", "#ff9e64", "#bb9af7", "#f7768e", "#7dcfff", "#e0af68", "#73daca"]
BUDGET_S = 20.0
"""No new frame is begun after this."""


def data(curves: int, samples: int) -> list[tuple[Any, Any]]:
    """Noisy rises, as arrays; there are four different ones."""
    import numpy as np

    draws = np.random.default_rng(0)
    x = np.arange(1.0, samples + 1)
    made = [200 * np.tanh(x / samples * (1 + k)) - 60 * k + draws.normal(0, 30, samples) for k in range(4)]
    return [(x, made[k % 4] + k) for k in range(curves)]


def thinned(x: Any, y: Any) -> tuple[Any, Any]:
    """The lowest and the highest sample of each column."""
    import numpy as np

    if len(x) <= 2 * COLUMNS:
        return x, y
    edges = np.linspace(0, len(x), COLUMNS + 1).astype(int)[:-1]
    both = np.empty(2 * COLUMNS)
    both[::2], both[1::2] = np.minimum.reduceat(y, edges), np.maximum.reduceat(y, edges)
    return np.repeat(x[edges], 2), both


def median(frame: Callable[[], object], times: int = 15) -> float:
    """CPU milliseconds of a frame."""
    found, end = [], time.monotonic() + BUDGET_S
    for _ in range(times):
        start = time.process_time()
        frame()
        found.append(time.process_time() - start)
        if time.monotonic() > end:
            break
    return 1000 * statistics.median(found)


async def median_of(frame: Callable[[], Awaitable[object]], times: int = 15) -> float:
    """The same of what has to be waited for."""
    found, end = [], time.monotonic() + BUDGET_S
    for _ in range(times):
        start = time.process_time()
        await frame()
        found.append(time.process_time() - start)
        if time.monotonic() > end:
            break
    return 1000 * statistics.median(found)


def ours(curves: int, samples: int) -> list[Any]:
    """The curves as a fold keeps them."""
    from deeprl_tui.core.curve import Curve
    from deeprl_tui.tui.widgets.curve_plot import CurveData

    base = []
    for x, y in data(min(curves, 4), samples):
        curve = Curve()
        for step, value in zip(x.tolist(), y.tolist(), strict=True):
            curve.append(step=step, y=value)
        base.append(curve)
    return [
        CurveData(f"exp_{k}", COLORS[k % 8], [deepcopy(base[k % 4])], k == curves - 1) for k in range(curves)
    ]


def touch(curves: list[Any]) -> None:
    """All curves are new: each has one more sample."""
    for curve in curves:
        seed = curve.seeds[0]
        seed.append(step=seed.end() + 1, y=seed.last)


def our_frame(curves: int, samples: int) -> float:
    from deeprl_tui.tui.widgets.chart.canvas import Look
    from deeprl_tui.tui.widgets.chart.plotter import Plotter
    from deeprl_tui.tui.widgets.chart.strips import frame_strips
    from deeprl_tui.tui.widgets.view import View

    shown, plotter, view = ours(curves, samples), Plotter(), View(band="minmax")
    look = Look("#0f1117", "#c9d1e3", "#e0af68")

    def frame() -> None:
        touch(shown)
        plotter.follow(shown, view)
        frame_strips(plotter.draw(WIDTH, HEIGHT, view, look, [(200.0, "solved")]), look.background)

    return median(frame)


async def our_app(curves: int, samples: int) -> float:
    from textual.app import App, ComposeResult

    from deeprl_tui.tui.theme import NIGHT, VARIABLE_DEFAULTS
    from deeprl_tui.tui.widgets.curve_plot import CurvePlot
    from deeprl_tui.tui.widgets.view import View

    class Plot(App[None]):
        def get_theme_variable_defaults(self) -> dict[str, str]:
            return dict(VARIABLE_DEFAULTS)

        def compose(self) -> ComposeResult:
            yield CurvePlot(view=View(band="minmax"))

        def on_mount(self) -> None:
            self.register_theme(NIGHT)
            self.theme = NIGHT.name

    shown, app = ours(curves, samples), Plot()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        plot = app.query_one(CurvePlot)

        async def frame() -> None:
            touch(shown)
            plot.set_curves(shown)
            await pilot.pause()

        await app.workers.wait_for_complete()
        await frame()
        return await median_of(frame)


async def textual_plot(curves: int, samples: int, thin: bool) -> float:
    from textual.app import App, ComposeResult
    from textual_plot import HiResMode, PlotWidget

    class Plot(App[None]):
        def compose(self) -> ComposeResult:
            yield PlotWidget()

    raw, app = data(curves, samples), Plot()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        plot = app.query_one(PlotWidget)

        async def frame() -> None:
            plot.clear()
            for k, (x, y) in enumerate(raw):
                points = thinned(x, y) if thin else (x, y)
                plot.plot(*points, line_style=COLORS[k % 8], hires_mode=HiResMode.BRAILLE)
            await pilot.pause()
            await pilot.pause()

        return await median_of(frame)


def plotext(curves: int, samples: int, thin: bool) -> float:
    import plotext as plt

    raw = data(curves, samples)

    def frame() -> None:
        plt.clear_figure()
        plt.plotsize(WIDTH, HEIGHT)
        for x, y in raw:
            a, b = thinned(x, y) if thin else (x, y)
            plt.plot(a.tolist(), b.tolist(), marker="braille")
        plt.build()

    return median(frame)


async def live_table(rows: int) -> float:
    from textual.app import App, ComposeResult

    from deeprl_tui.tui.theme import NIGHT, VARIABLE_DEFAULTS
    from deeprl_tui.tui.widgets.live_table import LiveTable
    from deeprl_tui.tui.widgets.rows import Column, Row

    class Table(App[None]):
        def get_theme_variable_defaults(self) -> dict[str, str]:
            return dict(VARIABLE_DEFAULTS)

        def compose(self) -> ComposeResult:
            yield LiveTable([Column(f"c{k}", f"c{k}", 9) for k in range(10)])

        def on_mount(self) -> None:
            self.register_theme(NIGHT)
            self.theme = NIGHT.name

    def row(number: int, value: int = 0) -> Row:
        return Row(f"r{number}", tuple(f"{number} {k} {value if k == 3 else 0}" for k in range(10)))

    app, turn = Table(), 0
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        table = app.query_one(LiveTable)
        table.set_rows([row(number) for number in range(rows)])
        await pilot.pause()

        async def frame() -> None:
            nonlocal turn
            turn += 1
            table.update_row(row(5, turn))
            await pilot.pause()

        return await median_of(frame, 30)


async def data_table(rows: int) -> float:
    from textual.app import App, ComposeResult
    from textual.widgets import DataTable

    class Table(App[None]):
        def compose(self) -> ComposeResult:
            yield DataTable()

    app, turn = Table(), 0
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        table = app.query_one(DataTable)
        for k in range(10):
            table.add_column(f"c{k}", key=f"c{k}", width=9)
        for number in range(rows):
            table.add_row(*(f"{number} {k} 0" for k in range(10)), key=f"r{number}")
        await pilot.pause()

        async def frame() -> None:
            nonlocal turn
            turn += 1
            table.update_cell("r5", "c3", f"5 3 {turn}")
            await pilot.pause()

        return await median_of(frame, 30)


def main(what: str, kind: str, size: list[int]) -> float:
    """Measure."""
    if what == "table":
        return asyncio.run(live_table(*size) if kind == "live-table" else data_table(*size))
    if kind == "deeprl":
        return asyncio.run(our_app(*size))
    if kind == "deeprl-frame":
        return our_frame(*size)
    curves, samples = size
    thin = kind.endswith("-thin")
    if kind.startswith("textual-plot"):
        return asyncio.run(textual_plot(curves, samples, thin))
    return plotext(curves, samples, thin)


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], [int(word) for word in sys.argv[3:]]))
