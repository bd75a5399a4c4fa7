"""Numbers, times and tables as a person reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from deeprl_tui.cli import look
from deeprl_tui.cli.plan import finish_time
from deeprl_tui.cli.table import Cell, Column, lay, shorten
from deeprl_tui.core import state
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.text import clean, uncolored
from deeprl_tui.tui.theme import STATES

NOON = 1_795_348_800.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (812, "812"),
        (999.7, "1k"),
        (12_400, "12.4k"),
        (99_960, "100k"),
        (3_100_000, "3.1M"),
        (None, "–"),
    ],
)
def test_count(value: float | None, text: str) -> None:
    """Counts take five letters at most."""
    assert look.count(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0s"),
        (59.4, "59s"),
        (61, "1m"),
        (3570, "1h 00m"),
        (11_100, "3h 05m"),
        (100_000, "1d 4h"),
        (None, "–"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    """Time spans take their two largest units."""
    assert look.duration(seconds) == text


def test_span_is_a_range_only_where_its_ends_differ() -> None:
    """3m to 3m is 3m."""
    assert look.span(Eta(180, 181, 182)) == "3m"
    assert look.span(Eta(60, 120, 300)) == "1m to 5m"


def test_states_look_as_on_the_dashboard() -> None:
    """Every state has a glyph, the dashboard's."""
    words = {state.word(kind) for kind in state.STATES}
    assert set(look.STATES) == words
    assert {word: glyph for word, (glyph, _) in look.STATES.items()} == {
        word: STATES[word].glyph for word in words
    }


def test_sparkline_shows_a_rise() -> None:
    """Values become blocks from the lowest to the highest."""
    assert look.sparkline([float(value) for value in range(100)], 4) == "▁▃▆█"
    assert look.sparkline([float("nan")], 4) == ""


def test_a_sparkline_of_absurd_values_is_drawn() -> None:
    """Differences beyond the smallest and the largest numbers are no error."""
    assert look.sparkline([0.0, 5e-324], 2) == "▁█"
    assert look.sparkline([-1e308, 1e308], 2) == "▁▁"


def test_finish_time_names_another_day() -> None:
    """Within today the clock is enough; later the day stands before it."""
    today = finish_time(Eta(60, 120, 180), NOON)
    later = finish_time(Eta(60, 120, 5 * 86_400), NOON)
    assert today.startswith("between ")
    assert len(today) == len("between 12:01 and 12:03")
    assert len(later.split(" and ")[1].split(" ")) == 2


def test_seeds_in_short() -> None:
    """A range where there is one."""
    assert look.seeds((0, 1, 2, 3)) == "0-3"
    assert look.seeds((0, 3)) == "0,3"


def test_a_long_name_keeps_its_seed() -> None:
    """The middle goes, for the end tells runs apart."""
    assert shorten("CP_basic+total_timesteps=20000/12", 20) == "CP_basic+total_t…/12"


def test_a_table_drops_columns_before_it_overflows() -> None:
    """In little space texts are cut first, then columns of the highest rank go."""
    columns = (Column("name", cut=True, least=6), Column("a", right=True, rank=1), Column("b", rank=2))
    rows = [("long_name_here/0", "1234", "12345678")]
    assert ["".join(cell.text for cell in line) for line in lay(columns, rows, 40)] == [
        "name                 a  b",
        "long_name_here/0  1234  12345678",
    ]
    assert ["".join(cell.text for cell in line) for line in lay(columns, rows, 14)] == [
        "name         a",
        "long_…/0  1234",
    ]


@given(
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=8), st.text(max_size=60)), max_size=5),
    st.integers(28, 120),
)
def test_a_table_never_overflows(rows: list[tuple[str, str, str]], width: int) -> None:
    """Whatever the texts are, no line is wider than the terminal, and none can be obeyed by it."""
    columns = (Column("run", cut=True), Column("n", right=True), Column("why", cut=True, rank=1))
    for line in lay(columns, rows, width):
        text = "".join(cell.text for cell in line)
        assert cell_len(text) <= width
        assert text.isprintable()


def test_cells_keep_their_style() -> None:
    """A glyph stays colored beside its name."""
    [_, line] = lay((Column("run"),), [((Cell("●", "cyan"), Cell(" a")),)], 20)
    assert line[0] == Cell("●", "cyan")


@given(st.text())
def test_clean_leaves_nothing_to_obey(text: str) -> None:
    """Cleaned text is printable and as long as before."""
    assert clean(text).isprintable()
    assert len(clean(text)) == len(text)


def test_colors_of_a_log_go_and_other_codes_are_shown() -> None:
    """Color codes vanish; what else begins with ESC stays visible as text, even if it is nested."""
    assert clean(uncolored("\x1b[31mred\x1b[0m")) == "red"
    assert clean(uncolored("\x1b[\x1b[31m2J")) == "·[2J"
