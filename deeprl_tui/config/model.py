"""What a checked experiments.toml is: a project of experiments with every setting resolved.

Rule: an Experiment stands alone; running it needs neither the file nor another experiment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deeprl_tui.config.hosts import Host
from deeprl_tui.core.spec import Json, RunId, RunSpec
from deeprl_tui.errors import Problem


@dataclass(frozen=True, slots=True)
class Experiment:
    """One named table, one combination of a sweep, or either of them with `--set`."""

    name: str
    env: str
    settings: Mapping[str, Json]  # every key of keys.SETTINGS
    origin: Mapping[str, str]  # who set each: "default", "baseline CP_basic", "extends X", "experiment", ...
    seeds: tuple[int, ...] = (0,)
    baseline_of_env: bool = False  # the others of this environment start from it
    baseline: str | None = None  # the experiment that this one is compared with
    changes: Mapping[str, tuple[Json, Json]] = field(default_factory=dict)  # key: (baseline's, ours)
    solved: float | None = None
    notes: str = ""
    line: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)  # of the settings that the file sets
    group: str = ""  # the table whose sweep made this one
    parent: "Experiment | None" = None  # before --set
    overrides: Mapping[str, Json] = field(default_factory=dict)  # what --set says

    def specs(self, seeds: Sequence[int] | None = None) -> list[RunSpec]:
        """Describe the runs of these seeds, or of the experiment's own."""
        return [
            RunSpec(
                id=RunId(self.name, seed),
                env=self.env,
                settings=self.settings,
                baseline=self.baseline,
                changes=self.changes,
                solved=self.solved,
            )
            for seed in (self.seeds if seeds is None else seeds)
        ]

    def baseline_settings(self) -> dict[str, Json] | None:
        """Undo the changes; None if there is no baseline."""
        if self.baseline is None:
            return dict(self.settings) if self.baseline_of_env else None
        return {
            key: self.changes[key][0] if key in self.changes else ours for key, ours in self.settings.items()
        }


@dataclass(frozen=True, slots=True)
class Project:
    """All experiments of a file, in its order."""

    path: str
    name: str
    experiments: Mapping[str, Experiment]
    warnings: tuple[Problem, ...] = ()  # doubtful, but it can run
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # table with a sweep: its experiments
    hosts: Mapping[str, Host] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check: a project, or at least one error."""

    project: Project | None
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    files: tuple[Path, ...] = ()  # of code, which were looked at: when they change, check again


@dataclass(slots=True)
class Table:
    """One experiment table as it stands in the file: checked alone, not yet resolved."""

    name: str
    file: str
    line: int
    lines: dict[str, int] = field(default_factory=dict)  # of its keys
    values: dict[str, Json] = field(default_factory=dict)
    env: str | None = None
    baseline: bool = False
    extends: str | None = None
    seeds: tuple[int, ...] | None = None
    solved: float | None = None
    notes: str = ""
    sweep: dict[str, list[Json]] = field(default_factory=dict)
    sound: bool = True  # no problem in it, so that what follows from it is worth saying

    def problem(self, key: str, reason: str, remedy: str = "") -> Problem:
        """Report a fault of this table at the line of the key, or of the table."""
        line = self.lines.get(key, 0) if key else self.line
        return Problem(self.file, line, f"experiments.{self.name}", key, reason, remedy)
