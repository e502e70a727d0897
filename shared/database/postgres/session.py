"""A transaction on one PostgreSQL connection, and the steps carried out in it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import asyncpg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder

from shared.columns import Kind
from shared.database.postgres.arrow import to_table
from shared.database.postgres.faults import DRIVER_ERRORS, translated
from shared.database.sql import quote
from shared.database.steps import (
    Announce,
    Append,
    Compute,
    Execute,
    Load,
    Overtaken,
    Select,
    Step,
    Steps,
    WaitNoMore,
)

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

CHANNEL = "econstream_stored"
"""Where PostgreSQL tells the topics of which more is stored."""

LOCK_TIMEOUT = "2s"
SHORTEST_WAIT = "1ms"
# Transactions that announce are committed one after the other: a commit waits for those before.
_COMMIT = "SET LOCAL lock_timeout = '30s'; COMMIT"
ROLLBACK_SECONDS = 5.0
COPY_ROWS = 50_000
# A batch's few keys are looked up in tables of any size: the planner, which has no statistics of
# a temporary table, would rather read the whole table.
_PLAN = "".join(
    f"; SET LOCAL {name} = off"
    for name in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan", "jit")
)
_PATIENTLY = f"BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"
_BEGIN = _PATIENTLY + _PLAN
_TYPES = {kind.arrow: kind.postgres for kind in Kind if kind is not Kind.IDENTITY}
_TYPES[Kind.TEXT.arrow] += ' COLLATE "C"'  # sorts as the tables do
T = TypeVar("T")


@asynccontextmanager
async def transaction(connection: Connection, begin: str = _BEGIN) -> AsyncIterator[None]:
    """Commit what the block does; roll back if it raises, and raise just that.

    A connection that cannot even roll back is ended, so that nobody gets it again.
    """
    try:
        with translated():
            await connection.execute(begin)
        yield
        with translated():
            await connection.execute(_COMMIT)
    except BaseException:
        await _roll_back(connection)
        raise


async def transact(connection: Connection, steps: Steps[T]) -> T:
    """Carry out steps in one transaction and return their outcome.

    Whatever the steps or the server raise rolls back. Raises Transient where a lock is not
    had within LOCK_TIMEOUT.
    """
    async with transaction(connection):
        return await carry_out(connection, steps)


async def carry_out(connection: Connection, steps: Steps[T]) -> T:
    """Carry out steps within a transaction and return their outcome."""
    answer: Any = None
    patient = True
    try:
        while True:
            step = steps.send(answer)
            patient = patient and not isinstance(step, WaitNoMore)
            with translated(), _hurried(patient):
                answer = await _carry_out(connection, step)
    except StopIteration as end:
        outcome: T = end.value
        return outcome
    finally:
        steps.close()


@asynccontextmanager
async def open_transaction(connection: Connection) -> AsyncIterator["PostgresTransaction"]:
    """Begin a transaction for whatever statements come; the planner is left alone."""
    async with transaction(connection, _PATIENTLY):
        yield PostgresTransaction(connection)


class PostgresTransaction:
    """The statements of one open transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        def steps() -> Steps[pa.Table]:
            return (yield Select(sql, tuple(parameters)))

        return await carry_out(self._connection, steps())

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        def steps() -> Steps[int]:
            count: int = yield Execute(sql, tuple(parameters))
            return count

        return await carry_out(self._connection, steps())

    async def run(self, steps: Steps[T]) -> T:
        return await carry_out(self._connection, steps)


@contextmanager
def _hurried(patient: bool) -> Iterator[None]:
    try:
        yield
    except asyncpg.LockNotAvailableError as exc:
        if patient:
            raise
        raise Overtaken from exc


def encode_binary(table: pa.Table) -> bytes:
    """Return a table as a stream of PostgreSQL's binary COPY."""
    # Whether a null may be is for the server to say: pgpq would panic.
    schema = pa.schema([field.with_nullable(True) for field in table.schema])
    rows = pa.Table.from_arrays(table.columns, schema=schema).combine_chunks()
    encoder = ArrowToPostgresBinaryEncoder(schema)
    parts = [encoder.write_header()]
    parts += [encoder.write_batch(part) for part in rows.to_batches()]
    return b"".join([*parts, encoder.finish()])


async def _roll_back(connection: Connection) -> None:
    try:
        if not connection.is_closed():
            await connection.execute("ROLLBACK", timeout=ROLLBACK_SECONDS)
    except DRIVER_ERRORS:
        _end(connection)
    except BaseException:
        _end(connection)
        raise


def _end(connection: Connection) -> None:
    # One that broke has been taken from its borrower already, and refuses even this.
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


async def _carry_out(connection: Connection, step: Step) -> Any:
    match step:
        case Execute(sql, parameters):
            status = await connection.execute(sql, *parameters)
            return touched(status)
        case Select(sql, parameters):
            statement = await connection.prepare(sql)
            rows = await statement.fetch(*parameters)
            return await asyncio.to_thread(to_table, rows, statement.get_attributes())
        case Load(name, rows):
            for start in range(0, max(1, rows.num_rows), COPY_ROWS):
                part = rows.slice(start, COPY_ROWS)
                await _copy(connection, name, part, _temp_table(name, rows.schema))
            return 0
        case Append(name, rows):
            await _append(connection, name, rows)
            return 0
        case WaitNoMore():
            await connection.execute(f"SET LOCAL lock_timeout = '{SHORTEST_WAIT}'")
            return 0
        case Compute(work):
            return await asyncio.to_thread(work)
        case Announce(topic):
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, topic)
            return 0


async def _append(connection: Connection, table: str, rows: pa.Table) -> None:
    try:
        for start in range(0, rows.num_rows, COPY_ROWS):
            await _copy(connection, table, rows.slice(start, COPY_ROWS), "SELECT")
    except asyncpg.UniqueViolationError as exc:
        raise Overtaken from exc


async def _copy(connection: Connection, name: str, rows: pa.Table, before: str) -> None:
    """Copy rows in one message, right after a statement that shows the server to be there.

    Where asyncpg waits between the messages of a COPY, it hears nothing of a server that dies.
    """
    payload: Any = memoryview(await asyncio.to_thread(encode_binary, rows))
    await connection.execute(before)
    await connection.copy_to_table(name, source=payload, columns=rows.column_names, format="binary")


def touched(status: str) -> int:
    """Return how many rows a statement touched, 0 where it does not count them."""
    number = status.rsplit(" ", 1)[-1]
    return int(number) if number.isdigit() else 0


def _temp_table(name: str, schema: pa.Schema) -> str:
    """Return the statement for a table of the connection's own, emptied at each commit."""
    body = ", ".join(f"{quote(field.name)} {_TYPES[field.type]}" for field in schema)
    return f"CREATE TEMP TABLE IF NOT EXISTS {quote(name)} ({body}) ON COMMIT DELETE ROWS"
