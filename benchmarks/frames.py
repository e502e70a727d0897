"""A million rows into a DataFrame by `query`, beside what people use by themselves.

For PostgreSQL that is pandas.read_sql over SQLAlchemy and psycopg, for DuckDB its own `.df()`; in
turn, in one process. A ratio is the median over the rounds of their seconds by ours. SQLAlchemy and
psycopg are none of our dependencies: `.venv/bin/pip install sqlalchemy "psycopg[binary]"` first.
"""

import argparse
import asyncio
import importlib
import importlib.util
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import duckdb
import pandas as pd

from benchmarks.reading import BACKENDS, DATASET, fill
from benchmarks.rig import machine
from benchmarks.rig.places import found
from benchmarks.rig.progress import tell
from shared.database import DatabaseConnection
from shared.settings import Settings

SQL = f"SELECT * FROM {DATASET}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--table-rows", type=int, default=1_000_000, help="rows of the answer")
    parser.add_argument("--rounds", type=int, default=3, help="how often it is asked")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="unset: both")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result for each backend. Blocks."""
    if options.quick:
        options.table_rows, options.rounds = options.table_rows // 10, 1
    with found(postgres=True) as places:
        for backend in options.backend or BACKENDS:
            if backend == "postgresql" and importlib.util.find_spec("sqlalchemy") is None:
                tell("postgresql is left out: SQLAlchemy and psycopg are not installed")
                continue
            yield asyncio.run(_measure(places, backend, options.table_rows, options.rounds))


async def _measure(places: Any, backend: str, rows: int, rounds: int) -> dict[str, Any]:
    theirs_of = _by_pandas if backend == "postgresql" else _by_duckdb
    async with places.settings(backend) as settings:
        await fill(settings, rows)
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(await asyncio.to_thread(_by_query, settings))
            theirs.append(await asyncio.to_thread(theirs_of, settings))
            tell(f"{backend}: query {ours[-1]:.2f} s, theirs {theirs[-1]:.2f} s")
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    return {
        "benchmark": "frames",
        "backend": backend,
        "rows": rows,
        "rows_per_second": round(rows / median(ours)),
        "theirs": {
            "by": "pandas.read_sql" if backend == "postgresql" else "df()",
            "rows_per_second": round(rows / median(theirs)),
            "ratio": round(median(ratios), 2),
            "ratios": [round(ratio, 2) for ratio in ratios],
        },
        "machine": machine.machine(),
    }


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    frame = work()
    seconds = time.perf_counter() - began
    assert len(frame)
    return seconds


def _by_query(settings: Settings) -> float:
    with DatabaseConnection(settings) as db:
        return _timed(lambda: db.query(SQL))


def _by_pandas(settings: Settings) -> float:
    sqlalchemy: Any = importlib.import_module("sqlalchemy")
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value().replace("postgresql:", "postgresql+psycopg:")
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return _timed(lambda: pd.read_sql(sqlalchemy.text(SQL), connection))
    finally:
        engine.dispose()


def _by_duckdb(settings: Settings) -> float:
    with duckdb.connect(str(settings.duckdb_path)) as connection:
        return _timed(lambda: connection.execute(SQL).df())
