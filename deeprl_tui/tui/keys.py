"""All keys in one table: bindings, the key bar and the help are made from it.

Rule: one meaning per key on every screen. A key that has nothing to do says why.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Key:
    """One row: what to press, what it does, and where."""

    id: str
    keys: str  # Textual's names, separated by commas
    action: str  # "" if a widget binds it itself
    label: str  # in the key bar
    help: str  # in the help, as the end of "this key will ..."
    where: tuple[str, ...]
    shown: str  # as users read it
    bar: bool = True  # whether the key bar has it


EVERYWHERE, DASHBOARD, RUN, RESULTS, COMPARE, HOSTS, SETTINGS, PLAY, TABLE, CHART, LAUNCH = (
    "everywhere",
    "dashboard",
    "run",
    "results",
    "compare",
    "hosts",
    "settings",
    "play",
    "table",
    "chart",
    "launch",
)

CURVES, PAIR = (DASHBOARD, RUN, RESULTS, COMPARE), (RESULTS, COMPARE)

KEYS: Final[tuple[Key, ...]] = (
    Key("open", "enter", "", "Open", "open the experiment", (DASHBOARD,), "⏎"),
    Key("results.open", "enter", "", "Open", "open the experiment, or compare the picked", (RESULTS,), "⏎"),
    Key("results.pick", "space", "pick", "Pick", "pick the row for the comparison", (RESULTS,), "space"),
    Key("results.filter", "slash", "filter", "Filter", "filter while typing; esc clears", (RESULTS,), "/"),
    Key("results.group", "g", "group", "Group", "next grouping; home goes to the first row", (RESULTS,), "g"),
    Key("results.sort", "o", "", "Sort", "sort by the next column, O turns it round", (RESULTS,), "o"),
    Key("compare", "equals_sign", "compare", "Compare", "draw picked rows over each other", (RESULTS,), "="),
    Key("results.unit", "v", "unit", "Runs", "rows are single runs, or experiments", (RESULTS,), "v"),
    Key("results.columns", "c", "columns", "Columns", "choose columns, and any grouping", (RESULTS,), "c"),
    Key("compare.back", "escape", "back", "Back", "go back to the results", (COMPARE,), "esc"),
    Key(
        "results.difference",
        "d",
        "compare('differences')",
        "Differ",
        "show the settings that differ",
        (RESULTS,),
        "d",
        False,
    ),
    Key("compare.difference", "d", "difference", "Differ", "go to the settings that differ", (COMPARE,), "d"),
    Key(
        "baseline",
        "B",
        "baseline",
        "Baseline",
        "compare all with this row, or each with its own baseline again",
        (RESULTS, COMPARE),
        "B",
    ),
    Key("takeout", "ctrl+s", "takeout", "Export", "write tables, pictures, a report", PAIR, "^s"),
    Key("results.clear", "escape", "clear", "", "clear filter, zoom, picks; go", (RESULTS,), "esc", False),
    Key("results.copy", "y", "copy", "Copy", "copy the table as text", (RESULTS, COMPARE), "y", False),
    Key(
        "results.copy.command",
        "Y",
        "copy_command",
        "",
        "copy the command that prints the same verdicts",
        (RESULTS, COMPARE),
        "Y",
        False,
    ),
    Key("back", "escape", "back", "Back", "go back to the experiments", (RUN, HOSTS, SETTINGS), "esc"),
    Key("settings.change", "", "", "Change", "change the value", (SETTINGS,), "← →"),
    Key("settings.type", "enter", "", "Next", "next value, or type one", (SETTINGS,), "⏎"),
    Key("host.open", "enter", "", "Open", "go to the runs of the host, open the run", (HOSTS,), "⏎"),
    Key("host.filter", "slash", "filter", "Its runs", "show the experiments on the host", (HOSTS,), "/"),
    Key("host.push", "P", "push", "Push", "bring this version and project to the host", (HOSTS,), "P"),
    Key("seed.next", "right_square_bracket", "seed(1)", "Seed", "show the next seed", (RUN,), "]"),
    Key("seed.before", "left_square_bracket", "seed(-1)", "", "show the seed before", (RUN,), "[", False),
    Key("log", "l", "page('log')", "Log", "show what the workers printed, or the curves again", (RUN,), "l"),
    Key("events", "e", "page('events')", "Events", "show what happened to the run, in words", (RUN,), "e"),
    Key("files", "a", "page('files')", "Files", "show checkpoints and files; y copies a path", (RUN,), "a"),
    Key("config", "c", "pane('config')", "Config", "show all settings and who set them", (RUN,), "c"),
    Key("error", "E", "page('error')", "", "show why a run failed, with its traceback", (RUN,), "E", False),
    Key("seeds", "v", "pane('seeds')", "", "go to the seeds", (RUN,), "v", False),
    Key("search", "slash", "search", "Search", "search in the log, or in the settings", (RUN,), "/"),
    Key("search.next", "n", "found(1)", "", "show the next place that was found", (RUN,), "n", False),
    Key("search.before", "N", "found(-1)", "", "show the place before", (RUN,), "N", False),
    Key("launch", "n", "launch", "Launch", "launch the marked experiments, or others", (DASHBOARD,), "n"),
    Key("stop", "x", "stop", "Stop", "stop runs at a checkpoint; it asks first", (DASHBOARD, RUN), "x"),
    Key(
        "pause",
        "p",
        "pause",
        "Pause",
        "pause runs at a checkpoint and free their cores, or let paused ones go on",
        (DASHBOARD, RUN),
        "p",
    ),
    Key(
        "resume",
        "r",
        "resume",
        "Resume",
        "let paused and stopped runs go on, and try failed ones again",
        (DASHBOARD, RUN, HOSTS),
        "r",
    ),
    Key("play", "w", "play", "Watch", "watch it play", (DASHBOARD, RUN, RESULTS, COMPARE), "w"),
    Key("play.back", "escape", "back", "Back", "go back; its player ends", (PLAY,), "esc"),
    Key("play.hold", "space", "hold", "Pause", "hold the game, or let it go on", (PLAY,), "space"),
    Key("play.nudge", "full_stop", "nudge", "Step", "take one step, and hold", (PLAY,), "."),
    Key("play.next", "n", "checkpoint", "Checkpoint", "play the next checkpoint: best, last", (PLAY,), "n"),
    Key("play.faster", "plus,equals_sign", "speed(1)", "Faster", "play faster", (PLAY,), "+"),
    Key("play.slower", "minus", "speed(-1)", "Slower", "play slower", (PLAY,), "-"),
    Key("play.round", "r", "round", "Again", "begin a new episode", (PLAY,), "r"),
    Key("play.command", "Y", "copy_command", "", "copy the command that plays it", (PLAY,), "Y", False),
    Key("mark", "space", "mark", "Mark", "mark the row for n, x, p and r", (DASHBOARD,), "space", False),
    Key("undo", "u", "undo", "Undo", "let go on what was stopped just now", (EVERYWHERE,), "u", False),
    Key("filter", "slash", "filter", "Filter", "show only rows that have these words", (DASHBOARD,), "/"),
    Key("clear", "escape", "clear", "", "clear filter, marks and messages", (DASHBOARD,), "esc", False),
    Key("metric", "m", "metric(1)", "Metric", "show the next metric", CURVES, "m"),
    Key("metric.before", "M", "metric(-1)", "", "show the metric before", CURVES, "M", False),
    Key("multiples", "v", "multiples", "Grid", "show all experiments as small charts", (DASHBOARD,), "v"),
    Key("all", "a", "all", "All", "show or hide experiments that were never launched", (DASHBOARD,), "a"),
    Key(
        "zoom",
        "z",
        "zoom",
        "Zoom",
        "give the chart or the panel the whole screen, or take it back",
        (DASHBOARD, RUN, RESULTS, COMPARE),
        "z",
    ),
    Key("follow", "f", "follow", "Follow", "follow the end of the log, or hold it", (RUN,), "f", False),
    Key("copy", "y", "copy", "Copy", "copy the row", (DASHBOARD, RUN), "y", False),
    Key("copy.command", "Y", "copy_command", "", "copy the command line", (DASHBOARD, RUN), "Y", False),
    Key("go.dashboard", "1", "go('dashboard')", "", "show the experiments", (EVERYWHERE,), "1", False),
    Key("go.results", "2", "go('results')", "", "show the results of all runs", (EVERYWHERE,), "2", False),
    Key("go.hosts", "3", "go('hosts')", "", "show the hosts and their cores", (EVERYWHERE,), "3", False),
    Key("go.settings", "4", "go('settings')", "", "show the settings", (EVERYWHERE,), "4", False),
    Key("help", "question_mark,f1", "help", "Help", "show the keys, and search them", (EVERYWHERE,), "?"),
    Key(
        "palette",
        "ctrl+p,colon",
        "command_palette",
        "",
        "find a command by name",
        (EVERYWHERE,),
        "^p :",
        False,
    ),
    Key(
        "news",
        "exclamation_mark",
        "news",
        "",
        "go to the run of the newest message",
        (EVERYWHERE,),
        "!",
        False,
    ),
    Key("copy.table", "ctrl+y", "copy_table", "", "copy the table as text", (EVERYWHERE,), "^y", False),
    Key("theme", "t", "theme", "Theme", "next theme: night, day, terminal", (EVERYWHERE,), "t", False),
    Key(
        "panel", "tab,shift+tab", "", "", "go to the next or previous panel", (EVERYWHERE,), "tab ⇧tab", False
    ),
    Key(
        "suspend",
        "ctrl+z",
        "suspend_process",
        "",
        "go to the shell; fg comes back",
        (EVERYWHERE,),
        "^z",
        False,
    ),
    Key("quit", "q", "leave", "Quit", "quit; the runs go on", (EVERYWHERE,), "q"),
    Key("table.move", "", "", "", "move", (TABLE,), "↑↓ j k", False),
    Key("table.ends", "", "", "", "first, last", (TABLE,), "g G", False),
    Key("table.sort", "", "", "", "sort by the next column, turn the order", (TABLE,), "o O", False),
    Key("table.page", "", "", "", "move by a page", (TABLE,), "^u ^d", False),
    Key("chart.cross", "", "", "", "move the crosshair: values at one step", (CHART,), "← →", False),
    Key("chart.zoom", "", "", "", "zoom in, zoom out", (CHART,), "+ -", False),
    Key("chart.pan", "", "", "", "move the zoomed part", (CHART,), "⇧← ⇧→", False),
    Key("chart.fit", "", "", "", "show everything; a double click does, too", (CHART,), "0", False),
    Key(
        "chart.box", "", "", "", "drag over a part to zoom to it; ctrl when zoomed", (CHART,), "mouse", False
    ),
    Key("chart.tail", "", "", "", "follow the end of the curves", (CHART,), "f", False),
    Key("chart.axis", "", "", "", "next x axis: steps, episodes, time, updates", (CHART,), "X", False),
    Key("chart.seeds", "", "", "", "each seed as a faint line", (CHART,), "S", False),
    Key("chart.marks", "", "", "", "shapes on the curves", (CHART,), "#", False),
    Key("chart.band", "", "", "", "next band: sd, 95% CI, min–max, none", (CHART,), "b", False),
    Key("chart.smooth", "", "", "", "next smoothing", (CHART,), "s", False),
    Key("chart.log", "", "", "", "logarithmic y", (CHART,), "L", False),
)

TITLES: Final = {
    DASHBOARD: "Experiments",
    RUN: "This experiment",
    RESULTS: "Results",
    COMPARE: "Compare",
    HOSTS: "Hosts",
    SETTINGS: "Settings",
    PLAY: "Watch it play",
    TABLE: "Tables",
    CHART: "Chart (tab goes there)",
    EVERYWHERE: "Everywhere",
}


def of(where: str) -> list[Key]:
    """The keys of a place."""
    return [key for key in KEYS if where in key.where]


def bindings(where: str) -> list[BindingType]:
    """The keys of a place as Textual binds them; the key bar is ours, so Textual shows none."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label or key.help,
            show=False,
            id=key.id,
            key_display=key.shown,
            priority=key.action == "filter",  # at once: the letters after it may be in the queue already
        )
        for key in of(where)
        if key.action
    ]


def bar(where: str) -> list[Key]:
    """What the key bar of a place shows, most useful first."""
    return [key for key in (*of(where), *of(EVERYWHERE)) if key.bar and key.label]


def sections(where: str) -> list[tuple[str, list[Key]]]:
    """The help of a place."""
    places: Iterable[str] = (where, CHART, TABLE, EVERYWHERE)
    return [(TITLES[place], of(place)) for place in places]
