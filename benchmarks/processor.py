"""Bars to features by the processor, from Kafka to the output topic, and what its state costs.

`rate`: catching up with bars that lie on the topic, ticker after ticker. In each slice a bare
agent, which counts what `take()` hands it, one processor, and two that share the partitions take
turns, each a process. Time is from a tenth of the bars on, so that joining the group is left out.
`latency`: from a bar's production to its feature on the output topic, at a steady rate.
`state`: that of many tickers stands on the changelog; how long a worker takes from its start until
it is ready with it, and its memory then, which is that of the process without any and the state.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from statistics import median, quantiles
from typing import Any

import numpy as np

from benchmarks.rig import machine
from benchmarks.rig.bars import slices
from benchmarks.rig.places import Places, found, topics
from benchmarks.rig.processing import (
    child,
    environment,
    memory_mb,
    seconds_from_tenth,
    until_ready,
)
from benchmarks.rig.progress import tell
from services.processor.app import group_of
from services.processor.bars import BAR
from services.processor.stream import changelog
from services.processor.ticker import pack, rebuilt
from shared.errors import Fatal
from shared.kafka import Cluster, Producer, Watermarks
from shared.record import Record
from shared.registry import discover
from shared.settings import Settings
from tests.services.process import free_port

INPUT, OUTPUT = "yfinance_ohlcv", "technical_features"
PARTITIONS = 4
WARM_SECONDS = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--rows", type=int, default=100_000, help="bars of a slice")
    parser.add_argument("--slices", type=int, default=3, help="how often each takes its turn")
    parser.add_argument("--rate", type=int, default=100, help="bars a second for the latency")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long")
    parser.add_argument("--tickers", type=int, default=5_000, help="tickers of the state")
    parser.add_argument("--quick", action="store_true", help="a tenth of it all, in one slice")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the results of `rate`, `latency` and `state`. Blocks."""
    if options.quick:
        options.rows, options.slices = options.rows // 10, 1
        options.seconds, options.tickers = options.seconds / 10, options.tickers // 10
    with found(postgres=False) as places, asyncio.Runner() as runner:
        for measure in (_rates, _latency, _state):
            tell(measure.__name__)
            result = runner.run(measure(places, options))
            yield {"benchmark": "processor"} | result | {"machine": machine.machine()}


async def _rates(places: Places, options: argparse.Namespace) -> dict[str, Any]:
    taken: dict[str, list[float]] = {"bare": [], "processor": [], "two_processors": []}
    for _ in range(options.slices):
        async with AsyncExitStack() as closing:
            bench = await _Bench.open(places, closing)
            await bench.produce(options.rows)
            taken["bare"].append(await bench.count(options.rows))
            taken["processor"].append(await bench.process(options.rows, 1))
        async with AsyncExitStack() as closing:
            bench = await _Bench.open(places, closing)
            await bench.produce(options.rows)
            taken["two_processors"].append(await bench.process(options.rows, 2))
    ratios = {
        name: [round(a / b, 2) for a, b in zip(taken[one], taken[name], strict=True)]
        for name, one in (("processor", "bare"), ("two_processors", "processor"))
    }
    return {
        "measure": "rate",
        "bars_per_second": {n: round(options.rows / median(s)) for n, s in taken.items()},
        "to_bare": {"ratio": median(ratios["processor"]), "ratios": ratios["processor"]},
        "two_to_one": {
            "ratio": median(ratios["two_processors"]),
            "ratios": ratios["two_processors"],
        },
    }


async def _latency(places: Places, options: argparse.Namespace) -> dict[str, Any]:
    async with AsyncExitStack() as closing:
        bench = await _Bench.open(places, closing)
        dataset = discover()[INPUT]
        count = round(options.rate * (options.seconds + WARM_SECONDS))
        [part] = slices(dataset, "insert", count, 1)
        records = list(part.records(bench.settings.kafka_topic_prefix))
        sent: list[float] = []
        seen: list[float] = []
        await bench.start_one(closing)

        async def watch() -> None:
            while len(seen) < count:
                now = await bench.made()
                seen.extend([time.perf_counter()] * (now - len(seen)))
                await asyncio.sleep(0.005)

        async with asyncio.timeout(options.seconds * 10 + 60), asyncio.TaskGroup() as tasks:
            tasks.create_task(watch())
            begun = time.perf_counter()
            for number, record in enumerate(records):
                await asyncio.sleep(max(0, begun + number / options.rate - time.perf_counter()))
                sent.append(time.perf_counter())
                tasks.create_task(bench.producer.publish([record]))
    warm = round(options.rate * WARM_SECONDS)
    # A bar that is overtaken by the next has features of both told once more.
    took = [1000 * (b - a) for a, b in zip(sent[warm:], seen[warm:count], strict=True)]
    return {
        "measure": "latency",
        "bars_per_second": options.rate,
        "ms_median": round(median(took)),
        "ms_99": round(quantiles(took, n=100)[98]),
    }


