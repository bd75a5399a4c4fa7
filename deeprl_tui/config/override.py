"""`--set`, `--seeds` and names on a command line -> experiments and seeds.

Rule: an override is filed under a name that says so; one that changes nothing keeps the plain name.
"""

import dataclasses
import re
import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from deeprl_tui.config.decode import unknown_key
from deeprl_tui.config.expand import apply, check_together
from deeprl_tui.config.keys import BUDGETS, BY_NAME, TABLE_KEYS
from deeprl_tui.config.model import Experiment, Project
from deeprl_tui.config.names import unspell, with_set
from deeprl_tui.config.text import Fault, shown, suggest
from deeprl_tui.config.values import check_seeds, check_value
from deeprl_tui.core.spec import Json, differing, is_name
from deeprl_tui.errors import ConfigError, Problem, UnknownNameError


def parse_override(text: str) -> tuple[str, object]:
    """Read `key=value`: a TOML value, a list as 64x64, or else a bare string. Raises ConfigError."""
    key, equals, value = text.partition("=")
    key, value = key.strip(), value.strip()
    if not equals or not key:
        raise ConfigError([_problem(text, Fault("is not KEY=VALUE", "write --set gamma=0.9"))])
    if key in BY_NAME:
        items = unspell(BY_NAME[key], value)
        if items is not None:
            return key, items
    if "\n" not in value and "\r" not in value:
        try:
            return key, tomllib.loads(f"value = {value}")["value"]
        except (ValueError, RecursionError):
            pass
    return key, value


def override(experiment: Experiment, values: Mapping[str, object]) -> Experiment:
    """Derive the experiment with these settings in place of its own. Raises ConfigError with all problems."""
    checked: dict[str, Json] = {}
    problems = []
    for key, value in values.items():
        try:
            checked[key] = _check(key, value)
        except Fault as fault:
            problems.append(_problem(key, fault))
    if all(checked.get(key) is not None for key in BUDGETS):
        problems.append(
            _problem(BUDGETS[1], Fault(f"stands beside {BUDGETS[0]}", "a run has one budget: set one"))
        )
    if problems:
        raise ConfigError(problems)
    root = experiment.parent or experiment
    return _derive(root, _later(experiment.overrides, checked))


def _check(key: str, value: object) -> Json:
    if key == "seeds":
        raise Fault("is not a setting", "use --seeds")
    if key in TABLE_KEYS:
        raise Fault("is not a setting", "write it into experiments.toml")
    if key not in BY_NAME:
        raise unknown_key(key)
    return check_value(BY_NAME[key], value)


def _later(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """Put later overrides over earlier ones; a budget that the other one replaces need not be named."""
    merged, nowhere = dict(old), dict[str, str]()
    apply(merged, nowhere, new, "--set")
    for one, other in (BUDGETS, BUDGETS[::-1]):
        if merged.get(one) is not None and merged.get(other, 0) is None:
            del merged[other]
    return merged


def _derive(root: Experiment, values: Mapping[str, Json]) -> Experiment:
    values = {key: value for key, value in values.items() if value != root.settings[key]}
    if not values:
        return root
    settings, origin = dict(root.settings), dict(root.origin)
    apply(settings, origin, values, "--set")
    name = with_set(root.name, values)
    faults = check_together(settings)
    problems = [_problem(key, fault) for key, fault in faults.items()]
    if not is_name(name):
        fault = Fault(
            f"makes a name of {len(name)} letters, at most 120 are allowed", "write an experiment with it"
        )
        problems.append(_problem("", fault))
    if problems:
        raise ConfigError(problems)
    base = root.baseline_settings()
    return dataclasses.replace(
        root,
        name=name,
        settings=settings,
        origin=origin,
        baseline_of_env=False,
        baseline=root.name if root.baseline_of_env else root.baseline,
        changes=differing(base, settings) if base is not None else {},
        parent=root,
        overrides=values,
    )


def _problem(key: str, fault: Fault, file: str = "--set") -> Problem:
    return Problem(file, 0, "", shown(key), fault.reason, fault.remedy)


def parse_seeds(text: str, first: int = 0) -> tuple[int, ...]:
    """Read `5` (a count, from `first` on), `0,3,7` or `0-4`; `7,` is the seed 7. Raises ConfigError."""
    try:
        return _seeds(text.strip(), first)
    except Fault as fault:
        raise ConfigError([_problem(text, fault, "--seeds")]) from None


def _seeds(text: str, first: int) -> tuple[int, ...]:
    if re.fullmatch(r"[0-9]{1,10}", text):
        count = check_seeds(int(text))
        return check_seeds([first + seed for seed in count])
    seeds: list[int] = []
    for part in text.removesuffix(",").split(","):
        match = re.fullmatch(r"\s*([0-9]{1,10})(?:\s*-\s*([0-9]{1,10}))?\s*", part)
        if not match:
            raise Fault("is not a count or a list of seeds", "write 5, or 0,3,7, or 0-4")
        low, high = int(match[1]), int(match[2] or match[1])
        if high < low:
            raise Fault("goes backwards", f"write {high}-{low}")
        if high - low > 10_000:
            raise Fault("has more than 10000 seeds")
        seeds += range(low, high + 1)
    return check_seeds(seeds)


def select(project: Project, names: Iterable[str]) -> list[Experiment]:
    """Find experiments by name, by sweep, by pattern (`LL_*`) or by derived name; each once, in order.

    Raises UnknownNameError for the first name that finds nothing.
    """
    found: dict[str, Experiment] = {}
    for name in names:
        for experiment in _find(project, name):
            found.setdefault(experiment.name, experiment)
    return list(found.values())


def _find(project: Project, name: str) -> list[Experiment]:
    if name in project.experiments:
        return [project.experiments[name]]
    if name in project.groups:
        return [project.experiments[member] for member in project.groups[name]]
    base, plus, sets = name.partition("+")
    if plus and base in project.experiments:
        return [override(project.experiments[base], dict(parse_override(part) for part in sets.split("+")))]
    matches = [one for one in project.experiments.values() if fnmatchcase(one.name, name)]
    if matches:
        return matches
    known = [*project.experiments, *project.groups]
    listed = ", ".join(known[:4]) + (", ..." if len(known) > 4 else "")
    raise UnknownNameError(
        f'no experiment matches "{shown(name)}"'
        if re.search(r"[*?\[]", name)
        else f'no experiment "{shown(name)}"',
        place=project.path,
        remedy=suggest(name, known) or f"it has {listed}",
    )
