"""Rendered frames to small gray images, against sums of fractions pixel by pixel."""

from fractions import Fraction
from math import floor
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeprl_agents.envs.draw import Reading, Rendering, camera
from deeprl_agents.envs.shrink import Boxes, Shrink, area, squares
from deeprl_agents.kernel import library

sides = st.integers(1, 23)
needs_kernel = pytest.mark.skipif(library.load() is None, reason="the kernel is not built")


def gray(pixel: Any) -> Fraction:
    red, green, blue = (int(channel) for channel in pixel)
    return Fraction(299 * red + 587 * green + 114 * blue, 1000)


def mean_of_box(frame: Any, top: Fraction, left: Fraction, height: Fraction, width: Fraction) -> int:
    """Average a box of any size, by the part of each pixel that lies in it; round half up."""
    total = Fraction(0)
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            tall = max(Fraction(0), min(top + height, Fraction(y + 1)) - max(top, Fraction(y)))
            wide = max(Fraction(0), min(left + width, Fraction(x + 1)) - max(left, Fraction(x)))
            total += tall * wide * gray(frame[y, x]) if tall and wide else 0
    return floor(total / (height * width) + Fraction(1, 2))


def picture(seed: int, height: int, width: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), sides, sides, sides, sides)
def test_area_is_the_mean_of_equal_boxes(seed: int, height: int, width: int, rows: int, columns: int) -> None:
    """Smaller or larger, each pixel of the result is the mean over its share of the frame."""
    frame = picture(seed, height, width)
    small = Shrink(area(height, rows), area(width, columns), frame.shape)(frame)
    tall, wide = Fraction(height, rows), Fraction(width, columns)
    expected = [
        [mean_of_box(frame, y * tall, x * wide, tall, wide) for x in range(columns)] for y in range(rows)
    ]
    assert small.tolist() == expected


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), sides, sides, st.integers(1, 9))
def test_squares_are_means_with_the_border_filled_up(seed: int, height: int, width: int, pool: int) -> None:
    """Each pixel is the mean of a square; beyond the border the last row and column go on."""
    frame = picture(seed, height, width)
    small = Shrink(squares(height, pool), squares(width, pool), frame.shape)(frame)
    rows, columns = -(-height // pool), -(-width // pool)
    edges = ((0, rows * pool - height), (0, columns * pool - width), (0, 0))
    filled = np.pad(frame, edges, mode="edge")
    side = Fraction(pool)
    expected = [
        [mean_of_box(filled, y * side, x * side, side, side) for x in range(columns)] for y in range(rows)
    ]
    assert small.tolist() == expected


def shown(frame: Any, layout: str) -> Any:
    """The same picture in another layout of memory."""
    height, width, _ = frame.shape
    if layout == "BGRA":
        memory = np.zeros((height, width, 4), np.uint8)
        memory[:, :, 2::-1] = frame
        return memory[:, :, 2::-1]
    if layout == "columns first":
        return np.ascontiguousarray(frame.transpose(1, 0, 2)).transpose(1, 0, 2)
    return np.ascontiguousarray(frame[::-1])[::-1] if layout == "bottom up" else frame


@needs_kernel
@pytest.mark.parametrize("layout", ["RGB", "BGRA", "columns first", "bottom up"])
@pytest.mark.parametrize(
    "boxes",
    [(squares(130, 6), squares(203, 6)), (area(130, 84), area(203, 84)), (area(130, 300), area(203, 7))],
    ids=["squares", "area", "larger"],
)
def test_the_kernel_and_numpy_agree_to_the_bit(layout: str, boxes: tuple[Boxes, Boxes]) -> None:
    """However the frame lies in memory."""
    frame = picture(1, 130, 203)
    shrink = Shrink(*boxes, frame.shape)
    assert np.array_equal(shrink.by_kernel(shown(frame, layout)), shrink.by_numpy(frame))


def test_a_frame_of_another_shape_is_an_error() -> None:
    """A game that changes its window is stopped, not read beyond its memory."""
    shrink = Shrink(squares(20, 2), squares(30, 2), (20, 30, 3))
    with pytest.raises(ValueError, match="before it was"):
        shrink(picture(0, 30, 20))


@pytest.mark.parametrize("game", ["Acrobot-v1", "CartPole-v1", "LunarLander-v3", "MountainCar-v0"])
def test_what_is_read_is_what_is_rendered(game: str) -> None:
    """For hundreds of steps the surface of gymnasium's games has the pixels that `render` gives."""
    read, rendered = (gymnasium.make(game, render_mode="rgb_array") for _ in range(2))
    for env in (read, rendered):
        env.reset(seed=5)
    reading = camera(read)
    assert isinstance(reading, Reading)
    rng = np.random.default_rng(0)
    for step in range(150):
        action = int(rng.integers(read.action_space.n))  # type: ignore[attr-defined]
        over = [any(env.step(action)[2:4]) for env in (read, rendered)]
        assert np.array_equal(reading.frame(), rendered.render())  # type: ignore[arg-type]
        if any(over):
            for env in (read, rendered):
                env.reset(seed=step)


class Bordered(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Draws over the frames of an env."""

    def render(self) -> Any:
        """Render in black."""
        return np.zeros_like(self.env.render())


def test_a_wrapper_that_draws_is_asked() -> None:
    """What a wrapper shows in place of the game is what is learned from."""
    env = Bordered(gymnasium.make("CartPole-v1", render_mode="rgb_array"))
    env.reset(seed=0)
    taken = camera(env)
    assert isinstance(taken, Rendering)
    assert not taken.frame().any()
