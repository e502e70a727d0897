"""Kafka to database by the loader, against the database's own limit and that of decoding.

Three passes over the same daily bars: `insert` (new keys), `update` (every key has other
values, known later, and its old ones go to the revisions) and `unchanged` (the same values,
known later). A pass is done in slices; of each slice the limits and the loader take turns, so
that a busy machine slows both. A ratio is the median of the slices' ratios. A slice is long
enough that the loader's first and last batch, which nothing overlaps, are a small part of it.

Each result has rows a second and, for each limit, its rows a second and the ratio to it.
`upsert`: prepared batches into a table of the same columns, in PostgreSQL by COPY to
a temporary table and INSERT … ON CONFLICT DO UPDATE, in DuckDB from Arrow, without Kafka and
without history. `decode`: the same loader with a database that stores nothing.

A fourth pass, `bad`, brings new keys of which one message in a hundred is refused; its limit is
the same loader with as many that are `clean`.
"""

import argparse
import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import asyncpg

from benchmarks.rig import machine
from benchmarks.rig.bars import PASSES, Slice, slices
from benchmarks.rig.limits import DuckdbLimit, Limit, PostgresLimit
from benchmarks.rig.places import Places, found, topics
from benchmarks.rig.process import LoaderProcess, Run, loader_process
from benchmarks.rig.progress import tell
from services.loader.app import transaction_rows
from shared.kafka import Cluster, Producer
from shared.registry import discover
from shared.settings import Settings

DATASET = "yfinance_ohlcv"
BACKENDS = ("postgresql", "duckdb")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--rows", type=int, default=1_200_000, help="bars in a pass")
    parser.add_argument("--slices", type=int, default=5, help="parts that a pass is timed in")
    parser.add_argument("--batch-rows", type=int, help="rows a transaction; unset: the setting's")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="unset: both")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, in one slice")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result for each backend and pass. Blocks."""
    backends = options.backend or BACKENDS
    if options.quick:
        options.rows, options.slices = options.rows // 10, 1
    with found(postgres="postgresql" in backends) as places, asyncio.Runner() as runner:
        for backend in backends:
            yield from _each(runner, _passes(places, backend, options))


@dataclass(slots=True)
class Timings:
    """Seconds of the slices of one pass."""

    rows: list[int] = field(default_factory=list)
    loader: list[Run] = field(default_factory=list)
    limits: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def result(self) -> dict[str, Any]:
        """Return rates over the whole pass and the median ratio to each limit."""
        seconds = [run.seconds for run in self.loader]
        found: dict[str, Any] = {
            "rows": sum(self.rows),
            "rows_per_second": round(sum(self.rows) / sum(seconds)),
        }
        for name, limit in self.limits.items():
            ratios = [theirs / ours for theirs, ours in zip(limit, seconds, strict=True)]
            found[name] = {
                "rows_per_second": round(sum(self.rows) / sum(limit)),
                "ratio": round(median(ratios), 2),
                "ratios": [round(ratio, 2) for ratio in ratios],
            }
        spent = sum(run.cpu_seconds for run in self.loader)
        return found | {
            "rows_per_batch": round(sum(self.rows) / sum(run.batches for run in self.loader)),
            "cpu_us_per_row": round(1e6 * spent / sum(self.rows), 1),
            "peak_rss_mb": max(run.peak_rss_mb for run in self.loader),
        }


def _each(
    runner: asyncio.Runner, results: AsyncGenerator[dict[str, Any], None]
) -> Iterator[dict[str, Any]]:
    """Yield results as soon as each is there."""

    async def following() -> dict[str, Any] | None:
        return await anext(results, None)

    try:
        while (result := runner.run(following())) is not None:
            yield result
    finally:
        runner.run(results.aclose())


