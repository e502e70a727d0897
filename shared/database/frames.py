"""Arrow tables as pandas DataFrames and back, so that both databases give and take the same."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.columns import UTC_MICROSECONDS, Column, Kind
from shared.dataset import Dataset
from shared.errors import InvalidRecord
from shared.law import check_values

if TYPE_CHECKING:
    import pandas as pd

_LAW_ROWS = 10_000


def to_frame(table: pa.Table) -> "pd.DataFrame":
    """Return a table as a DataFrame; its column types depend on the table's alone.

    Numbers and booleans are pandas' nullable types: NULL is `pd.NA`, and a stored NaN stays
    NaN. Dates are datetime64[ms], moments datetime64[us, UTC], arrays are numpy arrays.
    """
    import pandas as pd

    nullable = {
        pa.bool_(): pd.BooleanDtype(),
        pa.float32(): pd.Float32Dtype(),
        pa.float64(): pd.Float64Dtype(),
        **{
            getattr(pa, dtype.name.lower())(): dtype
            for dtype in (
                *(pd.Int8Dtype(), pd.Int16Dtype(), pd.Int32Dtype(), pd.Int64Dtype()),
                *(pd.UInt8Dtype(), pd.UInt16Dtype(), pd.UInt32Dtype(), pd.UInt64Dtype()),
            )
        },
    }
    # By number: names may stand twice.
    numbered = table.rename_columns([str(number) for number in range(table.num_columns)])
    frame: pd.DataFrame = numbered.to_pandas(types_mapper=nullable.get, date_as_object=False)
    for number, column in enumerate(table.columns):
        if pa.types.is_floating(column.type) and pc.any(pc.is_nan(column)).as_py():
            # pandas would read each NaN as NULL.
            values = column.fill_null(0.0).to_numpy()
            mask = column.is_null().to_numpy()
            frame[str(number)] = pd.arrays.FloatingArray(values.copy(), mask.copy())
    frame.columns = pd.Index(table.column_names)
    return frame


def rows_of(dataset: Dataset, frame: "pd.DataFrame") -> pa.Table:
    """Return a DataFrame as rows of a dataset: its fields, and as_of and source where given.

    NaN is NULL. A field that is left out takes the default that the dataset declares. Raises
    InvalidRecord that names column and row for what the dataset refuses.
    """
    unknown = [str(name) for name in frame.columns if name not in _taken(dataset)]
    if unknown:
        raise InvalidRecord(
            "unknown_field", f"{dataset.name} has no columns {unknown}: drop or rename them"
        )
    missing = [c.name for c in dataset.columns if c.name not in frame.columns and not c.has_default]
    if missing:
        raise InvalidRecord(
            "missing_field",
            f"rows of {dataset.name} need the columns {missing}: add them, None where unknown",
        )
    names = [name for name in _taken(dataset) if name in frame.columns]
    columns = {name: to_column(frame[name], dataset.column(name)) for name in names}
    for column in dataset.columns:
        if column.name not in columns:
            default = pa.scalar(column.default, column.kind.arrow)
            columns[column.name] = pa.repeat(default, len(frame))
    table = pa.table(columns)
    fields = table.select(dataset.arrow_schema.names)
    for first in range(0, table.num_rows, _LAW_ROWS):
        check_values(dataset, fields.slice(first, _LAW_ROWS).to_pylist(), first)
    return table


def to_column(series: "pd.Series[Any]", column: Column) -> pa.Array:
    """Return a column's values in its type; raises InvalidRecord where they are of another."""
    kind = column.kind.arrow
    try:
        values = pa.array(series, from_pandas=True)
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if column.kind is Kind.TIMESTAMP:
            return _moments(values)
        if pa.types.is_string(kind) and not _is_text(values.type):
            raise pa.ArrowInvalid(f"{values.type} is no text")
        return values.cast(kind)
    except (pa.ArrowException, TypeError, ValueError) as exc:
        raise InvalidRecord(
            "wrong_type", f"column {column.name} is to be {column.kind.label}: {exc}", column.name
        ) from exc


def plain_columns(frame: "pd.DataFrame") -> pa.Table:
    """Return a DataFrame as a table in the few types that both databases load."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return table.cast(pa.schema([(f.name, _loadable(f.type)) for f in table.schema]))


def _loadable(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_timestamp(kind):
        return UTC_MICROSECONDS
    if types.is_integer(kind):
        return pa.int64()
    if types.is_floating(kind):
        return pa.float64()
    if types.is_list(kind) or types.is_large_list(kind):
        return pa.list_(pa.string())
    return pa.string() if _is_text(kind) else kind


def stamped(dataset: Dataset, table: pa.Table, now: dt.datetime) -> pa.Table:
    """Return rows as they stand in a batch: with as_of and source, and no message."""
    rows = table.num_rows
    given = {
        "as_of": pa.scalar(now, UTC_MICROSECONDS),
        "source": pa.scalar("insert_df"),
        "kafka_partition": pa.scalar(None, pa.int32()),
        "kafka_offset": pa.scalar(None, pa.int64()),
    }
    for name, value in given.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.repeat(value, rows))
    if table["as_of"].null_count:
        table = table.set_column(
            table.schema.get_field_index("as_of"), "as_of", table["as_of"].fill_null(now)
        )
    return table.select([*dataset.arrow_schema.names, *given])


def _taken(dataset: Dataset) -> list[str]:
    versions = ["as_of"] if dataset.versioned else []
    return [*(column.name for column in dataset.columns), *versions, "source"]


def _moments(values: pa.Array) -> pa.Array:
    if pa.types.is_null(values.type):
        return values.cast(UTC_MICROSECONDS)
    if not pa.types.is_timestamp(values.type) or values.type.tz is None:
        raise pa.ArrowInvalid("moments need their time zone: use tz_localize")
    return values.cast(UTC_MICROSECONDS)


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return any(is_(kind) for is_ in (types.is_string, types.is_large_string, types.is_null))
