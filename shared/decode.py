"""Messages to one Arrow table: whole columns at a time where that is safe, the law elsewhere."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from shared import judge
from shared.columns import UTC_MICROSECONDS, Kind
from shared.dataset import Dataset, Row
from shared.errors import InvalidRecord
from shared.law import read_row
from shared.messages import as_columns
from shared.moment import read_stamps
from shared.record import Message
from shared.texts import Positions, Texts

BATCH_FIELDS = (
    pa.field("as_of", UTC_MICROSECONDS, nullable=False),
    pa.field("source", pa.string()),
    pa.field("kafka_partition", pa.int32(), nullable=False),
    pa.field("kafka_offset", pa.int64(), nullable=False),
)
"""What a decoded row carries besides its fields."""

_LAW_BELOW = 128
"""So few messages are read by the law at once where the fast path refuses them."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that is no row, with the reason; `as_of` is None where it could not be read."""

    message: Message
    error: InvalidRecord
    as_of: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Decoded:
    """A batch in order of arrival: rows (fields and BATCH_FIELDS) and what was refused.

    replayed   the positions of messages that repeat a dead letter, with its id
    newer      the positions of messages whose schema is newer than the dataset's; they are
               judged by the dataset's all the same, which means nothing
    """

    table: pa.Table
    rejected: list[Rejected]
    replayed: dict[int, int] = field(default_factory=dict)
    newer: list[int] = field(default_factory=list)


def decode(dataset: Dataset, messages: Sequence[Message], now: dt.datetime) -> Decoded:
    """Return the rows that the messages hold and those messages that hold none.

    CPU work that releases little of the GIL; call it off the event loop. Never raises
    InvalidRecord: what the law refuses is returned as rejected.
    """
    messages = as_columns(messages)
    stamps = read_stamps(messages, now)
    errors = dict(stamps.errors)
    stamped = np.delete(np.arange(len(messages)), list(errors))
    rows, kept = _Reader(dataset, messages.values, errors).read(stamped)
    columns = [
        stamps.as_of_column(),
        stamps.sources,
        pa.array(messages.partitions.astype(np.int32)),
        pa.array(messages.offsets),
    ]
    for described, column in zip(BATCH_FIELDS, columns, strict=True):
        whole = len(kept) == len(messages)
        rows = rows.append_column(described, column if whole else column.take(kept))
    rejected = [Rejected(messages[p], errors[p], stamps.as_of(p)) for p in sorted(errors)]
    newer = [p for p, version in stamps.versions.items() if version > dataset.schema_version]
    return Decoded(rows, rejected, stamps.letters, newer)


class _Reader:
    """Reads values by position; what it refuses goes to `errors`."""

    def __init__(
        self,
        dataset: Dataset,
        values: Texts,
        errors: dict[int, InvalidRecord],
    ) -> None:
        self._dataset = dataset
        self._schema = pa.schema([(c.name, judge.raw_type(c)) for c in dataset.columns])
        self._values = values
        self._errors = errors
        self._tables = [dataset.arrow_schema.empty_table()]
        self._kept: list[Positions] = [np.array([], np.int64)]

    def read(self, positions: Positions) -> tuple[pa.Table, Positions]:
        """Return the rows in order, and at which position each stood."""
        if self._dataset.needs_law:
            self._by_law(positions)
        else:
            self._read(positions)
        table, kept = pa.concat_tables(self._tables), np.concatenate(self._kept)
        order = np.argsort(kept, kind="stable")
        return (table, kept) if (kept == kept[order]).all() else (table.take(order), kept[order])

    def _read(self, positions: Positions) -> None:
        """Read all at once, or what is well formed at once and the rest by the law."""
        if self._at_once(positions, judge.plain_lines(self._at(positions))):
            return
        if len(positions) < _LAW_BELOW:
            self._by_law(positions)
            return
        well_formed = judge.well_formed(self._dataset, self._at(positions))
        self._by_law(positions[~well_formed])
        self._read_well_formed(positions[well_formed])

    def _read_well_formed(self, positions: Positions) -> None:
        """Read all at once, or close in on the few that have a field twice."""
        if self._at_once(positions, self._lines(positions)):
            return
        crowded = judge.crowded(self._dataset, self._at(positions))
        self._by_law(positions[crowded])
        self._halve(positions[~crowded])

    def _halve(self, positions: Positions) -> None:
        if self._at_once(positions, self._lines(positions)):
            return
        if len(positions) < _LAW_BELOW:
            self._by_law(positions)
            return
        for half in np.array_split(positions, 2):
            self._halve(half)

    def _at_once(self, positions: Positions, lines: bytes | None) -> bool:
        """Read values that stand one in a line; False where there is no telling which is wrong."""
        if not lines:
            return len(positions) == 0
        judged = judge.Judge(self._dataset, self._at(positions))
        try:
            raw = pj.read_json(
                pa.BufferReader(lines),
                read_options=pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
                parse_options=pj.ParseOptions(
                    explicit_schema=self._schema, unexpected_field_behavior="error"
                ),
            )
            if raw.num_rows != len(positions):
                return False
            rows = judged.rows(raw)
        except pa.ArrowInvalid:
            return False
        if judged.doubtful.any():
            self._by_law(positions[judged.doubtful])
            rows, positions = rows.filter(pa.array(~judged.doubtful)), positions[~judged.doubtful]
        self._keep(rows, positions)
        return True

    def _by_law(self, positions: Positions) -> None:
        rows: list[Row] = []
        kept: list[int] = []
        values = self._at(positions)
        for position, value in zip(positions.tolist(), values, strict=True):
            try:
                rows.append(read_row(self._dataset, value))
                kept.append(position)
            except InvalidRecord as error:
                self._errors[position] = _alone(error)
        self._keep(rows_to_table(self._dataset, rows), np.array(kept, np.int64))

    def _keep(self, rows: pa.Table, positions: Positions) -> None:
        self._tables.append(rows)
        self._kept.append(positions)

    def _at(self, positions: Positions) -> Texts:
        return self._values if len(positions) == len(self._values) else self._values.take(positions)

    def _lines(self, positions: Positions) -> bytes:
        return self._at(positions).lines()


def _alone(error: InvalidRecord) -> InvalidRecord:
    """Return an error without where it was raised: that would hold on to the whole batch."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


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
