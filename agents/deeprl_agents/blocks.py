"""Frames of an environment made small for a terminal: cells of two colors, or compressed pixels.

A cell shows one of 16 patterns of its quarters, in the two colors that its four pixels come closest to.
Rule: colors have 5 bits, so most cells of a frame equal those of the frame before and are not drawn again.
"""

import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeprl_tui.core import playing
from deeprl_tui.core.playing import Picture, Wish

Pixels = NDArray[np.uint8]
BITS = np.array([1, 2, 4, 8])
WHITE = 250


def fit(width: int, height: int, columns: int, rows: int, *, tall: int = 2) -> tuple[int, int]:
    """Give the largest size of the same shape within columns x rows.

    tall: how many times a cell is as high as it is wide.
    """
    scale = min(columns / width, rows * tall / height)
    return max(1, min(columns, round(width * scale))), max(1, min(rows, round(height * scale / tall)))


def on_paper(frame: Pixels) -> bool:
    """Say whether a frame is drawn on white paper: all its corners are white."""
    return bool((frame[:: len(frame) - 1 or 1, :: frame.shape[1] - 1 or 1] >= WHITE).all())


def picture(frame: Pixels, wish: Wish, *, paper: bool = False) -> Picture | None:
    """Make what a wish asks for of a frame (height x width x 3); None if it asks for none.

    paper: the frame is drawn on white, which gives way to the wish's ground color.
    """
    if wish.kind == "none" or not wish.columns or not wish.rows:
        return None
    height, width, _ = frame.shape
    if wish.kind == "zlib":
        size = fit(width, height, min(wish.columns, width), min(wish.rows, height), tall=1)
        small = _tinted(_resized(frame, *size), wish.ground if paper else "")
        return Picture("zlib", *size, zlib.compress(small.tobytes(), 1))
    columns, rows = fit(width, height, wish.columns, wish.rows)
    across = 2 if wish.kind == "quarters" else 1
    small = _resized(frame, across * columns, 2 * rows)
    small = np.bitwise_or(small & 0xF8, small >> 5, dtype=np.uint8)
    small = _tinted(small, wish.ground if paper else "")  # after that: paper is the ground to the bit
    if across == 1:
        small = small.repeat(2, axis=1)
    return Picture(wish.kind, columns, rows, cells(small).tobytes())


def cells(image: Pixels) -> Pixels:
    """Turn an image of 2 rows x 2 columns pixels a cell into cells: rows * columns x playing.CELL."""
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    quarters = image.reshape(rows, 2, columns, 2, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 4, 3)
    found = np.zeros((rows * columns, playing.CELL), np.uint8)
    found[:, 1:4] = found[:, 4:7] = quarters[:, 0]
    mixed = np.flatnonzero((quarters != quarters[:, :1]).any(axis=(1, 2)))
    if len(mixed):
        some = quarters[mixed].astype(np.int32)
        low, high = some.min(axis=1), some.max(axis=1)
        channel = (high - low).argmax(axis=1)[:, None]  # where they differ most
        middle = np.take_along_axis(low + high, channel, axis=1)
        first = 2 * np.take_along_axis(some, channel[:, None], axis=2)[:, :, 0] > middle
        many = first.sum(axis=1)[:, None]
        sum_first = (some * first[:, :, None]).sum(axis=1)
        found[mixed, 0] = first @ BITS
        found[mixed, 1:4] = sum_first // many
        found[mixed, 4:7] = (some.sum(axis=1) - sum_first) // (4 - many)
    return found


def _resized(frame: Pixels, width: int, height: int) -> Pixels:
    whole = Image.fromarray(np.ascontiguousarray(frame))
    return np.asarray(whole.resize((width, height), Image.Resampling.BOX))


def _tinted(image: Pixels, ground: str) -> Pixels:
    """Let white paper take a color. On a dark one lightness is turned round, and hues stay."""
    if not ground:
        return image
    color = np.array([int(ground[at : at + 2], 16) for at in (1, 3, 5)], np.float32)
    values = image.astype(np.float32)
    if color.mean() >= 128:
        tinted = values * (color / 255)
    else:
        turned = values + 255 - values.max(axis=2, keepdims=True) - values.min(axis=2, keepdims=True)
        tinted = color + turned * ((255 - color) / 255)
    return tinted.round().astype(np.uint8)
