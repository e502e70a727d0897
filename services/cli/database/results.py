"""Writes the rows of a query: a table for a person, or CSV, JSON and Parquet for programs."""

import json
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from services.api.formats.texts import csv_lines, json_lines
from services.cli.output import lines, listing
from services.cli.session import on_terminal
from shared.columns import Column, Kind
from shared.observability import report

SHOWN_ROWS = 1_000
"""Rows of a table for a person; more than that are for a program."""


class Writer(Protocol):
    """Takes the batches of one answer, from first to last."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch; the first tells the columns, and may be empty."""

    def close(self) -> None:
        """Write what is left; not called where the answer broke off."""


class CsvWriter:
    """Canonical CSV, spelled as the API spells it."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._begun = False

    def write(self, batch: pa.RecordBatch) -> None:
        columns, batch = plain(batch)
        if not self._begun:
            self._begun = True
            names = pa.RecordBatch.from_pydict({n: [n] for n in batch.schema.names})
            self._out.write(csv_lines(names, plain(names)[0]))
        self._out.write(csv_lines(batch, columns))

    def close(self) -> None:
        self._out.flush()


class JsonWriter:
    """One JSON array of objects, an object a line."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._before = b"[\n"

    def write(self, batch: pa.RecordBatch) -> None:
        columns, batch = plain(batch)
        if batch.num_rows:
            self._out.write(self._before + json_lines(batch, columns, ",\n")[:-2])
            self._before = b",\n"

    def close(self) -> None:
        self._out.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")
        self._out.flush()


class ParquetWriter:
    """One Parquet file with the query's own types."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._file: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        if self._file is None:
            self._file = pq.ParquetWriter(self._out, batch.schema, compression="zstd")
        if batch.num_rows:
            self._file.write_batch(batch)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._out.flush()


class TableWriter:
    """A table on the terminal, of SHOWN_ROWS at most; plain lines, all of them, into a pipe."""

    def __init__(self, out: BinaryIO) -> None:
        self._names: list[str] = []
        self._rows: list[list[Any]] = []
        self._more = False

    def write(self, batch: pa.RecordBatch) -> None:
        rows = [list(row.values()) for row in batch.to_pylist()]
        if not self._names:
            self._names = batch.schema.names
            if not on_terminal():
                lines([self._names])
        if on_terminal():
            self._more = self._more or len(self._rows) + len(rows) > SHOWN_ROWS
            self._rows += rows[: SHOWN_ROWS - len(self._rows)]
        else:
            lines(rows)

    def close(self) -> None:
        if on_terminal():
            listing(self._names, self._rows, as_json=False)
        if self._more:
            report(f"shown are the first {SHOWN_ROWS:,} rows; --format csv gives all")


FORMATS: dict[str, Callable[[BinaryIO], Writer]] = {
    "table": TableWriter,
    "csv": CsvWriter,
    "json": JsonWriter,
    "parquet": ParquetWriter,
}


def plain(batch: pa.RecordBatch) -> tuple[list[Column], pa.RecordBatch]:
    """Return a batch with the few types that texts are made of, and its columns so described.

    What no dataset holds (intervals, structs, times) becomes text, as DuckDB or Python say it.
    """
    pairs = [
        _plain(column, field.type)
        for column, field in zip(batch.columns, batch.schema, strict=True)
    ]
    columns = [
        Column(name, kind, "") for name, (kind, _) in zip(batch.schema.names, pairs, strict=True)
    ]
    return columns, pa.RecordBatch.from_arrays(
        [array for _, array in pairs], names=batch.schema.names
    )


def _plain(values: pa.Array, kind: pa.DataType) -> tuple[Kind, pa.Array]:
    types = pa.types
    if types.is_boolean(kind):
        return Kind.BOOLEAN, values
    if types.is_integer(kind) or types.is_decimal(kind):
        return Kind.BIGINT, values
    if types.is_floating(kind):
        return Kind.FLOAT, values.cast(pa.float64())
    if types.is_date(kind):
        return Kind.DATE, values
    if types.is_timestamp(kind) and kind.tz is not None:
        return Kind.TIMESTAMP, values
    if types.is_list(kind) and types.is_string(kind.value_type):
        return Kind.TEXTS, values
    if types.is_string(kind):
        return Kind.TEXT, values
    texts = [None if value is None else _text(value) for value in values.to_pylist()]
    return Kind.TEXT, pa.array(texts, pa.string())


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
