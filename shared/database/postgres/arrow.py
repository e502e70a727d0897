"""PostgreSQL's values as Arrow columns: moments by number, so that the calendar's ends are kept."""

import datetime as dt
from collections.abc import Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any

import asyncpg
import pyarrow as pa
import pyarrow.compute as pc

from shared.columns import UTC_MICROSECONDS
from shared.errors import Fatal

_ARROW = {
    "text": pa.string(),
    "varchar": pa.string(),
    "name": pa.string(),
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "numeric": pa.float64(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": UTC_MICROSECONDS,
    "interval": pa.duration("us"),
    "bytea": pa.binary(),
}
_ARROW |= {f"{name}[]": pa.list_(kind) for name, kind in _ARROW.items()}
_EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_DAYS, _MICROSECONDS = 10_957, 946_684_800_000_000
"""From Arrow's epoch, 1970, to PostgreSQL's, 2000."""


async def set_codecs(connection: asyncpg.Connection) -> None:
    """Make a connection speak of moments as numbers, twice as fast and to the calendar's ends.

    asyncpg by itself takes date.min for -infinity, and datetime.max for a naive one.
    """
    numbers = {"date": _days, "timestamp": _naive_microseconds, "timestamptz": _microseconds}
    for name, encode in numbers.items():
        await connection.set_type_codec(
            name, schema="pg_catalog", format="tuple", encoder=encode, decoder=itemgetter(0)
        )
    await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=float)


def schema_of(attributes: Sequence[asyncpg.Attribute]) -> pa.Schema:
    """Return the schema of a statement's rows; types without a name in Arrow become text."""
    return pa.schema([(a.name, _ARROW.get(a.type.name, pa.string())) for a in attributes])


def to_batch(rows: Sequence[asyncpg.Record], schema: pa.Schema) -> pa.RecordBatch:
    """Return records as one batch; raises Fatal for a value that the types of Arrow lack."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [_array(values, field) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def to_table(rows: Sequence[asyncpg.Record], attributes: Sequence[asyncpg.Attribute]) -> pa.Table:
    """Return all records of a statement."""
    return pa.Table.from_batches([to_batch(rows, schema_of(attributes))])


def _array(values: Sequence[Any], field: pa.Field) -> pa.Array:
    kind = field.type
    try:
        if pa.types.is_list(kind):
            return _lists(values, field)
        if pa.types.is_date32(kind):
            return _moved(pa.array(values, pa.int32()), _DAYS).cast(kind)
        if pa.types.is_timestamp(kind):
            return _moved(pa.array(values, pa.int64()), _MICROSECONDS).cast(kind)
        if pa.types.is_string(kind):
            values = [v if v is None or isinstance(v, str) else str(v) for v in values]
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as exc:
        raise Fatal(f"column {field.name} of the answer holds a value out of range: {exc}") from exc


def _lists(values: Sequence[Any], field: pa.Field) -> pa.Array:
    """Return arrays of one dimension; what is within is an element like any other."""
    flat = _array([each for value in values for each in value or ()], field.type.value_field)
    ends = accumulate((len(value or ()) for value in values), initial=0)
    missing = pa.array([value is None for value in values], pa.bool_())
    offsets = pa.array(ends, pa.int32())
    return pa.ListArray.from_arrays(offsets, flat, field.type, mask=missing)


def _moved(numbers: pa.Array, distance: int) -> pa.Array:
    """Return numbers counted from Arrow's epoch; the least of its type means -infinity."""
    least = -(2 ** (numbers.type.bit_width - 1))
    if pc.min(numbers).as_py() == least:
        raise OverflowError("-infinity")
    return pc.add_checked(numbers, pa.scalar(distance, numbers.type))


def _days(day: dt.date) -> tuple[int]:
    return (day.toordinal() - _EPOCH_DAY,)


def _microseconds(moment: dt.datetime) -> tuple[int]:
    return ((moment - _EPOCH) // dt.timedelta(microseconds=1),)


def _naive_microseconds(moment: dt.datetime) -> tuple[int]:
    return _microseconds(moment.replace(tzinfo=dt.UTC))
