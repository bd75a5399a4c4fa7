"""Tables as files: CSV, JSON and Parquet.

Rules: a file is written row by row, so a table may be larger than memory. CSV has an empty field for None and
JSON text for what is neither number nor text. JSON is one array with one object on each line.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

from deeprl_tui.core.spec import Json
from deeprl_tui.errors import DeeprlError, UnknownNameError
from deeprl_tui.export.out import whole
from deeprl_tui.export.tables import Kind, Row, Table, as_text

Format: TypeAlias = Literal["csv", "json", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "json", "parquet")
AT_ONCE = 20_000
"""Rows that are held in memory for a Parquet file."""


def named(name: str, place: str = "--format") -> Format:
    """A format by its name. Raises UnknownNameError."""
    for form in FORMATS:
        if name == form:
            return form
    raise UnknownNameError(f'no format "{name}"', place=place, remedy=f"there are {', '.join(FORMATS)}")


def by_ending(file: Path) -> Format:
    """The format that a file's name ends with. Raises UnknownNameError."""
    return named(file.suffix.lower().removeprefix("."), str(file))


def write(table: Table, path: Path, form: Format, *, force: bool = False) -> None:
    """Write a table. Raises RefusedError if the file is there, DeeprlError if a package is missing."""
    if form == "parquet":
        _pyarrow()  # before a file is made
    with whole(path, force=force) as file:
        _WRITERS[form](table, file)


def _csv(table: Table, file: BinaryIO) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_cell(value) for value in row] for row in table.rows)
    text.flush()
    text.detach()


def _cell(value: Json) -> Json:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case int() | float() | str():
            return value
        case _:
            return as_text(value)


def _json(table: Table, file: BinaryIO) -> None:
    names = list(table.columns)
    nested = [name.partition("settings.") for name in names]
    before = b"[\n"
    for row in table.rows:
        body: dict[str, Any] = {}
        for (head, _, key), value in zip(nested, row, strict=True):
            if key:
                body.setdefault("settings", {})[key] = value
            else:
                body[head] = value
        file.write(before + json.dumps(body, allow_nan=False).encode())
        before = b",\n"
    file.write(b"\n]\n" if before != b"[\n" else b"[]\n")


def _parquet(table: Table, file: BinaryIO) -> None:
    pyarrow = _pyarrow()
    from pyarrow import parquet

    types = {
        "int": pyarrow.int64(),
        "float": pyarrow.float64(),
        "bool": pyarrow.bool_(),
        "text": pyarrow.string(),
        "json": pyarrow.string(),
    }
    schema = pyarrow.schema([(name, types[kind]) for name, kind in table.columns.items()])
    converters = [_CONVERT.get(kind) for kind in table.columns.values()]
    rows: Iterator[Row] = iter(table.rows)
    with parquet.ParquetWriter(file, schema) as writer:
        while some := list(islice(rows, AT_ONCE)):
            arrays = []
            for column, convert, kind in zip(zip(*some, strict=True), converters, schema.types, strict=True):
                values = [None if v is None else convert(v) if convert else v for v in column]
                arrays.append(pyarrow.array(values, kind))
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))


_CONVERT: Mapping[Kind, Callable[[Any], Any]] = {"float": float, "json": as_text}
_WRITERS: Mapping[Format, Callable[[Table, BinaryIO], None]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise DeeprlError(
            "Parquet needs pyarrow", place="--format parquet", remedy="pip install 'deeprl-tui[parquet]'"
        ) from None
    return pyarrow
