"""What the screens say, tested without an app: words, rows, activity, header, cores."""

from dataclasses import replace

import pytest
from support import WALL, spec

from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.events import Beat, End, Episode, Event, Line, Queued, Start, StopAsked
from deeprl_tui.core.fold import fold
from deeprl_tui.core.spec import RunId, RunSpec
from deeprl_tui.core.state import Note, RunView
from deeprl_tui.errors import Problem
from deeprl_tui.monitor.fleet import FleetSnapshot, HostView
from deeprl_tui.monitor.news import Notice
from deeprl_tui.runs import stats
from deeprl_tui.tui import keys, notes, pages, present, words
from deeprl_tui.tui.board import NEW, Board, BoardMaker, Entry, on_chart
from deeprl_tui.tui.picture import Picture, command
from deeprl_tui.tui.screens.confirm import stop_words
from deeprl_tui.tui.strip import core_strip
from deeprl_tui.tui.theme import DAY, NIGHT, STATES, Palette
from deeprl_tui.tui.widgets.curve_plot import CurvePlot
from deeprl_tui.tui.widgets.live_table import LiveTable
from deeprl_tui.tui.widgets.rows import Cell, Piece

PALETTE = Palette.of_theme(NIGHT)
HOST = HostView(
    "local",
    (0, 1),
    (0.9, 0.1),
    2**30,
    4 * 2**30,
    10 * 2**30,
    WALL,
    True,
    False,
    held=frozenset({RunId("CP_basic", 0)}),
)


def view(
    name: str = "CP_basic", seed: int = 0, *events: Event, held: bool = False, **more: object
) -> RunView:
    """A run after these events, one second apart."""
    described: RunSpec = replace(spec(name, seed), **more)  # type: ignore[arg-type]
    lines = [Line(n, float(n), event) for n, event in enumerate([Queued(WALL - 60, "launched"), *events], 1)]
    return fold(described, {1: lines}, held=held)


def training(seed: int = 0, r: float = 100.0, name: str = "CP_basic", **more: object) -> RunView:
    """A run that trains on core 1, at step 500 of 1000."""
    beats = [Beat(100 * n, n, float(n), 10**8, 100.0, 0.5, 0.1) for n in range(1, 6)]
    start = Start(WALL - 30, 1, 7, "here", cores=(1,))
    return view(name, seed, start, Episode(1, 500, r, 50), *beats, held=True, **more)


def finished(seed: int = 0, r: float = 200.0) -> RunView:
    """A run that is done."""
    start = Start(WALL - 30, 1, 7, "here", cores=(0,))
    return view("CP_basic", seed, start, Episode(1, 1000, r, 50), End(WALL, "finished", 1000, ""))


def board(*views: RunView) -> Board:
    """The board of some runs without a file."""
    snapshot = FleetSnapshot(1, (HOST,), {one.id: one for one in views})
    return BoardMaker().make(snapshot, None)


def text(cell: Cell | list[Piece]) -> str:
    """A cell without its colors."""
    if isinstance(cell, str):
        return cell
    return cell.text if isinstance(cell, Piece) else "".join(piece.text for piece in cell)


def told(lines: notes.Lines) -> list[str]:
    """Lines without their colors."""
    return [text(line) for line in lines]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (float("inf"), "–"),
        (0, "10s"),
        (34, "30s"),
        (58, "1m"),
        (240, "4m"),
        (3600, "1h"),
        (4800, "1h 20m"),
        (36_000, "10h"),
        (200_000, "2d 8h"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    """Durations are rounded to what one can plan with."""
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(1860, 2160, "31–36m"), (240, 250, "4m"), (3000, 4200, "50m–1h 10m"), (40_000, 50_000, "11–14h")],
)
def test_ranges(low: float, high: float, shown: str) -> None:
    """A range names the unit once if it can."""
    assert words.duration_range(Eta(low, low, high)) == shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (1860, 2160, "31–36m"),
        (3000, 4200, "50m–2h"),
        (4300, 8000, "1–3h"),
        (40_000, 50_000, "11–14h"),
        (60_000, 1_000_000, "<12d"),
        (200_000, 400_000, "2–5d"),
        (20, 3_000_000, "1m–35d"),
    ],
)
def test_a_range_in_a_table_has_six_characters_and_is_rounded_outward(
    low: float, high: float, shown: str
) -> None:
    """It may promise too little, never too much."""
    assert words.tight_range(Eta(low, low, high)) == shown
    assert len(shown) <= 6


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (950, "950"), (9500, "9.5k"), (212_345, "212k"), (1_250_000, "1.25M"), (2e9, "2G")],
)
def test_counts(value: float | None, shown: str) -> None:
    """Steps are short."""
    assert words.count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(-0.4, "-0.4"), (246.9, "247"), (-0.0, "0"), (float("nan"), "–"), (0.00123, "0.0012"), (1e6, "1M")],
)
def test_numbers(value: float, shown: str) -> None:
    """Returns have no decimals that flicker."""
    assert words.number(value) == shown


