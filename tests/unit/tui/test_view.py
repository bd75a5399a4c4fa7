"""Zoom, pan, crosshair and caption as plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeprl_tui.tui.widgets.view import View, caption


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("zoom"), st.floats(0.1, 5)),
            st.tuples(st.just("pan"), st.floats(-2, 2)),
            st.tuples(st.just("cross"), st.integers(-50, 50)),
        ),
        max_size=20,
    ),
    st.floats(1, 1e9),
)
def test_a_view_stays_within_the_data(moves: list[tuple[str, float]], end: float) -> None:
    """Whatever keys are pressed, the range is not empty and within the data, and so is the crosshair."""
    view = View()
    for kind, amount in moves:
        if kind == "zoom":
            view = view.zoom(amount, end)
        elif kind == "pan":
            view = view.pan(amount, end)
        else:
            view = view.move_cross(int(amount), 100, end)
            assert view.cross is not None
            assert -1e-6 * end <= view.cross <= end * (1 + 1e-6)
        x0, x1 = view.span(end)
        assert x1 > x0
        assert x0 >= -1e-6 * end
        assert x1 <= end * (1 + 1e-6)


def test_zoom_keeps_what_is_under_the_mouse() -> None:
    """The x of the mouse stays at its share of the range."""
    view = View(x=(100.0, 200.0)).zoom(0.5, 1000, at=125.0)
    assert view.x == (112.5, 162.5)


def test_zooming_out_fully_follows_the_data_again() -> None:
    """A range as wide as the data is no range."""
    assert View(x=(0.0, 50.0)).zoom(3, 100).x is None


def test_a_followed_end_moves_on_with_the_data() -> None:
    """The range keeps its width; holding still leaves it where it is; going back ends it."""
    view = View(x=(50.0, 100.0)).follow(100)
    assert view.span(300) == (250, 300)
    assert view.follow(300).span(900) == (250, 300)
    assert not view.pan(-0.5, 300).tail
    assert View().follow(100).span(200) == (180, 200)


def test_zooming_keeps_a_followed_end() -> None:
    """The end of the data stays at the right border."""
    assert View(x=(50.0, 100.0)).follow(100).zoom(0.5, 100).span(200) == (175, 200)


def test_a_box_is_ordered_and_within_the_data() -> None:
    """Whichever corner comes first; a click is no box."""
    view = View().box((80.0, -20.0), (5.0, 1.0), 60)
    assert (view.x, view.y) == ((0, 60), (1, 5))
    assert View().box((30.0, 30.0), None, 60) == View()


def test_another_axis_shows_everything_over_it() -> None:
    """A range of steps says nothing about episodes; after four axes it is steps again."""
    view = View(x=(1.0, 2.0), cross=1.5).next_axis()
    assert (view.axis, view.x, view.cross) == ("episode", None, None)
    assert view.next_axis().next_axis().next_axis().axis == "step"


@pytest.mark.parametrize(
    ("view", "most", "now", "text"),
    [
        (View(), 5, 5, "mean ± sd of 5 seeds · smooth 0.85"),
        (View(), 5, 3, "mean ± sd of 5 seeds, 3 at end · smooth 0.85"),
        (View(smooth=0), 1, 1, "1 seed"),
        (View(smooth=0, band="ci95"), 3, 3, "mean of 3 seeds, 95% CI needs 5"),
        (
            View(smooth=0, band="minmax", log_y=True, x=(0, 1)),
            2,
            2,
            "mean, min–max of 2 seeds · log y · zoomed",
        ),
        (View(smooth=0), 0, 0, ""),
        (View(smooth=0, x=(0, 1), tail=True), 1, 1, "1 seed · follows the end"),
    ],
)
def test_caption(view: View, most: int, now: int, text: str) -> None:
    """The caption says what is drawn and of how many seeds."""
    assert caption(view, most, now) == text
