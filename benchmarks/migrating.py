"""Moving daily bars from DuckDB to PostgreSQL, beside a bare COPY of the same rows.

The bare COPY is asyncpg's, of rows encoded beforehand, into the same table with its index. The
migration runs as a user runs it, a process of its own: once without verification, which is the
copying alone, and once with it, all of that counted. Its seconds are those that it tells at its
end. Memory is the process's peak.
"""

import argparse
import asyncio
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import psutil
import pyarrow as pa

from benchmarks.reading import DATASET, fill
from benchmarks.rig import machine
from benchmarks.rig.places import Places, found
from benchmarks.rig.progress import tell
from shared.database.factory import create_database
from shared.database.postgres.session import encode_binary
from shared.registry import discover
from shared.settings import Settings

_TOOK = re.compile(r"(moving|moving and verifying) took ([\d.]+) s")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--table-rows", type=int, default=5_000_000, help="rows to move")
    parser.add_argument("--rounds", type=int, default=3, help="how often they are moved")
    parser.add_argument("--quick", action="store_true", help="a hundredth of the rows, one round")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result. Blocks."""
    if options.quick:
        options.table_rows, options.rounds = options.table_rows // 100, 1
    with found(postgres=True) as places:
        yield asyncio.run(_measure(places, options.table_rows, options.rounds))


async def _measure(places: Places, rows: int, rounds: int) -> dict[str, Any]:
    bare: list[float] = []
    copied: list[float] = []
    whole: list[float] = []
    peaks: list[float] = []
    async with places.settings("duckdb") as source:
        await fill(source, rows)
        for _ in range(rounds):
            async with places.settings("postgresql") as target:
                bare.append(await _bare(source, target))
            for seconds, option in ((copied, ["--no-verify"]), (whole, [])):
                async with places.settings("postgresql") as target:
                    took, peak = await _migrate(source, target, option)
                    seconds.append(took)
                    peaks.append(peak)
            tell(f"bare {bare[-1]:.1f} s, copying {copied[-1]:.1f} s, verified {whole[-1]:.1f} s")
    return {
        "benchmark": "migrating",
        "rows": rows,
        "rows_per_second": round(rows / median(copied)),
        "bare_copy": {
            "rows_per_second": round(rows / median(bare)),
            "ratio": _ratio(bare, copied),
        },
        "with_verification": _ratio(whole, copied),
        "peak_rss_mb": round(max(peaks)),
        "machine": machine.machine(),
    }


def _ratio(one: list[float], other: list[float]) -> float:
    return round(median(a / b for a, b in zip(one, other, strict=True)), 2)


async def _bare(source: Settings, target: Settings) -> float:
    """Return the seconds of COPY alone, into the table as the schema makes it."""
    assert target.database_url is not None
    database = create_database(target, application="bench")
    await database.open()
    await database.apply_schema(discover())
    await database.close()
    duckdb = create_database(source, application="bench", read_only=True)
    await duckdb.open()
    connection = await asyncpg.connect(target.database_url.get_secret_value())
    seconds = 0.0
    try:
        names = ", ".join(f'"{c.name}"' for c in discover()[DATASET].stored)
        stream = duckdb.stream(f"SELECT {names} FROM {DATASET} ORDER BY ticker, date", whole=True)
        await connection.execute("BEGIN")
        async for batch in stream:
            payload: Any = memoryview(encode_binary(pa.Table.from_batches([batch])))
            began = time.perf_counter()
            await connection.copy_to_table(
                DATASET, source=payload, columns=batch.schema.names, format="binary"
            )
            seconds += time.perf_counter() - began
        began = time.perf_counter()
        await connection.execute("COMMIT")
        return seconds + time.perf_counter() - began
    finally:
        await connection.close()
        await duckdb.close()


async def _migrate(
    source: Settings, target: Settings, options: Sequence[str]
) -> tuple[float, float]:
    """Return the seconds and the peak MB of `econstream migrate`."""
    assert target.database_url is not None
    given = {
        "DUCKDB_PATH": str(source.duckdb_path),
        "DATABASE_URL": target.database_url.get_secret_value(),
        "DATA_DIR": str(Path(source.duckdb_path).parent / "none"),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.cli", "migrate", "--tables", DATASET, *options),
        env=os.environ | given,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    watching = asyncio.create_task(_peak(process.pid))
    said = (await process.communicate())[1].decode()
    assert process.returncode == 0, said
    # What is told last is of all that was done.
    return float(_TOOK.findall(said)[-1][1]), await watching


async def _peak(pid: int) -> float:
    """Return the most memory that a process took, in MB."""
    peak = 0
    try:
        watched = psutil.Process(pid)
        while True:
            peak = max(peak, watched.memory_info().rss)
            await asyncio.sleep(0.05)
    except psutil.Error:
        return peak / 1e6
