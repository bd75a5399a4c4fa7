"""x ** y of arrays, to the same bits as in the kernel (replay.c), to 1e-13.

Rule: +, -, *, / alone, in a fixed order. The power functions of libm and numpy differ in the last bit from
one machine to the next, and with them what is drawn.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HALF_ROOT = np.uint64(0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2)
ONE = np.uint64(0x3FF0000000000000)
MAGNITUDE = np.uint64(0x4330000000000000)  # of 2^52: an integer below it can be or-ed in
MANTISSA = np.uint64(52)
BIAS = np.uint64(1023)
ROUND = 1.5 * 2.0**52
LOG = [1.0 / n for n in range(17, 0, -2)]
EXP = [1.0 / n for n in (39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1)]


def log2(x: Floats) -> Floats:
    """Of normal numbers > 0: exponent + ln(mantissa) / ln 2, the mantissa within sqrt(1/2) .. sqrt(2)."""
    bits = x.view(np.uint64)
    exponent = (bits - HALF_ROOT + ONE) >> MANTISSA
    m = (bits - (exponent << MANTISSA) + ONE).view(np.float64)
    e = (exponent | MAGNITUDE).view(np.float64) - (2.0**52 + 1023)
    s = (m - 1.0) / (m + 1.0)
    p = _polynomial(s * s, 1.0 / 19, LOG)
    p *= s
    p *= 2.8853900817779268  # 2 / ln 2
    p += e
    return p


def exp2(x: Floats) -> Floats:
    """Within 2^-1021 .. 2^1023."""
    x = np.minimum(np.maximum(x, -1021.0), 1023.0)
    shifted = x + ROUND
    p = _polynomial((x - (shifted - ROUND)) * 0.6931471805599453, 1.0 / 479001600, EXP)
    p *= ((shifted.view(np.uint64) + BIAS) << MANTISSA).view(np.float64)
    return p


def power(x: Floats, exponent: float) -> Floats:
    """Raise normal numbers > 0 to a power; a new array."""
    return exp2(log2(np.ascontiguousarray(x)) * exponent)


def _polynomial(x: Floats, highest: float, others: list[float]) -> Floats:
    p = np.full_like(x, highest)
    for coefficient in others:
        p *= x
        p += coefficient
    return p