def test_percent_is_not_100_before_it_is_all() -> None:
    """99.9 % is not done."""
    assert (words.percent(0.999), words.percent(1.0)) == ("99%", "100%")


def test_middle_keeps_both_ends() -> None:
    """Names of one sweep differ at the end."""
    assert words.middle("CP_boltzmann_beta=0.2", 12) == "CP_bo…ta=0.2"


def test_every_state_has_a_row() -> None:
    """All words of states can be drawn."""
    assert {present.mark(word, PALETTE).text for word in (*STATES, NEW)} == {
        *(look.glyph for look in STATES.values()),
        "–",
    }


def test_running_row() -> None:
    """A row has glyph, name, a dot for each seed, progress, mean over seeds, time to go."""
    made = board(training(0, 100.0), training(1, 200.0))
    left, _ = stats.ends(made.entries[0].runs, 2)
    row = present.experiment_row(made.entries[0], left, present.Look(PALETTE), trend=False)
    assert [text(cell) for cell in row.cells[:5]] == ["●", "CP_basic", "••", "━━━━────", "150"]


def test_entry_state_is_the_one_that_matters() -> None:
    """A failed seed shows only when nothing is on its way any more."""
    failed = view("CP_basic", 1, End(WALL, "failed", 5, "boom"))
    assert board(training(0), failed).entries[0].word == "running"
    assert board(finished(0), failed).entries[0].word == "failed"


def test_many_seeds_become_numbers() -> None:
    """More seeds than fit are counted by state."""
    runs = [training(seed) for seed in range(9)] + [finished(seed) for seed in range(9, 12)]
    assert text(present.seed_marks(runs, PALETTE)) == "•9✓3"


def test_seed_row() -> None:
    """A seed has its core, progress, return, speed and share of the core."""
    run = training()
    row = present.seed_row(run, {run.id: Eta(50, 60, 90)}, PALETTE, "accent")
    assert [text(cell) for cell in row.cells] == [
        "●",
        "0",
        "local:1",
        "━━━━────",
        "100",
        "100",
        "100%",
        "50s–2m",
    ]


def test_header_tells_counts_progress_and_range() -> None:
    """The header says what runs, how far all is, and when it is done."""
    line = present.header(board(training(0), finished(1)), "lab", Eta(60, 90, 240), WALL, 120, PALETTE, "")
    shown = text(line)
    assert "● 1 running" in shown
    assert "✓ 1 finished" in shown
    assert "75%" in shown
    assert "all done in 1–4m" in shown


def test_the_header_says_how_far_the_first_reading_is() -> None:
    """Thousands of runs take a while; what was read is counted already."""
    host = HostView("local", reading=True, found=10_000, unread=8_766)
    words = Picture(snapshot=FleetSnapshot(hosts=(host,)), checked=True).reading_words
    line = present.header(board(finished(1)), "lab", None, WALL, 120, PALETTE, words)
    assert "reading 1,234 of 10,000…  " in "".join(piece.text for piece in line)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_header_fits(width: int) -> None:
    """The header is exactly as wide as the screen, whatever is in it."""
    runs = [training(0), finished(1), view("CP_x", 2), view("CP_y", 3, End(WALL, "failed", 1, "x"))]
    line = present.header(board(*runs), "a project", Eta(36_000, 1, 50_000), WALL, width, PALETTE, "")
    assert len(text(line)) <= width
    assert ":" in text(line)[-7:]  # the clock


def test_a_seed_says_on_which_host_it_trains() -> None:
    """The host that holds it; this machine where none says so."""
    run = training(0)
    far = HostView("vm-1", (0, 1), held=frozenset({run.id}))
    assert present.core_text(run, (HostView("local", (0, 1)), far)) == "vm-1:1"
    assert present.core_text(run, (HostView("local", (0, 1)),)) == "local:1"


def test_a_run_that_waits_elsewhere_names_its_host() -> None:
    """The glyph says that it waits."""
    waits = replace(training(0), state=state.Queued(WALL))
    assert present.core_text(waits, (), "vm-1") == "vm-1"
    assert present.core_text(waits) == ""


def test_activity_joins_what_happened_together() -> None:
    """Seeds that were launched together are one line; newest first."""
    made = board(training(0), training(1))
    lines = told(notes.activity(notes.newest(made.entries[0].runs), made.by_name, PALETTE, 60))
    assert [line[6:] for line in lines] == ["● CP_basic started 2 seeds", "▲ CP_basic launched 2 seeds"]


