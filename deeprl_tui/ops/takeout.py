"""Taking results out: tables, TensorBoard files, pictures, a report, a model card.

Rule: nothing here prints, and no file is replaced unless `force`. What needs numpy is imported inside.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from deeprl_tui.core.layout import RunPaths
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import RefusedError, UnknownNameError
from deeprl_tui.export.logs import Log, read_log
from deeprl_tui.ops.reading import clock
from deeprl_tui.runs.record import Record
from deeprl_tui.runs.store import RunStore


def export_records(records: Sequence[Record], file: Path, *, force: bool = False) -> Path:
    """Write one row for each run to a .csv, .json or .parquet file.

    Raises UnknownNameError for another ending, RefusedError if the file is there, DeeprlError where a package
    is missing.
    """
    from deeprl_tui.export import formats, tables

    formats.write(tables.runs(records), file, formats.by_ending(file), force=force)
    return file


def export(
    root: Path,
    records: Sequence[Record],
    to: Path,
    *,
    what: Sequence[str] | None = None,
    form: str | None = None,
    force: bool = False,
) -> list[Path]:
    """Write tables of runs, episodes, evaluations and settings; returns the files.

    to: a folder, or one file for one table. what: tables; None: all into a folder, runs into a file. form:
    csv, json, parquet or tensorboard; None: by the file's ending, or csv. Episodes and evaluations are read
    from the logs, so nothing is thinned. Raises as `export_records`; RefusedError also if several tables are
    to go into one file.
    """
    from deeprl_tui.export import board, formats, tables
    from deeprl_tui.export.out import check_free

    logs = _Logs(root)
    if form == "tensorboard":
        return [
            board.write_events(logs(record), to / record.id.experiment / str(record.id.seed), force=force)
            for record in records
        ]
    one_file = to.suffix.lower() in {f".{known}" for known in formats.FORMATS} and not to.is_dir()
    names = tables.named(what) if what else tables.WHAT[:1] if one_file else tables.WHAT
    if one_file and len(names) > 1:
        raise RefusedError(
            f"is one file, for {len(names)} tables",
            place=str(to),
            remedy="name a folder, or one table: --what",
        )
    chosen = formats.named(form) if form else formats.by_ending(to) if one_file else "csv"
    files = [to] if one_file else [to / f"{name}.{chosen}" for name in names]
    for file in files:
        check_free(file, force=force)
    for name, file in zip(names, files, strict=True):
        formats.write(tables.table(name, records, logs), file, chosen, force=force)
    return files


def plot(
    root: Path,
    records: Sequence[Record],
    file: Path,
    *,
    metric: str = "return",
    axis: str = "steps",
    band: str = "sd",
    smooth: int | None = None,
    force: bool = False,
) -> Path:
    """Draw learning curves to a .png, .svg or .pdf file: a picture for each env, a curve for each experiment.

    smooth: values that each point of a run is the mean of; None: 100 episodes for return and length, else 1.
    Raises UnknownNameError for names that are not drawn and other endings, RefusedError if the file is there
    or no run has any value.
    """
    from deeprl_tui.export import canvas, draw, panels, series
    from deeprl_tui.export.out import check_free, write_whole

    form = canvas.by_ending(file)
    check_free(file, force=force)
    kind = series.named(metric, series.METRICS)
    looks = draw.Looks(
        kind,
        series.named(axis, series.AXES),
        series.named(band, series.BANDS),
        series.usual_smoothing(kind) if smooth is None else smooth,
    )
    drawn = panels.by_env(records, _Logs(root), looks)
    if not drawn:
        raise RefusedError(f"no run has a {metric} yet", place=str(file), remedy="let them run for a while")
    write_whole(file, canvas.save(draw.curves(drawn, looks, size=(9.0, 4.4)), form), force=force)
    return file


def report(
    root: Path,
    records: Sequence[Record],
    file: Path,
    *,
    title: str | None = None,
    everything: Sequence[Record] | None = None,
    unreadable: Sequence[str] = (),
    force: bool = False,
) -> Path:
    """Write one self-contained HTML page: verdicts, curves, scores, settings, machines, what failed.

    everything: all runs of the folder: verdicts are corrected for all comparisons, not only for those shown.
    unreadable: run directories that are left out, with the reason. Raises RefusedError if the file is there
    or there is no run.
    """
    from deeprl_tui.export import origin
    from deeprl_tui.export.out import check_free, write_whole
    from deeprl_tui.export.report import Material
    from deeprl_tui.export.report import report as page
    from deeprl_tui.ops.judging import summaries, verdicts

    check_free(file, force=force)
    if not records:
        raise RefusedError("there is no run to report", place=str(root), remedy="deeprl run NAME starts some")
    folder = root.resolve().parent
    logs = _Logs(root)
    text = page(
        Material(
            title=title or folder.name,
            at=clock(),
            records=records,
            logs={record.id: logs(record) for record in records},
            groups=summaries(records),
            verdicts=verdicts(records if everything is None else everything),
            commit=origin.commit(folder),
            unreadable=unreadable,
        )
    )
    write_whole(file, text.encode(), force=force)
    return file


def card(root: Path, record: Record, file: Path, *, force: bool = False) -> Path:
    """Write a model card as Hugging Face reads it for a run's best model, or its last.

    Raises RefusedError if the file is there, or the run has no model or no evaluation.
    """
    from deeprl_tui.export.card import card as text
    from deeprl_tui.export.card import model_file
    from deeprl_tui.export.out import check_free, write_whole

    check_free(file, force=force)
    logs = _Logs(root)
    paths = logs.paths(record)
    model = model_file(paths.folder, paths.last_model(record.env), paths.best_model)
    write_whole(file, text(record, logs(record), model.name).encode(), force=force)
    return file


class _Logs:
    """Reads the logs of runs by their records; finds all folders in one look."""

    def __init__(self, root: Path) -> None:
        self._store = RunStore(root)
        self._known: Mapping[RunId, RunPaths] = {}

    def __call__(self, record: Record) -> Log:
        return read_log(self.paths(record))

    def paths(self, record: Record) -> RunPaths:
        """Where a run is. Raises UnknownNameError if it is gone."""
        found = self._store.find(record.id)
        if found is None:
            raise UnknownNameError("is gone", place=str(record.id), remedy="deeprl ls names all runs")
        return found
