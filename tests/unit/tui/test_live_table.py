"""The live table in a running app: cursor, redraws, clicks, and text from data."""

import pytest
from rich.style import Style
from textual.app import App, ComposeResult
from textual.message import Message

from deeprl_tui.tui.theme import THEMES, VARIABLE_DEFAULTS
from deeprl_tui.tui.widgets.live_table import Column, LiveTable, Piece, Row

COLUMNS = (Column("name", "name", 10, flex=True), Column("value", "value", 6, "right"))
HOSTILE = [
    "\x1b[31mred",
    "\x1b]8;;http://x\x07",
    "[@click=app.quit]x[/]",
    "[b]bold[/b]",
    "\x9b2J",
    "a\r\nb",
    "\u202ex",
]


def rows(*names: str) -> list[Row]:
    """`#name` is a heading."""
    return [
        Row(name, (name[1:],), heading=True) if name.startswith("#") else Row(name, (name, f"{len(name)}"))
        for name in names
    ]


class TableApp(App[None]):
    """An app with one table that remembers what the table said."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names
        self.said: list[tuple[str, str]] = []
        self.sortable: tuple[str, ...] = ()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)

    def compose(self) -> ComposeResult:
        yield LiveTable(COLUMNS, sortable=self.sortable)

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "deeprl-night"
        self.table.set_rows(rows(*self.names))
        self.table.focus()

    @property
    def table(self) -> LiveTable:
        return self.query_one(LiveTable)

    def line(self, y: int) -> str:
        return self.table.render_line(y).text

    def on_live_table_highlighted(self, message: LiveTable.Highlighted) -> None:
        self.said.append(("highlighted", message.key))

    def on_live_table_selected(self, message: LiveTable.Selected) -> None:
        self.said.append(("selected", message.key))

    def on_live_table_header_clicked(self, message: LiveTable.HeaderClicked) -> None:
        self.said.append(("header", message.key))

    def on_live_table_sorted(self, message: LiveTable.Sorted) -> None:
        self.said.append(("sorted", f"{message.key} {'down' if message.descending else 'up'}"))


SIZE = (30, 8)


async def test_cursor_skips_headings() -> None:
    """Down and up go over headings, and the first row is the first that is none."""
    app = TableApp("#one", "a", "b", "#two", "c")
    async with app.run_test(size=SIZE) as pilot:
        assert app.table.cursor == "a"
        await pilot.press("j", "j")
        assert app.table.cursor == "c"
        await pilot.press("k")
        assert app.table.cursor == "b"
        await pilot.press("g")
        assert app.table.cursor == "a"


async def test_cursor_stops_at_the_ends() -> None:
    """Beyond the first and the last row nothing moves."""
    app = TableApp("#one", "a", "b")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("up", "up")
        assert app.table.cursor == "a"
        await pilot.press("end", "down", "pagedown")
        assert app.table.cursor == "b"


async def test_cursor_stays_on_its_key() -> None:
    """Sorting the rows moves the cursor with its row; losing the row moves it to the next one."""
    app = TableApp("a", "b", "c", "d")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("j")
        app.table.set_rows(rows("#x", "d", "c", "b", "a"))
        assert app.table.cursor == "b"
        app.table.set_rows(rows("#x", "d", "c", "a"))
        assert app.table.cursor == "a"
        app.table.set_rows(rows("#x"))
        assert app.table.cursor is None


async def test_only_the_changed_row_is_made_again() -> None:
    """A changed value costs one row, the same rows cost none."""
    names = [f"row{k}" for k in range(6)]
    app = TableApp(*names)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        before = app.table.rendered
        assert app.table.update_row(Row("row3", ("row3", "99")))
        await pilot.pause()
        assert app.table.rendered == before + 1
        assert not app.table.update_row(Row("row3", ("row3", "99")))
        app.table.set_rows([Row(n, (n, "99" if n == "row3" else "4")) for n in names])
        await pilot.pause()
        assert app.table.rendered == before + 1
        app.table.set_rows([Row(n, (n, "7" if n == "row5" else "99" if n == "row3" else "4")) for n in names])
        await pilot.pause()
        assert app.table.rendered == before + 2


async def test_a_row_out_of_sight_costs_nothing() -> None:
    """Updating a row below the view makes no row."""
    app = TableApp(*(f"row{k}" for k in range(100)))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        before = app.table.rendered
        app.table.update_row(Row("row90", ("row90", "1")))
        await pilot.pause()
        assert app.table.rendered == before


async def test_it_scrolls_only_when_the_cursor_leaves_the_view() -> None:
    """Moving within the view does not scroll; one row further scrolls by one."""
    app = TableApp(*(f"row{k}" for k in range(20)))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*["j"] * 6)
        assert app.table.scroll_y == 0
        await pilot.press("j")
        assert app.table.scroll_y == 1
        await pilot.press("G")
        await pilot.pause()
        assert "row19" in app.line(7)
        await pilot.press("k", "k")
        assert app.table.scroll_y == 13


async def test_going_to_the_top_shows_its_heading() -> None:
    """The heading above the first row scrolls into view with it."""
    app = TableApp("#top", *(f"row{k}" for k in range(20)))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("G", "g")
        await pilot.pause()
        assert app.line(1).strip() == "top"


async def test_a_page_moves_by_what_is_seen() -> None:
    """Page down lands one view further down, page up comes back."""
    app = TableApp(*(f"row{k}" for k in range(30)))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("pagedown")
        assert app.table.cursor == "row6"
        await pilot.press("ctrl+u")
        assert app.table.cursor == "row0"


async def test_messages_name_the_key() -> None:
    """Moving, enter, a click, a double click and a click on a title each say so once."""
    app = TableApp("#x", "a", "b")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.said.clear()
        await pilot.press("j", "enter")
        await pilot.click(LiveTable, offset=(3, 2))
        await pilot.click(LiveTable, offset=(3, 1))
        await pilot.click(LiveTable, offset=(3, 2), times=2)
        await pilot.click(LiveTable, offset=(26, 0))
        assert app.said == [
            ("highlighted", "b"),
            ("selected", "b"),
            ("highlighted", "a"),
            ("selected", "a"),
            ("header", "value"),
        ]


@pytest.mark.parametrize("text", HOSTILE)
async def test_cells_print_literally(text: str) -> None:
    """Markup stands there as text, and nothing that a terminal obeys comes through."""
    app = TableApp()
    async with app.run_test(size=(60, 4)):
        app.table.set_rows([Row("h", (Piece(text, Style(bold=True)),), heading=True), Row("a", (text, text))])
        shown = "".join(char if char.isprintable() else "·" for char in text)
        assert shown in app.line(1)
        assert shown in app.line(2)
        assert app.line(2).isprintable()


async def test_rows_are_as_wide_as_the_table() -> None:
    """Long and wide text is cut with an ellipsis by cells, so every row has the table's width."""
    app = TableApp()
    async with app.run_test(size=SIZE):
        wide = "名前" * 20
        app.table.set_rows([Row("a", (wide, "1234567")), Row("#h", (wide,), heading=True), Row("b", ("x",))])
        for y in range(4):
            assert app.table.render_line(y).cell_length == 30
        assert "…" in app.line(1)
        assert "12345…" in app.line(1)
        assert "…" in app.line(2)