def test_activity_of_a_failure_has_its_reason() -> None:
    """A failed run says why."""
    run = view("CP_basic", 0, End(WALL, "failed", 5, "ValueError: loss is NaN"))
    lines = told(notes.activity(notes.newest([run]), {}, PALETTE, 80))
    assert lines[0].endswith("✗ CP_basic/0 failed: ValueError: loss is NaN")


def test_activity_has_what_no_log_says() -> None:
    """Hosts that went and came back, and a run without a step, stand among the notes by their times."""
    note = Note(WALL + 5, RunId("X", 0), "dreamed", "of sheep")
    seen = [
        Notice("lost", WALL, "is lost: no answer", host="vm-1"),
        Notice("finished", WALL + 1, "finished", RunId("X", 1)),  # its log says so, too
        Notice("back", WALL + 9, "is back", host="vm-1"),
        Notice("stalled", WALL + 12, "stalled: no step for 2 minutes", RunId("X", 0)),
    ]
    lines = told(notes.activity([note], {}, PALETTE, 60, seen=seen))
    assert [line[6:] for line in lines] == [
        "! X/0 stalled: no step for 2 minutes",
        "✓ vm-1 is back",
        f"{STATES['queued'].glyph} X/0 of sheep",
        "✗ vm-1 is lost: no answer",
    ]


def test_the_line_above_a_run_says_its_trouble() -> None:
    """A run without a step is stalled, one that lost what it learned has collapsed; of the seed looked at."""
    runs = [training(0), replace(training(1), collapsed=700)]
    entry = board(*runs).entries[0]
    later = WALL + 10_000.0

    def above(seed: int | None, now: float) -> list[str]:
        line = text(pages.path_line(entry, seed, {}, PALETTE, 120, lambda _: now))
        return [word for word in ("stalled", "collapsed") if f"! {word} " in line]

    assert (above(0, WALL), above(1, WALL), above(None, WALL)) == ([], ["collapsed"], ["collapsed"])
    assert above(0, later) == ["stalled"]


def test_unknown_kinds_of_notes_are_shown() -> None:
    """A later version may tell more."""
    note = Note(WALL, RunId("X", 0), "dreamed", "of sheep")
    assert told(notes.activity([note], {}, PALETTE, 60))[0].endswith("X/0 of sheep")


def test_summary_shows_the_difference() -> None:
    """The detail says result, baseline and each changed key with both values."""
    run = training(changes={"gamma": (0.99, 0.9), "net_arch": ([64], [256, 256])}, baseline="CP_first")
    lines = told(notes.summary(board(run).entries[0], PALETTE, 18, 9))
    assert lines == ["100.0", "vs CP_first", "gamma 0.99 → 0.9", "net_arch", " [64] → [256, 256]"]


def test_summary_counts_what_has_no_room() -> None:
    """Changes that do not fit are counted."""
    run = training(changes={f"key{n}": (1, 2) for n in range(9)}, baseline="B")
    lines = told(notes.summary(board(run).entries[0], PALETTE, 20, 6))
    assert lines[-1] == "and 6 more"
    assert len(lines) == 6


def test_core_strip() -> None:
    """One square for each core with its load, runs, memory."""
    made = board(training())
    assert text(core_strip([HOST], made.entries, PALETTE, 80)) == (
        " local · 90%  ▪ 10%    1 run on 2 cores  1.0G/4.0G"
    )


def test_core_strip_of_many_cores() -> None:
    """Many cores have no number each but one for all."""
    many = replace(HOST, cores=tuple(range(24)), busy=(0.5,) * 24)
    strip = text(core_strip([many], board(training()).entries, PALETTE, 80))
    assert strip == f" local ·▪{'·' * 22}  50%  1 run on 24 cores  1.0G/4.0G"


def test_unreachable_host() -> None:
    """A host that says nothing shows why."""
    shown = text(core_strip([replace(HOST, fault="gone")], (), PALETTE, 80))
    assert shown == " local ✗ gone"


def test_waiting_without_supervisor() -> None:
    """Waiting runs are worth a word only if nobody starts them, and not at once."""
    made = board(view("CP_basic", 0))
    alone = [replace(HOST, supervisor=False)]
    assert "r starts one" in notes.waiting(made, alone, WALL)
    assert notes.waiting(made, alone, WALL - 58) == ""
    assert notes.waiting(made, [HOST], WALL) == ""
    assert notes.waiting(board(training()), alone, WALL) == ""