async def _passes(
    places: Places, backend: str, options: argparse.Namespace
) -> AsyncGenerator[dict[str, Any], None]:
    given = {"loader_batch_rows": options.batch_rows} if options.batch_rows else {}
    registry = discover()
    dataset = registry[DATASET]
    async with AsyncExitStack() as closing:
        settings = await closing.enter_async_context(places.settings(backend, **given))
        cluster = await closing.enter_async_context(topics(settings, registry))
        loader = await closing.enter_async_context(loader_process(settings))
        stage = await _Stage.open(settings, cluster, loader, closing)
        for name in PASSES:
            timings = Timings()
            for number, part in enumerate(slices(dataset, name, options.rows, options.slices)):
                await stage.take_turns(number, part, timings)
            result = timings.result()
            tell(_line(backend, name, result))
            yield {"benchmark": "loader", "backend": backend, "pass": name} | result | stage.facts
        timings = Timings()
        pairs = [slices(dataset, kind, options.rows, options.slices) for kind in ("clean", "bad")]
        for number, (clean, bad) in enumerate(zip(*pairs, strict=True)):
            await stage.compare(number, clean, bad, timings)
        tell(_line(backend, "bad", result := timings.result()))
        yield {"benchmark": "loader", "backend": backend, "pass": "bad"} | result | stage.facts


def _line(backend: str, name: str, result: dict[str, Any]) -> str:
    limits = (
        f"{result[limit]['ratio']} of {limit}"
        for limit in ("upsert", "decode", "clean")
        if limit in result
    )
    return f"{backend} {name}: {result['rows_per_second']:,} rows/s, {', '.join(limits)}"


@dataclass(slots=True)
class _Stage:
    """Everything that a slice is measured with, in one database."""

    settings: Settings
    cluster: Cluster
    loader: LoaderProcess
    limit: Limit
    admin: asyncpg.Connection | None
    facts: dict[str, Any]

    @classmethod
    async def open(
        cls,
        settings: Settings,
        cluster: Cluster,
        loader: LoaderProcess,
        closing: AsyncExitStack,
    ) -> "_Stage":
        dataset = discover()[DATASET]
        facts: dict[str, Any] = {"machine": machine.machine()}
        if settings.database_backend == "duckdb":
            path = settings.duckdb_path.with_suffix(".limit")
            limit: Limit = DuckdbLimit(path, settings.duckdb_memory_limit, dataset)
            admin = None
        else:
            url = settings.postgres_dsn.get_secret_value()
            limit = await PostgresLimit.open(url, dataset)
            admin = await asyncpg.connect(url, timeout=10)
            closing.push_async_callback(admin.close)
            facts["server"] = await machine.server(admin)
        closing.push_async_callback(limit.close)
        return cls(settings, cluster, loader, limit, admin, facts)

    async def take_turns(self, number: int, part: Slice, timings: Timings) -> None:
        """Publish a slice, then time the limits and the loader, who goes first in turns."""
        async with Producer(self.cluster) as producer:
            await producer.publish(part.records(self.settings.kafka_topic_prefix))
        timings.rows.append(part.table.num_rows)
        turns = [self._time_loader, self._time_upsert, self._time_decode]
        for turn in turns if number % 2 else reversed(turns):
            await self._settle()
            await turn(part, timings)

    async def compare(self, number: int, clean: Slice, bad: Slice, timings: Timings) -> None:
        """Time the loader with a clean slice and with one of bad messages, in turns the first."""
        timings.rows.append(bad.table.num_rows)
        for part in (clean, bad) if number % 2 else (bad, clean):
            async with Producer(self.cluster) as producer:
                await producer.publish(part.records(self.settings.kafka_topic_prefix))
            await self._settle()
            if part.bad:
                await self._time_loader(part, timings)
            else:
                run = await self.loader.load("database")
                timings.limits["clean"].append(run.seconds)

    async def _time_loader(self, part: Slice, timings: Timings) -> None:
        run = await self.loader.load("database")
        assert run.rows == part.table.num_rows, f"{run.rows} of {part.table.num_rows} rows came"
        timings.loader.append(run)

    async def _time_decode(self, part: Slice, timings: Timings) -> None:
        run = await self.loader.load("nothing")
        timings.limits["decode"].append(run.seconds)

    async def _time_upsert(self, part: Slice, timings: Timings) -> None:
        seconds = await self.limit.write(part, transaction_rows(self.settings))
        timings.limits["upsert"].append(seconds)

    async def _settle(self) -> None:
        """Let nobody pay for the writes of the one before: only a superuser can."""
        if self.admin is not None:
            try:
                await self.admin.execute("CHECKPOINT")
            except asyncpg.InsufficientPrivilegeError:
                tell("no right to CHECKPOINT: figures vary more")
