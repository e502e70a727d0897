"""The database as a command sees it: opened here, or asked for through the `up` that holds it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from typing import Any, Protocol, cast

import pyarrow as pa

from services.cli.session import demo_path, find_up, holds_database
from shared.control import Door
from shared.database.base import Position, Reader
from shared.database.factory import create_database
from shared.dataset import Dataset
from shared.errors import ConfigError
from shared.settings import Settings


class Store(Protocol):
    """What commands ask of the database; `shared.database.base.Database` says the contracts."""

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> AsyncIterator[pa.RecordBatch]: ...

    async def apply_schema(self, datasets: Iterable[Dataset]) -> list[str]: ...

    async def check_schema(self, datasets: Iterable[Dataset]) -> list[str]: ...

    async def positions(self, reader: Reader | None = None) -> list[Position]: ...

    async def reset_offsets(
        self, reader: Reader, targets: Sequence[tuple[str, int, int]]
    ) -> list[Position]: ...

    async def discard_letters(self, ids: Sequence[int]) -> int: ...


@asynccontextmanager
async def open_store(
    settings: Settings, *, command: str, create: bool = False
) -> AsyncIterator[Store]:
    """Lend the database: the one a running `up` holds, else opened for the block.

    Raises ConfigError where it refuses, or where there is no DuckDB file and none is to be
    made; Transient where it is away.
    """
    running = await asyncio.to_thread(find_up, settings)
    if running is not None and holds_database(settings, running):
        yield _Remote(Door(running))
        return
    if not create:
        _need_file(settings)
    database = create_database(settings, application=f"econstream-{command}")
    try:
        await database.open()
        yield database
    finally:
        await database.close()


def _need_file(settings: Settings) -> None:
    if settings.database_backend != "duckdb" or settings.duckdb_path.exists():
        return
    demo = demo_path(settings)
    hint = f", and {demo} has the demo's rows" if demo.exists() else ""
    raise ConfigError(
        f"the DuckDB file {settings.duckdb_path} does not exist yet: `econstream up` makes it"
        f"{hint}; set DUCKDB_PATH to read another"
    )


class _Remote:
    """The database behind the control door; the datasets are those that `up` knows."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def stream(
        self, sql: str, parameters: Sequence[Any] = ()
    ) -> AsyncIterator[pa.RecordBatch]:
        with self._door.stream(sql, parameters) as batches:
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                yield batch

    async def apply_schema(self, datasets: Iterable[Dataset]) -> list[str]:
        return await asyncio.to_thread(self._door.apply_schema)

    async def check_schema(self, datasets: Iterable[Dataset]) -> list[str]:
        return await asyncio.to_thread(self._door.check_schema)

    async def positions(self, reader: Reader | None = None) -> list[Position]:
        asked = None if reader is None else asdict(reader)
        found = await asyncio.to_thread(self._door.positions, asked)
        return [Position(**fields) for fields in found]

    async def reset_offsets(
        self, reader: Reader, targets: Sequence[tuple[str, int, int]]
    ) -> list[Position]:
        found = await asyncio.to_thread(self._door.reset_offsets, asdict(reader), targets)
        return [Position(**fields) for fields in found]

    async def discard_letters(self, ids: Sequence[int]) -> int:
        return await asyncio.to_thread(self._door.discard_letters, ids)


async def rows_of(store: Store, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Return all rows of a query; for answers known to be small."""
    async with closing(store.stream(sql, parameters)) as batches:
        return [row async for batch in batches for row in batch.to_pylist()]


def closing(batches: AsyncIterator[pa.RecordBatch]) -> aclosing[Any]:
    """End a stream of batches with the block, however far it was read."""
    return aclosing(cast("Any", batches))
