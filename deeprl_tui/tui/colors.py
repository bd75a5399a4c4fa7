"""Arithmetic on colors written as `#rrggbb`.

Rule: names of terminal colors (`ansi_blue`) pass through unchanged, because nobody knows what they look like.
"""

from functools import lru_cache


def rgb(color: str) -> tuple[int, int, int]:
    """The parts of `#rrggbb`, 0 to 255. Digits of an alpha channel are ignored."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


@lru_cache(8192)
def mix(under: str, over: str, strength: float) -> str:
    """`over` at `strength`, 0 to 1, upon `under`. If one of them is a name: `over`."""
    if not (under.startswith("#") and over.startswith("#")):
        return over
    pairs = zip(rgb(under), rgb(over), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * strength):02x}" for a, b in pairs)
