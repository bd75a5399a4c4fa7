"""Tables as files: what is written can be read back, as numbers, and replaces nothing unasked."""

import csv
import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from deeprl_tui.core.spec import finite
from deeprl_tui.errors import DeeprlError, RefusedError, UnknownNameError
from deeprl_tui.export import formats, tables
from deeprl_tui.export.logs import Log
from deeprl_tui.export.out import whole, write_whole
from deeprl_tui.export.tables import WHAT, Table
from deeprl_tui.runs.record import Record

Logs = Callable[[Record], Log]


def test_every_field_of_a_record_is_exported() -> None:
    """A field that is added later is not forgotten here."""
    told = {*tables.RUN, *tables.RUNS} - {"run", "experiment", "seed"}
    assert told | {"id", "settings", "changes", "trend"} == {one.name for one in dataclasses.fields(Record)}


def test_a_csv_has_numbers_as_numbers(tmp_path: Path, records: Sequence[Record], logs: Logs) -> None:
    """Whole ones without a point, nothing for what is not known, true and false in words."""
    table = tables.table("runs", records, logs)
    formats.write(table, tmp_path / "runs.csv", "csv")
    with open(tmp_path / "runs.csv", newline="") as file:
        first, second, third, *_ = csv.DictReader(file)
    assert (first["run"], first["seed"], first["step"], first["score"]) == ("CP_basic/0", "0", "300", "15.5")
    assert (first["exact"], third["exact"]) == ("true", "false")
    assert second["total_episodes"] == ""
    assert first["settings.gamma"] == "0.99"


def test_json_has_null_for_nan_and_settings_in_their_own_object(
    tmp_path: Path, records: Sequence[Record], logs: Logs
) -> None:
    """NaN is no JSON; lists stay lists."""
    formats.write(tables.table("episodes", records[2:3], logs), tmp_path / "episodes.json", "json")
    rows = json.loads((tmp_path / "episodes.json").read_text(), parse_constant=pytest.fail)
    assert (rows[-1]["episode"], rows[-1]["return"]) == (21, None)
    formats.write(tables.table("runs", records, logs), tmp_path / "runs.json", "json")
    runs = json.loads((tmp_path / "runs.json").read_text(), parse_constant=pytest.fail)
    assert runs[3]["settings"]["net_arch"] == [512]
    assert runs[0]["settings"]["net_arch"] is None


def test_an_empty_table_is_a_file_too(tmp_path: Path, logs: Logs) -> None:
    """No rows: a header, an empty array."""
    for form in ("csv", "json"):
        formats.write(tables.table("episodes", [], logs), tmp_path / f"none.{form}", formats.named(form))
    assert (tmp_path / "none.csv").read_text().startswith("run,experiment,seed,env,episode,")
    assert json.loads((tmp_path / "none.json").read_text()) == []


@pytest.mark.parametrize("what", WHAT)
def test_parquet_has_the_same_rows_with_types(
    tmp_path: Path, records: Sequence[Record], logs: Logs, what: tables.What
) -> None:
    """What JSON says, Parquet says, with one type for each column."""
    parquet = pytest.importorskip("pyarrow.parquet")
    formats.write(tables.table(what, records, logs), tmp_path / "table.parquet", "parquet")
    read = parquet.read_table(tmp_path / "table.parquet")
    table = tables.table(what, records, logs)
    assert read.column_names == list(table.columns)
    kinds = {"int": "int64", "float": "double", "bool": "bool", "text": "string", "json": "string"}
    assert [str(kind) for kind in read.schema.types] == [kinds[kind] for kind in table.columns.values()]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert read.to_pylist() == [
        {
            name: tables.as_text(value) if table.columns[name] == "json" and value is not None else value
            for name, value in row.items()
        }
        for row in rows
    ]


def test_parquet_without_its_package_names_the_remedy(
    tmp_path: Path, records: Sequence[Record], logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And leaves no file."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(DeeprlError, match=r"pip install 'deeprl-tui\[parquet\]'"):
        formats.write(tables.table("runs", records, logs), tmp_path / "runs.parquet", "parquet")
    assert list(tmp_path.glob("*.parquet")) == []


def test_settings_say_what_differs_from_the_baseline(records: Sequence[Record], logs: Logs) -> None:
    """Once for each experiment, not for each seed."""
    changed = dataclasses.replace(records[3], baseline="CP_basic", changes={"net_arch": ([64], [512])})
    rows = rows_of(tables.table("settings", [records[0], records[1], changed], logs))
    assert len([row for row in rows if row["experiment"] == "CP_basic"]) == len(records[0].settings)
    (row,) = (row for row in rows if row["setting"] == "net_arch")
    assert (row["value"], row["baseline"], row["baseline_value"], row["differs"]) == (
        [512], "CP_basic", [64], True,
    )  # fmt: skip


def test_evaluations_have_every_return(records: Sequence[Record], logs: Logs) -> None:
    """The mean and population standard deviation, as Stable-Baselines3's, and what they are of."""
    (row,) = rows_of(tables.table("evaluations", records[:1], logs))
    assert (row["step"], row["return"], row["return_sd"], row["returns"]) == (300, 20.0, 10.0, [30.0, 10.0])


@pytest.mark.parametrize(
    ("values", "kind"),
    [((1, None), "int"), ((1, 2.5), "float"), ((True, None), "bool"), (("a",), "text"), ((1, "a"), "json"),
     (([1], None), "json"), ((True, 1), "json")],
)  # fmt: skip
def test_a_setting_has_the_type_that_holds_all_its_values(
    records: Sequence[Record], values: tuple[Any, ...], kind: str
) -> None:
    """A column of mixed values is JSON text."""
    some = [dataclasses.replace(records[0], settings={"x": value}) for value in values]
    assert tables.runs(some).columns["settings.x"] == kind


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """Unless it is asked for, and then it is replaced whole."""
    path = tmp_path / "there.csv"
    path.write_text("mine")
    with pytest.raises(RefusedError, match="--force"):
        write_whole(path, b"new")
    assert path.read_text() == "mine"
    write_whole(path, b"new", force=True)
    assert path.read_text() == "new"


def test_a_file_that_somebody_made_meanwhile_stays(tmp_path: Path) -> None:
    """The name is taken at the end, and only if it is free then."""
    path = tmp_path / "late.csv"

    def race() -> None:
        with whole(path) as file:
            file.write(b"ours")
            path.write_text("theirs")

    with pytest.raises(RefusedError):
        race()
    assert path.read_text() == "theirs"
    assert [entry.name for entry in tmp_path.iterdir()] == ["late.csv"]


def test_half_a_file_is_never_seen(tmp_path: Path, records: Sequence[Record], logs: Logs) -> None:
    """A table that breaks off leaves nothing, not even a temporary file."""

    def rows() -> Any:
        yield ("a",)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        formats.write(Table("t", {"x": "text"}, rows()), tmp_path / "t.csv", "csv")
    assert list(tmp_path.glob("*t.csv*")) == []


def test_unknown_names_are_told(tmp_path: Path) -> None:
    """With what there is."""
    with pytest.raises(UnknownNameError, match="there are csv, json, parquet"):
        formats.by_ending(tmp_path / "runs.xlsx")
    with pytest.raises(UnknownNameError, match="there are runs, episodes"):
        tables.named(["curves"])


def test_plain_values_have_no_nan_inside() -> None:
    """Also in lists and objects."""
    assert finite({"a": [1.0, math.inf, (math.nan, "x")]}) == {"a": [1.0, None, [None, "x"]]}


def rows_of(table: Table) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]
