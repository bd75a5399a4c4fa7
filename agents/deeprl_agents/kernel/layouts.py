"""The structs and functions of kernel.h as ctypes sees them, and the addresses that go into them.

Rule: field for field as in kernel.h; `declare` compares the sizes with those of the loaded library.
"""

import ctypes
from ctypes import c_double, c_float, c_int64, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_LAYERS = 16
CLIP_NONE, CLIP_GLOBAL, CLIP_VARIABLE = 0, 1, 2
EXPLORE_EPSILON, EXPLORE_FRACTION, EXPLORE_BOLTZMANN = 0, 1, 2
STEP_OVER, STEP_TIMEOUT, STEP_PAUSE, STEP_LAST, STEP_NO_UPDATE = 1, 2, 4, 8, 16
UNIFORM, PRIORITIZED, RETENTION = 0, 1, 2
SCORES = ("softmax", "greedy", "q_gap")
MOST_LEVELS = 16
MOST_NEW = 4096
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


class SumTree(ctypes.Structure):
    """sum_tree_t: priorities."""

    _fields_ = [
        ("leaves", c_void_p),
        ("blocks", c_void_p),
        ("written", c_void_p),
        ("levels", c_int64),
        ("first", c_int64 * MOST_LEVELS),
    ]


class ScoreTree(ctypes.Structure):
    """score_tree_t: off-policy scores."""

    _fields_ = [
        ("scores", c_void_p),
        ("entered", c_void_p),
        ("blocks", c_void_p),
        ("written", c_void_p),
        ("levels", c_int64),
        ("first", c_int64 * MOST_LEVELS),
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
        ("fault", c_int64),
        ("by_priority", c_int64),
        *((name, c_double) for name in ("alpha", "beta", "beta_steps", "eps", "largest")),
        ("trees", SumTree * 2),
        ("omega", c_double),
        *((name, c_int64) for name in ("scoring", "kept", "target", "next")),
        ("fresh", c_void_p),
        ("fresh_first", c_int64),
        ("fresh_count", c_int64),
        ("scores", ScoreTree),
    ]


class Network(ctypes.Structure):
    """network_t: layers, arrays and settings of the network and its optimizer."""

    _fields_ = [
        ("layers", c_int64),
        ("sizes", c_int64 * (MOST_LAYERS + 1)),
        ("batch", c_int64),
        ("parameters", c_int64),
        ("double_q", c_int64),
        ("clip", c_int64),
        ("updates", c_int64),
        ("learning_rate", c_double),
        ("beta1", c_double),
        ("beta2", c_double),
        ("adam_eps", c_double),
        ("max_norm", c_float),
        ("weights", c_void_p),
        ("target", c_void_p),
        ("gradients", c_void_p),
        ("moments", c_void_p),
        ("squares", c_void_p),
        ("work", c_void_p),
        ("td_errors", c_void_p),
        ("values", c_void_p),
        ("loss_sum", c_double),
        ("loss_count", c_int64),
    ]


class Loop(ctypes.Structure):
    """loop_t: the training loop."""

    _fields_ = [
        ("net", c_void_p),
        ("replay", c_void_p),
        ("bits", c_void_p),
        *((name, c_int64) for name in ("n_steps", "train_freq", "gradient_steps", "learning_starts")),
        *((name, c_int64) for name in ("random_until", "target_interval", "step", "calls", "taken")),
        *((name, c_int64) for name in ("updates", "explore")),
        *((name, c_double) for name in ("gamma", "tau", "eps_initial", "eps_final", "eps_steps")),
        *((name, c_double) for name in ("total_steps", "beta", "epsilon")),
        *((name, c_void_p) for name in ("observation", "following", "beginning", "last", "extra")),
        *((name, c_void_p) for name in ("returns", "discounts", "final")),
        *((name, c_void_p) for name in ("action_values", "extra_values")),
    ]


class Shrink(ctypes.Structure):
    """shrink_t: which pixels of a rendered image make one of the small image."""

    _fields_ = [
        *((name, c_int64) for name in ("width", "rows", "columns")),
        *((name, c_void_p) for name in ("row_boxes", "column_boxes", "row_weights", "column_weights")),
        *((name, c_int64) for name in ("row_total", "column_total")),
        *((name, c_void_p) for name in ("sums", "gray")),
    ]


STRUCTS: tuple[type[ctypes.Structure], ...] = (Rows, Replay, Network, Loop, Shrink)
"""In the order of kernel_size."""


FUNCTIONS: dict[str, tuple[list[Any], Any]] = {
    "kernel_work": ([c_void_p], c_int64),
    "kernel_advance": ([c_void_p, c_int64, c_double, c_int64], c_int64),
    "kernel_choose": ([c_void_p], c_int64),
    "kernel_greedy": ([c_void_p, c_void_p], c_int64),
    "kernel_train": ([c_void_p, c_int64], None),
    "kernel_learn": ([c_void_p], None),
    "kernel_values": ([c_void_p, c_void_p, c_int64, c_void_p], None),
    "replay_added": ([c_void_p, c_int64], None),
    "replay_draw": ([c_void_p], None),
    "replay_feedback": ([c_void_p, c_void_p, c_void_p], None),
    "replay_rescore_slots": ([c_void_p, c_void_p], c_int64),
    "replay_rescore": ([c_void_p, c_void_p, c_void_p, c_int64], None),
    "image_shrink": ([c_void_p, c_void_p, c_int64, c_int64, c_int64, c_void_p], None),
}
"""What Python calls: arguments and result."""


def declare(library: ctypes.CDLL) -> None:
    """Tell ctypes the functions. Raises RuntimeError if the library is of another header."""
    for name, (arguments, result) in FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, result
    for number, struct in enumerate(STRUCTS):
        size = library.kernel_size(c_int64(number))
        if size != ctypes.sizeof(struct):
            raise RuntimeError(f"kernel: {struct.__name__} has {ctypes.sizeof(struct)} bytes, C has {size}")


def address(array: NDArray[Any]) -> int:
    """Where the first element is. The caller keeps the array alive."""
    assert array.flags.c_contiguous
    return int(array.ctypes.data)


def bits(source: np.random.Generator | None) -> int:
    """Address of a random stream: of a Generator, or of numpy's global one."""
    generator = np.random.mtrand.get_bit_generator() if source is None else source.bit_generator
    pointer: Any = generator.ctypes.bit_generator
    return int(pointer.value)
