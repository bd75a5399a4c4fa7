"""rliable, the oracle of the statistics, imported so that it also works beside pandas 3.

It needs arch before version 8, whose time series models (not used here) call a decorator of pandas that has
changed. While arch is imported that decorator does nothing.
"""

from collections.abc import Callable
from typing import Any

from pandas.util import _decorators


def _plain(*_: object, **__: object) -> Callable[[Any], Any]:
    return lambda function: function


_before, _decorators.deprecate_kwarg = _decorators.deprecate_kwarg, _plain  # type: ignore[attr-defined]
try:
    from rliable import library, metrics
finally:
    _decorators.deprecate_kwarg = _before  # type: ignore[attr-defined]

__all__ = ["library", "metrics"]
