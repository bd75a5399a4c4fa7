"""A scrolling widget that draws its own lines, with a scroll bar of one cell that does not catch the eye."""

from textual.scroll_view import ScrollView


class QuietScroll(ScrollView, can_focus=True):
    """What tables and logs scroll with."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    QuietScroll {
        background: transparent;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        scrollbar-color: $foreground 14%;
        scrollbar-color-hover: $primary 60%;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    """

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """A bar that appears is where the lines are: Textual tells it only of later scrolling."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y
