"""Large answers from PostgreSQL: by COPY into Arrow, several times as fast as record by record.

COPY takes no parameters. Their values are set for the transaction, each spelled by the server
in the type that it gave the placeholder, and the statement reads them from there: no value is
ever part of its text. CSV, since Arrow reads it by columns and it keeps null and empty apart.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import asyncpg
import pyarrow as pa
import pyarrow.csv

from shared.database.postgres.arrow import schema_of
from shared.database.postgres.faults import DRIVER_ERRORS, translate, translated
from shared.database.postgres.session import Connection
from shared.errors import Fatal, Transient

PART_BYTES = 2 << 20
"""Text that is parsed at once; up to four times as much is held."""

NO_END_SECONDS = 7 * 86_400.0
"""A reader may be slow; who gives up on it closes the stream."""

_COLUMNS = frozenset({"text", "varchar", "name", "bool", "int2", "int4", "int8"}) | {
    *("float4", "float8", "date", "timestamp", "timestamptz")
}
_VALUES = frozenset({"text", "varchar", "bool", "int2", "int4", "int8", "float8"}) | {
    *("date", "timestamp", "timestamptz")
}
_PLACEHOLDER = re.compile(r"\$(\d+)\b")
_QUOTED_NAME = re.compile(r'"[A-Za-z_][A-Za-z0-9_]*"')
_QUERY = re.compile(r"\s*(?:select|with|values|table)\b", re.IGNORECASE)
"""What COPY takes; EXPLAIN and SHOW give rows too."""
_SETTINGS = (
    "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL extra_float_digits = 1; "
    "SET LOCAL statement_timeout = 0"
)
"""How values are spelled; and a COPY is one statement, which lasts as long as its reader."""


def copyable(statement: Any, sql: str, parameters: Sequence[Any]) -> bool:
    """Return whether a statement can be read by COPY with nothing changed in what it answers.

    With parameters, its text is to have no literals, comments or odd names, in which a
    placeholder could hide; its columns and parameters are to be of types that are the same by
    either way.
    """
    if not parameters:
        columns = {attribute.type.name for attribute in statement.get_attributes()}
        return _QUERY.match(sql) is not None and columns <= _COLUMNS
    rest = _PLACEHOLDER.sub("", _QUOTED_NAME.sub("", sql))
    columns = {attribute.type.name for attribute in statement.get_attributes()}
    types = {parameter.name.removesuffix("[]") for parameter in statement.get_parameters()}
    return (
        not re.search(r"""['"$;\\]|--|/\*""", rest)
        and columns <= _COLUMNS
        and types <= _VALUES
        and not any(value is None for value in parameters)
    )


async def stream(
    connection: Connection,
    statement: Any,
    sql: str,
    parameters: Sequence[Any],
    timeout_ms: int | None,
) -> AsyncGenerator[pa.RecordBatch, None]:
    """Yield a copyable statement's rows, within a transaction; at least one batch."""
    schema = schema_of(statement.get_attributes())
    types = [parameter.name for parameter in statement.get_parameters()]
    with translated():
        await connection.execute(_SETTINGS)
        if parameters:
            await connection.fetch(_set_values(types), *parameters)
    if parameters:
        sql = _PLACEHOLDER.sub(lambda found: _value(found, types), sql)
    # The server has read it as one statement; its last comment must not hide what follows.
    copying = Copying(connection, f"{sql.rstrip().removesuffix(';')}\n")
    try:
        text = await copying.first(timeout_ms)
        yield await asyncio.to_thread(_parse, text, schema)
        while text:
            text = await copying.part()
            if text:
                yield await asyncio.to_thread(_parse, text, schema)
    finally:
        await copying.end()


class Copying:
    """A COPY that runs beside its reader, and waits for it."""

    def __init__(self, connection: Connection, sql: str) -> None:
        self._parts: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._held: list[bytes] = []
        self._size = 0
        self._most = 0  # the first rows are handed on as they come
        self._task = asyncio.create_task(self._copy(connection, sql))

    async def first(self, timeout_ms: int | None) -> bytes:
        """Return the first rows; raises Transient where there are none in time."""
        try:
            async with asyncio.timeout(timeout_ms / 1000 if timeout_ms is not None else None):
                return await self.part()
        except TimeoutError as exc:
            raise Transient(f"the query had no rows after {timeout_ms} ms") from exc

    async def part(self) -> bytes:
        """Return the next rows as CSV, nothing at the end."""
        part = await self._parts.get()
        if not part:
            await self._raise()
        return part

    async def end(self) -> None:
        """End the COPY, if it has not ended."""
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.exception()

    async def _raise(self) -> None:
        try:
            await self._task
        except asyncpg.ReadOnlySQLTransactionError as exc:
            raise Fatal("only one statement that reads is allowed here") from exc
        except DRIVER_ERRORS as exc:
            raise translate(exc) from exc

    async def _copy(self, connection: Connection, sql: str) -> None:
        try:
            await connection.copy_from_query(
                sql, output=self._take, format="csv", timeout=NO_END_SECONDS
            )
            if self._held:
                await self._parts.put(b"".join(self._held))
        except Exception:
            await self._parts.put(b"")
            raise
        await self._parts.put(b"")

    async def _take(self, data: bytes) -> None:
        """Keep whole rows until they are a part."""
        self._held.append(data)
        self._size += len(data)
        if self._size > self._most and data.endswith(b"\n"):
            part = b"".join(self._held)
            self._held.clear()
            self._size, self._most = 0, PART_BYTES
            await self._parts.put(part)


def _set_values(types: Sequence[str]) -> str:
    """Return the statement that keeps the parameters for the transaction."""
    settings = (
        f"set_config('econstream.p{number}', (${number}::{name})::text, true)"
        for number, name in enumerate(types, 1)
    )
    return f"SELECT {', '.join(settings)}"


def _value(placeholder: re.Match[str], types: Sequence[str]) -> str:
    """Return what stands for a placeholder; a subquery, which is evaluated once."""
    name = types[int(placeholder[1]) - 1]
    return f"((SELECT current_setting('econstream.p{placeholder[1]}')::{name})::{name})"


def _parse(text: bytes, schema: pa.Schema) -> pa.RecordBatch:
    if not text:
        return pa.RecordBatch.from_pylist([], schema=schema)
    # By position: names may stand twice.
    names = [str(number) for number in range(len(schema))]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(text),
            pyarrow.csv.ReadOptions(
                column_names=names, use_threads=False, block_size=len(text) + 1
            ),
            pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                column_types=dict(zip(names, schema.types, strict=True)),
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as exc:
        raise Fatal(f"the answer holds a value out of range: {exc}") from exc
    arrays = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
