"""Turns the columns of an answer into rows of a dataset, whole columns at a time."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from services.fetcher.answer import UnreadableAnswer
from shared.columns import UTC_MICROSECONDS, Column, Kind
from shared.dataset import Dataset
from shared.record import Rows

_LAST_MICROSECOND = 86_400_000_000 - 1


class NewColumn(str):
    """A warning that upstream has a column which was not there when its source was written."""

    __slots__ = ()


def column_of(objects: Sequence[Mapping[str, Any]], name: str, what: str) -> list[Any]:
    """Return one field of each object.

    Raises UnreadableAnswer that names the field where an object lacks it.
    """
    try:
        return [fields[name] for fields in objects]
    except KeyError as exc:
        raise UnreadableAnswer(f"the column {name!r} of {what} has vanished") from exc
    except TypeError as exc:
        raise UnreadableAnswer(f"{what} are not JSON objects") from exc


def new_columns(found: Iterable[str], known: Iterable[str], what: str) -> list[str]:
    """Return one NewColumn for each column that was not there when this was written."""
    return [NewColumn(f"new column {name!r} in {what}") for name in found if name not in known]


def texts(values: Sequence[Any], name: str) -> pa.Array:
    """Return text values as a column; raises UnreadableAnswer that names it."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError) as exc:
        raise UnreadableAnswer(f"{name!r} holds something that is not text: {exc}") from exc


def repeated(value: object, count: int, name: str) -> pa.Array:
    """Return a column of one text, or of null; raises UnreadableAnswer that names it."""
    return texts([value], name).take(pa.array([0] * count, pa.int64()))


def figures(values: pa.Array, name: str) -> pa.Array:
    """Return texts as figures, nulls kept; raises UnreadableAnswer where one is no number."""
    return _cast(values, pa.float64(), name, "a number")


def dates(values: pa.Array, name: str) -> pa.Array:
    """Return texts of the form YYYY-MM-DD as dates; raises UnreadableAnswer that names them."""
    return _cast(values, pa.date32(), name, "a date")


def ends_of_days(days: pa.Array, limit: dt.datetime) -> pa.ChunkedArray:
    """Return the last microsecond of each day in UTC, but none later than `limit`."""
    starts = pc.cast(days, pa.timestamp("us"))
    ends = pc.cast(pc.add(starts, pa.scalar(_LAST_MICROSECOND, pa.duration("us"))), pa.int64())
    latest = pc.cast(pa.scalar(limit, UTC_MICROSECONDS), pa.int64())
    return pa.chunked_array([pc.cast(pc.min_element_wise(ends, latest), UTC_MICROSECONDS)])


def make_rows(
    dataset: Dataset,
    columns: Mapping[str, pa.Array],
    as_of: dt.datetime | pa.ChunkedArray,
    source: str,
) -> Rows:
    """Return rows that can be published as they are.

    Raises UnreadableAnswer that names the column where a required value is missing, a text is
    too long or a figure is NaN or infinite.
    """
    for column in dataset.columns:
        values = columns[column.name]
        if not column.nullable and values.null_count:
            raise UnreadableAnswer(f"{column.name!r} is missing in {values.null_count} rows")
        if column.max_length and not _all_within(values, column):
            raise UnreadableAnswer(f"{column.name!r} is empty or too long")
        if column.kind is Kind.FLOAT and not _all_finite(values):
            raise UnreadableAnswer(f"{column.name!r} holds NaN or Infinity")
    arrays = [columns[column.name] for column in dataset.columns]
    table = pa.Table.from_arrays(arrays, schema=dataset.arrow_schema)
    return Rows(dataset, table, as_of, source)


def _all_finite(values: pa.Array) -> bool:
    return bool(pc.all(pc.is_finite(values), skip_nulls=True, min_count=0).as_py())


def _all_within(values: pa.Array, column: Column) -> bool:
    lengths = pc.utf8_length(values)
    within = pc.and_(
        pc.less_equal(lengths, column.max_length), pc.greater_equal(lengths, column.min_length or 0)
    )
    return bool(pc.all(within, skip_nulls=True, min_count=0).as_py())


def _cast(values: pa.Array, kind: pa.DataType, name: str, what: str) -> pa.Array:
    try:
        return pc.cast(values, kind)
    except pa.ArrowInvalid:
        pass
    try:
        # Blanks around a figure say nothing, and cutting them off costs as much as reading it.
        return pc.cast(pc.utf8_trim_whitespace(values), kind)
    except pa.ArrowInvalid as exc:
        raise UnreadableAnswer(f"{name!r} holds a text that is not {what}: {exc}") from exc
