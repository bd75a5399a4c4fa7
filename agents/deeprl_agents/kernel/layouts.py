"""The structs of kernel.h as ctypes sees them, and the addresses that go into them.

Rule: field for field as in kernel.h; `check` compares the sizes with those of the loaded library.
"""

import ctypes
from ctypes import c_int64, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNIFORM, PRIORITIZED, RETENTION = 0, 1, 2
UNKNOWN = -1
"""Of a buffer that draws in Python."""


class Rows(ctypes.Structure):
    """rows_t: the columns of a buffer whose observations are plain rows of float32."""

    _fields_ = [
        ("observations", c_void_p),
        ("next_observations", c_void_p),
        ("actions", c_void_p),
        ("rewards", c_void_p),
        ("dones", c_void_p),
        ("timeouts", c_void_p),
        ("width", c_int64),
    ]


class Replay(ctypes.Structure):
    """replay_t: what is drawn."""

    _fields_ = [
        ("kind", c_int64),
        ("batch", c_int64),
        ("actions", c_int64),
        ("capacity", c_int64),
        ("pos", c_int64),
        ("size", c_int64),
        ("added", c_int64),
        ("rows", c_void_p),
        ("written", c_void_p),
        ("bits", c_void_p),
        ("slots", c_void_p),
        ("weights", c_void_p),
    ]


SIZES: dict[str, type[ctypes.Structure]] = {"rows": Rows, "replay": Replay}


def address(array: NDArray[Any]) -> int:
    """Where the first element is. The caller keeps the array alive."""
    assert array.flags.c_contiguous
    return int(array.ctypes.data)


def bits(source: np.random.Generator | None) -> int:
    """Address of a random stream: of a Generator, or of numpy's global one."""
    generator = np.random.mtrand.get_bit_generator() if source is None else source.bit_generator
    pointer: Any = generator.ctypes.bit_generator
    return int(pointer.value)
