"""What a run is: its name, its frozen description, and the digest that guards both.

Rule: a RunSpec holds every setting, resolved, so a worker needs no defaults and no experiments.toml.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from deeprl_tui.errors import RunDirectoryError

MAX_SPEC = 1 << 20
"""A run.json is a few kilobytes; more than this many bytes is none."""

FORMAT = 1
"""Format of the run directory. Readers refuse a newer one."""

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+=,-]{0,119}")
"""Experiment names, also derived ones (`CP_basic+gamma=0.9`): safe as a folder and as a shell word."""

LATER: Mapping[str, Json] = {
    "device": "cpu",
    "image_size": None,
    "network": "mlp",
    "retention_omega": 0.5,
    "retention_sampler": "uniform",
    "retention_score": "softmax",
    "wrappers": [],
}
"""Settings that older runs do not have, with the value that trains as they did; that is not digested."""

ENV_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:-]{0,79}")


class RunId(NamedTuple):
    """A run's name: one experiment with one seed. Written `experiment/seed`."""

    experiment: str
    seed: int

    def __str__(self) -> str:
        return f"{self.experiment}/{self.seed}"

    @classmethod
    def parse(cls, text: str) -> "RunId":
        """Read `experiment/seed`. Raises ValueError on anything else."""
        experiment, slash, seed = text.rpartition("/")
        if not slash or not is_name(experiment) or not re.fullmatch(r"[0-9]{1,10}", seed):
            raise ValueError(f"{text!r} is not a run: write experiment/seed, for example LL_basic/0")
        return cls(experiment, int(seed))


def is_name(text: str) -> bool:
    """Whether text may name an experiment: no path, no option, no trailing dot."""
    return NAME.fullmatch(text) is not None and not text.endswith(".") and ".." not in text


def finite(value: Json) -> Json:
    """Put None for NaN and infinities, which JSON does not have, also inside of lists and objects."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case str():
            return value
        case Mapping():
            return {key: finite(item) for key, item in value.items()}
        case Sequence():
            return [finite(item) for item in value]
        case _:
            return value


def canonical(value: Json) -> str:
    """Write JSON in the one form that is digested and stored: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, slots=True)
class RunSpec:
    """All that a worker needs to train one run; becomes run.json."""

    id: RunId
    env: str
    settings: Mapping[str, Json]  # every key of config.keys.SETTINGS, resolved
    algo: str = "dqn"
    baseline: str | None = None  # the experiment that this one is compared with
    changes: Mapping[str, tuple[Json, Json]] = field(default_factory=dict)  # key: (baseline's, ours)
    solved: float | None = None  # return at which the env counts as solved; a line in charts
    code: Mapping[str, str] = field(default_factory=dict)  # file below the project's folder: its SHA-256

    @property
    def digest(self) -> str:
        """Identify settings and code without name, seed and labels: equal digests train alike."""
        settings = {
            key: value
            for key, value in self.settings.items()
            if key not in LATER or canonical(value) != canonical(LATER[key])
        }
        trained: dict[str, Json] = {"algo": self.algo, "env": self.env, "settings": settings}
        if self.code:
            trained["code"] = self.code
        return hashlib.sha256(canonical(trained).encode()).hexdigest()

    def to_json(self) -> str:
        """Write run.json."""
        return canonical(
            {
                "format": FORMAT,
                "experiment": self.id.experiment,
                "seed": self.id.seed,
                "algo": self.algo,
                "env": self.env,
                "settings": self.settings,
                "digest": self.digest,
                "baseline": self.baseline,
                "changes": {key: list(pair) for key, pair in self.changes.items()},
                "solved": self.solved,
                **({"code": self.code} if self.code else {}),
            }
        )

    @classmethod
    def from_json(cls, text: str | bytes, *, place: str = "") -> "RunSpec":
        """Read run.json. Raises RunDirectoryError if it is damaged, foreign or of a newer format."""
        try:
            raw = json.loads(text)
            if raw["format"] > FORMAT:
                raise RunDirectoryError(
                    f"format {raw['format']}, this version reads up to {FORMAT}",
                    place=place,
                    remedy="upgrade deeprl-tui here",
                )
            spec = cls(
                id=RunId.parse(f"{raw['experiment']}/{raw['seed']}"),
                env=str(raw["env"]),
                settings=dict(raw["settings"]),
                algo=str(raw["algo"]),
                baseline=raw.get("baseline"),
                changes={key: (pair[0], pair[1]) for key, pair in raw.get("changes", {}).items()},
                solved=raw.get("solved"),
                code={str(file): str(sha) for file, sha in raw.get("code", {}).items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise RunDirectoryError(
                f"not a run description ({error})", place=place, remedy="restore the file or archive the run"
            ) from None
        if not ENV_ID.fullmatch(spec.env) or ".." in spec.env or not is_name(spec.algo):
            raise RunDirectoryError("env or algo is not a plain name", place=place, remedy="archive the run")
        if raw.get("digest") != spec.digest:
            raise RunDirectoryError(
                "the settings do not match their digest: the file was edited",
                place=place,
                remedy="restore it, or archive the run with --fresh",
            )
        return spec


def differing(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, tuple[Json, Json]]:
    """Name the keys in which two sets of settings differ, with both values."""
    old, new = {**LATER, **old}, {**LATER, **new}
    return {key: (old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)}
