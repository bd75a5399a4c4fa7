"""How fast a host is against the others. Pure."""

from collections.abc import Iterable, Mapping
from statistics import median

from deeprl_tui.core.state import RunView
from deeprl_tui.runs import stats
from deeprl_tui.runs.stats import Throughput


def speed(machine: str, views: Iterable[RunView], reference: Mapping[str, Throughput]) -> float:
    """How fast a host is against a reference, by the kinds of work that were seen on both; 1 without any.

    machine: what its workers call it in their logs.
    """
    own = stats.throughput(view for view in views if view.host and view.host == machine)
    ratios = [
        one.steps_per_second / reference[work].steps_per_second
        for work, one in own.items()
        if work in reference
    ]
    return median(ratios) if ratios else 1.0