def test_problems_have_place_fault_and_remedy() -> None:
    """Each fault of the file has its line; what does not fit is counted."""
    problem = Problem("/a/experiments.toml", 7, "experiments.X", "lr", "is unknown", "write learning_rate")
    assert told(notes.problems([problem], PALETTE, 70, 9)) == [
        "experiments.toml:7 [experiments.X] lr",
        "  is unknown; write learning_rate",
    ]
    assert told(notes.problems([problem] * 9, PALETTE, 70, 3))[-1] == "and more: deeprl check (9 problems)"


def test_chart_has_the_selected_and_its_nearest() -> None:
    """At most eight curves: the selected one, its baseline and its neighbors."""
    runs = [training(0, name=f"CP_{n:02d}", baseline=None if n == 0 else "CP_00") for n in range(20)]
    made = board(*runs)
    shown = [entry.name for entry in on_chart(made, made.by_name["CP_15"])]
    assert shown[0] == "CP_15"
    assert set(shown) == {"CP_15", "CP_00", "CP_12", "CP_13", "CP_14", "CP_16", "CP_17", "CP_18"}


def test_colors_stay() -> None:
    """An experiment keeps its color when others come, and curves of one chart differ."""
    maker = BoardMaker()
    one, two = training(name="CP_b"), training(name="CP_a")
    first = maker.make(FleetSnapshot(1, (), {one.id: one}), None)
    both = maker.make(FleetSnapshot(2, (), {two.id: two, one.id: one}), None)
    assert both.by_name["CP_b"] is first.by_name["CP_b"]
    assert both.by_name["CP_a"].color != both.by_name["CP_b"].color


def test_waiting_runs_end_after_those_before_them() -> None:
    """A queued run gets its time from the cores that become free."""
    run, waits = training(0), view("CP_basic", 1)
    left, batch = stats.ends([run, waits], 1)
    first, second = left[run.id], left[waits.id]
    assert first is not None
    if second is not None:  # known once the env was measured
        assert batch is not None
        assert second.mid > first.mid


def test_stop_words() -> None:
    """The question says how many train and how many wait."""
    title, lines, yes = stop_words([training(0), view("CP_basic", 1)])
    assert title == "Stop 2 runs of CP_basic?"
    assert yes == "Stop 2"
    assert lines[0].startswith("1 run trains, 50% done or more, 500 steps.")
    assert lines[1] == "1 that waits will not start."


def test_stopping_is_shown() -> None:
    """A run that was asked to stop has its own glyph."""
    run = view("CP_basic", 0, Start(WALL, 1), StopAsked("stop"), held=True)
    entry = board(run).entries[0]
    assert text(present.experiment_row(entry, {}, present.Look(PALETTE), trend=False).cells[0]) == "◌"


def test_command() -> None:
    """The command line is safe to paste."""
    assert command(["A", "B"], "0-4", ["gamma=0.9", "net_arch=[64, 64]"]) == (
        "deeprl run A B --seeds 0-4 --set gamma=0.9 --set 'net_arch=[64, 64]'"
    )
    assert "'\"'\"'" in command(["A"], "", ["x='; rm -rf /"])


def test_keys_are_unique_on_each_screen() -> None:
    """No key does two things at one place."""
    for where in (keys.DASHBOARD, keys.RUN):
        bound = [
            one for key in (*keys.of(where), *keys.of(keys.EVERYWHERE)) for one in key.keys.split(",") if one
        ]
        shared = {one for one in bound if bound.count(one) > 1}
        assert not shared


def test_keys_of_widgets_are_in_the_help() -> None:
    """Whatever a chart or a table binds has a line in the key table."""
    listed = {key.id.partition(".")[2] for key in keys.KEYS if key.where[0] in (keys.CHART, keys.TABLE)}
    names = {
        "down": "move",
        "up": "move",
        "page_down": "page",
        "page_up": "page",
        "first": "ends",
        "last": "ends",
    }
    names |= {"zoom_in": "zoom", "zoom_out": "zoom", "cross_left": "cross", "cross_right": "cross"}
    names |= {"pan_left": "pan", "pan_right": "pan", "leave_cross": "cross", "select": "move"}
    names |= {"reverse": "sort"}
    for widget in (CurvePlot, LiveTable):
        for binding in widget.BINDINGS:
            name = binding.id.partition(".")[2]  # type: ignore[union-attr]
            assert names.get(name, name) in listed


def test_day_and_night_say_the_same() -> None:
    """A theme changes colors only."""
    entry: Entry = board(training()).entries[0]
    rows = [
        present.experiment_row(entry, {}, present.Look(Palette.of_theme(theme)), trend=False)
        for theme in (NIGHT, DAY)
    ]
    assert [text(cell) for cell in rows[0].cells] == [text(cell) for cell in rows[1].cells]
