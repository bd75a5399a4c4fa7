"""What the results show, tested without an app: rows, order, headings, columns, plots."""

import pytest
from results_lab import by_key, lab_records, learned, record, seeds, varied
from textual.theme import BUILTIN_THEMES

from deeprl_tui.runs.query import parse
from deeprl_tui.tui import result_columns, result_rows, results
from deeprl_tui.tui.result_columns import column_of
from deeprl_tui.tui.results import Browse, Line, LineMaker
from deeprl_tui.tui.theme import COLORLESS, NIGHT, Palette

PALETTE = Palette.of_theme(NIGHT)
PLAIN = Palette.of_theme(BUILTIN_THEMES[COLORLESS])


def keys_of(found: results.Shown) -> list[str]:
    """Rows from the top."""
    return [line.key for line in found.lines()]


def said(line: Line, column: str) -> str:
    """What a column says of a row."""
    return column_of(column).text(line)


def test_a_line_stays_the_same_object_while_its_records_do() -> None:
    """Only an experiment with a changed run is made anew."""
    records = lab_records()
    maker = LineMaker("experiment")
    before = by_key(maker.make(records))
    records[-1] = record(str(records[-1].id), score=1.0)
    after = by_key(maker.make(records))
    assert [key for key in before if before[key] is not after[key]] == ["CP_three"]


def test_what_was_worked_out_stays_until_it_is_anew() -> None:
    """A line that changed shows its last average, and is on the list of those to work out again."""
    maker = LineMaker("experiment")
    maker.make(seeds("A", [1.0, 2.0]))
    learned(maker)
    (line,) = maker.make(seeds("A", [1.0, 4.0]))
    assert line.value == 1.5
    assert maker.missing(9, again=False) == []
    assert maker.missing(9, again=True) == [line]


def test_late_averages_are_not_taken_for_fresh() -> None:
    """Averages of runs that changed while they were worked out are shown, and worked out again."""
    maker = LineMaker("experiment")
    asked = maker.make(seeds("A", [1.0, 2.0]))
    maker.make(seeds("A", [1.0, 4.0]))
    learned(maker, asked)
    assert [line.key for line in maker.missing(9, again=True)] == ["A"]


def test_a_filter_never_changes_a_number() -> None:
    """An experiment of which one run fits is shown with all of its runs."""
    maker = LineMaker("experiment")
    lines = maker.make(lab_records())
    found = results.shown(lines, Browse(), parse("state:failed").matches)
    assert keys_of(found) == ["CP_small"]
    assert said(found.lines()[0], "runs") == "4/5 rough"


def test_single_runs_are_filtered_one_by_one() -> None:
    """In a table of runs a row is a run."""
    lines = LineMaker("run").make(lab_records())
    found = results.shown(lines, Browse(unit="run"), parse("state:failed").matches)
    assert keys_of(found) == ["CP_small/2"]


def test_what_has_no_value_comes_last_either_way() -> None:
    """Sorting up or down, a dash is never the best."""
    lines = LineMaker("run").make(seeds("A", [2.0, None, 1.0, 3.0]))
    read = column_of("return").value
    up, down = results.arranged(lines, read, False), results.arranged(lines, read, True)
    assert [line.key for line in up] == ["A/2", "A/0", "A/3", "A/1"]
    assert [line.key for line in down] == ["A/3", "A/0", "A/2", "A/1"]


def test_groups_stand_in_the_order_of_the_file() -> None:
    """Environments have the order of experiments.toml, not of the alphabet."""
    lines = LineMaker("experiment").make(lab_records())
    found = results.shown(lines, Browse(), None, ["CartPole-v1", "Acrobot-v1"])
    assert [section.title for section in found.sections] == ["CartPole-v1", "Acrobot-v1"]


def test_grouping_by_a_setting() -> None:
    """Any setting makes headings; numbers are in the order of numbers, and who lacks it comes last."""
    records = [
        *seeds("A", [1.0], **varied("B", "gamma", 0.999)),
        *seeds("B", [1.0], **varied("B", "gamma", 0.9)),
        *seeds("C", [1.0], settings={}),
    ]
    lines = LineMaker("experiment").make(records)
    found = results.shown(lines, Browse(group="gamma"), None)
    assert [section.title for section in found.sections] == ["gamma = 0.9", "gamma = 0.999", "no gamma"]


def test_browse_survives_its_file() -> None:
    """What is saved is read back, and nonsense is left out."""
    browse = Browse(("return", "gamma"), "best", False, "", "run", "cart", ("A/0",), "A")
    assert Browse.of_json(browse.as_json()) == browse
    nonsense = {"columns": 3, "sort": None, "unit": "planet", "picks": ["A", 4], "group": ["x"]}
    assert Browse.of_json(nonsense) == Browse(picks=("A",))
    assert Browse.of_json("nothing") == Browse()


