"""Query answers from DuckDB as Arrow batches, in constant memory; every call blocks."""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from shared.columns import UTC_MICROSECONDS
from shared.database.base import Statement
from shared.errors import Fatal, Transient

BATCH_ROWS, WHOLE_ROWS = 10_000, 50_000
_READS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_MICROSECONDS = pa.duration("us")


class Reading:
    """The answers of queries, one behind the other, on a connection and a snapshot of its own."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        statements: Sequence[Statement],
        *,
        whole: bool = False,
    ) -> None:
        self.connection = connection
        self._statements = deque(statements)
        self._rows = WHOLE_ROWS if whole else BATCH_ROWS
        self._reader: pa.RecordBatchReader | None = None
        self._closed = False
        self._busy = threading.Lock()

    def first(self) -> pa.RecordBatch:
        """Begin the query in a transaction that cannot write; return its first rows or none.

        Raises Fatal where the text is not one statement that reads.
        """
        with self._busy:
            self._check()
            for sql, _ in self._statements:
                statements = self.connection.extract_statements(sql)
                if len(statements) != 1 or statements[0].type not in _READS:
                    raise Fatal("only one statement that reads is allowed here")
            self.connection.execute("BEGIN TRANSACTION READ ONLY")
            reader = self._begin()
            part = self._read(reader)
            return part if part is not None else canonical(reader.schema.empty_table())

    def next(self) -> pa.RecordBatch | None:
        """Return the next rows, None at the end."""
        with self._busy:
            self._check()
            part = self._read(self._reader) if self._reader is not None else None
            while part is None and self._statements:
                part = self._read(self._begin())
            return part

    def close(self) -> None:
        """End the query, also one that another thread is reading, and its connection."""
        if not self._closed:
            self._closed = True
            self.connection.interrupt()
            with self._busy:
                if self._reader is not None:
                    self._reader.close()
                self.connection.close()

    def _begin(self) -> pa.RecordBatchReader:
        self._reader = _relation(self.connection, *self._statements.popleft()).to_arrow_reader(
            self._rows
        )
        return self._reader

    def _check(self) -> None:
        if self._closed:
            raise Transient("the database has been closed")

    def _read(self, reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
        try:
            return canonical(pa.Table.from_batches([reader.read_next_batch()]))
        except StopIteration:
            return None
        except (pa.ArrowException, OSError) as exc:
            # What DuckDB finds in the middle of an answer comes through Arrow.
            if "INTERRUPT" in str(exc):
                raise Transient("the query was interrupted") from exc
            raise Fatal(f"DuckDB: {str(exc).splitlines()[0]}") from exc


def select(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()
) -> pa.Table:
    """Return all rows of a query."""
    table = _relation(connection, sql, parameters).to_arrow_table()
    return pa.Table.from_batches([canonical(table)])


def canonical(table: pa.Table) -> pa.RecordBatch:
    """Return rows in the types that every database answers in, whatever DuckDB calls them."""
    fields = [field.with_type(_type(field.type)).with_nullable(True) for field in table.schema]
    columns = [
        _column(column.combine_chunks(), field.type)
        for column, field in zip(table.columns, fields, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _relation(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any]
) -> duckdb.DuckDBPyRelation:
    relation = connection.sql(sql, params=list(parameters)) if parameters else connection.sql(sql)
    if relation is None:
        raise Fatal("the statement returns no rows: it is not a query")
    return relation


def _type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return UTC_MICROSECONDS if kind.tz is not None else pa.timestamp("us")
    if pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_type(kind.value_type))
    return _MICROSECONDS if kind == pa.month_day_nano_interval() else kind


def _column(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind != _MICROSECONDS or column.type == kind:
        return column.cast(kind)
    return pa.array([v if v is None else _duration(v) for v in column.to_pylist()], kind)


def _duration(interval: Any) -> int:
    """Return an interval in microseconds; a month has 30 days, a year 365."""
    years, months = divmod(interval.months, 12)
    days = 365 * years + 30 * months + interval.days
    return int(days * 86_400_000_000 + interval.nanoseconds // 1000)
