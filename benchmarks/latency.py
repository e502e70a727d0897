"""How long a record takes from its producer to where a query finds it, at a steady rate.

The loader runs as a task of this process. Every record is a new row, so that the number of rows
that a query finds tells how many have arrived; the first sent are taken for the first to arrive.
"""

import argparse
import asyncio
import datetime as dt
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import uvloop

from benchmarks.rig import machine
from benchmarks.rig.bars import Slice, bars
from benchmarks.rig.places import Places, found, topics
from benchmarks.rig.progress import tell
from services.loader.app import create_loader
from shared.database.base import Database
from shared.database.factory import create_database
from shared.kafka import Cluster, Producer
from shared.observability import configure_logging
from shared.record import Record
from shared.registry import discover
from shared.settings import Settings

DATASET = "yfinance_ohlcv"
BACKENDS = ("postgresql", "duckdb")
_TICKS_A_SECOND = 50
_LOOK_SECONDS = 0.005
_WARM_SECONDS = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--rate", type=int, default=1_000, help="records a second")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="unset: both")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result for each backend. Blocks."""
    backends = options.backend or BACKENDS
    configure_logging("WARNING", "console", "latency")
    with found(postgres="postgresql" in backends) as places:
        for backend in backends:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                yield runner.run(_measure(places, backend, options.rate, options.seconds))


async def _measure(places: Places, backend: str, rate: int, seconds: float) -> dict[str, Any]:
    registry = discover()
    async with places.settings(backend) as settings, topics(settings, registry) as cluster:
        database = create_database(settings, application="latency")
        await database.open()
        stop = asyncio.Event()
        try:
            await database.apply_schema(registry)
            loader = create_loader(settings, registry, cluster, database)
            loading = asyncio.create_task(loader.run(stop))
            found_ms = await _times(settings, cluster, database, rate, seconds)
            stop.set()
            await loading
        finally:
            await database.close()
    p50, p99, most = (round(float(np.percentile(found_ms, p)), 1) for p in (50, 99, 100))
    tell(f"{backend}: p50 {p50} ms, p99 {p99} ms, most {most} ms")
    return {
        "benchmark": "latency", "backend": backend, "rate": rate, "records": len(found_ms),
        "p50_ms": p50, "p99_ms": p99, "max_ms": most, "machine": machine.machine(),
    }  # fmt: skip


async def _times(
    settings: Settings, cluster: Cluster, database: Database, rate: int, seconds: float
) -> list[float]:
    """Publish at a rate and look all the while; return each record's milliseconds."""
    count = int(rate * (seconds + _WARM_SECONDS))
    table = bars(discover()[DATASET], count, seed=1)
    part = Slice(discover()[DATASET], table, dt.datetime(2026, 1, 5, 21, tzinfo=dt.UTC))
    records = list(part.records(settings.kafka_topic_prefix))
    sent: deque[float] = deque()
    async with asyncio.TaskGroup() as tasks, Producer(cluster) as producer:
        publishing = tasks.create_task(_publish(producer, records, rate, sent))
        times: list[float] = []
        arrived = 0
        while arrived < count:
            await asyncio.sleep(_LOOK_SECONDS)
            arrived, before = await _arrived(database), arrived
            now = time.perf_counter()
            times += [1000 * (now - sent.popleft()) for _ in range(arrived - before)]
        await publishing
    return times[int(rate * _WARM_SECONDS) :]


async def _publish(
    producer: Producer, records: list[Record], rate: int, sent: deque[float]
) -> None:
    """Publish a few records many times a second."""
    few = max(1, rate // _TICKS_A_SECOND)
    begun = time.perf_counter()
    for start in range(0, len(records), few):
        sent.extend([time.perf_counter()] * len(records[start : start + few]))
        await producer.publish(records[start : start + few])
        await asyncio.sleep(max(0.0, begun + (start + few) / rate - time.perf_counter()))


async def _arrived(database: Database) -> int:
    """Return how many records a query finds."""
    found = await database.fetch(f"SELECT count(*) AS rows FROM {DATASET}")
    count: int = found["rows"][0].as_py()
    return count