@pytest.mark.parametrize(
    ("scores", "interval", "runs"),
    [
        ([1.0], "finished", "1"),
        ([1.0, 2.0, 3.0], "mean of 3", "3 rough"),
        ([1.0, 2.0, 3.0, 4.0], "IQM of 4", "4 rough"),
        ([5.0] * 5, "[5, 5]", "5 rough"),
        ([5.0] * 10, "[5, 5]", "10"),
        ([5.0] * 9 + [None], "[5, 5]", "9/10 rough"),
        ([None, None], "mean of 0", "0/2 rough"),
    ],
)
def test_few_seeds_are_said_to_be_few(scores: list[float | None], interval: str, runs: str) -> None:
    """No interval under five, the word rough under ten, and a failed run stays in the denominator."""
    maker = LineMaker("experiment" if len(scores) > 1 else "run")
    maker.make(seeds("A", scores))
    learned(maker)
    (line,) = maker.lines
    assert (said(line, "interval"), said(line, "runs")) == (interval, runs)


def test_a_failure_is_not_hidden() -> None:
    """An experiment with one failed run has the sign of a failure."""
    (line,) = LineMaker("experiment").make(seeds("A", [1.0, None, 2.0]))
    assert line.word == "failed"


def test_changes_are_told_in_short() -> None:
    """A variant says what it changes, a baseline that it is one."""
    lines = by_key(LineMaker("experiment").make(lab_records()))
    assert said(lines["CP_small"], "changes") == "net_arch [8]"
    assert said(lines["CP_basic"], "changes") == "baseline"


def test_every_column_says_something_of_every_row() -> None:
    """No column fails, whether something was worked out or not, for one run or many."""
    one, many, known = LineMaker("run"), LineMaker("experiment"), LineMaker("experiment")
    for maker in (one, many, known):
        maker.make([*lab_records(), *seeds("none", [None, None])])
    learned(known)
    for column in (*result_columns.KNOWN, column_of("net_arch"), column_of("gamma")):
        for line in (*one.lines, *many.lines, *known.lines):
            assert isinstance(column.text(line), str)
        read = column.value
        assert len(results.arranged(known.lines, read, True)) == len(known.lines)


def test_settings_that_differ_are_offered_first() -> None:
    """Of all settings those that are not the same everywhere come first."""
    lines = LineMaker("experiment").make(lab_records())
    assert result_columns.settings_of(lines)[0] == "exploration_steps"


def drawn(scores: list[float | None], palette: Palette = PALETTE, width: int = 120) -> str:
    """The plot of an experiment as text."""
    maker = LineMaker("experiment")
    maker.make(seeds("A", scores, solved=None))
    learned(maker)
    found = results.shown(maker.lines, Browse(), None)
    look = result_rows.look_of(Browse(), found, palette, width)
    return "".join(piece.text for piece in result_rows.plot_pieces(maker.lines[0], look, "foreground"))


def test_every_seed_is_a_dot() -> None:
    """As many dots as runs with a score, also where several share a cell."""
    text = drawn([0.0, 0.1, 50.0, 50.0, 99.9, 100.0, None])
    assert sum((ord(char) - 0x2800).bit_count() for char in text if char != " ") == 6


def test_without_colors_the_interval_is_a_line() -> None:
    """The value is a ball on a line, seeds are points."""
    text = drawn([0.0, 40.0, 50.0, 60.0, 100.0], PLAIN)
    assert text.count("●") == 1
    assert "─" in text
    assert text[0] == text[-1] == "·"


def test_equal_scores_are_in_the_middle() -> None:
    """An axis without length does not divide by zero."""
    assert drawn([5.0, 5.0, 5.0]).strip()


def test_narrow_tables_leave_columns_out_in_the_order_of_the_user() -> None:
    """What stands first has room first."""
    maker = LineMaker("experiment")
    maker.make(lab_records())
    found = results.shown(maker.lines, Browse(), None)
    look = result_rows.look_of(Browse(), found, PALETTE, 60)
    assert [column.key for column in look.columns][:3] == ["runs", "return", "interval"]
    assert "changes" not in [column.key for column in look.columns]


def test_ten_thousand_rows_make_only_those_that_are_asked_for() -> None:
    """Making the table makes no row."""
    lines = LineMaker("run").make(record(f"A{at}/0", score=float(at)) for at in range(10_000))
    found = results.shown(lines, Browse(unit="run"), parse("A99").matches)
    look = result_rows.look_of(Browse(unit="run"), found, PALETTE, 120)
    rows = result_rows.TableRows(found, look, {}, ["A99/0"])
    assert len(rows.keys) == 1 + 111
    assert rows.make("A99/0").marked
    assert rows.make("# CartPole-v1").heading
