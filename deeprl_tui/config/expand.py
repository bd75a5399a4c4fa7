"""Experiment tables -> experiments: layers, sweeps, and what differs from the baseline.

Rule: defaults < baseline of the environment < chain of `extends` < the experiment < its sweep < `--set`.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deeprl_tui.config.keys import BUDGETS, defaults
from deeprl_tui.config.model import Experiment, Table
from deeprl_tui.config.names import in_sweep
from deeprl_tui.config.text import Fault, suggest
from deeprl_tui.core.plugin import is_path
from deeprl_tui.core.spec import Json, differing, is_name
from deeprl_tui.errors import Problem


@dataclass(frozen=True, slots=True)
class Expanded:
    """All experiments whose tables are sound, and what is wrong between tables."""

    experiments: dict[str, Experiment]
    groups: dict[str, tuple[str, ...]]
    problems: list[Problem]


def expand(tables: Sequence[Table]) -> Expanded:
    """Resolve every table. The same tables always give the same experiments."""
    return _Expansion(tables).run()


def apply(settings: dict[str, Json], origin: dict[str, str], layer: Mapping[str, Json], source: str) -> None:
    """Put a layer on top. A layer that sets one budget takes the other away."""
    for key, value in layer.items():
        settings[key] = value
        origin[key] = source
    for one, other in (BUDGETS, BUDGETS[::-1]):
        if layer.get(one) is not None and layer.get(other) is None:
            settings[other] = None
            origin[other] = source


def check_together(settings: Mapping[str, Json]) -> dict[str, Fault]:
    """Find the settings that contradict each other: key at fault -> why."""
    faults = {}
    if all(settings[key] is None for key in BUDGETS):
        faults["total_timesteps"] = Fault("is none, and so is total_episodes", "give the run one of the two")
    batch, buffer = settings["batch_size"], settings["buffer_size"]
    if isinstance(batch, int) and isinstance(buffer, int) and batch > buffer:
        faults["batch_size"] = Fault(f"{batch} is more than buffer_size {buffer}", "make the buffer larger")
    if settings["dueling"] and is_path(settings["network"]):
        faults["dueling"] = Fault("needs the network mlp", "give your own network two streams, or remove it")
    steps = settings["n_steps"]
    if settings["replay"] == "retention" and isinstance(steps, int) and steps > 1:
        fault = f"is {steps}, but what retention keeps has no successors to sum over"
        faults["n_steps"] = Fault(fault, 'write n_steps = 1, or replay = "prioritized"')
    if settings["replay"] == "retention" and buffer == 1:
        faults["buffer_size"] = Fault("is 1, but retention has two halves", "make the buffer larger")
    return faults


_TOGETHER = {
    "total_timesteps": BUDGETS,
    "batch_size": ("batch_size", "buffer_size"),
    "dueling": ("dueling", "network"),
    "n_steps": ("n_steps", "replay"),
    "buffer_size": ("buffer_size", "replay"),
}


class _Expansion:
    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = {table.name: table for table in tables}
        self.problems: list[Problem] = []
        self.chains: dict[str, list[Table] | None] = {}
        self.baselines: dict[str, Table] = {}

    def run(self) -> Expanded:
        self._follow()
        self._find_baselines()
        experiments: dict[str, Experiment] = {}
        groups: dict[str, tuple[str, ...]] = {}
        for table in self.tables.values():
            made = self._experiments(table)
            if table.sweep and made:
                groups[table.name] = tuple(one.name for one in made)
            experiments.update({one.name: one for one in made})
        return Expanded(experiments, groups, self.problems)

    def _follow(self) -> None:
        """Find the chain of every table, oldest first; None if it leads nowhere or in a circle."""
        told: set[str] = set()
        for table in self.tables.values():
            chain: list[Table] = [table]
            names = [table.name]
            while chain is not None and (parent := chain[0].extends) is not None:
                if parent in names:
                    circle = names[: names.index(parent) + 1]
                    if not told.intersection(circle):
                        told.update(circle)
                        words = " -> ".join([*reversed(circle), parent])
                        fault = self.tables[parent].problem("extends", f"goes in a circle: {words}", "cut it")
                        self.problems.append(fault)
                    break
                if parent not in self.tables:
                    if chain[0] is table:
                        remedy = suggest(parent, [name for name in self.tables if name != table.name])
                        self.problems.append(
                            table.problem("extends", "names no experiment of this file", remedy)
                        )
                    break
                chain.insert(0, self.tables[parent])
                names.insert(0, parent)
            self.chains[table.name] = chain if chain[0].extends is None else None

    def _env(self, table: Table) -> str | None:
        for layer in reversed(self.chains[table.name] or [table]):
            if layer.env is not None:
                return layer.env
        return None

    def _find_baselines(self) -> None:
        for table in self.tables.values():
            env = self._env(table) if table.baseline else None
            if env is None:
                continue
            first = self.baselines.setdefault(env, table)
            if first is not table:
                where = f" in line {first.line}" if first.line else ""
                reason = f"is the second of {env}, after [experiments.{first.name}]{where}"
                self.problems.append(
                    table.problem("baseline", reason, "keep one baseline for each environment")
                )

    def _experiments(self, table: Table) -> list[Experiment]:
        env, chain = self._env(table), self.chains[table.name]
        if env is None or chain is None:
            return []
        baseline = self.baselines.get(env)
        if baseline is table or (baseline is not None and table.baseline):
            baseline = None
        if not all(layer.sound for layer in [*chain, *(self._layers(baseline) if baseline else ())]):
            return []
        base = self._resolve(baseline, {}) if baseline else None
        upwards = [*reversed(chain), *(reversed(self._layers(baseline)) if baseline else ())]
        made = []
        for values in self._combinations(table):
            settings, origin = self._resolve(table, values)
            name = in_sweep(table.name, values) if values else table.name
            if not is_name(name):
                length = f"makes a name of {len(name)} letters, at most 120 are allowed"
                self.problems.append(table.problem("sweep", length, "sweep over fewer keys"))
                break
            faults = self._contradictions(table, settings)
            if faults:
                self.problems += faults
                break
            made.append(
                Experiment(
                    name=name,
                    env=env,
                    settings=settings,
                    origin=origin,
                    seeds=next((layer.seeds for layer in upwards if layer.seeds is not None), (0,)),
                    baseline_of_env=self.baselines.get(env) is table,
                    baseline=baseline.name if baseline else None,
                    changes=differing(base[0], settings) if base else {},
                    solved=next((layer.solved for layer in upwards if layer.solved is not None), None),
                    notes=table.notes,
                    line=table.line,
                    lines=self._lines(table),
                    group=table.name if values else "",
                )
            )
        return made

    def _layers(self, table: Table) -> list[Table]:
        return self.chains[table.name] or [table]

    def _resolve(self, table: Table, values: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, str]]:
        """Lay all layers of a table over the defaults."""
        settings = defaults()
        origin = dict.fromkeys(settings, "default")
        baseline = self.baselines.get(self._env(table) or "")
        if baseline is not None and not table.baseline:
            for layer in self._layers(baseline):
                apply(settings, origin, layer.values, f"baseline {baseline.name}")
        for layer in self._layers(table)[:-1]:
            if layer is not baseline:
                apply(settings, origin, layer.values, f"extends {layer.name}")
        apply(settings, origin, table.values, "experiment")
        apply(settings, origin, values, "sweep")
        return settings, origin

    def _lines(self, table: Table) -> dict[str, int]:
        """Where in the file each setting got its value."""
        baseline = None if table.baseline else self.baselines.get(self._env(table) or "")
        layers = [*(self._layers(baseline) if baseline else ()), *self._layers(table)]
        return {key: line for layer in layers for key, line in layer.lines.items() if key in layer.values}

    @staticmethod
    def _combinations(table: Table) -> list[dict[str, Json]]:
        """List the combinations of a sweep; one empty combination if there is none."""
        return [
            dict(zip(table.sweep, values, strict=True)) for values in itertools.product(*table.sweep.values())
        ]

    @staticmethod
    def _contradictions(table: Table, settings: Mapping[str, Json]) -> list[Problem]:
        """Report settings that do not fit together, in the table that brought them together."""
        found = []
        for key, fault in check_together(settings).items():
            mine = [name for name in _TOGETHER[key] if name in table.values or name in table.sweep]
            if mine:
                place = (
                    key
                    if key in table.lines
                    else next((name for name in mine if name in table.lines), "sweep")
                )
                problem = table.problem(place, fault.reason, fault.remedy)
                reason = fault.reason if place == key else f"{key} {fault.reason}"
                found.append(Problem(problem.file, problem.line, problem.table, place, reason, fault.remedy))
        return found