async def test_pieces_share_the_room_of_a_cell() -> None:
    """A cell of several pieces is cut where the room ends, the rest is dropped."""
    app = TableApp()
    async with app.run_test(size=SIZE):
        plain = Style()
        app.table.set_rows([Row("a", ("x", [Piece("abc", plain), Piece("def", plain), Piece("ghi", plain)]))])
        assert app.line(1).rstrip().endswith("abcde…")


async def test_marks_and_cursor_differ_without_color() -> None:
    """In a theme of the terminal's colors the cursor is reversed and a picked row has a bar."""
    app = TableApp("a", "b", "c")
    async with app.run_test(size=SIZE) as pilot:
        app.theme = "ansi-dark"
        app.table.set_rows([Row("a", ("a", "")), Row("b", ("b", ""), marked=True), Row("c", ("c", ""))])
        await pilot.pause()
        assert all(segment.style.reverse for segment in app.table.render_line(1) if segment.style)
        assert app.line(2).startswith("▌b")
        assert app.line(3).startswith(" c")


async def test_narrow_tables_hide_columns() -> None:
    """A column with min_table is not drawn in a narrower table."""
    app = TableApp("abc")
    async with app.run_test(size=SIZE):
        app.table.set_columns((COLUMNS[0], Column("value", "value", 6, min_table=40)))
        assert app.line(0).strip() == "name"
        assert app.line(1).strip(" ▌") == "abc"


