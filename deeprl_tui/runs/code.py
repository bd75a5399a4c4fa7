"""What code the runs of a project would import, and whether this user trusts it.

Rule: nothing is imported here. A description of a run carries the digest of every file that it may import.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from deeprl_tui.config import Experiment
from deeprl_tui.config.modules import Source, sources
from deeprl_tui.config.text import Fault
from deeprl_tui.core.plugin import used
from deeprl_tui.core.spec import RunSpec
from deeprl_tui.core.trust import REMEDY, Trust, TrustRecord
from deeprl_tui.errors import RefusedError


@dataclass(frozen=True, slots=True)
class CodeFile:
    """One file of code that experiments use."""

    path: Path  # absolute: what the record of trust knows it by
    file: str  # below the project's folder
    sha256: str
    trust: Trust
    uses: tuple[str, ...]  # "replay of CP_mine", "imported by buffers.py"
    modules: tuple[str, ...]  # of the experiments, whose code it belongs to


Known: TypeAlias = dict[str, tuple[Source, ...]]
"""Code by "module:Name"."""


def _look(experiment: Experiment, folder: Path, known: Known) -> list[tuple[str, str]]:
    """Add the code of an experiment to what is known; its plug-ins as (key, path). Raises RefusedError."""
    named = used(experiment.env, experiment.settings)
    for key, path in named:
        try:
            known[path] = known.get(path) or sources(folder, path)
        except Fault as fault:
            place = f"{experiment.name}: {key} {path}"
            raise RefusedError(fault.reason, place=place, remedy=fault.remedy) from None
    return named


def specs(
    experiment: Experiment, seeds: Sequence[int], folder: Path, record: TrustRecord | None = None
) -> list[RunSpec]:
    """Describe runs together with their code. Raises RefusedError for code that is not trusted.

    folder: where the project's modules are.
    """
    plain, folder, known = experiment.specs(seeds), folder.resolve(), Known()
    if not _look(experiment, folder, known):
        return plain
    record = record or TrustRecord()
    code = {source.file: source for each in known.values() for source in each}
    for source in code.values():
        trust = record.state(folder / source.file, source.sha256)
        if trust != "trusted":
            fault = "was changed since you trusted it" if trust == "changed" else "is not trusted yet"
            raise RefusedError(fault, place=f"{experiment.name}: {source.file}", remedy=REMEDY)
    digests = {file: code[file].sha256 for file in sorted(code)}
    return [dataclasses.replace(spec, code=digests) for spec in plain]


def files(
    experiments: Iterable[Experiment], folder: Path, record: TrustRecord | None = None
) -> list[CodeFile]:
    """List all code that experiments use, each file once. Raises RefusedError where some cannot be used."""
    folder, known, record = folder.resolve(), Known(), record or TrustRecord()
    found: dict[str, Source] = {}
    uses: dict[str, dict[str, None]] = {}
    modules: dict[str, dict[str, None]] = {}
    for experiment in experiments:
        for key, path in _look(experiment, folder, known):
            for source in known[path]:
                found[source.file] = source
                by = f"imported by {source.imported_by}" if source.imported_by else f"{key} {path}"
                uses.setdefault(source.file, {})[by] = None
                modules.setdefault(source.file, {})[path.partition(":")[0]] = None
    return [
        CodeFile(
            path=folder / file,
            file=file,
            sha256=source.sha256,
            trust=record.state(folder / file, source.sha256),
            uses=tuple(uses[file]),
            modules=tuple(modules[file]),
        )
        for file, source in found.items()
    ]


def trust(chosen: Iterable[CodeFile], record: TrustRecord | None = None) -> None:
    """Trust files with the bytes that were listed. Raises DeeprlError if that cannot be recorded."""
    (record or TrustRecord()).add({one.path: one.sha256 for one in chosen})
