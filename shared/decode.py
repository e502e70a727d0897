"""Messages to one Arrow table: whole columns at a time where that is safe, the law elsewhere."""

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.json as pj

from shared import judge
from shared.columns import UTC_MICROSECONDS, Kind
from shared.dataset import Dataset, Row
from shared.errors import InvalidRecord
from shared.law import read_row
from shared.moment import known_at
from shared.record import Message

BATCH_FIELDS = (
    pa.field("as_of", UTC_MICROSECONDS, nullable=False),
    pa.field("source", pa.string()),
    pa.field("kafka_partition", pa.int32(), nullable=False),
    pa.field("kafka_offset", pa.int64(), nullable=False),
)
"""What a decoded row carries besides its fields."""

_LAW_BELOW = 32
"""Fewer messages than this are read by the law at once when the fast path refuses them."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that is no row, with the reason; `as_of` is None where it could not be read."""

    message: Message
    error: InvalidRecord
    as_of: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch in order of arrival: rows (fields and BATCH_FIELDS) and what was refused."""

    table: pa.Table
    rejected: list[Rejected]


def decode(dataset: Dataset, messages: Sequence[Message], now: dt.datetime) -> Decoded:
    """Return the rows that the messages hold and those messages that hold none.

    CPU work that releases little of the GIL; call it off the event loop. Never raises
    InvalidRecord: what the law refuses is returned as rejected.
    """
    moments: list[dt.datetime] = []
    good: list[Message] = []
    rejected: list[Rejected] = []
    for message, moment in zip(messages, known_at(messages, now), strict=True):
        if isinstance(moment, InvalidRecord):
            rejected.append(Rejected(message, moment, None))
        else:
            good.append(message)
            moments.append(moment)
    pieces, positions, refused = _Reader(dataset).read([message.value for message in good])
    rejected += [Rejected(good[p], error, moments[p]) for p, error in refused]
    rows = pa.concat_tables([dataset.arrow_schema.empty_table(), *pieces])
    table = _with_batch_fields(rows, [good[p] for p in positions], [moments[p] for p in positions])
    return Decoded(table, rejected)


def _with_batch_fields(
    rows: pa.Table, messages: list[Message], moments: list[dt.datetime]
) -> pa.Table:
    sources = [dict(message.headers).get("source") for message in messages]
    columns = [
        pa.array(moments, UTC_MICROSECONDS),
        pa.array([s.decode("utf-8", "replace").replace("\0", "") if s else None for s in sources]),
        pa.array([message.partition for message in messages], pa.int32()),
        pa.array([message.offset for message in messages], pa.int64()),
    ]
    for field, values in zip(BATCH_FIELDS, columns, strict=True):
        rows = rows.append_column(field, values.cast(field.type))
    return rows


Pieces = tuple[list[pa.Table], list[int], list[tuple[int, InvalidRecord]]]


class _Reader:
    """Reads values in order, halving what the fast path refuses until the law reads the rest."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._schema = pa.schema([(c.name, judge.raw_type(c)) for c in dataset.columns])
        self._pieces: list[pa.Table] = []
        self._positions: list[int] = []
        self._refused: list[tuple[int, InvalidRecord]] = []

    def read(self, values: list[bytes | None]) -> Pieces:
        self._read(values, 0)
        return self._pieces, self._positions, self._refused

    def _read(self, values: list[bytes | None], start: int) -> None:
        if not values:
            return
        table = self._fast(values)
        if table is not None:
            self._pieces.append(table)
            self._positions.extend(range(start, start + len(values)))
        elif len(values) < _LAW_BELOW:
            self._by_law(values, start)
        else:
            middle = len(values) // 2
            self._read(values[:middle], start)
            self._read(values[middle:], start + middle)

    def _by_law(self, values: list[bytes | None], start: int) -> None:
        rows: list[Row] = []
        for position, value in enumerate(values, start):
            try:
                rows.append(read_row(self._dataset, value))
                self._positions.append(position)
            except InvalidRecord as error:
                self._refused.append((position, error))
        self._pieces.append(rows_to_table(self._dataset, rows))

    def _fast(self, values: list[bytes | None]) -> pa.Table | None:
        """Return the rows, or None where any value is not for the fast path to judge."""
        joined = judge.join_plain(values)
        if joined is None:
            return None
        try:
            raw = pj.read_json(
                io.BytesIO(joined),
                read_options=pj.ReadOptions(use_threads=False, block_size=len(joined) + 1),
                parse_options=pj.ParseOptions(
                    explicit_schema=self._schema, unexpected_field_behavior="error"
                ),
            )
            if raw.num_rows != len(values):
                return None
            return judge.accept(self._dataset, raw, values)
        except pa.ArrowInvalid:
            return None


def rows_to_table(dataset: Dataset, rows: Sequence[Row]) -> pa.Table:
    """Return rows as a table of the dataset's schema, moments in UTC."""
    arrays = []
    for column in dataset.columns:
        given = [getattr(row, column.name) for row in rows]
        if column.kind is Kind.TIMESTAMP:
            given = [moment and moment.astimezone(dt.UTC) for moment in given]
        arrays.append(pa.array(given, column.kind.arrow))
    return pa.Table.from_arrays(arrays, schema=dataset.arrow_schema)


__all__ = ["BATCH_FIELDS", "Decoded", "Rejected", "decode", "rows_to_table"]
