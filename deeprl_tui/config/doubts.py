"""What is allowed but probably a slip: equal experiments, names that say something else, odd widths.

Rule: a doubt is a warning. It never keeps anything from running.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from deeprl_tui.config.model import Experiment, Table
from deeprl_tui.core.spec import Json, canonical
from deeprl_tui.errors import Problem

_WIDTHS = re.compile(r"[A-Za-z]+((?:_[0-9]+)+)(_[A-Za-z].*)?")


def doubts(tables: Sequence[Table], experiments: Mapping[str, Experiment]) -> list[Problem]:
    """Find all doubtful things of tables that have no errors."""
    found = []
    first: dict[str, Experiment] = {}
    for table in tables:
        experiment = experiments.get(table.name)
        if experiment is not None:
            same = first.setdefault(canonical([experiment.env, experiment.settings]), experiment)
            if same is not experiment:
                where = f" in line {same.line}" if same.line else ""
                reason = f"has the same settings as [experiments.{same.name}]{where}"
                found.append(table.problem("", reason, "change one of the two, or remove it"))
            found += _misnamed(table, experiment)
        if table.sound:
            found += _odd_widths(table)
    return found


def _misnamed(table: Table, experiment: Experiment) -> list[Problem]:
    """Compare the layer widths in a name such as LL_64_64 with net_arch."""
    match = _WIDTHS.fullmatch(table.name)
    if not match:
        return []
    widths = [int(part) for part in match[1].split("_")[1:]]
    ours = experiment.settings["net_arch"]
    if widths == ours or min(widths) < 8 or (match[2] and len(widths) < 2):
        return []
    key = "net_arch" if "net_arch" in table.lines else ""
    reason = f"is {ours}, the name says {widths}" if key else f"says {widths}, but net_arch is {ours}"
    return [table.problem(key, reason, "correct the one or the other")]


def _odd_widths(table: Table) -> list[Problem]:
    arch = table.values.get("net_arch")
    found = [table.problem("net_arch", *_odd(width)) for width in _numbers(arch) if _is_odd(width)]
    for values in table.sweep.get("net_arch", []):
        found += [table.problem("sweep", *_odd(width)) for width in _numbers(values) if _is_odd(width)]
    return found


def _numbers(arch: Json) -> Iterable[int]:
    return [width for width in arch if isinstance(width, int)] if isinstance(arch, list) else []


def _is_odd(width: int) -> bool:
    return width > 8 and width % 8 != 0 and width % 10 != 0


def _odd(width: int) -> tuple[str, str]:
    """Say what is odd, and the nearest multiple of 32 (of 8 below that)."""
    unit = 32 if width > 32 else 8
    return f"has the unusual width {width}", f"did you mean {unit * round(width / unit)}?"
