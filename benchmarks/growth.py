"""What a row costs in an ever larger table: appended, and updated among the newest.

Batches go to the database without Kafka, as many rows each as the loader's. At each size a
stretch of new rows is appended, and then every one of them gets other values. A result has the
microseconds that a row takes and the ratio to the smallest size.
"""

import argparse
import asyncio
import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from benchmarks.rig import machine
from benchmarks.rig.bars import Slice, bars
from benchmarks.rig.places import Places, found
from benchmarks.rig.progress import tell
from services.loader.app import transaction_rows
from shared.database.base import Batch, Database, Reader
from shared.database.factory import create_database
from shared.registry import discover

DATASET = "yfinance_ohlcv"
BACKENDS = ("postgresql", "duckdb")
_READER = Reader("benchmark", "growth")
_FIRST = dt.datetime(2026, 1, 5, 21, tzinfo=dt.UTC)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--rows", type=int, default=1_000_000, help="how large the table becomes")
    parser.add_argument("--stretch", type=int, default=100_000, help="rows timed at each size")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="unset: both")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result for each backend. Blocks."""
    backends = options.backend or BACKENDS
    with found(postgres="postgresql" in backends) as places:
        for backend in backends:
            yield asyncio.run(_grow(places, backend, options.rows, options.stretch))


async def _grow(places: Places, backend: str, rows: int, stretch: int) -> dict[str, Any]:
    sizes: list[dict[str, Any]] = []
    async with places.settings(backend) as settings:
        database = create_database(settings, application="growth")
        await database.open()
        try:
            await database.apply_schema(discover())
            table = _Table(database, transaction_rows(settings))
            size = stretch
            while size <= rows:
                await table.fill(size - stretch)
                sizes.append(await _measured(table, stretch))
                tell(f"{backend}: {sizes[-1]}")
                size *= 10
        finally:
            await database.close()
    for found_at in sizes:
        for what in ("append", "update"):
            found_at[f"{what}_ratio"] = round(found_at[f"{what}_us"] / sizes[0][f"{what}_us"], 2)
    facts = {"machine": machine.machine()}
    return {"benchmark": "growth", "backend": backend, "sizes": sizes} | facts


async def _measured(table: "_Table", stretch: int) -> dict[str, Any]:
    first = table.size
    append = await table.write(first, stretch, seed=1)
    table.size += stretch
    updates = [await table.write(first, stretch, seed=seed) for seed in (2, 3)]
    return {
        "rows": table.size,
        "append_us": round(1e6 * append / stretch, 2),
        "update_us": round(1e6 * min(updates) / stretch, 2),
    }


class _Table:
    """The table that grows, bar by bar."""

    def __init__(self, database: Database, batch_rows: int) -> None:
        self._database = database
        self._batch_rows = batch_rows
        self._dataset = discover()[DATASET]
        self.size = 0

    async def fill(self, size: int) -> None:
        """Append until the table has so many rows."""
        while self.size < size:
            rows = min(self._batch_rows, size - self.size)
            await self.write(self.size, rows, seed=1)
            self.size += rows

    async def write(self, first: int, rows: int, seed: int) -> float:
        """Write bars in batches; return the seconds that the database took."""
        seconds = 0.0
        for start in range(first, first + rows, self._batch_rows):
            count = min(self._batch_rows, first + rows - start)
            batch = Batch(_READER, self._dataset, self._incoming(start, count, seed))
            begun = time.perf_counter()
            await self._database.write(batch)
            seconds += time.perf_counter() - begun
        return seconds

    def _incoming(self, first: int, rows: int, seed: int) -> pa.Table:
        table = bars(self._dataset, rows, seed, first=first)
        known = _FIRST + dt.timedelta(hours=seed)
        return Slice(self._dataset, table, known).incoming().drop_columns("kafka_epoch")