async def test_the_sorted_column_has_an_arrow() -> None:
    """The arrow stands beside the title and does not move the column."""
    app = TableApp("abc")
    async with app.run_test(size=SIZE):
        app.table.set_sort("value", descending=True)
        assert app.line(0).rstrip().endswith("value↓")


async def test_equal_keys_are_refused() -> None:
    """Two rows of one key are a fault of the caller."""
    app = TableApp("a")
    async with app.run_test(size=SIZE):
        with pytest.raises(ValueError, match="same key"):
            app.table.set_rows(rows("b", "b"))


def test_messages_can_be_told_apart() -> None:
    """Selected is not handled as Highlighted."""
    assert not issubclass(LiveTable.Selected, LiveTable.Highlighted)
    assert issubclass(LiveTable.HeaderClicked, Message)


NUMBERS = 10_000


async def test_only_rows_in_view_are_made() -> None:
    """Of 10,000 virtual rows the table makes those that can be seen."""
    made: list[str] = []

    def make(key: str) -> Row:
        made.append(key)
        return Row(key, (key, "1"))

    app = TableApp("a")
    async with app.run_test(size=SIZE) as pilot:
        app.table.set_virtual([f"row{k}" for k in range(NUMBERS)], make)
        await pilot.pause()
        assert len(made) <= 2 * SIZE[1]
        await pilot.press("G")
        await pilot.pause()
        assert "row9999" in app.line(7)
        assert app.table.cursor == "row9999"
        assert len(made) <= 4 * SIZE[1]


async def test_virtual_rows_that_changed_are_painted_again() -> None:
    """The same keys with one other row in view: one row is made again."""
    values = {f"row{k}": "1" for k in range(100)}
    app = TableApp("a")
    async with app.run_test(size=SIZE) as pilot:
        app.table.set_virtual(list(values), lambda key: Row(key, (key, values[key])))
        await pilot.pause()
        before = app.table.rendered
        values["row3"] = "2"
        app.table.set_virtual(list(values), lambda key: Row(key, (key, values[key])))
        await pilot.pause()
        assert app.table.rendered == before + 1
        assert "2" in app.line(4)


async def test_o_goes_through_the_columns() -> None:
    """o sorts by the next column that can be sorted, numbers downwards; O turns it; then none."""
    app = TableApp("a", "b")
    app.sortable = ("name", "value")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("o", "O", "o", "o")
        sorts = [said for said in app.said if said[0] == "sorted"]
        assert [one[1] for one in sorts] == ["name up", "name down", "value down", " up"]


async def test_a_click_on_a_title_sorts_and_turns() -> None:
    """The second click on the same title turns the order; the title shows an arrow."""
    app = TableApp("a", "b")
    app.sortable = ("value",)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.click(app.table, offset=(26, 0))
        assert "value↓" in app.line(0)
        await pilot.click(app.table, offset=(26, 0))
        assert "value↑" in app.line(0)
        assert ("sorted", "value up") in app.said


async def test_it_can_be_copied_as_text() -> None:
    """Titles and rows with tabs; glyphs are words, and bars are left out."""
    style = Style(bold=True)
    app = TableApp("a")
    async with app.run_test(size=SIZE):
        app.table.set_rows(
            [Row("x", (Piece("✗", style), [Piece("━━", style), Piece("──", style), Piece(" 4\t5", style)]))]
        )
        assert app.table.text == "name\tvalue\nfailed\t4 5\n"
        assert app.table.cursor_text == "failed\t4 5"
