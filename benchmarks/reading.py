"""Reading a whole table over HTTP, beside what its database gives by itself.

The API runs as a process of its own, and its answers are read and thrown away. Rates are wall
clock, the median of the rounds; a ratio is to the database's own COPY in the same round: from
PostgreSQL as CSV through asyncpg, from DuckDB to a file of the same format. Memory is what the
API's process grew by over its size after a first read of each format.
"""

import argparse
import asyncio
import datetime as dt
import http.client
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import duckdb

from benchmarks.rig import machine
from benchmarks.rig.bars import Slice, bars
from benchmarks.rig.places import Places, found
from benchmarks.rig.progress import tell
from benchmarks.rig.serving import serving
from shared.database.base import Batch, Database, Reader
from shared.database.factory import create_database
from shared.registry import discover
from shared.settings import Settings

DATASET = "yfinance_ohlcv"
BACKENDS = ("postgresql", "duckdb")
FORMATS = ("csv", "ndjson", "arrow", "parquet")
_FILES = {"csv": "csv", "ndjson": "json", "parquet": "parquet", "arrow": "parquet"}
"""What DuckDB writes by itself to compare with; it writes no Arrow."""

_KNOWN = dt.datetime(2026, 1, 5, 21, tzinfo=dt.UTC)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--table-rows", type=int, default=1_000_000, help="rows of the table")
    parser.add_argument("--rounds", type=int, default=5, help="how often it is read")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="unset: both")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result for each backend and format. Blocks."""
    if options.quick:
        options.table_rows, options.rounds = options.table_rows // 10, 1
    backends = options.backend or BACKENDS
    with found(postgres="postgresql" in backends) as places:
        for backend in backends:
            yield from asyncio.run(_read(places, backend, options.table_rows, options.rounds))


async def _read(places: Places, backend: str, rows: int, rounds: int) -> list[dict[str, Any]]:
    async with places.settings(backend) as settings:
        await fill(settings, rows)
        own = _by_postgres if backend == "postgresql" else _by_duckdb
        seconds = {name: await _alternate(settings, name, own, rounds) for name in FORMATS}
    return [_result(backend, name, rows, *seconds[name]) for name in FORMATS]


Own = Callable[[Settings, str], Any]


async def _alternate(
    settings: Settings, name: str, own: Own, rounds: int
) -> tuple[list[float], list[float], float]:
    """Return the seconds of each round by HTTP and by the database, and MB of growth.

    A DuckDB file belongs to one process: the API's starts and ends with each round.
    """
    ours, theirs, grown = [], [], 0.0
    for number in range(rounds):
        theirs.append(await own(settings, name))
        async with serving(settings) as (port, process):
            await asyncio.to_thread(_take, port, f"format={name}&limit=50000")
            if number == 0:
                await asyncio.to_thread(_take, port, f"format={name}")
            before = process.memory_info().rss
            reading = asyncio.create_task(asyncio.to_thread(_take, port, f"format={name}"))
            while not reading.done():
                grown = max(grown, process.memory_info().rss - before)
                await asyncio.wait([reading], timeout=0.05)
            ours.append(await reading)
        tell(f"{name}: {ours[-1]:.2f} s, by itself {theirs[-1]:.2f} s")
    return ours, theirs, grown / 1e6


def _result(
    backend: str, name: str, rows: int, ours: list[float], theirs: list[float], grown: float
) -> dict[str, Any]:
    ratios = [own / mine for mine, own in zip(ours, theirs, strict=True)]
    return {
        "benchmark": "reading",
        "backend": backend,
        "format": name,
        "rows": rows,
        "rows_per_second": round(rows / median(ours)),
        "copy": {
            "rows_per_second": round(rows / median(theirs)),
            "ratio": round(median(ratios), 2),
            "ratios": [round(ratio, 2) for ratio in ratios],
        },
        "grown_mb": round(grown, 1),
        "machine": machine.machine(),
    }


async def fill(settings: Settings, rows: int) -> None:
    """Store so many bars in an empty database."""
    dataset = discover()[DATASET]
    database: Database = create_database(settings, application="reading")
    await database.open()
    try:
        await database.apply_schema(discover())
        for first in range(0, rows, 50_000):
            part = bars(dataset, min(50_000, rows - first), 1, first=first)
            table = Slice(dataset, part, _KNOWN).incoming().drop_columns("kafka_epoch")
            await database.write(Batch(Reader("benchmark", "reading"), dataset, table))
        if database.backend == "postgresql":
            await database.execute(f"ANALYZE {DATASET}")
    finally:
        await database.close()


def _take(port: int, query: str) -> float:
    """Read an answer to its end and return the seconds."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", f"/v1/data/{DATASET}?{query}")
    response = connection.getresponse()
    assert response.status == 200, response.read()
    while response.read(1 << 20):
        pass
    connection.close()
    return time.perf_counter() - began


def _columns() -> str:
    return ", ".join([*(column.name for column in discover()[DATASET].columns), "as_of"])


async def _by_postgres(settings: Settings, name: str) -> float:
    assert settings.database_url is not None
    connection = await asyncpg.connect(settings.database_url.get_secret_value())

    async def drop(data: bytes) -> None:
        """Throw away."""

    try:
        began = time.perf_counter()
        query = f"SELECT {_columns()} FROM {DATASET} ORDER BY ticker, date"
        await connection.copy_from_query(query, output=drop, format="csv")
        return time.perf_counter() - began
    finally:
        await connection.close()


async def _by_duckdb(settings: Settings, name: str) -> float:
    target = Path(f"{settings.duckdb_path}.{name}")

    def copy() -> float:
        with duckdb.connect(str(settings.duckdb_path)) as connection:
            began = time.perf_counter()
            query = f"SELECT {_columns()} FROM {DATASET} ORDER BY ticker, date"
            connection.execute(f"COPY ({query}) TO '{target}' (FORMAT {_FILES[name]})")
            seconds = time.perf_counter() - began
        target.unlink()
        return seconds

    return await asyncio.to_thread(copy)