async def _state(places: Places, options: argparse.Namespace) -> dict[str, Any]:
    async with AsyncExitStack() as closing:
        bench = await _Bench.open(places, closing)
        async with AsyncExitStack() as empty:
            process, _ = await bench.start_one(empty)
            without = memory_mb(process)
        size = await bench.put_state(options.tickers)
        begun = time.perf_counter()
        process, _ = await bench.start_one(closing)
        seconds = time.perf_counter() - begun
        return {
            "measure": "state",
            "tickers": options.tickers,
            "state_mb": size >> 20,
            "seconds_until_ready": round(seconds, 1),
            "rss_mb": memory_mb(process),
            "rss_mb_without": without,
        }


class _Bench:
    """Topics of a measurement's own, and who works on them."""

    def __init__(self, places: Places, settings: Settings, cluster: Cluster) -> None:
        self.folder = places.folder / settings.kafka_topic_prefix
        self.settings = settings
        self.cluster = cluster
        self.producer = Producer(cluster)
        self.watermarks = Watermarks(cluster)

    @classmethod
    async def open(cls, places: Places, closing: AsyncExitStack) -> "_Bench":
        given = {"kafka_topic_partitions": PARTITIONS}
        settings = await closing.enter_async_context(places.settings("duckdb", **given))
        cluster = await closing.enter_async_context(topics(settings, discover()))
        bench = cls(places, settings, cluster)
        await closing.enter_async_context(bench.producer)
        await closing.enter_async_context(bench.watermarks)
        return bench

    async def produce(self, rows: int) -> None:
        [part] = slices(discover()[INPUT], "insert", rows, 1)
        await self.producer.publish(part.records(self.settings.kafka_topic_prefix))

    async def made(self) -> int:
        """Return how many features there are."""
        topic = discover()[OUTPUT].topic(self.settings.kafka_topic_prefix)
        partitions = await self.watermarks.partitions([topic])
        return sum((await self.watermarks.end_offsets(partitions)).values())

    async def count(self, rows: int) -> float:
        """Let a bare agent count; return how long it took."""
        topic, group = discover()[INPUT].topic(self.settings.kafka_topic_prefix), "bare"
        place = str(self.settings.kafka_bootstrap_servers)
        prefix = self.settings.kafka_topic_prefix
        folder = str(self.folder)
        what = (place, topic, f"{prefix}{group}", str(PARTITIONS), folder)
        async with child("benchmarks.rig.bare_agent", *what) as process:
            seen = [0]

            async def read(lines: asyncio.StreamReader) -> None:
                while line := await lines.readline():
                    seen.append(int(line))

            async def counted() -> int:
                if reading.done():
                    reading.result()
                    raise Fatal("the bare agent ended: see its lines above")
                return seen[-1]

            assert process.stdout is not None
            reading = asyncio.create_task(read(process.stdout))
            took = await seconds_from_tenth(rows, counted)
            reading.cancel()
        return took

    async def process(self, rows: int, workers: int) -> float:
        """Let processors catch up; return how long it took."""
        async with AsyncExitStack() as running:
            for number in range(workers):
                given = environment(self.settings, self.folder / str(number), free_port())
                await running.enter_async_context(child("services.processor", environment=given))
            return await seconds_from_tenth(rows, self.made)

    async def start_one(self, closing: AsyncExitStack) -> tuple[Any, int]:
        """Start a processor; return its process, once it is ready, and its port."""
        port = free_port()
        given = environment(self.settings, self.folder / "one", port)
        process = await closing.enter_async_context(child("services.processor", environment=given))
        await until_ready(process, port)
        return process, port

    async def put_state(self, tickers: int) -> int:
        """Put as much state on the changelog as a ticker keeps at most; return its bytes."""
        topic = changelog(group_of(self.settings, PARTITIONS), INPUT)
        states = [_packed(number) for number in range(20)]
        keys = [f"T{number}".encode() for number in range(tickers)]
        await self.producer.publish(
            Record(topic, key, states[number % len(states)]) for number, key in enumerate(keys)
        )
        return sum(len(states[number % len(states)]) for number in range(tickers))


def _packed(seed: int) -> bytes:
    """Return the state of a ticker that has many bars."""
    made, count = np.random.default_rng(seed), 1_500
    bars = np.zeros(count, BAR)
    bars["date"] = np.arange(15_000, 15_000 + count)
    bars["close"] = np.round(100 * np.exp(np.cumsum(made.normal(0, 0.02, count))), 2)
    bars["high"], bars["low"] = bars["close"] * 1.01, bars["close"] * 0.99
    bars["volume"] = made.integers(0, 10**9, count)
    bars["is_final"] = True
    return pack(rebuilt(bars)[0])
